/** The tables for encoding: vocabulary, merges, and the pairs of characters that merges join. */
import { type Joints, makeJoints } from './boundaries.js'
import type { TokenizerFile } from './file.js'
import { type Merges, makeMerges } from './merges.js'
import { findToken, type Vocabulary } from './vocabulary.js'

export interface Tables {
  vocabulary: Vocabulary
  merges: Merges
  /** undefined: a text must not be cut anywhere. */
  joints: Joints | undefined
}

/** `triples`: left, right and result of each merge, by rank. `closed`: ids that no merge may produce. */
export function makeTables(
  model: TokenizerFile['model'],
  vocabulary: Vocabulary,
  triples: Int32Array,
  closed: ReadonlySet<number>,
): Tables {
  const merges = makeMerges(triples, closed)
  const cuttable =
    model.type !== 'Unigram' && model.byte_fallback === true && standsForItself(vocabulary, triples, closed)
  return { vocabulary, merges, joints: cuttable ? makeJoints(vocabulary, merges) : undefined }
}

/** The tokens `<0x00>` to `<0xFF>`, -1 if there is none. */
export function byteTokens(vocabulary: Vocabulary): Int32Array {
  const encoder = new TextEncoder()
  return Int32Array.from({ length: 256 }, (_, byte) => {
    const token = encoder.encode(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
    return findToken(vocabulary, token, 0, token.length)
  })
}

/**
 * Whether a character's symbols do not depend on its neighbours: every character is known or has byte tokens (else a
 * run of unknown characters may be one token, or none), and no merge takes a byte's token.
 */
function standsForItself(vocabulary: Vocabulary, triples: Int32Array, closed: ReadonlySet<number>): boolean {
  const bytes = byteTokens(vocabulary)
  const isByte = new Uint8Array(vocabulary.spans.length / 2)
  for (let byte = 0; byte < 256; byte += 1) {
    const id = bytes[byte] as number
    if (id >= 0) isByte[id] = 1
    else if (byte < 0x80) {
      const character = findToken(vocabulary, Uint8Array.of(byte), 0, 1)
      if (character < 0 || closed.has(character)) return false
    } else if (!NEVER_IN_UTF8.includes(byte)) return false
  }
  for (let i = 0; i < triples.length; i += 3) {
    if (isByte[triples[i] as number] === 1 || isByte[triples[i + 1] as number] === 1) return false
  }
  return true
}

const NEVER_IN_UTF8 = [0xc0, 0xc1, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff]
