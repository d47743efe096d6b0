/** The lock under which a server is started. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { birthOf, stillRuns, thisProcess } from '../../../src/cli/sharing/process-birth.js'
import { takeStartLock } from '../../../src/cli/sharing/start-lock.js'
import { until } from '../../support/until.js'

let base: string
let folder: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tether-lock-test-'))
  folder = join(base, 'run')
})
afterEach(() => rmSync(base, { recursive: true }))

const lock = (owner: object | string) =>
  writeFileSync(join(folder, 'start.lock'), typeof owner === 'string' ? owner : JSON.stringify(owner))

/** The process id of a program that has ended. */
const gone = () => spawnSync('true').pid

test('one has it at a time, the next one gets it when it is released, and no file stays', async () => {
  const release = await takeStartLock(folder)
  expect(statSync(join(folder, 'start.lock')).mode & 0o777).toBe(0o600)
  let isTaken = false
  const next = takeStartLock(folder).then((mine) => {
    isTaken = true
    return mine
  })
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(isTaken).toBe(false)
  release()
  const releaseNext = await next
  releaseNext()
  releaseNext()
  expect(readdirSync(folder)).toEqual([])
})

test.each([
  ['of a process that is gone', () => ({ pid: gone() })],
  ['of a process whose id another one has got', () => ({ pid: process.ppid, birth: 'another time' })],
  ['that cannot be read', () => '{"pid":'],
])('a lock %s is broken', async (_, owner) => {
  ;(await takeStartLock(folder))()
  lock(owner())
  const release = await takeStartLock(folder)
  // Its own: one whose owner hangs is left where it is.
  expect(JSON.parse(readFileSync(join(folder, 'start.lock'), 'utf8'))).toEqual(thisProcess())
  release()
  expect(readdirSync(folder)).toEqual([])
})

test('the lock of a process that lives is waited for', async () => {
  const owner = spawn('sleep', ['60'])
  ;(await takeStartLock(folder))()
  lock({ pid: owner.pid, birth: birthOf(owner.pid as number) })
  let isTaken = false
  const taking = takeStartLock(folder).then((release) => {
    isTaken = true
    return release
  })
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(isTaken).toBe(false)
  owner.kill('SIGKILL')
  await once(owner, 'close')
  ;(await taking)()
  expect(isTaken).toBe(true)
})

test('releasing leaves the lock of another process alone', async () => {
  const release = await takeStartLock(folder)
  lock({ pid: process.ppid })
  release()
  expect(readdirSync(folder)).toEqual(['start.lock'])
})

test('a process has one birth, a process that has ended none, also while its parent has not heard of it', async () => {
  expect(birthOf(process.pid)).toBe(thisProcess().birth)
  expect(birthOf(process.pid)).not.toBeUndefined()
  expect(birthOf(gone())).toBeUndefined()
  // The shell has become a program that does not wait for it.
  const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 60'])
  const [text] = (await once(parent.stdout, 'data')) as [Buffer]
  await until(() => birthOf(Number(text)) === undefined)
  expect(stillRuns({ pid: Number(text), birth: 'then' })).toBe(false)
  parent.kill('SIGKILL')
})
