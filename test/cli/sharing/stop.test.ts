/** tether stop: which servers it ends, and what it says of those that do not. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { birthOf } from '../../../src/cli/sharing/process-birth.js'
import { useSharedServers } from '../../support/shared-servers.js'

const { folder, onlyRecord, serving, terminal, tether } = useSharedServers()

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
  })

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
