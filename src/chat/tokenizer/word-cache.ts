/** The ids of recent words, found by their characters in a text without making strings. Bounded; cleared when full. */
import type { Ids } from './ids.js'

export interface WordCache {
  /** Appends the ids of text[start..end) if they are known. */
  find(text: string, start: number, end: number, hash: number, out: Ids): boolean
  /** Remembers the ids of `out` from index `from` on. */
  add(text: string, start: number, end: number, hash: number, out: Ids, from: number): void
}

/** Longer words are seldom repeated. */
export const LONGEST_WORD = 48

const WORDS = 1 << 16
const UNITS = 1 << 20
const IDS = 1 << 18

/** Adds a unit to a hash that begins as 0. */
export function hashUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x9e3779b1) ^ (hash >>> 15)
}

export function makeWordCache(): WordCache {
  const slots = new Int32Array(WORDS * 2)
  // Five per word: hash, start and count of its units, start and count of its ids.
  const words = new Int32Array(WORDS * 5)
  const units = new Uint16Array(UNITS)
  const ids = new Int32Array(IDS)
  let count = 0
  let unitCount = 0
  let idCount = 0

  const slotOf = (text: string, start: number, end: number, hash: number): number => {
    const mask = slots.length - 1
    for (let at = (hash ^ (hash >>> 16)) & mask; ; at = (at + 1) & mask) {
      const word = slots[at] as number
      if (word === 0) return at
      const entry = (word - 1) * 5
      if (words[entry] !== hash || words[entry + 2] !== end - start) continue
      let i = start
      for (let j = words[entry + 1] as number; i < end && text.charCodeAt(i) === units[j]; j += 1) i += 1
      if (i === end) return at
    }
  }

  return {
    find(text, start, end, hash, out) {
      const word = slots[slotOf(text, start, end, hash)] as number
      if (word === 0) return false
      const entry = (word - 1) * 5
      const from = words[entry + 3] as number
      if (words[entry + 4] === 1) out.push(ids[from] as number)
      else out.append(ids, from, from + (words[entry + 4] as number))
      return true
    },
    add(text, start, end, hash, out, from) {
      const made = out.since(from)
      if (count === WORDS || unitCount + end - start > UNITS || idCount + made.length > IDS) {
        slots.fill(0)
        count = unitCount = idCount = 0
      }
      const entry = count * 5
      count += 1
      slots[slotOf(text, start, end, hash)] = count
      words[entry] = hash
      words[entry + 1] = unitCount
      words[entry + 2] = end - start
      words[entry + 3] = idCount
      words[entry + 4] = made.length
      for (let i = start; i < end; i += 1, unitCount += 1) units[unitCount] = text.charCodeAt(i)
      ids.set(made, idCount)
      idCount += made.length
    },
  }
}
