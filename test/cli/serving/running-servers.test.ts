/** The record of running servers. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { knownServers, recordServer, runningServers, serverRecords } from '../../../src/cli/serving/running-servers.js'
import { birthOf } from '../../../src/cli/sharing/process-birth.js'

let base: string
let folder: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tether-running-test-'))
  folder = join(base, 'run')
})
afterEach(() => rmSync(base, { recursive: true }))

const server = { url: 'http://127.0.0.1:8080', key: 'secret', model: 'gemma', window: 65_536 }
const write = (pid: number, more: object = {}) =>
  writeFileSync(
    join(folder, `${pid}.json`),
    JSON.stringify({ pid, ...server, started: '2026-01-01T00:00:00.000Z', ...more }),
  )

test('a recorded server is listed until it is removed', () => {
  const remove = recordServer(server, folder)
  const { pid } = process
  const who = { pid, birth: birthOf(pid) }
  expect(runningServers(folder)).toEqual([{ ...server, ...who, started: expect.any(String) }])
  remove()
  remove()
  expect(runningServers(folder)).toEqual([])
  expect(readdirSync(folder)).toEqual([])
})

test('only the owner can read the record of a server', () => {
  const remove = recordServer(server, folder)
  expect(statSync(join(folder, `${process.pid}.json`)).mode & 0o777).toBe(0o600)
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  remove()
})

test('the record of a process that is gone is ignored and removed', () => {
  recordServer(server, folder)()
  const { pid } = spawnSync('true')
  write(pid)
  expect(runningServers(folder)).toEqual([])
  expect(existsSync(join(folder, `${pid}.json`))).toBe(false)
})

test('the record of a process whose id another one has got is removed with what lies beside it', () => {
  recordServer(server, folder)()
  write(process.ppid, { birth: 'another time' })
  writeFileSync(join(folder, `${process.ppid}.sock`), '')
  expect(runningServers(folder)).toEqual([])
  expect(readdirSync(folder)).toEqual([])
})

test('a server whose model is loading is known, but not yet of use', () => {
  const remove = recordServer({ url: server.url, model: server.model }, folder)
  expect(serverRecords(folder)).toMatchObject([{ pid: process.pid, url: server.url }])
  expect(runningServers(folder)).toEqual([])
  recordServer(server, folder)
  expect(runningServers(folder)).toHaveLength(1)
  remove()
  expect(readdirSync(folder)).toEqual([])
})

test('the latest server comes first', () => {
  const remove = recordServer(server, folder)
  write(process.ppid)
  expect(runningServers(folder).map(({ pid }) => pid)).toEqual([process.pid, process.ppid])
  remove()
})

test('files that are not records are ignored', () => {
  recordServer(server, folder)()
  writeFileSync(join(folder, `${process.pid}.json`), '{"pid":')
  write(process.ppid, { url: 5 })
  expect(runningServers(folder)).toEqual([])
  write(process.ppid, { url: 'nowhere' })
  writeFileSync(join(folder, 'notes.txt'), '')
  expect(runningServers(folder)).toEqual([])
})

test('without a folder there are no servers', () => {
  expect(runningServers(join(folder, 'none'))).toEqual([])
})

test('a folder in the place of a socket goes with the record of a process that is gone', () => {
  recordServer(server, folder)()
  const { pid } = spawnSync('true')
  write(pid)
  mkdirSync(join(folder, `${pid}.sock`))
  expect(runningServers(folder)).toEqual([])
  expect(readdirSync(folder)).toEqual([])
})

test('a folder that cannot be read says whose it has to be, and none is known of', () => {
  // A link to itself cannot be read by anybody, root included.
  symlinkSync(folder, folder)
  expect(() => serverRecords(folder)).toThrow(/whether a tether runs cannot be known: ELOOP.*\n {2}sudo chown -R \d+ /s)
  expect(knownServers(folder)).toEqual([])
})
