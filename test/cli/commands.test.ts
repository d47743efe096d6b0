/** The commands that start no Claude Code, as processes: what they print where, and how they end. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Finding } from '../../src/cli/doctor/report.js'
import { compileCli, type InTerminal, makePlace, openTether, type Place, startTether } from '../support/cli-process.js'
import { writeModel } from '../support/model-folders.js'
import { until } from '../support/until.js'

let compiled: string
let place: Place

beforeAll(() => {
  compiled = compileCli()
  // doctor loads the addon, which the fake library has no part in.
  symlinkSync(join(import.meta.dirname, '..', '..', 'build'), join(compiled, 'build'))
})
afterAll(() => rmSync(compiled, { recursive: true }))
beforeEach(() => {
  place = makePlace()
})
afterEach(() => place.remove())

const tether = (args: string[], env: Record<string, string> = {}) => startTether(compiled, place, args, env).ended

function inTerminal(args: string[], more?: InTerminal) {
  const terminal = openTether(compiled, place, args, { wrap: 'trap : INT; "$@"; echo "status $?"; sleep 60', ...more })
  onTestFinished(() => terminal.kill('SIGKILL'))
  return terminal
}

/** -> its address, when it answers */
async function serve(args: string[] = []): Promise<string> {
  const model = join(compiled, 'demo', 'model')
  const server = startTether(compiled, place, ['--serve-only', '--port', '0', '--model', model, ...args])
  onTestFinished(() => void server.process.kill('SIGKILL'))
  await until(() => server.stdout().includes('Ctrl-C'))
  return /export ANTHROPIC_BASE_URL=(\S+)/.exec(server.stdout())?.[1] ?? ''
}

const portOf = (url: string) => new URL(url).port

function configure(text: string): void {
  const folder = join(place.home, '.tether', 'config')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, '10-test.toml'), text)
}

describe('tether env', () => {
  /** A server that runs by its record alone. */
  const record = (pid: number, url: string) => {
    const run = join(place.home, '.tether', 'run')
    mkdirSync(run, { recursive: true })
    const about = { pid, url, model: 'stale', window: 1000, started: '2999-01-01T00:00:00.000Z' }
    writeFileSync(join(run, `${pid}.json`), JSON.stringify(about))
  }
  const chosen = async (args: string[] = []) => {
    const { code, stdout } = await tether(['env', '--shell', 'json', ...args])
    expect(code).toBe(0)
    return (JSON.parse(stdout) as Record<string, string>).ANTHROPIC_BASE_URL
  }

  test('makes a shell one that reaches the server', async () => {
    const url = await serve(['--api-key', "it's mine"])
    const { code, stdout } = await tether(['env'])
    expect(code).toBe(0)
    const show = `printf "%s\\n" "$ANTHROPIC_BASE_URL" "$ANTHROPIC_AUTH_TOKEN" "$(printenv ANTHROPIC_API_KEY || echo none)"`
    const env = { PATH: process.env.PATH, ANTHROPIC_API_KEY: 'sk-other' }
    const shell = spawnSync('sh', ['-c', `eval "$1"\n${show}`, 'sh', stdout], { env, encoding: 'utf8' })
    expect(shell.stdout.split('\n').slice(0, 3)).toEqual([url, "it's mine", 'none'])
    const asked = await fetch(`${url}/v1/models`, { headers: { authorization: "Bearer it's mine" } })
    expect(asked.status).toBe(200)
  })

  test('means the latest of two, or the one on the port', async () => {
    const first = await serve()
    const second = await serve()
    expect(await chosen()).toBe(second)
    expect(await chosen(['--port', portOf(first)])).toBe(first)
  })

  test('passes over records of what is gone, and of what does not answer', async () => {
    const { pid } = spawnSync('true')
    record(pid, 'http://127.0.0.1:9')
    record(process.pid, 'http://127.0.0.1:9')
    const url = await serve()
    expect(await chosen()).toBe(url)
    const run = readdirSync(join(place.home, '.tether', 'run'))
    expect(run).not.toContain(`${pid}.json`)
    expect(run).toContain(`${process.pid}.json`)
  })

  test('says how to start one where none runs, and nothing on stdout', async () => {
    const none = await tether(['env'])
    expect([none.code, none.stdout]).toEqual([1, ''])
    expect(none.stderr).toContain('tether: no tether runs; start one with tether, or with tether --serve-only\n')
    const url = await serve()
    const other = Number(portOf(url)) === 9 ? '10' : '9'
    const { code, stdout, stderr } = await tether(['env', '--port', other])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(`no tether runs on port ${other}`)
  })

  test('says the same where there can be no record', async () => {
    writeFileSync(join(place.home, '.tether'), 'a file where a folder should be')
    const { code, stderr } = await tether(['env'])
    expect(code).toBe(1)
    expect(stderr).toContain('no tether runs')
  })

  test.each(['0', '65536', 'http'])('refuses --port %s, status 2', async (port) => {
    const { code, stdout, stderr } = await tether(['env', '--port', port])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(`--port must be a whole number from 1 to 65535, not ${port}`)
  })

  test('tells a person what it is for, with the flags that were given', async () => {
    const port = portOf(await serve())
    const terminal = inTerminal(['env', '--port', port], { rows: 60 })
    await terminal.shows('status 0')
    expect(terminal.screen().join(' ')).toContain(`to use it in this terminal: eval "$(tether env --port ${port})"`)
  })
})

