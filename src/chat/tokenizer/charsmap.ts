/**
 * SentencePiece's compiled table of characters to replace: the size of a trie, the trie as a double array of 32-bit units,
 * and the replacements, each ended by a zero byte.
 */
import type { Fail } from './file.js'
import { checkGrowth } from './growth.js'

interface Charsmap {
  units: Uint32Array
  replacements: Buffer
}

/** Of several entries that a text begins with: Hugging Face's `tokenizers` takes the shortest, SentencePiece the longest. */
type Choice = 'shortest' | 'longest'

/** The normalizer of tokenizer.json, which goes by what a reader sees as one character. */
export function readCharsmap(bytes: Uint8Array, fail: Fail): (text: string) => string {
  const map = parseCharsmap(bytes, fail)
  const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
  return (text) => {
    let out = ''
    for (const segment of segments(segmenter, text)) {
      checkGrowth(text, out.length)
      const whole = Buffer.byteLength(segment) < 6 ? look(map, Buffer.from(segment), 0, 'shortest') : undefined
      if (whole) {
        out += whole.text
        continue
      }
      for (const character of segment) out += look(map, Buffer.from(character), 0, 'shortest')?.text ?? character
    }
    return out
  }
}

/** Inside of a long run of flags, of which Segmenter counts those before each one. */
const FLAGS = /[\u{1f1e6}-\u{1f1ff}]{64}(?=[\u{1f1e6}-\u{1f1ff}])/gu

function* segments(segmenter: Intl.Segmenter, text: string): Generator<string> {
  let from = 0
  // An even number of them is whole flags.
  for (const { index, 0: flags } of text.matchAll(FLAGS)) {
    const to = index + flags.length
    for (const { segment } of segmenter.segment(text.slice(from, to))) yield segment
    from = to
  }
  for (const { segment } of segmenter.segment(text.slice(from))) yield segment
}

/** The normalizer of tokenizer.model. */
export function readLongestCharsmap(bytes: Uint8Array, fail: Fail): (text: string) => string {
  const map = parseCharsmap(bytes, fail)
  return (text) => {
    const input = Buffer.from(text)
    let out = ''
    let copied = 0
    for (let at = 0; at < input.length; ) {
      const found = look(map, input, at, 'longest')
      if (!found) {
        at += lengthOf(input[at] as number)
        continue
      }
      out += input.toString('utf8', copied, at) + found.text
      checkGrowth(text, out.length)
      at = copied = at + found.length
    }
    return out + input.toString('utf8', copied)
  }
}

function parseCharsmap(bytes: Uint8Array, fail: Fail): Charsmap {
  const buffer = Buffer.from(bytes)
  const size = buffer.length >= 4 ? buffer.readUInt32LE(0) : -1
  if (size < 4 || size % 4 !== 0 || size > buffer.length - 4) return fail('has a precompiled charsmap that is damaged')
  const units = new Uint32Array(size / 4)
  for (let i = 0; i < units.length; i += 1) units[i] = buffer.readUInt32LE(4 + i * 4)
  return { units, replacements: buffer.subarray(4 + size) }
}

/** Of a replacement: the longest in use have some fifty. */
const MOST_BYTES = 256

/** Undefined: no entry. A place outside the array ends the search, so a damaged table does no harm. */
function look(
  { units, replacements }: Charsmap,
  input: Buffer,
  from: number,
  choice: Choice,
): { text: string; length: number } | undefined {
  let place = offsetOf(units[0] as number)
  let found: { value: number; length: number } | undefined
  for (let at = from; at < input.length && input[at] !== 0; at += 1) {
    const byte = input[at] as number
    place ^= byte
    const unit = units[place]
    if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) break
    place ^= offsetOf(unit)
    if (((unit >>> 8) & 1) === 0) continue
    found = { value: (units[place] ?? 0) & 0x7fffffff, length: at + 1 - from }
    if (choice === 'shortest') break
  }
  if (!found || found.value >= replacements.length) return undefined
  const rest = replacements.subarray(found.value, found.value + MOST_BYTES)
  const end = rest.indexOf(0)
  return { text: rest.toString('utf8', 0, end < 0 ? undefined : end), length: found.length }
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6)
}

function lengthOf(first: number): number {
  if (first < 0x80) return 1
  if (first < 0xe0) return 2
  return first < 0xf0 ? 3 : 4
}
