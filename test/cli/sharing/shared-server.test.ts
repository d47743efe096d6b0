/** One server for all terminals: tether as processes, with a fake library and a fake claude. */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runFolder } from '../../../src/cli/serving/run-folder.js'
import type { ServerRecord } from '../../../src/cli/serving/running-servers.js'
import type { ServerReport } from '../../../src/cli/sharing/messages.js'
import { birthOf } from '../../../src/cli/sharing/process-birth.js'
import { useTether } from '../../support/cli-fixture.js'
import { claudeReport, isAlive } from '../../support/cli-process.js'
import { until } from '../../support/until.js'

const tether = useTether()
const folder = () => runFolder(tether.place.home)

function records(): ServerRecord[] {
  if (!existsSync(folder())) return []
  return readdirSync(folder())
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder(), name), 'utf8')) as ServerRecord)
}

function onlyRecord(): ServerRecord {
  const [record, ...others] = records()
  if (!record || others.length > 0) throw new Error(`there are ${records().length} servers`)
  return record
}

/** A terminal whose claude runs. */
async function terminal(args: string[] = [], env: Record<string, string> = {}) {
  rmSync(tether.place.report, { force: true })
  const running = tether.startOnDemo([...args, '--claude-path', tether.place.claude, '--', 'sleep'], env)
  onTestFinished(() => void running.process.kill('SIGKILL'))
  const report = await claudeReport(tether.place)
  const quit = () => {
    process.kill(report.pid, 'SIGTERM')
    return running.ended
  }
  return { running, report, url: report.env.ANTHROPIC_BASE_URL ?? '', key: report.env.ANTHROPIC_AUTH_TOKEN ?? '', quit }
}

async function serving(args: string[] = [], env: Record<string, string> = {}) {
  const running = tether.startOnDemo(['--serve-only', '--port', '0', ...args], env)
  onTestFinished(() => void running.process.kill('SIGKILL'))
  await until(() => running.stderr().includes('Ctrl-C'))
  return { running, url: / ready at (\S+)/.exec(running.stderr())?.[1] ?? '' }
}

