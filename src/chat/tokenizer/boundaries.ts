/**
 * Where a text may be cut before it is encoded: between two characters that are neighbours in no token that a merge
 * produces. No merge crosses such a point, so the parts encode to the same ids as the whole.
 */
import type { Merges } from './merges.js'
import type { Vocabulary } from './vocabulary.js'

/** A bit for each pair of UTF-16 units, set if a merge may join them. Pairs share bits, so others may be set too. */
export type Joints = Uint32Array

// Pairs of ASCII and ▁ have bits of their own; all other pairs share bits by hash.
const OWN_BITS = 1 << 14
const SHARED_BITS = 1 << 20

/** Only tokens that a merge produces count: a token that is found whole joins nothing. */
export function makeJoints({ bytes, spans }: Vocabulary, { triples }: Merges): Joints {
  const joints = new Uint32Array((OWN_BITS + SHARED_BITS) / 32)
  let before = -1
  for (let i = 2; i < triples.length; i += 3) {
    const id = triples[i] as number
    // All merges that produce one token are neighbours in `triples`.
    if (id === before) continue
    before = id
    markToken(joints, bytes, spans[id * 2] as number, spans[id * 2 + 1] as number)
  }
  return joints
}

export function joined(joints: Joints, before: number, after: number): boolean {
  const bit = bitOf(before, after)
  return (((joints[bit >>> 5] as number) >>> (bit & 31)) & 1) !== 0
}

/** Marks the pairs of a text that must not be cut for other reasons. */
export function join(joints: Joints, text: string): void {
  for (let i = 1; i < text.length; i += 1) mark(joints, text.charCodeAt(i - 1), text.charCodeAt(i))
}

function mark(joints: Joints, before: number, after: number): void {
  const bit = bitOf(before, after)
  joints[bit >>> 5] = (joints[bit >>> 5] as number) | (1 << (bit & 31))
}

function bitOf(before: number, after: number): number {
  const left = before === SPACE_MARK ? 0 : before
  const right = after === SPACE_MARK ? 0 : after
  if ((left | right) < 128) return (left << 7) | right
  const hash = Math.imul(before, 0x9e3779b1) ^ Math.imul(after, 0x85ebca6b)
  return OWN_BITS + ((hash ^ (hash >>> 15)) & (SHARED_BITS - 1))
}

// ▁ uses the bits of NUL.
const SPACE_MARK = 0x2581

/** Marks the pairs of one token, which is UTF-8. */
function markToken(joints: Joints, bytes: Uint8Array, start: number, end: number): void {
  let before = -1
  for (let i = start; i < end; ) {
    const first = bytes[i] as number
    let code = first
    if (first < 0x80) i += 1
    else if (first < 0xe0) {
      code = ((first & 31) << 6) | ((bytes[i + 1] as number) & 63)
      i += 2
    } else if (first < 0xf0) {
      code = ((first & 15) << 12) | (((bytes[i + 1] as number) & 63) << 6) | ((bytes[i + 2] as number) & 63)
      i += 3
    } else {
      code =
        ((first & 7) << 18) |
        (((bytes[i + 1] as number) & 63) << 12) |
        (((bytes[i + 2] as number) & 63) << 6) |
        ((bytes[i + 3] as number) & 63)
      i += 4
    }
    const low = code > 0xffff ? 0xdc00 | ((code - 0x10000) & 0x3ff) : code
    const high = code > 0xffff ? 0xd800 | ((code - 0x10000) >> 10) : code
    if (before >= 0) mark(joints, before, high)
    before = low
  }
}
