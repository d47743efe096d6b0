/** Unigram: of all ways to put a word together from tokens, the one with the best sum of scores. */
import type { WordEncoder } from './bpe.js'
import type { Fail, UnigramEntry } from './file.js'
import type { Ids } from './ids.js'
import { byteTokens, type Tables } from './tables.js'
import { findToken, HASH_START, hashByte, isToken, probe, type Vocabulary } from './vocabulary.js'
import { hashUnit, LONGEST_WORD, makeWordCache } from './word-cache.js'

/** How much worse than the worst token an unknown character is. */
const UNKNOWN_PENALTY = 10

/** A bit for the hash of each beginning of a token: where it is not set, no longer token follows. */
const PREFIX_BITS = 1 << 22

export interface UnigramOptions {
  tables: Tables
  /** Tokens that no text may encode to. */
  closed: ReadonlySet<number>
}

/** The best way to each place of a word that is UTF-8: where its last token begins, and which it is. */
interface Path {
  scores: Float64Array
  starts: Int32Array
  ids: Int32Array
}

export function makeUnigram(model: UnigramEntry, options: UnigramOptions, fail: Fail): WordEncoder {
  const search = makeSearch(model, options)
  const write = makeWriter(model, options, fail)
  const cache = makeWordCache()
  return {
    encode(text, start, end, out) {
      const short = end - start <= LONGEST_WORD
      let hash = 0
      if (short) {
        for (let i = start; i < end; i += 1) hash = hashUnit(hash, text.charCodeAt(i))
        if (cache.find(text, start, end, hash, out)) return
      }
      const from = out.length
      const word = Buffer.from(text.slice(start, end))
      write(word, search(word), out)
      if (short) cache.add(text, start, end, hash, out, from)
    },
    mayCut: () => false,
  }
}

function makeSearch(model: UnigramEntry, { tables, closed }: UnigramOptions): (word: Uint8Array) => Path {
  const { vocabulary } = tables
  const scores = Float64Array.from(model.vocab, ([, score]) => score)
  const unknownScore =
    scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY
  const unknown = model.unk_id ?? -1
  const prefixes = markPrefixes(vocabulary)
  const round = model.single_precision ? Math.fround : (score: number) => score
  const unused = new Set(model.unused ?? [])
  if (model.user_defined) rewardUserDefined(scores, model, vocabulary)
  let path: Path = makePath(256)

  return (word) => {
    if (path.starts.length <= word.length || path.starts.length > 1 << 20) path = makePath(word.length + 1)
    path.starts.fill(-1, 0, word.length + 1)
    path.scores[0] = 0
    const offer = (from: number, to: number, score: number, id: number) => {
      const sum = score + (path.scores[from] as number)
      if ((path.starts[to] as number) >= 0 && sum <= (path.scores[to] as number)) return
      path.scores[to] = round(sum)
      path.starts[to] = from
      path.ids[to] = id
    }
    for (let at = 0; at < word.length; ) {
      const next = at + characterLength(word[at] as number)
      let single = false
      let hash = HASH_START
      for (let end = at + 1; end <= word.length; end += 1) {
        hash = hashByte(hash, word[end - 1] as number)
        if (!isPrefix(prefixes, hash)) break
        let id = probe(vocabulary, hash)
        if (id < 0) continue
        if (!isToken(vocabulary, id, word, at, end)) id = findToken(vocabulary, word, at, end)
        if (id < 0 || closed.has(id) || unused.has(id)) continue
        offer(at, end, scores[id] as number, id)
        if (end === next) single = true
      }
      if (!single) offer(at, next, unknownScore, unknown)
      at = next
    }
    return path
  }
}

/** SentencePiece prefers the symbols that its user defined. */
function rewardUserDefined(scores: Float64Array, model: UnigramEntry, { spans }: Vocabulary): void {
  const most = (model.normal ?? []).reduce((best, id) => Math.max(best, scores[id] as number), Number.NEGATIVE_INFINITY)
  for (const id of model.user_defined ?? []) {
    scores[id] = Math.fround(((spans[id * 2 + 1] as number) - (spans[id * 2] as number)) * most) - 0.1
  }
}

function makePath(size: number): Path {
  return { scores: new Float64Array(size), starts: new Int32Array(size), ids: new Int32Array(size) }
}

/** Writes the ids of a path; neighbouring unknown characters are one token. */
function makeWriter(model: UnigramEntry, { tables, closed }: UnigramOptions, fail: Fail) {
  const { vocabulary } = tables
  const unknown = model.unk_id ?? -1
  const bytes = model.byte_fallback === true ? byteTokens(vocabulary) : undefined

  const writeUnknown = (word: Uint8Array, start: number, end: number, out: Ids): void => {
    const known = findToken(vocabulary, word, start, end)
    if (known >= 0 && !closed.has(known)) {
      out.push(known)
      return
    }
    const part = word.subarray(start, end)
    if (bytes && part.every((byte) => (bytes[byte] as number) >= 0)) {
      for (const byte of part) out.push(bytes[byte] as number)
      return
    }
    if (unknown < 0) fail('has no unk_id, which a text with unknown characters needs')
    out.push(unknown)
  }

  return (word: Uint8Array, { starts, ids }: Path, out: Ids): void => {
    const ends: number[] = []
    for (let at = word.length; at > 0; at = starts[at] as number) ends.push(at)
    let at = 0
    for (let i = ends.length - 1; i >= 0; i -= 1) {
      let end = ends[i] as number
      const id = ids[end] as number
      if (id !== unknown) {
        out.push(id)
        at = end
        continue
      }
      for (; i > 0 && ids[ends[i - 1] as number] === unknown; i -= 1) end = ends[i - 1] as number
      writeUnknown(word, at, end, out)
      at = end
    }
  }
}

function markPrefixes({ bytes, spans }: Vocabulary): Uint32Array {
  const prefixes = new Uint32Array(PREFIX_BITS / 32)
  for (let i = 0; i < spans.length; i += 2) {
    if ((spans[i] as number) < 0) continue
    let hash = HASH_START
    for (let at = spans[i] as number; at < (spans[i + 1] as number); at += 1) {
      hash = hashByte(hash, bytes[at] as number)
      const bit = bitOf(hash)
      prefixes[bit >>> 5] = (prefixes[bit >>> 5] as number) | (1 << (bit & 31))
    }
  }
  return prefixes
}

function isPrefix(prefixes: Uint32Array, hash: number): boolean {
  const bit = bitOf(hash)
  return (((prefixes[bit >>> 5] as number) >>> (bit & 31)) & 1) !== 0
}

function bitOf(hash: number): number {
  return (hash ^ (hash >>> 11)) & (PREFIX_BITS - 1)
}

function characterLength(first: number): number {
  if (first < 0x80) return 1
  if (first < 0xe0) return 2
  return first < 0xf0 ? 3 : 4
}
