/** Byte-pair encoding: a word to token ids, by Hugging Face's rules. */
import { joined } from './boundaries.js'
import { CODE_OF_BYTE } from './byte-level.js'
import type { BpeEntry, Fail } from './file.js'
import type { Ids } from './ids.js'
import { mergeSymbols } from './merge.js'
import { byteTokens, type Tables } from './tables.js'
import { writeUtf8 } from './utf8.js'
import { findToken, type Vocabulary } from './vocabulary.js'
import { hashUnit, LONGEST_WORD, makeWordCache } from './word-cache.js'

export interface WordEncoder {
  /** Appends the ids of text[start..end), which is one word and well-formed. */
  encode(text: string, start: number, end: number, out: Ids): void
  /** Whether no merge joins these two characters. */
  mayCut(pair: string): boolean
}

export interface BpeOptions {
  tables: Tables
  /** Tokens that no text may encode to, even if a merge produces them. */
  closed: ReadonlySet<number>
  /** Whether the vocabulary consists of bytes, each written as a character. */
  byteLevel: boolean
}

/** Symbols before merging, in a buffer that all words share. */
interface Symbols {
  ids: Int32Array
  count: number
}

/** Keeps recent words in a bounded cache. */
export function makeBpe(model: BpeEntry, options: BpeOptions, fail: Fail): WordEncoder {
  const { tables, closed, byteLevel } = options
  const { merges, joints } = tables
  const symbols: Symbols = { ids: new Int32Array(256), count: 0 }
  const readSymbols = byteLevel ? byteSymbols(options) : characterSymbols(model, options, fail)
  const whole = model.ignore_merges === true ? wholeWords(options) : undefined
  const cache = makeWordCache()

  const encodeWord = (text: string, start: number, end: number, hash: number, out: Ids): void => {
    const short = end - start <= LONGEST_WORD
    if (short && cache.find(text, start, end, hash, out)) return
    const from = out.length
    const id = whole ? whole(text, start, end) : -1
    if (id >= 0 && !closed.has(id)) out.push(id)
    else {
      symbols.count = 0
      // UTF-8 takes up to three bytes for a unit.
      if (symbols.ids.length < (end - start) * 3 + 1) symbols.ids = new Int32Array((end - start) * 3 + 1)
      readSymbols(text, start, end, symbols)
      out.append(symbols.ids, 0, mergeSymbols(symbols.ids, symbols.count, merges))
    }
    // Do not keep a buffer that one huge word needed.
    if (symbols.ids.length > 1 << 16) symbols.ids = new Int32Array(256)
    if (short) cache.add(text, start, end, hash, out, from)
  }

  // Where a word's whole text decides its ids, it must not be cut.
  if (joints === undefined || whole || byteLevel) {
    return {
      encode(text, start, end, out) {
        let hash = 0
        for (let i = start; i < end; i += 1) hash = hashUnit(hash, text.charCodeAt(i))
        encodeWord(text, start, end, hash, out)
      },
      mayCut: () => false,
    }
  }
  return {
    encode(text, start, end, out) {
      let from = start
      let hash = 0
      let before = 0
      for (let i = start; i < end; i += 1) {
        const unit = text.charCodeAt(i)
        if (i > from && !joined(joints, before, unit) && (unit & 0xfc00) !== 0xdc00) {
          encodeWord(text, from, i, hash, out)
          from = i
          hash = 0
        }
        hash = hashUnit(hash, unit)
        before = unit
      }
      if (from < end) encodeWord(text, from, end, hash, out)
    },
    mayCut: (pair) => pair.length === 2 && !joined(joints, pair.charCodeAt(0), pair.charCodeAt(1)),
  }
}

type ReadSymbols = (text: string, start: number, end: number, symbols: Symbols) => void

/** Bytes without a token are left out of the text, as in the reference. */
function byteSymbols({ tables }: BpeOptions): ReadSymbols {
  const ids = byteLevelTokens(tables.vocabulary)
  const scratch = new Uint8Array(4)
  const complete = !ids.includes(-1)
  const read: ReadSymbols = (text, start, end, symbols) => {
    const out = symbols.ids
    let count = 0
    for (let i = start; i < end; i += 1) {
      const unit = text.charCodeAt(i)
      if (unit < 0x80) {
        out[count] = ids[unit] as number
        count += 1
        continue
      }
      const code = text.codePointAt(i) as number
      if (code > 0xffff) i += 1
      const length = writeUtf8(scratch, 0, code)
      for (let j = 0; j < length; j += 1) out[count + j] = ids[scratch[j] as number] as number
      count += length
    }
    symbols.count = count
  }
  if (complete) return read
  return (text, start, end, symbols) => {
    read(text, start, end, symbols)
    const { ids: out, count } = symbols
    symbols.count = 0
    for (let i = 0; i < count; i += 1) if ((out[i] as number) >= 0) out[symbols.count++] = out[i] as number
  }
}

