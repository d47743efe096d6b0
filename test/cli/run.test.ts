/** tether from its start to its end, as a process, with a fake library and a fake claude. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  claudeReport,
  compileCli,
  isAlive,
  makePlace,
  type Place,
  processesOf,
  startTether,
} from '../support/cli-process.js'
import { writeModel } from '../support/model-folders.js'
import { until } from '../support/until.js'

let compiled: string
let place: Place

beforeAll(() => {
  compiled = compileCli()
})
afterAll(() => rmSync(compiled, { recursive: true }))
beforeEach(() => {
  place = makePlace()
})
afterEach(() => place.remove())

/** On the demo model: no picker. */
const start = (args: string[], env: Record<string, string> = {}) =>
  startTether(compiled, place, ['--model', join(compiled, 'demo', 'model'), ...args], env)
const withClaude = (args: string[], env: Record<string, string> = {}) =>
  start(['--claude-path', place.claude, '--', ...args], env)

/** No process, no file, no listener. */
async function expectNothingLeft() {
  await until(() => processesOf(place).length === 0)
  expect(readdirSync(place.temp)).toEqual([])
}

describe('with Claude Code', () => {
  test('passes on its exit status and output, and the arguments untouched', async () => {
    const { code, stdout } = await withClaude(['--resume', 'exit:7', '--', '--model', '']).ended
    expect(code).toBe(7)
    expect(stdout).toBe('')
    const { args, settingsPath } = await claudeReport(place)
    expect(args).toEqual(['--settings', settingsPath, '--resume', 'exit:7', '--', '--model', ''])
    await expectNothingLeft()
  })

  test('starts it on a ready server that asks for the key', async () => {
    const { code } = await withClaude(['exit:0']).ended
    expect(code).toBe(0)
    const report = await claudeReport(place)
    expect(report).toMatchObject({ health: 200, unauthorized: 401, authorized: 200 })
    expect(report.env.ANTHROPIC_BASE_URL).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(report.settings.env.ANTHROPIC_AUTH_TOKEN).toBe(report.env.ANTHROPIC_AUTH_TOKEN)
    expect(report.settings.env.CLAUDE_CODE_MAX_CONTEXT_TOKENS).toBe('65536')
  })

  test('is on record while it runs', async () => {
    const tether = withClaude(['sleep'])
    const { pid, env } = await claudeReport(place)
    const folder = join(place.home, '.tether', 'run')
    const [name = ''] = readdirSync(folder)
    expect(name).toBe(`${tether.process.pid}.json`)
    expect(JSON.parse(readFileSync(join(folder, name), 'utf8'))).toMatchObject({
      pid: tether.process.pid,
      url: env.ANTHROPIC_BASE_URL,
      key: env.ANTHROPIC_AUTH_TOKEN,
      model: 'demo',
      window: 65536,
    })
    process.kill(pid, 'SIGTERM')
    await tether.ended
    expect(readdirSync(folder)).toEqual([])
  })

  test('keeps the key in a file that only the user reads, and removes it', async () => {
    await withClaude(['exit:0']).ended
    const report = await claudeReport(place)
    expect([report.settingsMode, report.folderMode]).toEqual([0o600, 0o700])
    expect(existsSync(report.settingsPath)).toBe(false)
    expect(report.args.join(' ')).not.toContain(report.env.ANTHROPIC_AUTH_TOKEN)
  })

  test('merges forwarded settings into the one file', async () => {
    await withClaude(['exit:0', '--settings', '{"env":{"ANTHROPIC_MODEL":"x","FOO":"1"},"verbose":true}']).ended
    const { args, settings } = await claudeReport(place)
    expect(args.filter((arg) => arg === '--settings')).toHaveLength(1)
    expect(settings).toMatchObject({ verbose: true, env: { FOO: '1', ANTHROPIC_MODEL: 'tether-local' } })
  })

  test('gives it a status line, unless the user has one', async () => {
    await withClaude(['exit:0']).ended
    const { settings, settingsPath } = await claudeReport(place)
    expect(settings.statusLine).toMatchObject({ type: 'command', command: expect.stringContaining(settingsPath) })
    rmSync(place.report)
    mkdirSync(join(place.home, '.claude'))
    const mine = join(place.home, '.claude', 'settings.json')
    writeFileSync(mine, '{"statusLine":{"type":"command","command":"mine"}}')
    await withClaude(['exit:0']).ended
    expect((await claudeReport(place)).settings).not.toHaveProperty('statusLine')
    expect(readFileSync(mine, 'utf8')).toBe('{"statusLine":{"type":"command","command":"mine"}}')
  })

  test('finds it on PATH, then in ~/.local/bin', async () => {
    mkdirSync(join(place.home, '.local', 'bin'), { recursive: true })
    writeFileSync(join(place.home, '.local', 'bin', 'claude'), '#!/bin/sh\nexit 31\n', { mode: 0o755 })
    expect((await start([]).ended).code).toBe(31)
    const path = join(place.home, 'first')
    mkdirSync(path)
    writeFileSync(join(path, 'claude'), '#!/bin/sh\nexit 32\n', { mode: 0o755 })
    expect((await start([], { PATH: `${path}:/usr/bin:/bin` }).ended).code).toBe(32)
  })

  test('prints nothing of its own to stdout, and logs to a private file', async () => {
    const { stdout, stderr } = await start(['--claude-path', place.claude, '--log-level', 'debug', '--', 'say:hello'])
      .ended
    expect(stdout).toBe('hello\n')
    expect(stderr).not.toContain('GET')
    const logs = join(place.home, '.tether', 'logs')
    const [log = ''] = readdirSync(logs).map((name) => join(logs, name))
    expect(readFileSync(log, 'utf8')).toContain('GET /v1/models 401')
    expect([statSync(log).mode & 0o777, statSync(logs).mode & 0o777]).toEqual([0o600, 0o700])
  })

  test('gives it few tools when the window is small', async () => {
    const { stderr } = await withClaude(['exit:0'], { FAKE_WINDOW: '32768' }).ended
    expect((await claudeReport(place)).args).toContain('Bash,Read,Edit,Write')
    expect(stderr).toContain('32768')
  })

  test('--log-level silent says nothing', async () => {
    const { stderr } = await start(['--claude-path', place.claude, '--log-level', 'silent', '--', 'exit:0']).ended
    expect(stderr).toBe('')
  })
})

