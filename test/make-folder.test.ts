/** A folder with the ones above it, while other processes make the same. */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { makeFolder } from '../src/make-folder.js'

/** Called after a folder was made, as another process may act then. */
const meanwhile = vi.hoisted(() => ({ act: (_path: string) => {} }))
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const mkdir: typeof fs.mkdirSync = (path, options) => {
    const first = fs.mkdirSync(path, options)
    meanwhile.act(String(path))
    return first
  }
  return { ...fs, mkdirSync: mkdir }
})

let base: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tether-folder-test-'))
})
afterEach(() => {
  meanwhile.act = () => {}
  rmSync(base, { recursive: true })
})

test('the folders above it are made too, with its mode', () => {
  makeFolder(join(base, 'a', 'b', 'c'), 0o700)
  for (const path of ['a', 'a/b', 'a/b/c']) expect(statSync(join(base, path)).mode & 0o777).toBe(0o700)
})

test('one that another process makes inside of a new folder above it is as good', () => {
  meanwhile.act = (path) => {
    meanwhile.act = () => {}
    mkdirSync(join(path, 'run'))
  }
  const path = join(base, '.tether', 'run')
  makeFolder(path)
  expect(statSync(path).isDirectory()).toBe(true)
})

test('where a file is in its place, that is said', () => {
  expect(() => makeFolder('/dev/null')).toThrow('EEXIST')
})
