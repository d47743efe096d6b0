/**
 * Remembers the ids of parts of prompts, so that only the new text of a prompt that extends an earlier one is encoded.
 * A text is cut only where that cannot change the ids, and a cut does not depend on the text after it.
 */
import type { Encoder } from './encoder.js'
import type { Ids } from './ids.js'

export interface Memory {
  /** Appends the ids of a text, which is well-formed. `first`: nothing stands before it in the prompt. */
  encode(text: string, out: Ids, first: boolean): void
}

// Encoding a shorter text is as fast as looking it up.
const SHORTEST = 32
const PART = 1024
/** The most UTF-16 units to remember: two to three bytes for each, and about as much again for the ids. */
const MOST_UNITS = 4_000_000

export function makeMemory(encoder: Encoder): Memory {
  // The least recently used comes first.
  const parts = new Map<string, Int32Array>()
  let units = 0
  let cuts: Uint8Array | undefined

  const encodePart = (part: string, out: Ids, first: boolean): void => {
    // The beginning of a prompt may have other ids than the same text later.
    const key = first ? `\0${part}` : part
    const known = parts.get(key)
    if (known) {
      parts.delete(key)
      parts.set(key, known)
      out.append(known, 0, known.length)
      return
    }
    const from = out.length
    encoder.encode(part, out, first)
    // A copy: a slice would keep the whole text alive.
    parts.set(Buffer.from(key, 'utf16le').toString('utf16le'), out.since(from))
    units += key.length
    for (const oldest of parts.keys()) {
      if (units <= MOST_UNITS) break
      parts.delete(oldest)
      units -= oldest.length
    }
  }

  return {
    encode(text, out, first) {
      if (text.length < SHORTEST) return encoder.encode(text, out, first)
      cuts ??= readCuts(encoder)
      let at = 0
      for (let i = PART; i < text.length; i += 1) {
        if (!mayCut(cuts, text.charCodeAt(i - 1), text.charCodeAt(i))) continue
        encodePart(text.slice(at, i), out, first && at === 0)
        at = i
        i += PART - 1
      }
      encodePart(at === 0 ? text : text.slice(at), out, first && at === 0)
    },
  }
}

const BEFORE = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const AFTER = ' \n'

/** For each unit of BEFORE and each of AFTER: 1 if a text may be cut between them. */
function readCuts(encoder: Encoder): Uint8Array {
  const cuts = new Uint8Array(128 * AFTER.length)
  for (const before of BEFORE) {
    for (const [i, after] of [...AFTER].entries()) {
      if (encoder.mayCut(before, after)) cuts[before.charCodeAt(0) * AFTER.length + i] = 1
    }
  }
  return cuts
}

function mayCut(cuts: Uint8Array, before: number, after: number): boolean {
  if (before >= 128 || (after !== 0x20 && after !== 0x0a)) return false
  return cuts[before * AFTER.length + (after === 0x20 ? 0 : 1)] === 1
}
