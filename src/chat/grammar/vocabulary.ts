/** A tokenizer's tokens as grammars need them: their bytes, one after another. */
import { setImmediate as breathe } from 'node:timers/promises'
import type { GrammarVocabulary } from '../../engine/grammar.js'
import type { Tokenizer } from '../types.js'

interface Model {
  /** Of its vocabulary; what the tokenizer has beyond is left out. */
  size: number
  stopTokens: Int32Array
  /** The control token that opens and closes texts in calls. */
  quote?: string
}

// Some milliseconds: requests go on in between.
const AT_A_TIME = 4096

export async function grammarVocabulary(
  tokenizer: Pick<Tokenizer, 'bytes' | 'id'>,
  { size, stopTokens, quote }: Model,
): Promise<GrammarVocabulary> {
  const spares = spareBytes(tokenizer)
  const ends = new Int32Array(size)
  let bytes = new Uint8Array(size * 8)
  let end = 0
  for (let id = 0; id < size; id += 1) {
    const token = spares.has(id) ? undefined : tokenizer.bytes(id)
    if (token) {
      if (end + token.length > bytes.length) bytes = grown(bytes, end + token.length)
      bytes.set(token, end)
      end += token.length
    }
    ends[id] = end
    if (id % AT_A_TIME === AT_A_TIME - 1) await breathe()
  }
  const id = quote === undefined ? undefined : tokenizer.id(quote)
  return {
    bytes: bytes.subarray(0, end),
    ends,
    quote: id !== undefined && id < size ? id : undefined,
    stopTokens: stopTokens.filter((token) => token < size),
  }
}

/**
 * Byte tokens of characters that have a token of their own. A run of byte tokens is text only as a whole, so a call's last
 * sign must not begin one.
 */
function spareBytes(tokenizer: Pick<Tokenizer, 'id'>): Set<number> {
  const spares = new Set<number>()
  for (let byte = 0; byte < 0x80; byte += 1) {
    const spare = tokenizer.id(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
    const own = tokenizer.id(byte === 0x20 ? '▁' : String.fromCharCode(byte))
    if (spare !== undefined && own !== undefined) spares.add(spare)
  }
  return spares
}

function grown(bytes: Uint8Array<ArrayBuffer>, least: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(least, bytes.length * 2))
  larger.set(bytes)
  return larger
}
