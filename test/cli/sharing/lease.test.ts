/** A terminal's side of its connection to a server: what it does where there is none any more. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { stopServer } from '../../../src/cli/sharing/lease.js'

const record = { url: 'http://127.0.0.1:1', model: 'gemma', started: '' }

test('a server that has ended since it was listed counts as stopped', async () => {
  expect(await stopServer({ ...record, pid: spawnSync('true').pid })).toBe(true)
})

test('a program that has got the id of a server is left alone', async () => {
  const other = spawn('sleep', ['60'])
  try {
    expect(await stopServer({ ...record, pid: other.pid as number, birth: 'another time' })).toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect([other.exitCode, other.signalCode]).toEqual([null, null])
  } finally {
    other.kill('SIGKILL')
    await once(other, 'exit')
  }
})
