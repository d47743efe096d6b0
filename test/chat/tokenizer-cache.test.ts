/** The tokenizer's tables on disk: they give the ids that tokenizer.json gives, or are ignored. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'

const folder = mkdtempSync(join(tmpdir(), 'tether-cache-'))
const model = join(folder, 'model')
const cache = join(folder, 'deep', 'cache')
const text = 'abcd zzaa <s> qwerty \u{1f642}'
let expected: number[]

const load = async () => [...(await loadTokenizer(model, { cache })).encode(text, { special: true })]
const files = () => readdirSync(cache).map((name) => join(cache, name))
const onlyFile = () => {
  expect(files().length).toBe(1)
  return files()[0] as string
}

beforeAll(async () => {
  mkdirSync(model)
  writeFileSync(join(model, 'tokenizer.json'), largeFile(''))
  expected = [...(await loadTokenizer(model, { cache: false })).encode(text, { special: true })]
  expect(expected.length).toBeGreaterThan(5)
})
beforeEach(async () => {
  rmSync(cache, { recursive: true, force: true })
  expect(await load()).toEqual(expected)
})
afterAll(() => rmSync(folder, { recursive: true }))

test('a second load reads the cached tables and gives the same ids', async () => {
  const file = onlyFile()
  const before = statSync(file)
  utimesSync(file, 0, 0)
  expect(await load()).toEqual(expected)
  // It was read and not rewritten: the same file with a new time.
  expect(statSync(file).ino).toBe(before.ino)
  expect(statSync(file).mtimeMs).toBeGreaterThan(0)
})

test.skipIf(process.platform === 'win32')('cached tables cannot be read or written by other users', () => {
  expect(statSync(cache).mode & 0o777).toBe(0o700)
  expect(statSync(onlyFile()).mode & 0o777).toBe(0o600)
})

test('a damaged table file is ignored and rewritten', async () => {
  const file = onlyFile()
  const whole = readFileSync(file)
  for (let i = 0; i < 24; i += 1) {
    const at = i < 12 ? i * 4 : Math.floor((whole.length / 24) * i)
    const damaged = Buffer.from(whole)
    damaged[at] = (damaged[at] as number) ^ 1
    writeFileSync(file, damaged)
    expect(await load(), `byte ${at}`).toEqual(expected)
    expect(readFileSync(file).equals(whole), `byte ${at}`).toBe(true)
  }
  for (const size of [0, 3, 60, 64, 1000, whole.length - 4]) {
    truncateSync(file, size)
    expect(await load()).toEqual(expected)
    expect(readFileSync(file).equals(whole)).toBe(true)
  }
})

test('a table file that other users can write is not read', async () => {
  const file = onlyFile()
  const before = statSync(file)
  chmodSync(file, 0o666)
  expect(await load()).toEqual(expected)
  expect(statSync(file).ino).not.toBe(before.ino)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('another tokenizer.json gets another table file', async () => {
  const other = join(folder, 'other')
  mkdirSync(other)
  writeFileSync(join(other, 'tokenizer.json'), largeFile('ab'))
  const tokenizer = await loadTokenizer(other, { cache })
  expect([...tokenizer.encode('ab', { special: false })].length).toBe(2)
  expect(files().length).toBe(2)
  expect(await load()).toEqual(expected)
})

test('a small tokenizer.json gets no table file', async () => {
  await loadTokenizer('test/fixtures/tokenizers/gemma4-tiny', { cache })
  expect(files().length).toBe(1)
})

test('a cache folder that cannot be created or written is ignored', async () => {
  const blocked = join(folder, 'blocked')
  writeFileSync(blocked, '')
  const tokenizer = await loadTokenizer(model, { cache: join(blocked, 'cache') })
  expect([...tokenizer.encode(text, { special: true })]).toEqual(expected)
})

test('the least recently used table files and abandoned temporary files are deleted', async () => {
  const [current, old, older, part, foreign] = ['0-v1.tables', '1-v1.tables', '2-v1.tables', '3.part', 'notes.txt'].map(
    (name) => join(cache, name),
  ) as [string, string, string, string, string]
  for (const [i, path] of [current, old, older].entries()) {
    writeFileSync(path, '')
    truncateSync(path, 120 * 2 ** 20)
    utimesSync(path, Date.now() / 1000 - 60 * (i + 1), Date.now() / 1000 - 60 * (i + 1))
  }
  for (const path of [part, foreign]) {
    writeFileSync(path, '')
    utimesSync(path, 0, 0)
  }
  const mine = files().find((path) => ![current, old, older, part, foreign].includes(path)) as string
  rmSync(mine)
  await load()
  expect(files().sort()).toEqual([current, old, foreign, mine].sort())
})

test('loads at the same time give the same ids and leave one table file', async () => {
  rmSync(cache, { recursive: true, force: true })
  const all = await Promise.all(Array.from({ length: 6 }, load))
  for (const ids of all) expect(ids).toEqual(expected)
  onlyFile()
})

/** A tokenizer.json of more than two megabytes: all words of up to three letters, and many of four. */
function largeFile(without: string): string {
  const letters = [...'abcdefghijklmnopqrstuvwxyz']
  const two = letters.flatMap((a) => letters.map((b) => a + b))
  const three = two.flatMap((a) => letters.map((b) => a + b))
  const four = three.slice(0, 12_000).flatMap((a) => ['a', 'd', 'z'].map((b) => a + b))
  const tokens = ['<s>', '<unk>', '▁', ...letters, ...two, ...three, ...four].filter((token) => token !== without)
  for (let byte = 0; byte < 256; byte += 1) tokens.push(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]))
  const pairs = [...two, ...three, ...four].map((token) => [token.slice(0, -1), token.slice(-1)] as const)
  const merges = pairs.filter(([a, b]) => a !== without && a + b !== without)
  const added_tokens = [{ id: 0, content: '<s>', special: true, normalized: false }]
  const normalizer = { type: 'Replace', pattern: { String: ' ' }, content: '▁' }
  const bpe = { type: 'BPE', unk_token: '<unk>', fuse_unk: true, byte_fallback: true, vocab, merges }
  return JSON.stringify({ added_tokens, normalizer, model: bpe }, null, 2)
}
