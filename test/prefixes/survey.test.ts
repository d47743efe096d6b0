/** What a folder of kept prefixes is said to hold, and what clearing it deletes. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readAbout, writeAbout } from '../../src/prefixes/about.js'
import { type ClearOptions, clearPrefixes } from '../../src/prefixes/clear.js'
import { surveyPrefixes } from '../../src/prefixes/survey.js'
import { writeRecord } from '../support/kept-prefixes.js'

const [one, two] = ['0123456789abcdef'.repeat(2), 'fedcba9876543210'.repeat(2)]
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-prefixes-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A shared system prompt, two conversations on it, and one of its own. Of 256 tokens each, but the last. */
function writeTree(model: string): void {
  const at = join(folder, model)
  writeRecord(at, { block: 'system', hits: 7 })
  writeRecord(at, { block: 'a1', parent: 'system', hits: 5 })
  writeRecord(at, { block: 'a1', kind: 'sliding', parent: 'system', hits: 6, payload: 64 })
  writeRecord(at, { block: 'a2', parent: 'a1' })
  writeRecord(at, { block: 'b1', parent: 'system', hits: 1 })
  writeRecord(at, { block: 'other', tokens: 10, hits: 3 })
}

describe('the survey', () => {
  test('counts blocks once, and takes those that no block follows for sessions', () => {
    writeTree(one)
    const bytes = 4 * (1152 + 1000) + (1152 + 64) + (128 + 1000)
    const [kept] = surveyPrefixes(folder).models
    expect(kept).toMatchObject({ fingerprint: one, blocks: 5, sessions: 3, tokens: 4 * 256 + 10, hits: 10, bytes })
    expect(kept).toMatchObject({ model: null, path: null })
  })

  test('names a model by its about.json, and has the last used first', () => {
    for (const [fingerprint, time] of [
      [one, '2026-01-01'],
      [two, '2026-02-02'],
    ] as const) {
      writeAbout(join(folder, fingerprint), { model: `org/${time}`, path: '/models/x' })
      utimesSync(writeRecord(join(folder, fingerprint), { block: 'a' }), new Date(time), new Date(time))
    }
    const { models } = surveyPrefixes(folder)
    expect(models.map(({ model }) => model)).toEqual(['org/2026-02-02', 'org/2026-01-01'])
    expect(models[0]).toMatchObject({ path: '/models/x', lastUsed: new Date('2026-02-02') })
  })

  test('counts the bytes of a damaged record, and nothing else of it', () => {
    const path = writeRecord(join(folder, one), { block: 'a' })
    truncateSync(path, 1000)
    writeFileSync(join(folder, one, `${'ab'.repeat(16)}.full`), 'short')
    expect(surveyPrefixes(folder).models).toMatchObject([{ bytes: 1005, blocks: 0, tokens: 0, sessions: 0 }])
  })

  test('has nothing where there is no folder, or only a name', () => {
    expect(surveyPrefixes(join(folder, 'none'))).toEqual({ models: [], foreign: [] })
    writeAbout(join(folder, one), { model: 'm', path: '/m' })
    expect(surveyPrefixes(folder).models).toEqual([])
  })

  test('a block whose parent is gone begins a prefix', () => {
    writeRecord(join(folder, one), { block: 'b', parent: 'gone', hits: 4 })
    expect(surveyPrefixes(folder).models).toMatchObject([{ hits: 4, sessions: 1 }])
  })
})

describe('clearing', () => {
  const clear = (options: Partial<ClearOptions> = {}) => clearPrefixes(folder, { isAlive: () => false, ...options })
  const left = (name: string) => readdirSync(join(folder, name)).sort()

  test("deletes all that is tether's but the name of a model, and counts it", () => {
    writeTree(one)
    writeAbout(join(folder, one), { model: 'm', path: '/m' })
    for (const name of ['turns.bin', `first-${one}.bin`, '.tmp-1-7', 'about.json.1.part']) {
      writeFileSync(join(folder, one, name), 'ten bytes.')
    }
    const [kept] = surveyPrefixes(folder).models
    expect(clear()).toMatchObject({ files: 10, freed: kept?.bytes, failed: [], foreign: [] })
    expect(left(one)).toEqual(['about.json'])
    expect(readAbout(join(folder, one))?.model).toBe('m')
    expect(clear()).toMatchObject({ files: 0, freed: 0 })
  })

  test('can be of one model', () => {
    writeTree(one)
    writeTree(two)
    expect(clear({ only: [two] }).files).toBe(6)
    expect([left(one).length, left(two).length]).toEqual([6, 0])
  })

  test('leaves a file that a process is writing', () => {
    mkdirSync(join(folder, one))
    for (const pid of [11, 12]) writeFileSync(join(folder, one, `.tmp-${pid}-0`), 'x')
    expect(clear({ isAlive: (pid) => pid === 12 }).files).toBe(1)
    expect(left(one)).toEqual(['.tmp-12-0'])
  })

  test("leaves what is not tether's, and what a later version wrote, and names it", () => {
    const newer = join(folder, two)
    writeRecord(newer, { block: 'a' })
    writeFileSync(join(newer, 'about.json'), JSON.stringify({ model: 'm', path: '/m', version: 2 }))
    const later = writeRecord(join(folder, one), { block: 'later', version: 2 })
    const elsewhere = join(folder, 'elsewhere')
    writeFileSync(join(folder, one, 'notes.txt'), 'mine')
    mkdirSync(elsewhere)
    const target = writeRecord(elsewhere, { block: 'a' })
    const link = join(folder, 'a'.repeat(32))
    symlinkSync(elsewhere, link)
    symlinkSync(target, join(folder, one, `${'b'.repeat(32)}.full`))
    const { files, foreign } = clear()
    expect(files).toBe(0)
    expect(foreign.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual(
      [
        { path: join(folder, one, 'notes.txt'), why: 'unknown' },
        { path: later, why: 'newer' },
        { path: join(folder, one, `${'b'.repeat(32)}.full`), why: 'unknown' },
        { path: link, why: 'unknown' },
        { path: elsewhere, why: 'unknown' },
        { path: newer, why: 'newer' },
      ].toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    )
    expect(existsSync(target) && left(two).length === 2).toBe(true)
  })
})

describe('about.json', () => {
  test('of a later version is not overwritten', () => {
    writeAbout(folder, { model: 'old', path: '/a' })
    writeAbout(folder, { model: 'new', path: '/a' })
    expect(readAbout(folder)).toEqual({ model: 'new', path: '/a', version: 1 })
    writeFileSync(join(folder, 'about.json'), JSON.stringify({ model: 'later', path: '/a', version: 2 }))
    writeAbout(folder, { model: 'new', path: '/a' })
    expect(readAbout(folder)?.model).toBe('later')
  })

  test.each(['', '{', '[]', '{"model":3}'])('that holds %j says nothing', (text) => {
    writeFileSync(join(folder, 'about.json'), text)
    expect(readAbout(folder)).toBeUndefined()
  })
})
