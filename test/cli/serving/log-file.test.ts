/** --log-file and --log-format, through the command. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { useTether } from '../../support/cli-fixture.js'
import { until } from '../../support/until.js'

const tether = useTether()

async function serving(args: string[]) {
  const running = tether.startOnDemo(['--serve-only', '--port', '0', ...args])
  onTestFinished(() => void running.process.kill('SIGKILL'))
  await until(() => running.stderr().includes('Ctrl-C'))
  return { running, url: / ready at (\S+)/.exec(running.stderr())?.[1] ?? '' }
}

describe('--log-file', () => {
  test('gets a line for each request, in a private file, and stderr gets none', async () => {
    const path = join(tether.place.home, 'tether.log')
    const { running, url } = await serving(['--log-file', path])
    await fetch(`${url}/v1/models`)
    running.process.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
    expect(readFileSync(path, 'utf8')).toMatch(/^\d{4}-\d\d-\d\dT\S+ info GET \/v1\/models 200, \d+\.\d\d s\n$/)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(running.stderr()).not.toContain('/v1/models')
  })

  test('has JSON with --log-format json, which stderr gets without a file', async () => {
    const { running, url } = await serving(['--log-format', 'json', '--log-level', 'info'])
    await fetch(`${url}/v1/models`)
    running.process.kill('SIGTERM')
    await running.ended
    const line =
      running
        .stderr()
        .split('\n')
        .find((one) => one.startsWith('{')) ?? ''
    expect(JSON.parse(line)).toMatchObject({ level: 'info', method: 'GET', path: '/v1/models', status: 200 })
  })

  test('that cannot be written is an error before the model is loaded', async () => {
    const { code, stderr } = await tether.startOnDemo(['--serve-only', '--log-file', '/nowhere/tether.log']).ended
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/the log \/nowhere\/tether\.log cannot be written: ENOENT/),
    ])
    expect(stderr).not.toContain('ready at')
  })

  test.skipIf(process.platform !== 'linux')('on a full disk costs lines alone, which is said once', async () => {
    const { running, url } = await serving(['--log-file', '/dev/full'])
    for (let i = 0; i < 3; i++) expect((await fetch(`${url}/v1/models`)).status).toBe(200)
    running.process.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
    expect(running.stderr().match(/the log \/dev\/full cannot be written: ENOSPC/g)).toHaveLength(1)
  })

  test('is bounded by its settings', async () => {
    const path = join(tether.place.home, 'tether.log')
    tether.configure('[launch]\nlog_max_size = 1000\nlog_files = 1\n')
    const { running, url } = await serving(['--log-file', path])
    for (let i = 0; i < 60; i++) await fetch(`${url}/v1/models`)
    running.process.kill('SIGTERM')
    await running.ended
    expect([statSync(path).size < 1001, statSync(`${path}.1`).size < 1001]).toEqual([true, true])
    expect(statSync(`${path}.2`, { throwIfNoEntry: false })).toBeUndefined()
  })

  test('is said to be unwritable only when Claude Code is gone', async () => {
    const { code, stderr } = await tether.start([
      ...['--model', tether.demo, '--claude-path', tether.place.claude],
      ...['--log-file', '/dev/full', '--', 'exit:3'],
    ]).ended
    expect(code).toBe(3)
    expect(stderr.trim().split('\n').at(-1)).toContain('the log /dev/full cannot be written')
  })
})

describe('a crash of an earlier run', () => {
  test('is said at the next start, once', async () => {
    const folder = join(tether.place.home, '.tether')
    mkdirSync(folder)
    writeFileSync(join(folder, 'crash-20260101-000000-99999991.txt'), 'tether 0.1.0\n')
    const first = await tether.startWithClaude(['exit:0']).ended
    expect(first.stderr).toContain(
      'tether crashed in an earlier run: ~/.tether/crash-20260101-000000-99999991.txt says what',
    )
    expect((await tether.startWithClaude(['exit:0']).ended).stderr).not.toContain('crashed')
  })
})
