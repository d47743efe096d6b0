/**
 * Merges as text to merges as ids: a million look-ups in tables that are too large for the processor's caches. They run
 * in blocks, step by step, so that many wait for memory at once; one after another they take twice as long.
 */
import type { Fail } from './file.js'
import { findToken, HASH_START, hashByte, isToken, probe, type Vocabulary } from './vocabulary.js'

/** The two tokens of each merge, all in one text without separators. */
export interface MergeTexts {
  text: Uint8Array
  /** Two per merge: the ends of its first and second token. It begins where the merge before it ended. */
  ends: Int32Array
}

const BLOCK = 256

/** By rank, three each: left, right, result. */
export function resolveMerges({ text, ends }: MergeTexts, vocabulary: Vocabulary, fail: Fail): Int32Array {
  const triples = new Int32Array((ends.length / 2) * 3)
  const hashes = new Int32Array(BLOCK)
  const ids = new Int32Array(BLOCK)
  let result = 0
  for (let first = 0; first < ends.length; first += BLOCK) {
    const start = first === 0 ? 0 : (ends[first - 1] as number)
    const block = ends.subarray(first, first + BLOCK)
    hashTokens(text, start, block, hashes)
    probeTokens(vocabulary, hashes, block.length, ids)
    checkTokens(vocabulary, text, start, block, ids)
    result = findResults(vocabulary, text, start, block, ids, result, triples.subarray((first / 2) * 3), fail)
  }
  return triples
}

function hashTokens(text: Uint8Array, start: number, ends: Int32Array, hashes: Int32Array): void {
  let at = start
  for (let i = 0; i < ends.length; i += 1) {
    let hash = HASH_START
    for (const end = ends[i] as number; at < end; at += 1) hash = hashByte(hash, text[at] as number)
    hashes[i] = hash
  }
}

function probeTokens(vocabulary: Vocabulary, hashes: Int32Array, count: number, ids: Int32Array): void {
  for (let i = 0; i < count; i += 1) ids[i] = probe(vocabulary, hashes[i] as number)
}

function checkTokens(vocabulary: Vocabulary, text: Uint8Array, start: number, ends: Int32Array, ids: Int32Array): void {
  let at = start
  for (let i = 0; i < ends.length; i += 1) {
    const end = ends[i] as number
    if (!isToken(vocabulary, ids[i] as number, text, at, end)) ids[i] = findToken(vocabulary, text, at, end)
    at = end
  }
}

/** Returns the last result: the next merge most likely gives the same or the next id. */
function findResults(
  vocabulary: Vocabulary,
  text: Uint8Array,
  start: number,
  ends: Int32Array,
  ids: Int32Array,
  before: number,
  triples: Int32Array,
  fail: Fail,
): number {
  let result = before
  let at = start
  for (let i = 0, triple = 0; i < ends.length; i += 2, triple += 3) {
    const end = ends[i + 1] as number
    // Nearly always a merge gives the same id as the one before it, or the next.
    if (!isToken(vocabulary, result, text, at, end)) result += 1
    if (!isToken(vocabulary, result, text, at, end)) result = findToken(vocabulary, text, at, end)
    triples[triple] = ids[i] as number
    triples[triple + 1] = ids[i + 1] as number
    triples[triple + 2] = result
    if (((ids[i] as number) | (ids[i + 1] as number) | result) < 0) {
      const pair = [text.subarray(at, ends[i]), text.subarray(ends[i], end)].map((token) =>
        Buffer.from(token).toString(),
      )
      return fail(`has a merge whose tokens are not in the vocabulary: ${JSON.stringify(pair)}`)
    }
    at = end
  }
  return result
}
