/** The first `npm start` and the first `tether` of a clone, before anything is built. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { collectOutput } from '../support/cli-output.js'
import { type FakeClone, makeFakeClone, started } from '../support/fake-clone.js'
import { openTerminal, type Terminal } from '../support/terminal.js'

const question = 'Install it now with npm? (y/N)'
const install = '  npm install -g @anthropic-ai/claude-code@latest\n'

let clone: FakeClone
beforeEach(() => {
  clone = makeFakeClone()
})
afterEach(() => clone.remove())

const start = (args: string[] = [], env: Record<string, string> = {}) => run('scripts/start.mjs', args, env)

function run(script: string, args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(clone.folder, script), ...args], {
    cwd: clone.project,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...clone.env, ...env },
  })
  return collectOutput(child).ended
}

/** In a terminal. */
function open(args: string[] = [], script = 'scripts/start.mjs'): Terminal {
  const options = { cwd: clone.project, env: clone.env, columns: 100 }
  return openTerminal(process.execPath, [join(clone.folder, script), ...args], options)
}

const steps = [
  expect.stringMatching('npm ci'),
  expect.stringMatching('cmake-js configure'),
  expect.stringMatching('cmake-js build'),
]

describe('where the compiler and CMake are missing', () => {
  beforeEach(() => {
    clone.without('c++')
    clone.without('cmake')
  })

  test('npm start says so before it installs packages, with the command that installs both', async () => {
    clone.program('claude', 'exit 0')
    const { code, stderr } = await start()
    expect(code).toBe(1)
    expect(clone.calls()).toEqual([])
    expect(stderr).toContain('\n  a C++20 compiler\n  CMake 3.21 or newer\n')
    if (process.platform === 'linux') expect(stderr).toMatch(/\n {2}(sudo )?apt install g\+\+ make cmake\n/)
  })

  test.runIf(process.platform === 'linux')('the command is that of the package manager that is there', async () => {
    clone.program('claude', 'exit 0')
    clone.program('dnf', 'exit 0')
    expect((await start()).stderr).toMatch(/\n {2}(sudo )?dnf install gcc-c\+\+ make cmake\n/)
  })
})

test('where Python is missing and MLX has to be downloaded, npm start says so before it installs packages', async () => {
  clone.program('claude', 'exit 0')
  clone.without('python3')
  const { code, stderr } = await start([], { MLX_DIR: '' })
  expect({ code, calls: clone.calls() }).toEqual({ code: 1, calls: [] })
  expect(stderr).toContain('  Python 3 with pip\n')
})

describe('npm start in a terminal, without Claude Code', () => {
  test('asks before anything slow begins, and after a no only serves without asking again', async () => {
    const terminal = open(['--model', 'x'])
    await terminal.shows(question)
    expect(terminal.screen().join('\n')).toContain('Claude Code is not installed.')
    expect(clone.calls()).toEqual([])
    terminal.type('n\r')
    expect(await terminal.ended).toBe(0)
    expect(clone.calls()).toEqual(steps)
    expect(started(terminal.written())).toMatchObject({ args: ['--model', 'x'], declined: true })
    expect(terminal.written().replaceAll('\r', '')).toContain(`\n\n${install}`)
  })

  test('installs the latest one after a yes, says which, and starts it', async () => {
    const terminal = open()
    await terminal.shows(question)
    terminal.type('y\r')
    expect(await terminal.ended).toBe(0)
    expect(clone.calls()).toEqual(['npm install -g @anthropic-ai/claude-code@latest', ...steps])
    expect(terminal.written()).toContain('Installed Claude Code 9.9.9')
    expect(started(terminal.written())).toMatchObject({ args: [], declined: false })
  })

  test('goes on without it where npm cannot install it', async () => {
    clone.program('npm', 'echo "npm $*" >> "$CALLS"; [ "$1" = ci ] && cp -R "$PACKAGES/." node_modules/')
    mkdirSync(join(clone.folder, 'node_modules'))
    const terminal = open()
    await terminal.shows(question)
    terminal.type('y\r')
    expect(await terminal.ended).toBe(0)
    expect(terminal.written()).toContain('npm could not install Claude Code.')
    expect(started(terminal.written())).toMatchObject({ args: [], declined: true })
  })

  test.each([
    ['Enter', '\r'],
    ['Ctrl-D', '\u0004'],
  ])('takes %s for a no', async (_, key) => {
    const terminal = open()
    await terminal.shows(question)
    terminal.type(key)
    expect(await terminal.ended).toBe(0)
    expect(started(terminal.written())).toMatchObject({ args: [], declined: true })
  })

  test('builds nothing after Ctrl-C', async () => {
    const terminal = open()
    await terminal.shows(question)
    terminal.type('\u0003')
    expect(await terminal.ended).toBe(130)
    expect(clone.calls()).toEqual([])
  })

  test('builds nothing after a no if there are arguments for Claude Code', async () => {
    const terminal = open(['--', '-p', 'hello'])
    await terminal.shows(question)
    terminal.type('n\r')
    expect(await terminal.ended).toBe(127)
    expect(clone.calls()).toEqual([])
  })
})

