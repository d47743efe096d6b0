/** Marks places of a text, by kind: a bit each, in blocks that are made when they are needed. */
import { TetherError } from '../../../errors.js'

export interface Marks {
  has(kind: number, place: number): boolean
  add(kind: number, place: number): void
  /** Drops what lies well before this place. It is no longer asked for, or found out again. */
  forget(place: number): void
}

const PLACES = 1024
/** Words of memory. A prompt that fits a window takes a hundredth of it. */
const MOST_WORDS = 2 ** 25

export function makeMarks(kinds: number): Marks {
  const blocks = new Map<number, Uint32Array>()
  const words = Math.ceil((kinds * PLACES) / 32)
  let first = 0
  const bitOf = (kind: number, place: number) => (place & (PLACES - 1)) * kinds + kind
  return {
    has(kind, place) {
      const block = blocks.get(place >>> 10)
      if (!block) return false
      const bit = bitOf(kind, place)
      return (((block[bit >>> 5] as number) >>> (bit & 31)) & 1) !== 0
    },
    add(kind, place) {
      let block = blocks.get(place >>> 10)
      if (!block) {
        if ((blocks.size + 1) * words > MOST_WORDS) throw tooLong()
        block = new Uint32Array(words)
        blocks.set(place >>> 10, block)
      }
      const bit = bitOf(kind, place)
      block[bit >>> 5] = (block[bit >>> 5] as number) | (1 << (bit & 31))
    },
    forget(place) {
      if (place >>> 10 === first) return
      first = place >>> 10
      for (const block of blocks.keys()) if (block < first) blocks.delete(block)
    },
  }
}

/** What a text is that a pattern of the tokenizer cannot be tried on. */
export function tooLong(): TetherError {
  return new TetherError('invalid_request', "a text is too long for a pattern of this model's tokenizer")
}
