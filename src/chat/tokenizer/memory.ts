/**
 * Remembers the ids of parts of prompts, so that only the new text of a prompt that extends an earlier one is encoded.
 * A text is cut only where that cannot change the ids, and a cut does not depend on the text after it.
 */
// By its name: an old Node, which lacks `hash`, can then still say that it is too old.
import crypto from 'node:crypto'
import type { Encoder } from './encoder.js'
import type { Ids } from './ids.js'

export interface Memory {
  /** Appends the ids of a text, which is well-formed. `first`: nothing stands before it in the prompt. */
  encode(text: string, out: Ids, first: boolean): void
}

// Encoding a shorter text is as fast as looking it up.
const SHORTEST = 32
const PART = 1024
/** The most bytes to remember: about four million characters of English. */
const MOST_BYTES = 5_000_000
/** What a part takes besides its ids: its hash, and the objects around both. */
const BYTES_OF_PART = 300

export function makeMemory(encoder: Encoder): Memory {
  // By the hash of their text, which takes less than the text. The least recently used comes first.
  const parts = new Map<string, Int32Array>()
  let bytes = 0
  let cuts: Uint8Array | undefined

  const encodePart = (part: string, out: Ids, first: boolean): void => {
    // The beginning of a prompt may have other ids than the same text later.
    const key = crypto.hash('sha256', first ? `\0${part}` : part, 'base64')
    const known = parts.get(key)
    if (known) {
      parts.delete(key)
      parts.set(key, known)
      out.append(known, 0, known.length)
      return
    }
    const from = out.length
    encoder.encode(part, out, first)
    const ids = out.since(from)
    parts.set(key, ids)
    bytes += BYTES_OF_PART + ids.byteLength
    for (const [oldest, { byteLength }] of parts) {
      if (bytes <= MOST_BYTES) break
      parts.delete(oldest)
      bytes -= BYTES_OF_PART + byteLength
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
