/** Seeded randomness for property tests, and texts of every kind of character. */
import { CODE, SPACES as COMMON_SPACES, type Random, seeded } from './random.mjs'

export { type Random, seeded }

const WORDS =
  "the file tether Read write hello don't I'll WE'RE it'S naïve Übung été x1 12345 9 3.14 a_b foo-bar".split(' ')
const SPACES = [...COMMON_SPACES, '']
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

/** A text of up to `size` pieces. */
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
