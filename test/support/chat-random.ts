/** Seeded random numbers for property tests, and random texts with every kind of character. */

export interface Random {
  /** A whole number in [0, below). */
  below(below: number): number
  pick<T>(from: readonly T[]): T
  chance(share: number): boolean
}

/** The same numbers for the same seed, on every machine. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return { below, pick: (from) => from[below(from.length)] as (typeof from)[number], chance: (share) => next() < share }
}

const WORDS =
  "the file tether Read write hello don't I'll WE'RE it'S naïve Übung été x1 12345 9 3.14 a_b foo-bar".split(' ')
const SPACES = [
  ' ',
  ' ',
  ' ',
  '  ',
  '   ',
  '\n',
  '\n\n',
  '\n\n\n\n',
  '\t',
  '\t\t',
  '\r\n',
  ' \n ',
  '\u00a0',
  '\u3000',
  '\u0085',
  '\u2028',
  '',
]
const CODE = [
  '{',
  '}',
  '();',
  '=>',
  '"x": 1,',
  '// why',
  '#!/bin/sh',
  '<div>',
  '</table>',
  '<h1>',
  '&&',
  '$HOME',
  '\\n',
  '`a`',
  '[0]',
]
const OTHER = [
  'привет',
  'мир',
  '你好',
  '世界',
  'こんにちは',
  '안녕',
  'שלום',
  'مرحبا',
  'हिन्दी',
  'ไทย',
  'é',
  'é',
  'Å',
  'ﬁ',
  'ſt',
  '½',
  '²',
  '٣',
  'Ⅷ',
]
const EMOJI = ['🙂', '👩‍👩‍👧‍👦', '🏳️‍🌈', '👍🏽', '🇩🇪', '❤️', '𝔘', '𠀀']
const STRANGE = [
  '\0',
  '\x01',
  '\x7f',
  '\u200b',
  '\ufeff',
  '\ufffd',
  '\uffff',
  '\u{10ffff}',
  '\u0301',
  '▁',
  '▁▁',
  'Ġ',
  '<0x41>',
  "'ſ",
  '\u2019s',
]
const MARKERS = [
  '<|turn>',
  '<turn|>',
  '<|"|>',
  '<|tool_call>',
  '<bos>',
  '<unused12>',
  '<|eot_id|>',
  '<|begin_of_text|>',
  '<start_of_turn>',
  '<|',
  '|>',
  '<',
]

/** A text of up to `size` words, spaces, marks and other pieces. */
export function randomText(random: Random, size: number): string {
  let text = ''
  for (let left = random.below(size) + 1; left > 0; left -= 1) {
    const kind = random.below(20)
    if (kind < 7) text += random.pick(WORDS)
    else if (kind < 12) text += random.pick(SPACES)
    else if (kind < 14) text += random.pick(CODE)
    else if (kind < 16) text += random.pick(OTHER)
    else if (kind < 17) text += random.pick(EMOJI)
    else if (kind < 18) text += random.pick(STRANGE)
    else if (kind < 19) text += random.pick(MARKERS)
    else text += String.fromCodePoint(randomCode(random))
  }
  return text
}

function randomCode(random: Random): number {
  for (;;) {
    const code = random.below(random.pick([0x80, 0x800, 0x10000, 0x30000]))
    if (code < 0xd800 || code > 0xdfff) return code
  }
}