describe('npm start in a pipe, without Claude Code', () => {
  test('says how to install it before it builds, and leaves the rest to tether', async () => {
    const { code, stdout, stderr } = await start(['--model', 'x'])
    expect(code).toBe(0)
    expect(stderr.startsWith('Claude Code is not installed.\n')).toBe(true)
    expect(stderr.slice(0, stderr.indexOf('Building'))).toContain(`\n\n${install}`)
    expect(started(stdout).args).toEqual(['--model', 'x'])
  })

  test.each([
    [['--serve-only']],
    [['--no-claude']],
    [['--claude-path=/bin/sh']],
    [['--claude-path', '/bin/sh']],
    [['--serve-only', '--claude-path', '/does/not/exist']],
    [['--list']],
    [['pull', 'org/name']],
  ])('does not mention it for %j', async (args) => {
    const { code, stdout, stderr } = await start(args)
    expect(code).toBe(0)
    expect(stderr).not.toContain('Claude Code')
    expect(started(stdout).args).toEqual(args)
  })

  test('does not mention it where the settings name another claude', async () => {
    mkdirSync(join(clone.home, '.tether/config'), { recursive: true })
    writeFileSync(join(clone.home, '.tether/config/config.toml'), 'claude_path = "/opt/claude"\n')
    expect((await start()).stderr).not.toContain('Claude Code')
  })
})

describe.each(['scripts/start.mjs', 'bin/tether.mjs'])('%s with a wrong --claude-path', (script) => {
  test.each([
    [['--claude-path', '/does/not/exist'], '--claude-path /does/not/exist cannot be run: no such file'],
    [['--claude-path=plain'], /--claude-path \S+\/plain cannot be run: it is not executable \(chmod \+x\)/],
    [['--claude-path', '/'], '--claude-path / cannot be run: it is not a file'],
  ])('%j ends before anything is built', async (args, message) => {
    clone.program('claude', 'exit 0')
    writeFileSync(join(clone.project, 'plain'), '')
    const { code, stderr } = await run(script, args)
    expect({ code, calls: clone.calls() }).toEqual({ code: 127, calls: [] })
    expect(stderr).toMatch(message)
  })
})

describe('tether in a clone, without Claude Code', () => {
  test('ends with 127 before anything is built, and says how to go on', async () => {
    const { code, stderr } = await run('bin/tether.mjs', [])
    expect({ code, calls: clone.calls() }).toEqual({ code: 127, calls: [] })
    expect(stderr).toContain(install)
    // No tether is on PATH: what is printed has to run.
    expect(stderr).toContain(`\n  node ${join(clone.folder, 'bin/tether.mjs')} --serve-only\n`)
  })

  test('asks in a terminal, and after a yes builds and starts', async () => {
    const terminal = open(['--model', 'x'], 'bin/tether.mjs')
    await terminal.shows(question)
    terminal.type('y\r')
    expect(await terminal.ended).toBe(0)
    expect(started(terminal.written()).args).toEqual(['--model', 'x'])
  })
})

