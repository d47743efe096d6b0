/** A disk that is full while tether writes its own small files: none is left cut off. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { configTemplate, writeTemplate } from '../../src/cli/config/config-template.js'
import { recordServer, writeCertificates } from '../../src/cli/serving/running-servers.js'
import { takeStartLock } from '../../src/cli/sharing/start-lock.js'

const disk = vi.hoisted(() => ({ isFull: false }))
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const write: typeof fs.writeFileSync = (path, data, options) => {
    if (!disk.isFull) return fs.writeFileSync(path, data, options)
    fs.writeFileSync(path, String(data).slice(0, String(data).length / 2), options)
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  }
  return { ...fs, writeFileSync: write }
})

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-full-test-'))
})
afterEach(() => {
  disk.isFull = false
  rmSync(folder, { recursive: true })
})

test('no config.toml is better than half of one, and the next start makes it', () => {
  const path = join(folder, 'config.toml')
  disk.isFull = true
  expect([writeTemplate(path), readdirSync(folder)]).toEqual([false, []])
  disk.isFull = false
  expect([writeTemplate(path), readdirSync(folder)]).toEqual([true, ['config.toml']])
  expect(readFileSync(path, 'utf8')).toBe(configTemplate())
  expect(writeTemplate(path)).toBe(false)
})

test('the record of a server stays as it was, and so do its certificates', () => {
  const server = { url: 'http://127.0.0.1:8080', model: 'gemma' }
  const remove = recordServer(server, folder)
  writeCertificates('first', folder)
  const files = readdirSync(folder)
  disk.isFull = true
  expect(() => recordServer({ ...server, window: 100 }, folder)).toThrow('ENOSPC')
  expect(() => writeCertificates('second', folder)).toThrow('ENOSPC')
  expect(readdirSync(folder)).toEqual(files)
  expect(JSON.parse(readFileSync(join(folder, `${process.pid}.json`), 'utf8'))).toMatchObject(server)
  expect(readFileSync(join(folder, `${process.pid}.pem`), 'utf8')).toBe('first')
  remove()
})

test('a lock that cannot be written leaves nothing', async () => {
  mkdirSync(join(folder, 'run'))
  disk.isFull = true
  await expect(takeStartLock(join(folder, 'run'))).rejects.toThrow('ENOSPC')
  expect(readdirSync(join(folder, 'run'))).toEqual([])
})