describe('tether doctor', () => {
  const findings = async (args: string[] = []) => {
    const { code, stdout, stderr } = await tether(['doctor', '--json', ...args])
    expect(stderr).toBe('')
    const all = JSON.parse(stdout) as Finding[]
    return { code, all, of: (about: string) => all.find((finding) => finding.about === about) }
  }
  const addModel = () => writeModel(join(place.home, '.tether', 'models', 'org', 'small'))

  test('says in an empty home what is missing and how to get it, status 1', async () => {
    const { code, stdout, stderr } = await tether(['doctor'])
    expect([code, stderr]).toEqual([1, ''])
    expect(stdout).toMatch(/^tether 1\.2\.3 on /)
    expect(stdout).toMatch(/ FAIL {2}models {4}0 in ~\/\.tether\/models [^>]*-> tether pull \S+\/\S+\n/)
    expect(stdout).toMatch(/ FAIL {2}claude {4}not found\n +-> npm install -g @anthropic-ai\/claude-code/)
    expect(stdout).toMatch(/\n2 to be mended\.\n$/)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    expect(existsSync(join(place.home, '.tether', 'config'))).toBe(false)
  })

  test('is content with a model and a claude, status 0', async () => {
    addModel()
    const { code, stdout } = await tether(['doctor', '--claude-path', place.claude, '--port', '0'])
    expect(stdout).not.toContain('FAIL')
    expect(stdout).toMatch(/ ok +models +1 in ~\/\.tether\/models/)
    expect(stdout).toMatch(/ ok +claude +2\.1\.330, /)
    expect(stdout).toMatch(/\nNothing stands in the way\.\n$/)
    expect(code).toBe(0)
  })

  test('--json is a list of findings, each fault with what to do', async () => {
    const { code, all } = await findings()
    expect(code).toBe(1)
    const abouts = ['addon', 'MLX', 'BLAS', 'memory', 'models', 'claude', 'config', 'port', 'cache', 'logs']
    expect(all.map(({ about }) => about)).toEqual(abouts)
    const failed = all.filter(({ verdict }) => verdict === 'fail')
    expect(failed.map(({ about }) => about)).toEqual(['models', 'claude'])
    for (const { fix } of failed) expect(fix).toMatch(/\w/)
  })

  test.each([
    ['is no TOML', '[server]\nport = \n', /^~\/\.tether\/config\/10-test\.toml:[23]: /],
    ['has a wrong value', '\n[server]\nport = "x"\n', /^~\/\.tether\/config\/10-test\.toml:3: port must be /],
  ])('finds a file that %s by its line, and looks at the rest', async (_, text, where) => {
    configure(text)
    addModel()
    const { code, of } = await findings(['--claude-path', place.claude])
    expect(code).toBe(1)
    expect(of('config')).toMatchObject({ verdict: 'fail', detail: expect.stringMatching(where) })
    expect(of('models')).toMatchObject({ verdict: 'ok' })
    expect(of('claude')).toMatchObject({ verdict: 'ok' })
  })

  test('notes a key that nobody knows', async () => {
    configure('[server]\nprot = 1\n')
    const { of } = await findings()
    expect(of('config')).toMatchObject({ verdict: 'note', fix: expect.stringContaining('did you mean [server] port?') })
  })

  test('goes to its end in a home where nothing can be written', async () => {
    writeFileSync(join(place.home, '.tether'), 'a file where a folder should be')
    const { all, of } = await findings()
    expect(all).toHaveLength(10)
    expect(of('cache')).toMatchObject({ verdict: 'note', fix: expect.stringContaining('~/.tether/cache writable') })
  })

  test('tells a taken port from an address that is not this machine’s', async () => {
    const other = createServer()
    onTestFinished(() => void other.close())
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    const taken = await findings(['--port', String(port)])
    expect(taken.of('port')).toMatchObject({ verdict: 'note', detail: expect.stringContaining(`${port} is taken`) })
    // 192.0.2.0/24 is for documentation: no machine has it.
    const foreign = await findings(['--host', '192.0.2.1'])
    expect(foreign.of('port')).toMatchObject({ verdict: 'fail', detail: expect.stringContaining('192.0.2.1') })
  })

  test('names the server that runs', async () => {
    const url = await serve()
    const { of } = await findings()
    expect(of('port')?.detail).toContain(`running now: demo on ${url}`)
  })
})

