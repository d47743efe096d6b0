/** A server in the background, which no terminal holds. */
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isAlive } from '../../support/cli-process.js'
import { ask, useSharedServers } from '../../support/shared-servers.js'
import { until } from '../../support/until.js'

const { folder, onlyRecord, reports, tether } = useSharedServers()

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
    await tether.expectNothingLeft()
    expect(readdirSync(folder())).toEqual([])
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
    const loaded = join(tether.place.home, 'loaded')
    const running = tether.start(['serve', ...detached()], { FAKE_LOAD_UNTIL: loaded })
    await until(() => /loading demo, \d+%/.test(running.stderr()))
    const { pid } = onlyRecord()
    onTestFinished(() => void (isAlive(pid) && process.kill(pid, 'SIGKILL')))
    running.process.kill('SIGHUP')
    expect((await running.ended).code).toBe(129)
    writeFileSync(loaded, '')
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

test('a server in the background that others cannot find is stopped by its process', async () => {
  writeFileSync(join(tether.place.home, '.tether'), 'a file where a folder should be')
  const { code, stderr } = await tether.start(['serve', '--model', tether.demo, '--detach', '--port', '0']).ended
  const [, pid = ''] = /To stop it:\n {2}kill (\d+)\n/.exec(stderr) ?? []
  expect([code, isAlive(Number(pid))]).toEqual([0, true])
  process.kill(Number(pid))
  await tether.expectNothingLeft()
})
