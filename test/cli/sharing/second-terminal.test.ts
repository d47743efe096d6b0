/** A second terminal: when it uses the server that runs, and when it starts one of its own. */
import { cpSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { claudeReport, isAlive } from '../../support/cli-process.js'
import { ask, letsIn, useSharedServers } from '../../support/shared-servers.js'
import { until } from '../../support/until.js'

const { folder, onlyRecord, records, reports, serving, successorOf, terminal, tether } = useSharedServers()

describe('a second tether with the same model', () => {
  test('uses the server of the first, with a key and a claude of its own', async () => {
    const one = await terminal()
    const two = await terminal()
    expect(two.url).toBe(one.url)
    expect(two.key).not.toBe(one.key)
    expect([one.report.authorized, two.report.authorized]).toEqual([200, 200])
    expect(two.report.settingsPath).not.toBe(one.report.settingsPath)
    expect(two.running.stderr()).toMatch(/demo ready at \S+ \(shared with 1 other terminal, CPU\)\n64k-token window/)
    expect(two.running.stderr()).not.toContain('oading')
    expect(records()).toHaveLength(1)
    await one.quit()
    await two.quit()
    await tether.expectNothingLeft()
  })

  test('goes on when the first one ends, whose key is no longer let in, and ends the server', async () => {
    const one = await terminal()
    const two = await terminal()
    const { pid } = onlyRecord()
    expect((await one.quit()).code).toBe(143)
    expect([await ask(two.url, two.key), await ask(one.url, one.key)]).toEqual([200, 401])
    expect(isAlive(pid)).toBe(true)
    expect((await two.quit()).code).toBe(143)
    await tether.expectNothingLeft()
    expect(readdirSync(folder())).toEqual([])
  })

  test('waits for a model that is being loaded, and shows how far that is', async () => {
    const loaded = join(tether.place.home, 'loaded')
    const env = { FAKE_LOAD_UNTIL: loaded }
    const first = tether.startWithClaude(['sleep'], env)
    onTestFinished(() => void first.process.kill('SIGKILL'))
    await until(() => first.stderr().includes('loading demo'))
    const second = tether.startOnDemo(['--claude-path', tether.place.claude, '--', 'exit:3'], env)
    await until(() => /loading the model, \d+%/.test(second.stderr()))
    writeFileSync(loaded, '')
    expect((await second.ended).code).toBe(3)
    expect(records()).toHaveLength(1)
  })

  test('gets the same server if both start in the same second', async () => {
    const start = () => tether.startOnDemo(['--claude-path', tether.place.claude, '--', 'sleep'])
    const all = [start(), start(), start()]
    for (const one of all) onTestFinished(() => void one.process.kill('SIGKILL'))
    await until(() => all.every((one) => one.stderr().includes(' ready at ')))
    expect(records()).toHaveLength(1)
    await until(() => !readdirSync(folder()).some((name) => name.includes('lock')))
  })

  test('uses a server that only serves, which stays when it ends', async () => {
    const { running, url } = await serving()
    const one = await terminal()
    expect([one.url, one.report.authorized]).toEqual([url, 200])
    await one.quit()
    expect(await ask(url, 'none')).toBe(200)
    running.process.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  })

  test('finds it through a link to its folder, and not after a file of it has changed', async () => {
    const one = await terminal()
    utimesSync(join(tether.demo, 'model.safetensors'), new Date(), new Date(1e9))
    const two = await terminal()
    expect(two.url).not.toBe(one.url)
    expect(two.running.stderr()).toContain('its files have changed since they were loaded')
  })

  test('finds it also after the first has ended, within its keep_alive', async () => {
    const one = await terminal(['--keep-alive', '2s'])
    const { pid } = onlyRecord()
    await one.quit()
    expect(isAlive(pid)).toBe(true)
    const two = await terminal(['--keep-alive', '2s'])
    expect([two.url, two.running.stderr()]).toEqual([one.url, expect.stringContaining('(already running, CPU)')])
    await two.quit()
    await until(() => !isAlive(pid))
    await tether.expectNothingLeft()
  })

  test('is a client of its own for tether ps', async () => {
    const one = await terminal([], { FAKE_OUTPUT_TOKENS: '5' })
    await ask(one.url, one.key)
    const [report] = await reports()
    const { pid } = onlyRecord()
    expect(report).toMatchObject({ pid, model: 'demo', url: one.url, keepAlive: 0, requests: { running: 0 } })
    expect(report?.terminals).toMatchObject([{ pid: one.running.process.pid, requests: 2, outputTokens: 10 }])
    expect(report?.memory.process).toBeGreaterThan(1e6)
    const { stdout } = await tether.start(['ps']).ended
    expect(stdout).toMatch(/^MODEL +ADDRESS .*\ndemo +http:\S+ +\d+ MB +1 +\d s .* with its terminals +\d+\n$/)
    expect(JSON.stringify(report)).not.toContain(one.key)
  })
})

test('a second tether with another model of the server uses it, and that model, also after the server died', async () => {
  const other = join(tether.place.home, '.tether', 'models', 'org', 'other')
  cpSync(tether.demo, other, { recursive: true })
  const one = await terminal(['--models', 'org/other'])
  rmSync(tether.place.report, { force: true })
  const running = tether.start(['--model', 'other', '--claude-path', tether.place.claude, '--', 'sleep'])
  onTestFinished(() => void running.process.kill('SIGKILL'))
  const { env, pid } = await claudeReport(tether.place)
  expect([env.ANTHROPIC_BASE_URL, env.ANTHROPIC_MODEL]).toEqual([one.url, 'org/other'])
  expect(env.ANTHROPIC_DEFAULT_HAIKU_MODEL).toBe('org/other')
  expect(running.stderr()).toContain(`org/other ready at ${one.url} (shared with 1 other terminal, CPU)`)
  expect(running.stderr()).toContain('models that requests can name: org/other, demo\n')
  const died = onlyRecord().pid
  await one.quit()
  process.kill(died, 'SIGKILL')
  expect(await successorOf(died)).toMatchObject({ url: one.url, model: 'demo' })
  await letsIn(one.url, env.ANTHROPIC_AUTH_TOKEN ?? '')
  process.kill(pid, 'SIGTERM')
  expect((await running.ended).stderr).toContain('and was started again')
  await tether.expectNothingLeft()
})

describe('a second tether with another model or other settings', () => {
  test('starts a server of its own where nobody can be asked, and says so', async () => {
    const one = await terminal()
    const folder = join(tether.place.home, '.tether', 'models', 'other')
    cpSync(tether.demo, folder, { recursive: true })
    const running = tether.start(['--model', 'other', '--claude-path', tether.place.claude, '--', 'exit:0'])
    expect((await running.ended).code).toBe(0)
    expect(running.stderr()).toMatch(
      /demo runs at \S+, used by 1 terminal\. It takes \d+ MB; .* both take .* of memory/,
    )
    expect(running.stderr()).toContain('\n  tether --model other --claude-path')
    expect(running.stderr()).toContain(' --attach -- exit:0\n')
    expect(running.stderr()).toContain('other ready at')
    expect(await ask(one.url, one.key)).toBe(200)
  })

  test('names the settings that differ', async () => {
    await terminal()
    const { stderr } = await tether.startOnDemo(['--kv-bits', '8', '--claude-path', tether.place.claude]).ended
    expect(stderr).toContain('with other settings: kv_bits.')
    expect(stderr).toContain('demo ready at')
  })

  test('uses what runs with --attach, also without naming a model', async () => {
    const one = await terminal()
    const running = tether.start(['--attach', '--claude-path', tether.place.claude, '--', 'exit:4'])
    expect((await running.ended).code).toBe(4)
    expect(running.stderr()).toContain(`demo ready at ${one.url} (shared with 1 other terminal`)
  })

  test('starts its own with --own', async () => {
    const one = await terminal()
    const two = await terminal(['--own'])
    expect(two.url).not.toBe(one.url)
    expect(records()).toHaveLength(2)
  })

  test('is told with --attach that none runs', async () => {
    const { code, stderr } = await tether.start(['--attach', '--claude-path', tether.place.claude]).ended
    expect([code, stderr]).toEqual([1, expect.stringContaining('no tether is running. To start one:\n  tether\n')])
  })

  test('is asked in a terminal which to use', async () => {
    const one = await terminal()
    const open = (keys: string) => {
      rmSync(tether.place.report, { force: true })
      const args = ['--model', tether.demo, '--kv-bits', '8', '--claude-path', tether.place.claude, '--', 'exit:0']
      const shown = tether.openUntilStatus(args, { rows: 40 })
      return shown.shows('Which one?').then(() => shown.press(keys, 'status '))
    }
    await open('\r')
    expect((await claudeReport(tether.place)).env.ANTHROPIC_BASE_URL).toBe(one.url)
    await open('\u001b[B\r')
    expect((await claudeReport(tether.place)).env.ANTHROPIC_BASE_URL).not.toBe(one.url)
  })
})

describe('a server of another version', () => {
  const pretend = (version: string) => {
    const record = onlyRecord()
    writeFileSync(join(folder(), `${record.pid}.json`), JSON.stringify({ ...record, version }))
  }

  test('is left alone where nobody can be asked', async () => {
    const one = await terminal()
    pretend('0.0.1')
    const two = await terminal()
    expect(two.running.stderr()).toContain('demo runs at')
    expect(two.running.stderr()).toContain('in tether 0.0.1, used by 1 terminal; this is tether 1.2.3')
    expect(two.running.stderr()).toContain(`To stop the one that runs:\n  tether stop ${new URL(one.url).port}\n`)
    expect(two.running.stderr()).not.toContain('--attach')
    expect(two.url).not.toBe(one.url)
  })

  test('is started again in this one if the user wants that', async () => {
    const { running } = await serving()
    pretend('0.0.1')
    const shown = tether.openUntilStatus(['--model', tether.demo, '--claude-path', tether.place.claude, '--', 'exit:0'])
    await shown.shows('Restart it with tether 1.2.3')
    await shown.press('\r', 'status 0')
    expect((await running.ended).code).toBe(0)
    expect(running.stderr()).toContain('stopped by tether stop')
  })

  test('is not used with --attach', async () => {
    await serving()
    pretend('0.0.1')
    const { code, stderr } = await tether.start(['--attach', '--claude-path', tether.place.claude]).ended
    expect([code, stderr]).toEqual([1, expect.stringContaining('of another version')])
  })
})