const ask = async (url: string, key: string) =>
  (await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status

const reports = async () => JSON.parse((await tether.start(['ps', '--json']).ended).stdout) as ServerReport[]

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
    expect([isAlive(pid), readdirSync(folder())]).toEqual([false, []])
    await tether.expectNothingLeft()
  })

  test('waits for a model that is being loaded, and shows how far that is', async () => {
    const env = { FAKE_LOAD_MS: '4000' }
    const first = tether.startWithClaude(['sleep'], env)
    onTestFinished(() => void first.process.kill('SIGKILL'))
    await until(() => first.stderr().includes('loading demo'))
    const second = tether.startOnDemo(['--claude-path', tether.place.claude, '--', 'exit:3'], env)
    expect((await second.ended).code).toBe(3)
    expect(second.stderr()).toMatch(/loading the model, \d+%/)
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
  await until(() => records().some((record) => record.pid !== died && record.window !== undefined))
  const [next] = records().filter((record) => record.pid !== died)
  expect(next).toMatchObject({ url: one.url, model: 'demo' })
  const key = env.ANTHROPIC_AUTH_TOKEN ?? ''
  for (let tries = 0; tries < 100 && (await ask(one.url, key).catch(() => 0)) !== 200; tries++)
    await new Promise((resolve) => setTimeout(resolve, 50))
  expect(await ask(one.url, key)).toBe(200)
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

describe('a server that does not answer', () => {
  test('is named with its process by every command that asks it, within seconds', async () => {
    const { running, url } = await serving()
    const { pid } = onlyRecord()
    process.kill(pid, 'SIGSTOP')
    const began = performance.now()
    const claude = ['--claude-path', tether.place.claude]
    const all = [[...claude, '--model', tether.demo], [...claude, '--attach'], ['logs'], ['env'], ['ps']]
    const ended = await Promise.all(all.map((args) => tether.start(args).ended))
    expect(performance.now() - began).toBeLessThan(12_000)
    const what = `demo runs at ${url} (process ${pid}), but it was suspended. `
    const stop = `To end it:\n  tether stop ${new URL(url).port}\n`
    for (const { stderr } of ended) expect(stderr).toContain(`${what}To let it go on:\n  kill -CONT ${pid}\n${stop}`)
    expect(ended.map(({ code }) => code)).toEqual([1, 1, 1, 1, 0])
    expect(ended[0]?.stderr).toMatch(/To start another server:\n {2}tether .*--own/)
    expect(ended[1]?.stderr).toMatch(/To start another server:\n {2}tether (?!.*--attach).*--own/)
    process.kill(pid, 'SIGCONT')
    const one = await terminal()
    expect(one.url).toBe(url)
    await one.quit()
    running.process.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  }, 60_000)

  test('since its socket is gone is said to be so, and another one is started', async () => {
    const { running, url } = await serving()
    const { pid, shared } = onlyRecord()
    rmSync(shared?.socket ?? '')
    const what = `demo runs at ${url} (process ${pid}), but its socket ${shared?.socket} is gone, `
    const stop = `To end it:\n  tether stop ${new URL(url).port}\n`
    for (const args of [['ps'], ['logs'], ['--attach', '--claude-path', tether.place.claude]]) {
      const { stderr } = await tether.start(args).ended
      expect(stderr).toContain(what)
      expect(stderr).toContain(stop)
    }
    const one = await terminal()
    expect(one.url).not.toBe(url)
    expect(one.running.stderr()).toContain(what)
    expect(one.running.stderr()).not.toContain('--attach')
    await one.quit()
    expect((await tether.start(['stop', new URL(url).port]).ended).code).toBe(0)
    expect((await running.ended).code).toBe(0)
  }, 60_000)
})

describe('what is killed', () => {
  test('if it is a terminal, counts as left', async () => {
    const one = await terminal()
    const two = await terminal()
    two.running.process.kill('SIGKILL')
    await until(() => !isAlive(two.report.pid))
    expect([await ask(one.url, one.key), await ask(one.url, two.key)]).toEqual([200, 401])
    const { pid } = onlyRecord()
    one.running.process.kill('SIGKILL')
    await until(() => !isAlive(pid))
    await tether.expectNothingLeft()
  })

  test('if it is the server, gets a successor at its address that knows the keys of all terminals', async () => {
    const [one, two] = [await terminal(), await terminal()]
    const { pid, url, key = '' } = onlyRecord()
    // It notices late.
    two.running.process.kill('SIGSTOP')
    process.kill(pid, 'SIGKILL')
    const allowed = async (key: string) => ask(url, key).catch(() => 0)
    await until(() => records().some((record) => record.pid !== pid && record.window !== undefined))
    // Claude Code gives up at 401, and tries again at 529.
    expect(await allowed(two.key)).toBe(529)
    two.running.process.kill('SIGCONT')
    // The second terminal may come a moment later.
    for (const each of [one.key, two.key, key]) {
      for (let tries = 0; tries < 100 && (await allowed(each)) !== 200; tries++)
        await new Promise((r) => setTimeout(r, 50))
      expect(await allowed(each)).toBe(200)
    }
    const next = records().filter((record) => record.pid !== pid)
    expect(next).toMatchObject([{ url, key }])
    expect(isAlive(one.report.pid) && isAlive(two.report.pid)).toBe(true)
    expect((await one.quit()).stderr).toContain('the server died while Claude Code worked on it, and was started again')
    await two.quit()
    await tether.expectNothingLeft()
  })

  test('if it is a server with an adapter, is replaced once, also for a terminal that slept meanwhile', async () => {
    const adapter = ['--adapter', join(tether.place.home, 'pirate')]
    const [one, two] = [await terminal(adapter), await terminal(adapter)]
    const { pid, url, model } = onlyRecord()
    expect(model).toBe('demo:pirate')
    two.running.process.kill('SIGSTOP')
    process.kill(pid, 'SIGKILL')
    await until(() => records().some((record) => record.pid !== pid && record.window !== undefined))
    two.running.process.kill('SIGCONT')
    await expect.poll(() => ask(url, two.key), { timeout: 5000 }).toBe(200)
    expect(await ask(url, one.key)).toBe(200)
    await one.quit()
    await two.quit()
    await tether.expectNothingLeft()
  })

  test('if it is a server in a terminal of its own, gets a successor that ends with the last who uses it', async () => {
    const { running, url } = await serving()
    const one = await terminal()
    running.process.kill('SIGKILL')
    await running.ended
    await until(() => records().some((record) => record.pid !== running.process.pid && record.window !== undefined))
    const next = records().find((record) => record.pid !== running.process.pid)
    expect([next?.url, await ask(url, 'none')]).toEqual([url, 200])
    await one.quit()
    await tether.expectNothingLeft()
    expect(readdirSync(folder())).toEqual([])
  })

  test('if it is a server that loads, ends its terminal with what happened, and another one that waits starts its own', async () => {
    const env = { FAKE_LOAD_MS: '6000' }
    const first = tether.startWithClaude(['exit:0'], env)
    await until(() => first.stderr().includes('loading demo'))
    const second = tether.startWithClaude(['exit:3'], env)
    await until(() => second.stderr().includes('loading'))
    process.kill(onlyRecord().pid, 'SIGKILL')
    const { code, stderr } = await first.ended
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("the server's process is gone: it was ended by SIGKILL"),
    ])
    expect((await second.ended).code).toBe(3)
    await tether.expectNothingLeft()
  })

  test('leaves a record that the next one proves stale', async () => {
    const { running } = await serving()
    const { pid } = onlyRecord()
    running.process.kill('SIGKILL')
    await running.ended
    expect(records()).toHaveLength(1)
    expect((await tether.start(['ps']).ended).stdout).toBe('no tether is running\n')
    expect(readdirSync(folder()).filter((name) => name.startsWith(String(pid)))).toEqual([])
  })
})