/** The tokens of a byte-level vocabulary for single bytes, -1 if there is none. */
export function byteLevelTokens(vocabulary: Vocabulary): Int32Array {
  const scratch = new Uint8Array(4)
  return Int32Array.from(CODE_OF_BYTE, (code) => findToken(vocabulary, scratch, 0, writeUtf8(scratch, 0, code)))
}

/** The ids of known characters; of others, their bytes; without byte tokens, one unk for a run of them. */
function characterSymbols(model: BpeEntry, { tables, closed }: BpeOptions, fail: Fail): ReadSymbols {
  const { vocabulary } = tables
  const scratch = new Uint8Array(4)
  const lookUp = (code: number): number => {
    const id = findToken(vocabulary, scratch, 0, writeUtf8(scratch, 0, code))
    return closed.has(id) ? -1 : id
  }
  // Id + 2 of each character of the first plane; 0 if it was not looked up yet.
  const known = new Int32Array(0x10000)
  const idOf = (code: number): number => {
    if (code > 0xffff) return lookUp(code)
    const id = (known[code] as number) - 2
    if (id > -2) return id
    const found = lookUp(code)
    known[code] = found + 2
    return found
  }
  const bytes = model.byte_fallback ? byteTokens(vocabulary) : undefined
  const unknown = model.unk_token ? tokenId(tables, model.unk_token) : -1
  if (model.unk_token && unknown < 0) return fail(`has no ${model.unk_token} in its vocabulary`)
  const fuse = model.fuse_unk === true

  return (text, start, end, symbols) => {
    const out = symbols.ids
    let count = 0
    let pending = false
    for (let i = start; i < end; i += 1) {
      const code = text.codePointAt(i) as number
      if (code > 0xffff) i += 1
      const id = idOf(code)
      if (id >= 0) {
        if (pending) out[count++] = unknown
        pending = false
        out[count++] = id
        continue
      }
      const length = writeUtf8(scratch, 0, code)
      let whole = bytes !== undefined
      for (let j = 0; j < length && whole; j += 1) whole = (bytes as Int32Array)[scratch[j] as number] !== -1
      if (whole) {
        for (let j = 0; j < length; j += 1) out[count++] = (bytes as Int32Array)[scratch[j] as number] as number
        continue
      }
      if (unknown < 0) continue
      if (pending && !fuse) out[count++] = unknown
      pending = true
    }
    if (pending) out[count++] = unknown
    symbols.count = count
  }
}

function tokenId({ vocabulary }: Tables, token: string): number {
  const bytes = new TextEncoder().encode(token)
  return findToken(vocabulary, bytes, 0, bytes.length)
}

/** Looks a whole word up in the vocabulary. */
function wholeWords({ tables, byteLevel }: BpeOptions): (text: string, start: number, end: number) => number {
  const longest = longestToken(tables)
  let scratch = new Uint8Array(64)
  return (text, start, end) => {
    if (end - start > longest) return -1
    if (scratch.length < (end - start) * 6) scratch = new Uint8Array((end - start) * 6)
    let length = 0
    for (let i = start; i < end; i += 1) {
      const code = text.codePointAt(i) as number
      if (code > 0xffff) i += 1
      const from = length
      length = writeUtf8(scratch, length, code)
      if (byteLevel) length = spellInPlace(scratch, from, length)
    }
    return findToken(tables.vocabulary, scratch, 0, length)
  }
}

/** Replaces each byte of scratch[from..to) by the UTF-8 of its character. Returns the new end. */
function spellInPlace(scratch: Uint8Array, from: number, to: number): number {
  const bytes = scratch.slice(from, to)
  let end = from
  for (const byte of bytes) end = writeUtf8(scratch, end, CODE_OF_BYTE[byte] as number)
  return end
}

function longestToken({ vocabulary: { spans } }: Tables): number {
  let longest = 0
  for (let i = 0; i < spans.length; i += 2) {
    longest = Math.max(longest, (spans[i + 1] as number) - (spans[i] as number))
  }
  return longest
}