describe('tether bench', () => {
  const bench = (args: string[], env?: Record<string, string>) =>
    tether(['bench', join(compiled, 'demo', 'model'), ...args], env)

  test('prints a table on stdout', async () => {
    const { code, stdout } = await bench(['--prompts', '100,400', '--tokens', '11', '--runs', '2'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^demo: 2000 M parameters, 4-bit, computed in f32 on cpu\n/)
    expect(stdout).toMatch(/\n +100 +1000 +1000\.\.1000 +100 +100\.\.100\n +400 +1000 /)
  })

  test('--json is for programs; what does not fit is left out with a word on stderr', async () => {
    const args = ['--prompts', '100,70000', '--runs', '1', '--json']
    const { code, stdout, stderr } = await bench(args)
    expect(code).toBe(0)
    const { model, rows } = JSON.parse(stdout) as { model: string; rows: { prompt: number }[] }
    expect([model, rows.map(({ prompt }) => prompt)]).toEqual(['demo', [100]])
    expect(stderr).toContain('70000 + 64 tokens do not fit into the window of 65536; left out')
  })

  test('what is left out is told on a line of its own', async () => {
    const terminal = inTerminal(['bench', join(compiled, 'demo', 'model'), '--prompts', '100,70000'], { columns: 100 })
    await terminal.shows('status 0')
    expect(terminal.screen()).toContain('tether: 70000 + 64 tokens do not fit into the window of 65536; left out')
  })

  test('that can measure nothing is status 1', async () => {
    const { code, stdout } = await bench(['--prompts', '70000'])
    expect([code, stdout]).toEqual([1, ''])
  })

  test.each([
    [['--tokens', '1'], '--tokens must be a whole number from 2 up, not 1'],
    [['--prompts', '512,many'], '--prompts must be a whole number from 1 up, not many'],
    [['--runs', '0'], '--runs must be a whole number from 1 up, not 0'],
    [['another'], 'another is not expected after tether bench'],
  ])('%j is status 2', async (args, message) => {
    const { code, stdout, stderr } = await bench(args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(`tether: ${message}\nSee tether --help.\n`)
  })

  test.each([
    ['loads', { FAKE_LOAD_MS: '20000' }, 'Loading'],
    ['measures', { FAKE_GENERATE_MS: '20000' }, 'Measuring'],
  ])('Ctrl-C while it %s ends it and gives the cursor back', async (_, env, sign) => {
    const terminal = inTerminal(['bench', join(compiled, 'demo', 'model')], { env })
    await terminal.shows(sign)
    expect(terminal.state().cursor).toBe(false)
    await terminal.press('\u0003', 'status 130')
    expect(terminal.state().cursor).toBe(true)
    expect(terminal.screen().join('')).not.toContain(sign)
  })

  test('a model that cannot be loaded is a line of its own below no bar', async () => {
    const env = { FAKE_LOAD_ERROR: 'layer 7 is damaged' }
    const terminal = inTerminal(['bench', join(compiled, 'demo', 'model')], { env })
    await terminal.shows('status 1')
    expect(terminal.screen()).toContain('tether: layer 7 is damaged')
    expect(terminal.state().cursor).toBe(true)
  })
})

describe('tether config', () => {
  test('makes config.toml once, and says so', async () => {
    const first = await tether(['config'])
    expect([first.code, first.stderr]).toEqual([
      0,
      'tether: made ~/.tether/config/config.toml, which explains every setting\n',
    ])
    expect(first.stdout).toMatch(/\nport = 8080 +# built-in\n/)
    const file = join(place.home, '.tether', 'config', 'config.toml')
    const made = readFileSync(file, 'utf8')
    const second = await tether(['config'])
    expect([second.code, second.stderr, second.stdout]).toEqual([0, '', first.stdout])
    expect(readFileSync(file, 'utf8')).toBe(made)
  })

  test('--json is for programs', async () => {
    configure('[server]\nport = 9000\n')
    const { code, stdout } = await tether(['config', '--json', '--top-k', '5'])
    expect(code).toBe(0)
    const { settings } = JSON.parse(stdout) as { settings: Record<string, { value: unknown; from: string }> }
    expect(settings['server.port']).toMatchObject({ value: 9000, from: expect.stringMatching(/10-test\.toml:2$/) })
    expect(settings['sampling.top_k']).toEqual({ value: 5, from: '--top-k' })
  })

  test('a file that cannot be read is status 1, by its line', async () => {
    configure('[server]\nport = "x"\n')
    const { code, stdout, stderr } = await tether(['config'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('tether: ~/.tether/config/10-test.toml:2: port must be ')
  })

  test('a home that cannot be written to is no reason not to answer', async () => {
    writeFileSync(join(place.home, '.tether'), 'a file where a folder should be')
    const { code, stdout, stderr } = await tether(['config'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('no file')
  })
})

describe('the command line', () => {
  test.each([
    [['pull'], 'tether pull needs ORG/NAME, as in tether pull '],
    [['frob'], 'frob is no command; name a model with --model frob'],
    [['docter'], 'docter is no command; did you mean tether doctor?'],
    [['help', 'docter'], 'docter is no command; did you mean tether help doctor?'],
  ])('%j is status 2, and costs nothing', async (args, message) => {
    const { code, stdout, stderr } = await tether(args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(`tether: ${message}`)
    expect(readdirSync(place.home)).toEqual([])
  })

  test.each([[['help', 'pull']], [['pull', '--help']]])('%j prints help on stdout', async (args) => {
    const { code, stdout, stderr } = await tether(args)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^tether pull: .*\n\nUsage: tether pull ORG\/NAME \[flags\]\n/)
    expect(stdout).toContain('--revision REV')
  })

  test('what is longer than a line of the terminal breaks between words', async () => {
    const terminal = inTerminal(['frob'])
    await terminal.shows('status 2')
    const said = terminal.screen().filter(Boolean).join(' ')
    expect(said).toContain('or pass it to Claude Code behind -- See tether --help. status 2')
  })
})
