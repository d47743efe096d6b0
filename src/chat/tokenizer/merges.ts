/** Pairs of ids to the rank of their merge, as an open hash table: a Map of half a million pairs costs far more. */

export interface Merges {
  /** By rank, three each: left, right, result. */
  readonly triples: Int32Array
  /** Rank + 1 in the low bits, a part of the pair's hash above them; 0 if free. */
  readonly slots: Int32Array
  /** The bits of a slot that hold the rank. */
  readonly rankMask: number
}

/** `closed`: ids that no merge may produce. Of two merges of one pair the later counts, as in the reference. */
export function makeMerges(triples: Int32Array, closed: ReadonlySet<number>): Merges {
  const count = triples.length / 3
  let size = 16
  while (size < count * 2) size *= 2
  const slots = new Int32Array(size)
  const merges: Merges = { triples, slots, rankMask: 2 ** (32 - Math.clz32(count)) - 1 }
  for (let rank = 0; rank < count; rank += 1) {
    const left = triples[rank * 3] as number
    const right = triples[rank * 3 + 1] as number
    if (closed.size > 0 && closed.has(triples[rank * 3 + 2] as number)) continue
    slots[slotOf(merges, left, right)] = (hashPair(left, right) & ~merges.rankMask) | (rank + 1)
  }
  return merges
}

/** The rank of a pair, -1 without one. */
export function rankOf(merges: Merges, left: number, right: number): number {
  return ((merges.slots[slotOf(merges, left, right)] as number) & merges.rankMask) - 1
}

function slotOf({ slots, triples, rankMask }: Merges, left: number, right: number): number {
  const hash = hashPair(left, right)
  const mask = slots.length - 1
  for (let at = hash & mask; ; at = (at + 1) & mask) {
    const slot = slots[at] as number
    if (slot === 0) return at
    if (((slot ^ hash) & ~rankMask) !== 0) continue
    const triple = ((slot & rankMask) - 1) * 3
    if (triples[triple] === left && triples[triple + 1] === right) return at
  }
}

function hashPair(left: number, right: number): number {
  let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}
