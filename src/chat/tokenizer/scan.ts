/**
 * Reads tokenizer.json from its bytes. Vocabulary and merges, which are nearly all of it, go straight into tables; only
 * the rest is parsed as JSON, with `{}` and `[]` in their places.
 */
import type { Fail } from './file.js'
import { type MergeTexts, resolveMerges } from './resolve-merges.js'
import { writeUtf8 } from './utf8.js'
import { buildVocabulary, HASH_START, hashByte, type Vocabulary, type VocabularyBuilder } from './vocabulary.js'

export interface Scanned {
  /** The file without its vocabulary and merges. */
  rest: string
  vocabulary: Vocabulary
  /** By rank, three each: left, right, result. */
  triples: Int32Array
}

/** The place in the file, and the string that was read last. */
interface Cursor {
  bytes: Uint8Array
  at: number
  /** Strings without quotes and escapes, in UTF-8. */
  text: Uint8Array
  length: number
  /** The hash of what was read since `hash` was set. */
  hash: number
}

/** A stretch of the file that is not parsed as JSON, and what takes its place. */
interface Hole {
  start: number
  end: number
  filler: string
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const OPEN = 0x7b
const CLOSE = 0x7d
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d

/** Calls `fail` with what is wrong with the file. Does not check for missing fields of `rest`. */
export function scan(bytes: Uint8Array, fail: Fail): Scanned {
  const cursor: Cursor = { bytes, at: 0, text: new Uint8Array(1024), length: 0, hash: HASH_START }
  // About how many bytes a token and its merges take in the file of a large vocabulary.
  const builder = buildVocabulary(Math.floor(bytes.length / 128))
  const holes: Hole[] = []
  let merges: MergeTexts | undefined

  const readModel = (key: string) => {
    const start = cursor.at
    if (key === 'vocab' && bytes[start] === OPEN) {
      readVocabulary(cursor, builder, fail)
      holes.push({ start, end: cursor.at, filler: '{}' })
    } else if (key === 'merges' && bytes[start] === OPEN_LIST) {
      merges = readMerges(cursor, fail)
      holes.push({ start, end: cursor.at, filler: '[]' })
    } else skipValue(cursor, fail)
  }
  skipSpace(cursor)
  readObject(cursor, fail, (key) => {
    if (key === 'model' && bytes[cursor.at] === OPEN) readObject(cursor, fail, readModel)
    else skipValue(cursor, fail)
  })
  const vocabulary = builder.finish()
  const triples = merges ? resolveMerges(merges, vocabulary, fail) : new Int32Array(0)
  return { rest: withoutHoles(bytes, holes), vocabulary, triples }
}

function withoutHoles(bytes: Uint8Array, holes: Hole[]): string {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let rest = ''
  let at = 0
  for (const { start, end, filler } of holes) {
    rest += file.toString('utf8', at, start) + filler
    at = end
  }
  return rest + file.toString('utf8', at)
}

function readVocabulary(cursor: Cursor, builder: VocabularyBuilder, fail: Fail): void {
  readMembers(cursor, fail, CLOSE, () => {
    expect(cursor, QUOTE, fail)
    cursor.length = 0
    cursor.hash = HASH_START
    readString(cursor, fail)
    const { hash, length } = cursor
    skipSpace(cursor)
    expect(cursor, COLON, fail)
    skipSpace(cursor)
    const id = readId(cursor)
    if (id < 0) fail(`gives ${JSON.stringify(textOf(cursor, 0, length))} an id that is not one`)
    builder.add(cursor.text, length, hash, id)
  })
}

/** Each is "a b", or in newer files ["a", "b"]. */
function readMerges(cursor: Cursor, fail: Fail): MergeTexts {
  let ends = new Int32Array(1 << 16)
  let count = 0
  cursor.length = 0
  readMembers(cursor, fail, CLOSE_LIST, () => {
    if (count === ends.length) {
      const grown = new Int32Array(count * 2)
      grown.set(ends)
      ends = grown
    }
    ends[count] = readMerge(cursor, fail)
    ends[count + 1] = cursor.length
    count += 2
  })
  const { text } = cursor
  cursor.text = new Uint8Array(1024)
  return { text, ends: ends.subarray(0, count) }
}

/** Appends both tokens without a separator. Returns where the second begins. */
function readMerge(cursor: Cursor, fail: Fail): number {
  const start = cursor.length
  if (cursor.bytes[cursor.at] === QUOTE) {
    cursor.at += 1
    readString(cursor, fail)
    const { text, length } = cursor
    let space = start
    while (space < length && text[space] !== 0x20) space += 1
    for (let i = space + 1; i < length; i += 1) {
      if (text[i] === 0x20) space = length
      else text[i - 1] = text[i] as number
    }
    if (space >= length) return fail(`has a merge that is not two tokens at byte ${cursor.at}`)
    cursor.length -= 1
    return space
  }
  expect(cursor, OPEN_LIST, fail)
  skipSpace(cursor)
  expect(cursor, QUOTE, fail)
  readString(cursor, fail)
  const split = cursor.length
  skipSpace(cursor)
  expect(cursor, COMMA, fail)
  skipSpace(cursor)
  expect(cursor, QUOTE, fail)
  readString(cursor, fail)
  skipSpace(cursor)
  expect(cursor, CLOSE_LIST, fail)
  return split
}

/** Calls `value` at each value; it has to read the value. */
function readObject(cursor: Cursor, fail: Fail, value: (key: string) => void): void {
  if (cursor.bytes[cursor.at] !== OPEN) fail('is not a JSON object')
  readMembers(cursor, fail, CLOSE, () => {
    expect(cursor, QUOTE, fail)
    cursor.length = 0
    readString(cursor, fail)
    const key = textOf(cursor, 0, cursor.length)
    skipSpace(cursor)
    expect(cursor, COLON, fail)
    skipSpace(cursor)
    value(key)
  })
}

/** From the opening bracket to just after the closing one. */
function readMembers(cursor: Cursor, fail: Fail, close: number, member: () => void): void {
  cursor.at += 1
  skipSpace(cursor)
  if (cursor.bytes[cursor.at] === close) {
    cursor.at += 1
    return
  }
  for (;;) {
    member()
    skipSpace(cursor)
    const next = cursor.bytes[cursor.at]
    cursor.at += 1
    if (next === close) return
    if (next !== COMMA) notJson(cursor, fail)
    skipSpace(cursor)
  }
}

/** Appends the string whose opening quote was just read, and moves just after its closing quote. */
function readString(cursor: Cursor, fail: Fail): void {
  const { bytes } = cursor
  let { at, text, length, hash } = cursor
  for (; ; at += 1) {
    let byte = bytes[at]
    if (byte === QUOTE) break
    if (byte === undefined || byte < 0x20) notJson(cursor, fail)
    if (length + 4 > text.length) text = cursor.text = grown(text)
    if (byte === BACKSLASH) {
      at += 1
      const escaped = bytes[at] as number
      byte = ESCAPES.get(escaped)
      if (byte === undefined) {
        if (escaped !== 0x75) notJson(cursor, fail)
        const [code, end] = readCode(bytes, at + 1)
        if (code < 0) notJson(cursor, fail)
        at = end - 1
        const start = length
        length = writeUtf8(text, length, code)
        for (let i = start; i < length; i += 1) hash = hashByte(hash, text[i] as number)
        continue
      }
    }
    text[length] = byte
    length += 1
    hash = hashByte(hash, byte)
  }
  cursor.at = at + 1
  cursor.length = length
  cursor.hash = hash
}

const ESCAPES = new Map([...'"\\/bfnrt'].map((char, i) => [char.charCodeAt(0), '"\\/\b\f\n\r\t'.charCodeAt(i)]))

/** Returns the character of a `\u` escape, or of both of a pair, and where it ends; -1 for none or half a character. */
function readCode(bytes: Uint8Array, at: number): [number, number] {
  const first = readHex(bytes, at)
  if (first < 0xd800 || first > 0xdfff) return [first, at + 4]
  const second = bytes[at + 4] === BACKSLASH && bytes[at + 5] === 0x75 ? readHex(bytes, at + 6) : -1
  if (first > 0xdbff || second < 0xdc00 || second > 0xdfff) return [-1, at]
  return [0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), at + 10]
}

