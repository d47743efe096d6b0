/** What becomes of the others where a terminal or a server is killed. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isAlive } from '../../support/cli-process.js'
import { ask, letsIn, useSharedServers } from '../../support/shared-servers.js'
import { until } from '../../support/until.js'

const { folder, onlyRecord, records, serving, successorOf, terminal, tether } = useSharedServers()

describe('what is killed', () => {
  test('if it is a terminal, counts as left', async () => {
    const one = await terminal()
    const two = await terminal()
    two.running.process.kill('SIGKILL')
    await until(() => !isAlive(two.report.pid))
    // The server may hear of it later than the claude.
    await expect.poll(() => ask(one.url, two.key), { timeout: 60_000 }).toBe(401)
    expect(await ask(one.url, one.key)).toBe(200)
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
    const next = await successorOf(pid)
    // Claude Code gives up at 401, and tries again at 529.
    expect(await ask(url, two.key)).toBe(529)
    two.running.process.kill('SIGCONT')
    // The second terminal may come a moment later.
    for (const each of [one.key, two.key, key]) await letsIn(url, each)
    expect(next).toMatchObject({ url, key })
    expect(records().filter((record) => record.pid !== pid)).toHaveLength(1)
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
    await successorOf(pid)
    two.running.process.kill('SIGCONT')
    for (const { key } of [two, one]) await letsIn(url, key)
    await one.quit()
    await two.quit()
    await tether.expectNothingLeft()
  })

  test('if it is a server in a terminal of its own, gets a successor that ends with the last who uses it', async () => {
    const { running, url } = await serving()
    const one = await terminal()
    running.process.kill('SIGKILL')
    await running.ended
    const next = await successorOf(running.process.pid)
    expect([next.url, await ask(url, 'none')]).toEqual([url, 200])
    await one.quit()
    await tether.expectNothingLeft()
    expect(readdirSync(folder())).toEqual([])
  })

  test('if it is a server that loads, ends its terminal with what happened, and another one that waits starts its own', async () => {
    const loaded = join(tether.place.home, 'loaded')
    const env = { FAKE_LOAD_UNTIL: loaded }
    const first = tether.startWithClaude(['exit:0'], env)
    await until(() => first.stderr().includes('loading demo'))
    const second = tether.startWithClaude(['exit:3'], env)
    await until(() => second.stderr().includes('loading'))
    process.kill(onlyRecord().pid, 'SIGKILL')
    writeFileSync(loaded, '')
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

test('a file of keys that is gone is no obstacle to a second terminal, nor to a successor', async () => {
  const keys = join(tether.place.home, 'keys')
  writeFileSync(keys, 'first\n', { mode: 0o600 })
  const one = await terminal(['--api-key-file', keys])
  rmSync(keys)
  const two = await terminal(['--api-key-file', keys])
  expect([two.url, two.report.authorized, await ask(one.url, 'first')]).toEqual([one.url, 200, 200])
  const { pid, url } = onlyRecord()
  process.kill(pid, 'SIGKILL')
  await successorOf(pid)
  expect(await ask(url, 'first')).toBe(200)
})