describe('tether serve --detach', () => {
  const detached = () => ['--model', tether.demo, '--port', '0', '--detach']
  async function detach(args: string[] = []) {
    const { code, stderr } = await tether.start(['serve', ...detached(), ...args]).ended
    const { pid, url } = onlyRecord()
    onTestFinished(() => {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    })
    return { code, stderr, pid, url }
  }

  test('returns once the server is ready, which tether stop ends', async () => {
    const { code, stderr, pid, url } = await detach()
    expect(code).toBe(0)
    expect(stderr).toContain(`demo ready at ${url} (`)
    expect(stderr).toContain(`as process ${pid}. To stop it:\n  tether stop demo\n`)
    expect(await ask(url, 'none')).toBe(200)
    expect((await reports())[0]).toMatchObject({ keepAlive: null, terminals: [] })
    const stopped = await tether.start(['stop', 'demo']).ended
    expect([stopped.code, stopped.stderr]).toEqual([0, `tether: stopped demo at ${url}\n`])
    expect([isAlive(pid), readdirSync(folder())]).toEqual([false, []])
    await tether.expectNothingLeft()
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('leaves no server if %s ends it while the model loads', async (signal) => {
    const running = tether.start(['serve', ...detached()], { FAKE_LOAD_MS: '5000' })
    await until(() => /loading demo, \d+%/.test(running.stderr()))
    const { pid } = onlyRecord()
    running.process.kill(signal)
    expect((await running.ended).code).toBe(signal === 'SIGINT' ? 130 : 143)
    await until(() => !isAlive(pid))
    await tether.expectNothingLeft()
  })

  test('leaves one that goes on loading if its terminal is closed', async () => {
    const running = tether.start(['serve', ...detached()], { FAKE_LOAD_MS: '1500' })
    await until(() => /loading demo, \d+%/.test(running.stderr()))
    const { pid } = onlyRecord()
    onTestFinished(() => void (isAlive(pid) && process.kill(pid, 'SIGKILL')))
    running.process.kill('SIGHUP')
    expect((await running.ended).code).toBe(129)
    await until(() => onlyRecord().window !== undefined)
  })

  test('ends after its keep_alive', async () => {
    const { pid } = await detach(['--keep-alive', '1s'])
    await until(() => !isAlive(pid))
    expect(readdirSync(folder())).toEqual([])
  })

  test('logs to a private file, which tether logs prints and follows', async () => {
    const { url } = await detach(['--log-level', 'info'])
    await ask(url, 'none')
    const { log = '' } = (await reports())[0] ?? {}
    expect(statSync(log).mode & 0o777).toBe(0o600)
    expect((await tether.start(['logs']).ended).stdout).toContain('GET /v1/models 200')
    const following = tether.start(['logs', '-f'])
    await until(() => following.stdout().includes('GET /v1/models 200'))
    await ask(`${url}/more`, 'none')
    await until(() => following.stdout().includes('/more'))
    await tether.start(['stop']).ended
    expect((await following.ended).code).toBe(0)
  })

  test('has a log that is followed no longer than somebody reads it', async () => {
    const { url } = await detach(['--log-level', 'info'])
    await ask(url, 'none')
    const following = tether.start(['logs', '-f'])
    await until(() => following.stdout().includes('GET /v1/models 200'))
    following.process.stdout?.destroy()
    await ask(`${url}/more`, 'none')
    const { code, stderr } = await following.ended
    expect([code, stderr]).toEqual([0, ''])
  })

  test('fails with what is wrong, and leaves nothing', async () => {
    const env = { FAKE_LOAD_ERROR: 'layer 7 is damaged' }
    const { code, stderr } = await tether.start(['serve', ...detached()], env).ended
    expect([code, stderr.trim().split('\n').at(-1)]).toEqual([1, 'tether: layer 7 is damaged'])
    expect(readdirSync(folder())).toEqual([])
  })
})

describe('tether stop', () => {
  test('tells the terminals that used it, which start no other', async () => {
    const one = await terminal()
    const stopped = await tether.start(['stop']).ended
    expect(stopped.stderr).toContain(`stopped demo at ${one.url}, which 1 terminal used`)
    const { stderr } = await one.quit()
    expect(stderr).toContain('the server was stopped while Claude Code worked on it')
    await tether.expectNothingLeft()
  })

  test('needs a name where several run, and --all stops them', async () => {
    const [one, two] = [await serving(), await serving()]
    const unclear = await tether.start(['stop']).ended
    expect(unclear.code).toBe(1)
    for (const { url } of [one, two]) expect(unclear.stderr).toContain(`\n  tether stop ${new URL(url).port} `)
    expect((await tether.start(['stop', 'nope']).ended).stderr).toContain('no server runs nope. Running: demo, demo')
    expect((await tether.start(['stop', new URL(one.url).port]).ended).code).toBe(0)
    expect((await tether.start(['stop', '--all']).ended).code).toBe(0)
    expect([(await one.running.ended).code, (await two.running.ended).code]).toEqual([0, 0])
  })

  test('ends the others too where one does not end, and says which', async () => {
    const one = await serving()
    // A program that ignores what it is asked, in the place of a server.
    const deaf = spawn('sh', ['-c', 'trap "" TERM; sleep 60 & wait; wait'], { detached: true })
    const pid = deaf.pid as number
    onTestFinished(() => void process.kill(-pid, 'SIGKILL'))
    const two = { ...onlyRecord(), pid, birth: birthOf(pid), model: 'deaf', url: 'http://127.0.0.1:9' }
    writeFileSync(join(folder(), `${pid}.json`), JSON.stringify({ ...two, shared: undefined }))
    const { code, stderr } = await tether.start(['stop', '--all']).ended
    expect(code).toBe(1)
    expect(stderr).toContain(`stopped demo at ${one.url}`)
    expect(stderr).toContain(`deaf at http://127.0.0.1:9 does not answer. It has 10 s to end\n`)
    expect(stderr).toContain(`\n  kill -9 ${pid}\n`)
    expect((await one.running.ended).code).toBe(0)
  }, 60_000)

  test.each([
    ['with', []],
    ['without', ['shared']],
  ])('lets one that was suspended go on, so that it ends, %s a socket', async (_, gone) => {
    const { running, url } = await serving()
    const record = onlyRecord()
    const left = Object.fromEntries(Object.entries(record).filter(([key]) => !gone.includes(key)))
    writeFileSync(join(folder(), `${record.pid}.json`), JSON.stringify(left))
    running.process.kill('SIGSTOP')
    const { code, stderr } = await tether.start(['stop']).ended
    expect(stderr).toContain(`demo at ${url} was suspended: process ${record.pid} is let go on, so that it ends\n`)
    expect([code, stderr]).toEqual([0, expect.stringContaining(`stopped demo at ${url}\n`)])
    expect((await running.ended).code).toBe(0)
  })

  test('says so where nothing runs', async () => {
    const { code, stderr } = await tether.start(['stop']).ended
    expect([code, stderr]).toEqual([1, 'tether: no tether is running\n'])
  })
})

test('a run folder that cannot be written costs only that others find the server', async () => {
  writeFileSync(join(tether.place.home, '.tether'), 'a file where a folder should be')
  const one = await terminal()
  expect(one.running.stderr()).toContain('other terminals will not find this server: ')
  expect(one.report.authorized).toBe(200)
  await one.quit()
  await tether.expectNothingLeft()
})

test('a server in the background that others cannot find is stopped by its process', async () => {
  writeFileSync(join(tether.place.home, '.tether'), 'a file where a folder should be')
  const { code, stderr } = await tether.start(['serve', '--model', tether.demo, '--detach', '--port', '0']).ended
  const [, pid = ''] = /To stop it:\n {2}kill (\d+)\n/.exec(stderr) ?? []
  expect([code, isAlive(Number(pid))]).toEqual([0, true])
  process.kill(Number(pid))
  await tether.expectNothingLeft()
})

test('a file of keys that is gone is no obstacle to a second terminal, nor to a successor', async () => {
  const keys = join(tether.place.home, 'keys')
  writeFileSync(keys, 'first\n', { mode: 0o600 })
  const one = await terminal(['--api-key-file', keys])
  rmSync(keys)
  const two = await terminal(['--api-key-file', keys])
  expect([two.url, two.report.authorized, await ask(one.url, 'first')]).toEqual([one.url, 200, 200])
  const { pid, url } = onlyRecord()
  process.kill(pid, 'SIGKILL')
  await until(() => records().some((record) => record.pid !== pid && record.window !== undefined))
  expect(await ask(url, 'first')).toBe(200)
})

test.each([
  ['whose run folder is deleted', () => rmSync(folder(), { recursive: true })],
  ['whose record is deleted', () => rmSync(join(folder(), `${onlyRecord().pid}.json`))],
  ['whose socket is deleted', () => rmSync(join(folder(), `${onlyRecord().pid}.sock`))],
])('a server %s is soon found again', async (_, damage) => {
  const one = await terminal()
  const { pid } = onlyRecord()
  damage()
  const isWhole = () => [`${pid}.json`, `${pid}.sock`].every((name) => existsSync(join(folder(), name)))
  await until(isWhole)
  const two = await terminal()
  expect([two.url, two.report.authorized, (await reports())[0]?.terminals.length]).toEqual([one.url, 200, 2])
  await one.quit()
  await two.quit()
  await tether.expectNothingLeft()
  expect(readdirSync(folder())).toEqual([])
})

test('a home that is very deep has its socket elsewhere', async () => {
  const home = join(tether.place.home, 'd'.repeat(60), 'e'.repeat(60))
  const { running } = await serving([], { HOME: home })
  const run = runFolder(home)
  const [name = ''] = readdirSync(run)
  const { shared } = JSON.parse(readFileSync(join(run, name), 'utf8')) as ServerRecord
  expect(shared?.socket.startsWith(tether.place.temp)).toBe(true)
  const { stdout } = await tether.start(['ps', '--json'], { HOME: home }).ended
  expect(JSON.parse(stdout)).toMatchObject([{ model: 'demo', terminals: [] }])
  running.process.kill('SIGTERM')
  await running.ended
  expect(readdirSync(tether.place.temp)).toEqual([])
})

test('what lies in the run folder is private', async () => {
  const one = await terminal()
  const modes = readdirSync(folder()).map((name) => statSync(join(folder(), name)).mode & 0o777)
  expect([statSync(folder()).mode & 0o777, ...modes]).toEqual([0o700, 0o600, 0o600])
  await one.quit()
})