function readHex(bytes: Uint8Array, at: number): number {
  const digits = String.fromCharCode(...bytes.subarray(at, at + 4))
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : -1
}

/** A whole number of up to nine digits, or -1. */
function readId(cursor: Cursor): number {
  let id = 0
  const start = cursor.at
  for (; cursor.at - start < 10; cursor.at += 1) {
    const digit = (cursor.bytes[cursor.at] as number) - 0x30
    if (!(digit >= 0 && digit <= 9)) break
    id = id * 10 + digit
  }
  const after = cursor.bytes[cursor.at]
  const whole = after !== 0x2e && after !== 0x65 && after !== 0x45
  return whole && cursor.at > start && cursor.at - start < 10 ? id : -1
}

/** What is skipped is checked when the rest is parsed as JSON. */
function skipValue(cursor: Cursor, fail: Fail): void {
  const { bytes } = cursor
  let depth = 0
  for (; cursor.at < bytes.length; cursor.at += 1) {
    const byte = bytes[cursor.at]
    if (byte === QUOTE) skipString(cursor)
    else if (byte === OPEN || byte === OPEN_LIST) depth += 1
    else if (byte === COMMA && depth === 0) return
    else if (byte === CLOSE || byte === CLOSE_LIST) {
      if (depth === 0) return
      depth -= 1
    }
  }
  notJson(cursor, fail)
}

/** From the opening quote to the closing one. */
function skipString(cursor: Cursor): void {
  const { bytes } = cursor
  let at = cursor.at + 1
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  cursor.at = at
}

function skipSpace(cursor: Cursor): void {
  const { bytes } = cursor
  let { at } = cursor
  // Most of an indented file is spaces.
  while (bytes[at] === 0x20) at += 1
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at += 1
  cursor.at = at
}

function expect(cursor: Cursor, byte: number, fail: Fail): void {
  if (cursor.bytes[cursor.at] !== byte) notJson(cursor, fail)
  cursor.at += 1
}

function notJson(cursor: Cursor, fail: Fail): never {
  return fail(`is not JSON: it is damaged at byte ${cursor.at} of ${cursor.bytes.length}`)
}

function textOf({ text }: Cursor, start: number, end: number): string {
  return Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8', start, end)
}

function grown(from: Uint8Array): Uint8Array {
  const to = new Uint8Array(from.length * 2)
  to.set(from)
  return to
}
