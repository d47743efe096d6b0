/** A checkpoint's JSON files may hold anything: what cannot be read is an error that names the file. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readJson } from '../../src/engine/json-file.js'

const dir = mkdtempSync(join(tmpdir(), 'tether-json-'))
const path = join(dir, 'config.json')
afterAll(() => rmSync(dir, { recursive: true }))

test.each([
  ['objects', `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`],
  ['lists in a field', `{"model_type": "llama", "x": ${'['.repeat(101)}${']'.repeat(101)}}`],
  ['lists beside NaN', `{"y": NaN, "x": ${'['.repeat(5000)}${']'.repeat(5000)}}`],
])('%s that are nested too deeply are named with the file', (_, text) => {
  writeFileSync(path, text)
  expect(() => readJson(path)).toThrow(`${path} cannot be read (it is nested more than 100 levels deep); download`)
})

test('JSON of a hundred levels is read', () => {
  writeFileSync(path, `{"x": ${'['.repeat(98)}${']'.repeat(98)}}`)
  expect(readJson(path)).toHaveProperty('x')
})

test('a file of gigabytes is not read', () => {
  writeFileSync(path, '{')
  truncateSync(path, 8 * 2 ** 30)
  expect(() => readJson(path)).toThrow(
    /config\.json cannot be read \(it has 8589934592 bytes, more than \d+\); download/,
  )
})
