/** What the last session in a folder began with. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readFirstPrompt, writeFirstPrompt } from '../../src/prefixes/first-prompts.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-first-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const only = () => join(folder, readdirSync(folder)[0] as string)

describe('a first prompt', () => {
  test('is found by its folder, and the last one counts', async () => {
    await writeFirstPrompt(folder, '/home/me/a', Int32Array.of(1, 2, 262_143))
    await writeFirstPrompt(folder, '/home/me/b', Int32Array.of(9))
    await writeFirstPrompt(folder, '/home/me/b', Int32Array.of(8, 7))
    expect(readFirstPrompt(folder, '/home/me/a')).toEqual(Int32Array.of(1, 2, 262_143))
    expect(readFirstPrompt(folder, '/home/me/b')).toEqual(Int32Array.of(8, 7))
    expect(readFirstPrompt(folder, '/home/me')).toBeUndefined()
    expect(readdirSync(folder)).toHaveLength(2)
  })

  test('lies in a private file whose name does not say which folder', async () => {
    await writeFirstPrompt(folder, '/home/me/secret', Int32Array.of(1))
    expect(only()).toMatch(/\/first-[0-9a-f]{32}\.bin$/)
    expect(statSync(only()).mode & 0o777).toBe(0o600)
  })

  test.each([0, 3, 6])('of %i bytes is none', async (length) => {
    await writeFirstPrompt(folder, '/a', Int32Array.of(1))
    writeFileSync(only(), Buffer.alloc(length))
    expect(readFirstPrompt(folder, '/a')).toBeUndefined()
  })

  test('is forgotten after those of 64 other folders', async () => {
    await writeFirstPrompt(folder, '/first', Int32Array.of(1))
    utimesSync(only(), 1, 1)
    for (let i = 0; i < 63; i++) await writeFirstPrompt(folder, `/${i}`, Int32Array.of(1))
    expect(readFirstPrompt(folder, '/first')).toBeDefined()
    await writeFirstPrompt(folder, '/last', Int32Array.of(1))
    expect(readFirstPrompt(folder, '/first')).toBeUndefined()
    expect(readdirSync(folder)).toHaveLength(64)
  })

  test('that cannot be written is no error', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    await writeFirstPrompt(file, '/a', Int32Array.of(1))
    expect(readFirstPrompt(file, '/a')).toBeUndefined()
    expect(existsSync(file)).toBe(true)
  })
})