describe('a signal', () => {
  test.each([
    ['SIGKILL', 137],
    ['SIGTERM', 143],
  ])('that ends claude (%s) is passed on as a status', async (signal, status) => {
    const tether = withClaude(['sleep'])
    process.kill((await claudeReport(place)).pid, signal)
    expect((await tether.ended).code).toBe(status)
    await expectNothingLeft()
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('to tether (%s) ends claude first', async (signal, status) => {
    const tether = withClaude(['sleep'])
    const { pid } = await claudeReport(place)
    tether.process.kill(signal)
    expect((await tether.ended).code).toBe(status)
    expect(isAlive(pid)).toBe(false)
    await expectNothingLeft()
  })

  test('from the terminal (SIGINT to the group) leaves tether waiting for claude', async () => {
    const tether = withClaude(['ints:2'])
    const { pid } = await claudeReport(place)
    process.kill(-Number(tether.process.pid), 'SIGINT')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(isAlive(pid)).toBe(true)
    process.kill(-Number(tether.process.pid), 'SIGINT')
    expect((await tether.ended).code).toBe(40)
    await expectNothingLeft()
  })

  test('SIGINT to tether alone, without a terminal, reaches claude', async () => {
    const tether = withClaude(['ints:1'])
    await claudeReport(place)
    tether.process.kill('SIGINT')
    expect((await tether.ended).code).toBe(40)
  })

  test('that claude does not obey is followed by SIGKILL, for its children too', async () => {
    const tether = withClaude(['children'])
    const { pid, child } = await claudeReport(place)
    const asked = performance.now()
    tether.process.kill('SIGTERM')
    expect((await tether.ended).code).toBe(143)
    expect(performance.now() - asked).toBeGreaterThan(4500)
    expect([isAlive(pid), isAlive(child as number)]).toEqual([false, false])
    await expectNothingLeft()
  })

  test('that kills tether outright takes claude and the settings with it', async () => {
    const tether = withClaude(['sleep'])
    const { pid } = await claudeReport(place)
    tether.process.kill('SIGKILL')
    await tether.ended
    await until(() => !isAlive(pid))
    await expectNothingLeft()
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('%s while loading ends tether at once', async (signal) => {
    const tether = start(['--serve-only', '--port', '0'], { FAKE_LOAD_MS: '10000' })
    await until(() => tether.stderr().includes('loading'))
    tether.process.kill(signal)
    expect((await tether.ended).code).toBe(signal === 'SIGINT' ? 130 : 143)
  })
})

describe('a fault', () => {
  test('in tether ends claude, and is one line', async () => {
    const tether = withClaude(['sleep'], { FAKE_CRASH_MS: '300' })
    const { pid } = await claudeReport(place)
    const { code, stderr } = await tether.ended
    expect(code).toBe(1)
    expect(isAlive(pid)).toBe(false)
    expect(stderr.trim().split('\n').at(-1)).toBe(
      'tether: unexpected error: a fault on purpose; --log-level debug shows where it comes from',
    )
    await expectNothingLeft()
  })

  test('that is known is one line', async () => {
    const { code, stderr } = await start(['--serve-only', '--port', '0'], { FAKE_LOAD_ERROR: 'layer 7 is damaged' })
      .ended
    expect(code).toBe(1)
    expect(stderr.trim().split('\n').at(-1)).toBe('tether: layer 7 is damaged')
  })

  test('shows its stack with --log-level debug', async () => {
    const args = ['--serve-only', '--port', '0', '--log-level', 'debug']
    const { stderr } = await start(args, { FAKE_LOAD_ERROR: 'unexpected' }).ended
    expect(stderr).toMatch(/unexpected error: TypeError: weights is not iterable\n +at /)
  })

  test('of the command line is status 2', async () => {
    const { code, stderr } = await start(['--modle', 'x']).ended
    expect(code).toBe(2)
    expect(stderr).toContain('did you mean --model?')
  })
})

describe('without Claude Code', () => {
  test('says how to get it, before anything is loaded', async () => {
    const { code, stderr } = await start([], { FAKE_LOAD_MS: '60000' }).ended
    expect(code).toBe(127)
    expect(stderr).toContain('npm install -g @anthropic-ai/claude-code')
  })

  test('npm start serves instead, and shows that the model speaks', async () => {
    const tether = start(['--port', '0'], { FAKE_START: '1' })
    await until(() => tether.stdout().includes('Ctrl-C'))
    expect(tether.stdout()).toMatch(/^"Say pineapple\." -> "pineapple" \(3 tokens in [\d.]+ s, \d+ tokens\/s\)\n/)
    tether.process.kill('SIGINT')
    expect((await tether.ended).code).toBe(0)
  })

  describe('that runs', () => {
    /** A small ELF for a processor that is in no computer of today. */
    const foreign = Buffer.concat([
      Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]),
      Buffer.alloc(8),
      Buffer.from([2, 0, 0x50, 0]),
      Buffer.alloc(100, 'x\n'),
    ])
    test.each([
      ['nothing there', undefined, 0, 'there is no such file'],
      ['not executable', '#!/bin/sh\n', 0o644, 'it is not executable (chmod +x)'],
      ['a script of a program that is gone', '#!/does/not/exist\n', 0o755, 'its first line names is not there'],
      [
        'a script that starts what is gone',
        '#!/bin/sh\nexec /does/not/exist "$@"\n',
        0o755,
        'what it starts is not there',
      ],
      ['a binary of another machine', foreign, 0o755, 'it is made for another machine'],
    ])('%s is status 127 before the model is loaded', async (_, content, mode, why) => {
      const path = join(place.home, 'my-claude')
      if (content !== undefined) writeFileSync(path, content, { mode })
      const asked = performance.now()
      const { code, stderr } = await start(['--claude-path', path], { FAKE_LOAD_MS: '60000' }).ended
      expect(code).toBe(127)
      expect(stderr).toContain(`${path} cannot be run: `)
      expect(stderr).toContain(why)
      expect(stderr).toContain('--claude-path')
      expect(performance.now() - asked).toBeLessThan(20_000)
      await expectNothingLeft()
    })

    test('a folder is status 127', async () => {
      const { code, stderr } = await start(['--claude-path', place.home]).ended
      expect([code, stderr]).toEqual([127, expect.stringContaining('it is no file')])
    })

    test('one on PATH that is not executable is named', async () => {
      const path = join(place.home, 'first')
      mkdirSync(path)
      writeFileSync(join(path, 'claude'), '#!/bin/sh\n', { mode: 0o644 })
      const { code, stderr } = await start([], { PATH: path }).ended
      expect([code, stderr]).toEqual([127, expect.stringContaining(`${join(path, 'claude')} cannot be run`)])
    })
  })
})

describe('the version of claude', () => {
  const saying = (text: string, more = '') => {
    const path = join(place.home, 'my-claude')
    writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] || exit 41\n${more}\necho '${text}'\n`, { mode: 0o755 })
    return start(['--claude-path', path]).ended
  }

  test('that is too old is warned of, with the fix', async () => {
    const { code, stderr } = await saying('2.1.99 (Claude Code)')
    expect(code).toBe(41)
    expect(stderr).toContain('Claude Code 2.1.99 is older than 2.1.197')
    expect(stderr).toContain('claude update')
  })

  test.each(['2.1.197 (Claude Code)', '2.10.0', '3.0.0', 'no idea', ''])('of %j is not', async (text) => {
    const { code, stderr } = await saying(text)
    expect(code).toBe(41)
    expect(stderr).not.toContain('is older than')
  })

  test('may fail', async () => {
    expect((await saying('', 'exit 3')).code).toBe(41)
  })

  test('is not waited for without end', async () => {
    const { code } = await saying('', `sleep 61.${process.pid}`)
    expect(code).toBe(41)
    expect(execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' })).not.toContain(`sleep 61.${process.pid}`)
  })
})

describe('--serve-only', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'says what a client needs, logs requests, and ends well on %s',
    async (signal) => {
      const tether = start(['--serve-only', '--port', '0', '--log-level', 'info'])
      await until(() => tether.stdout().includes('Ctrl-C'))
      const url = /export ANTHROPIC_BASE_URL=(\S+)/.exec(tether.stdout())?.[1] ?? ''
      expect((await fetch(`${url}/v1/models`)).status).toBe(200)
      expect(tether.stdout()).toContain('export ANTHROPIC_AUTH_TOKEN=any')
      expect(tether.stdout()).toContain('export CLAUDE_CODE_MAX_CONTEXT_TOKENS=65536')
      expect(tether.stdout()).toContain(`curl -s ${url}/v1/messages`)
      await until(() => tether.stderr().includes('GET /v1/models 200'))
      tether.process.kill(signal)
      expect((await tether.ended).code).toBe(0)
    },
  )

  test('makes a key when others can reach it', async () => {
    const tether = start(['--serve-only', '--port', '0', '--host', '0.0.0.0'])
    await until(() => tether.stdout().includes('Ctrl-C'))
    const key = /export ANTHROPIC_AUTH_TOKEN=(\S+)/.exec(tether.stdout())?.[1] ?? ''
    const url = /export ANTHROPIC_BASE_URL=(\S+)/.exec(tether.stdout())?.[1] ?? ''
    expect(key.length).toBeGreaterThan(20)
    expect((await fetch(`${url}/v1/models`)).status).toBe(401)
    expect((await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200)
    tether.process.kill('SIGINT')
    await tether.ended
  })
})

describe('a taken port', () => {
  let taken: number
  let other: ReturnType<typeof createServer>
  beforeEach(async () => {
    other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    taken = (other.address() as AddressInfo).port
  })
  afterEach(() => void other.close())

  test('that was asked for is an error that names the program', async () => {
    const { code, stderr } = await start(['--port', String(taken), '--claude-path', place.claude]).ended
    expect(code).toBe(1)
    expect(stderr).toContain(`port ${taken} is taken`)
    if (process.platform === 'linux') expect(stderr).toContain(`process ${process.pid}`)
    expect(stderr).toContain(`--port ${taken + 1}`)
  })
})

describe('a home that cannot be written to', () => {
  test('costs the log, not the session', async () => {
    writeFileSync(join(place.home, '.tether'), 'a file where a folder should be')
    const { code, stderr } = await withClaude(['exit:0']).ended
    expect(code).toBe(0)
    expect(stderr).toContain('nothing will be logged')
  })
})

describe('the model', () => {
  const models = () => join(place.home, '.tether', 'models')
  /** Without a --model. */
  const bare = (args: string[], env: Record<string, string> = {}) =>
    startTether(compiled, place, ['--claude-path', place.claude, ...args], env).ended
  const configure = (text: string) => {
    mkdirSync(join(place.home, '.tether', 'config'), { recursive: true })
    writeFileSync(join(place.home, '.tether', 'config', '10-test.toml'), text)
  }

  test('is asked for, also when there is only one; the end of input cancels', async () => {
    writeModel(join(models(), 'org', 'small'))
    const { code, stderr } = await bare(['--', 'exit:0'])
    expect(code).toBe(1)
    expect(stderr).toContain('1  org/small ')
    expect(stderr).toContain('no model was chosen; name one, as in: tether --model org/small')
  })

  test('is taken without a question by npm start when there is only one', async () => {
    writeModel(join(models(), 'org', 'small'))
    const { code, stderr } = await bare(['--', 'exit:0'], { FAKE_START: '1' })
    expect(code).toBe(0)
    expect(stderr).toContain('org/small is ready')
  })

  test('is the demo model for npm start when there is none', async () => {
    const { code, stderr } = await bare(['--', 'exit:0'], { FAKE_START: '1' })
    expect(code).toBe(0)
    expect(stderr).toContain('demo model')
    expect(stderr).toContain('~/.tether/models')
  })

  test('is none where there is none, which says how to get one', async () => {
    const { code, stderr } = await bare(['--', 'exit:0'])
    expect(code).toBe(1)
    expect(stderr).toContain('there is no model in ~/.tether/models\n')
    expect(stderr).toContain('tether pull ')
  })

  test('that does not exist is an error that names tether pull', async () => {
    const { code, stderr } = await bare(['--model', 'org/absent'])
    expect(code).toBe(1)
    expect(stderr).toContain('tether pull org/absent')
  })

  test('[model] default skips the question, and --model wins over it', async () => {
    for (const name of ['a', 'b']) writeModel(join(models(), name))
    configure('[model]\ndefault = "b"\n')
    expect((await bare(['--', 'exit:0'])).stderr).toContain('b is ready')
    expect((await bare(['--model', 'a', '--', 'exit:0'])).stderr).toContain('a is ready')
  })

  test('is listed with --list, and an empty list explains itself, status 0', async () => {
    const empty = await startTether(compiled, place, ['--list']).ended
    expect([empty.code, empty.stdout.includes('tether pull')]).toEqual([0, true])
    writeModel(join(models(), 'org', 'small'))
    const full = await startTether(compiled, place, ['--list']).ended
    expect([full.code, full.stdout.includes('org/small')]).toEqual([0, true])
    const data = JSON.parse((await startTether(compiled, place, ['--list', '--json']).ended).stdout)
    expect(data).toMatchObject([{ name: 'org/small', state: 'ok' }])
  })
})

describe('what a model is loaded with', () => {
  test('comes from the settings, those of its own table over the others', async () => {
    const dir = join(place.home, '.tether', 'config')
    mkdirSync(dir, { recursive: true })
    writeFileSync(
      join(dir, '10-test.toml'),
      '[model]\nthreads = 3\nkv_bits = 4\nprefill_chunk = 100\n[sampling]\ntemperature = 0.5\ntop_k = 7\n[models."demo"]\ntemperature = 0.7\nthinking = "off"\nmax_context = 40001\n',
    )
    await withClaude(['exit:0'], { FAKE_OPTIONS: join(place.temp, '..', 'options.json') }).ended
    const options = JSON.parse(readFileSync(join(place.temp, '..', 'options.json'), 'utf8'))
    expect(options).toMatchObject({
      threads: 3,
      kvBits: 4,
      prefillChunk: 100,
      thinking: 'off',
      maxContext: 40001,
      onOverflow: 'auto',
    })
    expect(options.sampling).toEqual({ temperature: 0.7, topK: 7 })
  })

  test('TETHER_DEBUG=1 names a private file', async () => {
    const { stderr } = await withClaude(['exit:0'], { TETHER_DEBUG: '1' }).ended
    expect(stderr).toMatch(/every request, prompt and answer is written to ~\/\.tether\/logs\/debug-/)
  })

  test('a key of the user is the key', async () => {
    const { stdout } = await withClaude(['exit:0']).ended
    expect(stdout).toBe('')
    await start(['--api-key', 'my-own', '--claude-path', place.claude, '--', 'exit:0']).ended
    expect((await claudeReport(place)).env.ANTHROPIC_AUTH_TOKEN).toBe('my-own')
  })
})

describe('a window that is too small for Claude Code', () => {
  test('is not launched, says what helps, and yields to --force', async () => {
    const refused = await withClaude(['exit:0'], { FAKE_WINDOW: '16384' }).ended
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/window of 16384 tokens is too small .* --force/)
    expect(existsSync(place.report)).toBe(false)
    await expectNothingLeft()
    const forced = await start(['--force', '--claude-path', place.claude, '--', 'exit:0'], { FAKE_WINDOW: '16384' })
      .ended
    expect(forced.code).toBe(0)
    expect((await claudeReport(place)).args).toContain('Bash,Read,Edit,Write')
  })
})
