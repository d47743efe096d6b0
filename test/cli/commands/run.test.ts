/** tether from its start to its end, as a process, with a fake library and a fake claude. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runFolder } from '../../../src/cli/serving/run-folder.js'
import { useTether } from '../../support/cli-fixture.js'
import { claudeReport, isAlive } from '../../support/cli-process.js'
import { until } from '../../support/until.js'

const tether = useTether()

describe('tether with Claude Code', () => {
  test('passes on its exit status and output, and its arguments unchanged', async () => {
    const { code, stdout } = await tether.startWithClaude(['--resume', 'exit:7', '--', '--model', '']).ended
    expect(code).toBe(7)
    expect(stdout).toBe('')
    const { args, settingsPath } = await claudeReport(tether.place)
    expect(args).toEqual(['--settings', settingsPath, '--resume', 'exit:7', '--', '--model', ''])
    await tether.expectNothingLeft()
  })

  test('starts it on a ready server that asks for the key', async () => {
    const { code } = await tether.startWithClaude(['exit:0']).ended
    expect(code).toBe(0)
    const report = await claudeReport(tether.place)
    expect(report).toMatchObject({ health: 200, unauthorized: 401, authorized: 200 })
    expect(report.env.ANTHROPIC_BASE_URL).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(report.settings.env.ANTHROPIC_AUTH_TOKEN).toBe(report.env.ANTHROPIC_AUTH_TOKEN)
    expect(report.settings.env.CLAUDE_CODE_MAX_CONTEXT_TOKENS).toBe('65536')
  })

  test('records its server while it runs, which has a key of its own for Claude Code', async () => {
    const running = tether.startWithClaude(['sleep'])
    const { pid, env } = await claudeReport(tether.place)
    const folder = runFolder(tether.place.home)
    const [name = ''] = readdirSync(folder).filter((each) => each.endsWith('.json'))
    const record = JSON.parse(readFileSync(join(folder, name), 'utf8'))
    expect(record).toMatchObject({ url: env.ANTHROPIC_BASE_URL, model: 'demo', window: 65536 })
    expect([`${record.pid}.json`, record.pid === running.process.pid]).toEqual([name, false])
    const status = async (key = '') =>
      (await fetch(`${record.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status
    expect(record.key).not.toBe(env.ANTHROPIC_AUTH_TOKEN)
    expect([await status(record.key), await status(env.ANTHROPIC_AUTH_TOKEN), await status('x')]).toEqual([
      200, 200, 401,
    ])
    process.kill(pid, 'SIGTERM')
    await running.ended
    expect(readdirSync(folder)).toEqual([])
  })

  test('keeps the key in a file that only the user reads, and removes it', async () => {
    await tether.startWithClaude(['exit:0']).ended
    const report = await claudeReport(tether.place)
    expect([report.settingsMode, report.folderMode]).toEqual([0o600, 0o700])
    expect(existsSync(report.settingsPath)).toBe(false)
    expect(report.args.join(' ')).not.toContain(report.env.ANTHROPIC_AUTH_TOKEN)
  })

  test('merges forwarded settings into the one file', async () => {
    await tether.startWithClaude(['exit:0', '--settings', '{"env":{"ANTHROPIC_MODEL":"x","FOO":"1"},"verbose":true}'])
      .ended
    const { args, settings } = await claudeReport(tether.place)
    expect(args.filter((arg) => arg === '--settings')).toHaveLength(1)
    expect(settings).toMatchObject({ verbose: true, env: { FOO: '1', ANTHROPIC_MODEL: 'demo' } })
  })

  test('gives it a status line, unless the user has one', async () => {
    await tether.startWithClaude(['exit:0']).ended
    const { settings, settingsPath } = await claudeReport(tether.place)
    expect(settings.statusLine).toMatchObject({ type: 'command', command: expect.stringContaining(settingsPath) })
    rmSync(tether.place.report)
    mkdirSync(join(tether.place.home, '.claude'))
    const mine = join(tether.place.home, '.claude', 'settings.json')
    writeFileSync(mine, '{"statusLine":{"type":"command","command":"mine"}}')
    await tether.startWithClaude(['exit:0']).ended
    expect((await claudeReport(tether.place)).settings).not.toHaveProperty('statusLine')
    expect(readFileSync(mine, 'utf8')).toBe('{"statusLine":{"type":"command","command":"mine"}}')
  })

  test('finds it on PATH, then in ~/.local/bin', async () => {
    mkdirSync(join(tether.place.home, '.local', 'bin'), { recursive: true })
    writeFileSync(join(tether.place.home, '.local', 'bin', 'claude'), '#!/bin/sh\nexit 31\n', { mode: 0o755 })
    expect((await tether.startOnDemo([]).ended).code).toBe(31)
    const path = join(tether.place.home, 'first')
    mkdirSync(path)
    writeFileSync(join(path, 'claude'), '#!/bin/sh\nexit 32\n', { mode: 0o755 })
    expect((await tether.startOnDemo([], { PATH: `${path}:/usr/bin:/bin` }).ended).code).toBe(32)
  })

  test('prints nothing of its own to stdout, and logs to a private file', async () => {
    const { stdout, stderr } = await tether.startOnDemo([
      '--claude-path',
      tether.place.claude,
      '--log-level',
      'debug',
      '--',
      'say:hello',
    ]).ended
    expect(stdout).toBe('hello\n')
    expect(stderr).not.toContain('GET')
    const logs = join(tether.place.home, '.tether', 'logs')
    const [log = ''] = readdirSync(logs).map((name) => join(logs, name))
    expect(readFileSync(log, 'utf8')).toContain('GET /v1/models 401')
    expect([statSync(log).mode & 0o777, statSync(logs).mode & 0o777]).toEqual([0o600, 0o700])
  })

  test('gives it few tools if the window is small', async () => {
    const { stderr } = await tether.startWithClaude(['exit:0'], { FAKE_WINDOW: '32768' }).ended
    expect((await claudeReport(tether.place)).args).toContain('Bash,Read,Edit,Write')
    expect(stderr).toContain('32768')
  })

  test('prints nothing with --log-level silent', async () => {
    const { stderr } = await tether.startOnDemo([
      '--claude-path',
      tether.place.claude,
      '--log-level',
      'silent',
      '--',
      'exit:0',
    ]).ended
    expect(stderr).toBe('')
  })
})

describe('a signal', () => {
  test.each([
    ['SIGKILL', 137],
    ['SIGTERM', 143],
  ])('that ends claude (%s) becomes the exit status', async (signal, status) => {
    const running = tether.startWithClaude(['sleep'])
    process.kill((await claudeReport(tether.place)).pid, signal)
    expect((await running.ended).code).toBe(status)
    await tether.expectNothingLeft()
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('to tether (%s) ends claude first', async (signal, status) => {
    const running = tether.startWithClaude(['sleep'])
    const { pid } = await claudeReport(tether.place)
    running.process.kill(signal)
    expect((await running.ended).code).toBe(status)
    expect(isAlive(pid)).toBe(false)
    await tether.expectNothingLeft()
  })

  test('from the terminal (SIGINT to the group) leaves tether waiting for claude', async () => {
    const running = tether.startWithClaude(['ints:2'])
    const { pid } = await claudeReport(tether.place)
    process.kill(-Number(running.process.pid), 'SIGINT')
    // Two that come together count as one.
    await until(() => running.stdout().includes('interrupt 1'))
    expect(isAlive(pid)).toBe(true)
    process.kill(-Number(running.process.pid), 'SIGINT')
    expect((await running.ended).code).toBe(40)
    await tether.expectNothingLeft()
  })

  test('SIGINT to tether alone, without a terminal, reaches claude', async () => {
    const running = tether.startWithClaude(['ints:1'])
    await claudeReport(tether.place)
    running.process.kill('SIGINT')
    expect((await running.ended).code).toBe(40)
  })

  test('that claude ignores is followed by SIGKILL, also for its children', async () => {
    const running = tether.startWithClaude(['children'])
    const { pid, child } = await claudeReport(tether.place)
    const asked = performance.now()
    running.process.kill('SIGTERM')
    expect((await running.ended).code).toBe(143)
    expect(performance.now() - asked).toBeGreaterThan(4500)
    expect([isAlive(pid), isAlive(child as number)]).toEqual([false, false])
    await tether.expectNothingLeft()
  })

  test('SIGKILL to tether ends claude and removes the settings', async () => {
    const running = tether.startWithClaude(['sleep'])
    const { pid } = await claudeReport(tether.place)
    running.process.kill('SIGKILL')
    await running.ended
    await until(() => !isAlive(pid))
    await tether.expectNothingLeft()
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('%s while loading ends tether at once', async (signal) => {
    const running = tether.startOnDemo(['--serve-only', '--port', '0'], { FAKE_LOAD_MS: '10000' })
    await until(() => running.stderr().includes('loading'))
    running.process.kill(signal)
    expect((await running.ended).code).toBe(signal === 'SIGINT' ? 130 : 143)
  })
})

describe('a fault', () => {
  test('that is expected is printed as one line', async () => {
    const { code, stderr } = await tether.startOnDemo(['--serve-only', '--port', '0'], {
      FAKE_LOAD_ERROR: 'layer 7 is damaged',
    }).ended
    expect(code).toBe(1)
    expect(stderr.trim().split('\n').at(-1)).toBe('tether: layer 7 is damaged')
  })

  test('of the addon is printed without the tag of its part', async () => {
    const { stderr } = await tether.startOnDemo(['--serve-only', '--port', '0'], {
      FAKE_LOAD_ERROR: '[weights] the weights need 3.0 MB, the memory cap is 0.9 MB. Raise --memory-cap',
    }).ended
    expect(stderr).toContain('tether: the weights need 3.0 MB, the memory cap is 0.9 MB. Raise --memory-cap\n')
  })

  test('shows its stack with --log-level debug', async () => {
    const args = ['--serve-only', '--port', '0', '--log-level', 'debug']
    const { stderr } = await tether.startOnDemo(args, { FAKE_LOAD_ERROR: 'unexpected' }).ended
    expect(stderr).toMatch(/unexpected error: TypeError: weights is not iterable\n +at /)
  })

  test('of the command line exits with status 2', async () => {
    const { code, stderr } = await tether.startOnDemo(['--modle', 'x']).ended
    expect(code).toBe(2)
    expect(stderr).toContain('Did you mean --model?')
  })
})

describe('a home that is not writable', () => {
  test('costs the log, not the session', async () => {
    writeFileSync(join(tether.place.home, '.tether'), 'a file where a folder should be')
    const { code, stderr } = await tether.startWithClaude(['exit:0']).ended
    expect(code).toBe(0)
    expect(stderr).toContain('nothing will be logged')
  })
})

describe('a window that is too small for Claude Code', () => {
  test('is an error that says what helps, unless --force is given', async () => {
    const refused = await tether.startWithClaude(['exit:0'], { FAKE_WINDOW: '16384' }).ended
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/window of 16384 tokens is too small .* --force/)
    expect(refused.stderr).not.toContain('ready at')
    expect(existsSync(tether.place.report)).toBe(false)
    await tether.expectNothingLeft()
    const forced = await tether.startOnDemo(['--force', '--claude-path', tether.place.claude, '--', 'exit:0'], {
      FAKE_WINDOW: '16384',
    }).ended
    expect(forced.code).toBe(0)
    expect((await claudeReport(tether.place)).args).toContain('Bash,Read,Edit,Write')
  })
})
