/** What lets other terminals find a server, also after it was damaged, and what is said where they cannot reach it. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runFolder } from '../../../src/cli/serving/run-folder.js'
import type { ServerRecord } from '../../../src/cli/serving/running-servers.js'
import { useSharedServers } from '../../support/shared-servers.js'
import { until } from '../../support/until.js'

const { folder, onlyRecord, reports, serving, terminal, tether } = useSharedServers()

describe('a server that does not answer', () => {
  test('is named with its process by every command that asks it, while it hangs', async () => {
    const { running, url } = await serving()
    const { pid } = onlyRecord()
    process.kill(pid, 'SIGSTOP')
    const claude = ['--claude-path', tether.place.claude]
    const all = [[...claude, '--model', tether.demo], [...claude, '--attach'], ['logs'], ['env'], ['ps']]
    const ended = await Promise.all(all.map((args) => tether.start(args).ended))
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
  })

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
  const [name = ''] = readdirSync(run).filter((each) => each.endsWith('.json'))
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
