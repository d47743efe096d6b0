/** Splits that are written by hand, compared with the regular expressions that they replace. */
import { expect, test } from 'vitest'
import { cutterFor } from '../../src/chat/tokenizer/cutter.js'
import { readPattern } from '../../src/chat/tokenizer/pattern.js'
import { matches } from '../../src/chat/tokenizer/split.js'
import { randomText, seeded } from '../support/chat-random.js'

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]'
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'
const BEFORE = '[^\\r\\n\\p{L}\\p{N}]?'
const SPACES = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'
const PATTERNS = {
  'Llama 3': `${CONTRACTIONS}|${BEFORE}\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`,
  'single digits': `${CONTRACTIONS}|${BEFORE}\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`,
  Mistral: `${BEFORE}${UPPER}*${LOWER}+|${BEFORE}${UPPER}+${LOWER}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`,
  'Llama 4': `${BEFORE}${UPPER}*${LOWER}+${CONTRACTIONS}?|${BEFORE}${UPPER}+${LOWER}*${CONTRACTIONS}?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`,
}

test.each(Object.entries(PATTERNS))(
  '%s: the hand-written split gives the words of its regular expression',
  (_, pattern) => {
    const next = cutterFor(pattern)
    expect(next).toBeDefined()
    const regex = readPattern({ Regex: pattern }, (what) => {
      throw new Error(what)
    })
    const random = seeded(9)
    const cased = [
      'A',
      'É',
      'a',
      'ß',
      'ǅ',
      'ʰ',
      '日',
      '\u0301',
      '\u0903',
      '𝔘',
      '𐐀',
      '𐐨',
      ' ',
      '-',
      '\n',
      '1',
      '/',
      "'s",
      "'LL",
      "'ſ",
    ]
    const texts = Array.from({ length: 6000 }, (_unused, i) =>
      i % 2 === 0
        ? randomText(random, 30)
        : Array.from({ length: random.below(16) }, () => random.pick(cased)).join(''),
    )
    for (const text of texts) {
      const words: string[] = []
      for (let at = 0; at < text.length; ) {
        const end = next?.(text, at, text.length) as number
        words.push(text.slice(at, end))
        at = end
      }
      expect(words, JSON.stringify(text)).toEqual(
        Array.from(matches(text, regex), ([start, end]) => text.slice(start, end)),
      )
    }
  },
)

test('a pattern that is not known has no hand-written split', () => {
  expect(cutterFor('\\p{L}+')).toBeUndefined()
})

test.each([
  ['\\s?\\p{P}+', [' (', ')!', ' “', '”', '\n¿', '?']],
  ['[\\p{P}\\p{S}]+', ['(', ')!', '“', '”', '$', '+', '¿', '?']],
  ['\\P{P}+', ['go ', 'now', ' ', 'x', ' $5 +1\n', 'que']],
])('%s finds punctuation and symbols', (source, words) => {
  const regex = readPattern({ Regex: source }, (what) => {
    throw new Error(what)
  })
  const text = 'go (now)! “x” $5 +1\n¿que?'
  expect(Array.from(matches(text, regex), ([start, end]) => text.slice(start, end))).toEqual(words)
})