describe.each(['scripts/start.mjs', 'bin/tether.mjs'])('%s of what loads no model', (script) => {
  test.each([
    [['--help']],
    [['--version']],
    [['help', 'env']],
    [['bench', '-h']],
    [['--list', '--json']],
    [['ls']],
    [['pull', 'org/name']],
    [['config']],
  ])('%j installs packages and compiles nothing native, also without a compiler', async (args) => {
    clone.without('c++')
    clone.without('cmake')
    const { code, stdout } = await run(script, args)
    expect(code).toBe(0)
    expect(started(stdout).args).toEqual(args)
    expect(clone.calls()).toEqual([steps[0]])
  })

  test('leaves the addon to the first command that needs it', async () => {
    clone.program('claude', 'exit 0')
    await run(script, ['--version'])
    await run(script, ['--', '--version'])
    expect(clone.calls()).toEqual(steps)
  })
})

test('a second npm start builds nothing, prints nothing and leaves Claude Code to tether', async () => {
  clone.program('claude', 'exit 0')
  await start()
  const before = clone.calls().length
  clone.without('claude')
  const { code, stdout, stderr } = await start()
  expect({ code, stderr, calls: clone.calls().length }).toEqual({ code: 0, stderr: '', calls: before })
  expect(started(stdout).args).toEqual([])
})

test('another user, whose cache has no MLX, starts what is built without a build and without a download', async () => {
  clone.program('claude', 'exit 0')
  const { targetName } = await import(join(clone.folder, 'third_party/mlx/fetch.mjs'))
  const { version, targets } = JSON.parse(readFileSync(join(clone.folder, 'third_party/mlx/manifest.json'), 'utf8'))
  const cached = join(clone.home, 'cache/mlx', `${version}-${targetName()}`)
  mkdirSync(cached, { recursive: true })
  const wheels = targets[targetName()].wheels.map(({ sha256 }: { sha256: string }) => sha256)
  writeFileSync(join(cached, '.complete'), JSON.stringify({ wheels, files: {} }))
  const first = await start([], { MLX_DIR: '', TETHER_CACHE_DIR: join(clone.home, 'cache') })
  expect(first.code, first.stderr).toBe(0)
  expect(clone.calls()).toEqual(steps)

  clone.without('python3')
  clone.without('c++')
  const { code, stdout, stderr } = await start([], { MLX_DIR: '', HOME: clone.project })
  expect({ code, stderr, calls: clone.calls().length }).toEqual({ code: 0, stderr: '', calls: steps.length })
  expect(started(stdout).args).toEqual([])
})

test('where npm cannot reach its registry, npm start says so while npm tries again', async () => {
  clone.program('claude', 'exit 0')
  const lines = [
    'npm http fetch GET 200 https://registry/one 5ms',
    'npm http fetch GET https://registry/two attempt 1 failed with EAI_AGAIN',
    'npm http fetch GET https://registry/three attempt 1 failed with EAI_AGAIN',
    'npm error code EAI_AGAIN',
  ]
  clone.program('npm', `${lines.map((line) => `echo "${line}" >&2`).join('\n')}\necho out\nexit 1`)
  const { code, stdout, stderr } = await start()
  expect([code, stdout]).toEqual([1, ''])
  const told = stderr.slice(stderr.indexOf('Installing npm packages')).split('\n')
  const said = 'npm cannot reach its registry (EAI_AGAIN): it tries again, for a minute or two'
  // What npm prints on stdout may come at any time.
  expect(told.filter((line) => line !== 'out').slice(0, 3)).toEqual([
    'Installing npm packages',
    said,
    'npm error code EAI_AGAIN',
  ])
  expect(told).toContain('out')
  expect(stderr).toContain('npm could not install the packages: see above.')
})

test('where there is no npm, npm start says that it cannot be run', async () => {
  clone.program('claude', 'exit 0')
  clone.without('npm')
  const { code, stderr } = await start()
  expect([code, stderr]).toEqual([1, expect.stringContaining('npm cannot be run: spawn npm ENOENT')])
})

test('where the disk is full, the build ends with what to do and no stack', async () => {
  clone.program('claude', 'exit 0')
  const { code, stderr } = await start([], {
    BUILD: 'fatal error: error writing to a.o: No space left on device',
    FAIL: '1',
  })
  expect(code).toBe(1)
  expect(stderr).toContain('The disk is full. Free some space, then run the same command again.')
  expect(stderr).toContain(`\n  ${join(clone.folder, 'build/build.log')}\n`)
  expect(stderr).not.toContain('    at ')
  expect(existsSync(join(clone.folder, 'build/.lock'))).toBe(false)
})
