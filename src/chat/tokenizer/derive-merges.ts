/** Merges for files that have none: every way to put a token together from two others is one. */
import type { Fail } from './file.js'
import { findToken, type Vocabulary } from './vocabulary.js'

export interface Derivation {
  vocabulary: Vocabulary
  /** Tokens that are no part and no result of a merge. */
  apart: ReadonlySet<number>
  /** The best goes first. Without scores the lowest id goes first. */
  scores?: Float64Array
}

/** Trying all cuts of a token takes the square of its length. Gemma's 262,144 tokens come to 30 million. */
const MOST_WORK = 2 ** 30

/** By rank, three each: left, right, result; in the order in which Hugging Face's converters write them. */
export function deriveMerges({ vocabulary, apart, scores }: Derivation, fail: Fail): Int32Array {
  const { spans, bytes } = vocabulary
  const triples: number[] = []
  const keys: number[] = []
  let work = 0
  for (let id = 0; id * 2 < spans.length; id += 1) {
    const start = spans[id * 2] as number
    const end = spans[id * 2 + 1] as number
    if (start < 0 || apart.has(id)) continue
    work += (end - start) ** 2
    if (work > MOST_WORK) return fail('has tokens that are too long to be real')
    const local: [left: number, right: number][] = []
    for (let cut = start + 1; cut < end; cut += 1) {
      if (((bytes[cut] as number) & 0xc0) === 0x80) continue
      const left = findToken(vocabulary, bytes, start, cut)
      if (left < 0 || apart.has(left)) continue
      const right = findToken(vocabulary, bytes, cut, end)
      if (right >= 0 && !apart.has(right)) local.push([left, right])
    }
    local.sort((a, b) => a[0] - b[0] || a[1] - b[1])
    for (const [left, right] of local) {
      triples.push(left, right, id)
      keys.push(scores ? (scores[id] as number) : 0)
    }
  }
  return scores ? sorted(triples, keys, vocabulary) : Int32Array.from(triples)
}

/** The best score first; of equal ones the longer left part, then the longer right part. */
function sorted(triples: number[], scores: number[], { spans, bytes }: Vocabulary): Int32Array {
  const lengths = new Int32Array(spans.length / 2)
  for (let id = 0; id < lengths.length; id += 1) {
    for (let at = spans[id * 2] as number; at < (spans[id * 2 + 1] as number); at += 1) {
      if (((bytes[at] as number) & 0xc0) !== 0x80) lengths[id] = (lengths[id] as number) + 1
    }
  }
  const length = (merge: number, part: number) => lengths[triples[merge * 3 + part] as number] as number
  const order = scores.map((_, i) => i)
  order.sort(
    (a, b) =>
      (scores[b] as number) - (scores[a] as number) || length(b, 0) - length(a, 0) || length(b, 1) - length(a, 1),
  )
  const out = new Int32Array(triples.length)
  for (const [rank, merge] of order.entries()) {
    for (let i = 0; i < 3; i += 1) out[rank * 3 + i] = triples[merge * 3 + i] as number
  }
  return out
}
