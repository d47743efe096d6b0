// Random and real texts for fuzz.mjs: all planes, many scripts, code, and texts that are hard for tokenizers.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CODE as COMMON_CODE, SPACES as COMMON_SPACES } from '../../support/random.mjs'

export { seeded } from '../../support/random.mjs'

const ENDINGS =
  /\.(js|mjs|cjs|ts|mts|tsx|jsx|json|md|py|pyi|c|cc|cpp|h|hpp|rs|go|java|css|html|txt|sh|yml|yaml|toml|cmake|gyp|map|rst|tcl|pl)$/

/** Files of these folders, up to a number of characters in all. */
export function readCorpus(folders, most = 40_000_000) {
  const corpus = []
  let size = 0
  for (const folder of folders) {
    let names = []
    try {
      names = readdirSync(folder, { recursive: true })
        .filter((name) => ENDINGS.test(name))
        .sort()
    } catch {
      continue
    }
    // Spread over the folder, not only its first files.
    const step = Math.max(1, Math.floor(names.length / 3000))
    for (let i = 0; i < names.length && size < most; i += step) {
      const path = join(folder, names[i])
      const { size: bytes } = statSync(path)
      if (bytes === 0 || bytes > 300_000) continue
      const text = readFileSync(path, 'utf8')
      corpus.push(text)
      size += text.length
    }
  }
  return corpus
}

const WORDS =
  "the file Read write hello don't I'll WE'RE it'S you'D 'tis naïve Übung été x1 12345 9 3.14 a_b fooBar HTTPServer iOS e.g. --flag".split(
    ' ',
  )
const SPACES = [...COMMON_SPACES, '\u2029', '\u1680', '\x0b', '\x0c', '\r', '\x1c', '']
const CODE = [...COMMON_CODE, '/*', '*/', '#include <a>', '->', '::', '/', '//', './', '\n/', '!\n\n']
const OTHER = [
  'привет',
  'МИР',
  '你好',
  '世界',
  'こんにちは',
  'カタカナ',
  '안녕',
  'שלום',
  'مرحبا',
  'हिन्दी',
  'ไทย',
  'தமிழ்',
  'é',
  'e\u0301',
  'Å',
  'ﬁ',
  'ſt',
  "'ſ",
  '½',
  '²',
  '٣',
  'Ⅷ',
  'ǅ',
  'ʰ',
  'ª',
  'ß',
  'İ',
  'ı',
  '\u212a',
]
const EMOJI = ['🙂', '👩‍👩‍👧‍👦', '🏳️‍🌈', '👍🏽', '🇩🇪', '❤️', '𝔘', '𠀀', '1️⃣', '🧑🏿‍🚀', '🏴󠁧󠁢󠁥󠁮󠁧󠁿']
const STRANGE = [
  '\0',
  '\x01',
  '\x7f',
  '\u200b',
  '\u200d',
  '\ufeff',
  '\ufffd',
  '\uffff',
  '\u{10ffff}',
  '\u0301',
  '\u20dd',
  '▁',
  '▁▁',
  '▁▁▁',
  'Ġ',
  'Ċ',
  '<0x41>',
  '<0xE2>',
  '\u2019s',
  '\ud83d',
  '\ude42',
  '\udc00',
  '\ud800',
]
const CONTRACTIONS = [
  "'s",
  "'S",
  "'t",
  "'T",
  "'re",
  "'Re",
  "'VE",
  "'m",
  "'ll",
  "'lL",
  "'d",
  "'D",
  "'ſ",
  "'x",
  "'",
  "''s",
  "'l",
  "'r",
]

/** Makes texts; `vocabulary` are tokens as text, `markers` the added ones. */
export function textMaker(random, { corpus, vocabulary, markers }) {
  const { below, pick, chance } = random
  const code = () => {
    for (;;) {
      const at = below(pick([0x80, 0x250, 0x800, 0x3000, 0x10000, 0x20000, 0x32000, 0x110000]))
      if (at < 0xd800 || at > 0xdfff || chance(0.02)) return String.fromCodePoint(at)
    }
  }
  const many = (most, make) => {
    let text = ''
    for (let left = below(most) + 1; left > 0; left -= 1) text += make()
    return text
  }
  const block = () => {
    const start = below(0x2000) * 16
    const size = pick([16, 64, 256])
    return many(20, () => (chance(0.2) ? pick(SPACES) : String.fromCodePoint(Math.min(0x10ffff, start + below(size)))))
  }
  const mixed = () => {
    const kind = below(22)
    if (kind < 7) return pick(WORDS)
    if (kind < 11) return pick(SPACES)
    if (kind < 13) return pick(CODE)
    if (kind < 15) return pick(OTHER)
    if (kind < 16) return pick(EMOJI)
    if (kind < 17) return pick(STRANGE)
    if (kind < 18) return pick(markers)
    if (kind < 19) return pick(CONTRACTIONS)
    if (kind < 20) return pick(vocabulary)
    return code()
  }
  const slice = (most) => {
    const text = pick(corpus)
    const at = below(text.length)
    return text.slice(at, at + 1 + below(most))
  }
  const damaged = () => {
    let text = slice(200)
    for (let left = below(4) + 1; left > 0; left -= 1) {
      const at = below(text.length + 1)
      text = text.slice(0, at) + pick([mixed, code])() + text.slice(at + below(3))
    }
    return text
  }
  // Letters with and without case, and marks: for splits where a word is upper letters and then lower letters.
  const cased = () =>
    pick([
      'A',
      'B',
      'É',
      'a',
      'b',
      'ß',
      'ǅ',
      'ʰ',
      '々',
      '日',
      'ا',
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
    ])
  const spaces = () => pick([' ', ' ', '\n', '\r', '\t', '\u00a0', '\u3000', 'a', '.', '1', '\u0085'])
  const repeated = () => pick([mixed, code])().repeat(below(80) + 1)
  const half = () => pick([...markers, ...EMOJI, ...STRANGE]).slice(0, 1 + below(6))
  return () => {
    const kind = below(20)
    if (kind < 5) return slice(160)
    if (kind < 6) return slice(1500)
    if (kind < 7) return damaged()
    if (kind < 11) return many(24, mixed)
    if (kind < 13) return many(12, () => pick(vocabulary))
    if (kind < 14) return many(16, code)
    if (kind < 15) return block()
    if (kind < 16) return many(24, cased)
    if (kind < 17) return many(16, spaces)
    if (kind < 18) return repeated() + mixed()
    if (kind < 19) return many(6, () => pick([half, mixed])())
    return many(30, () => pick(STRANGE))
  }
}

/** Lines of a megabyte and more, each of another kind. */
export function longTexts(random, { corpus }) {
  const units = [
    'a',
    ' ',
    '\n',
    '=',
    '1',
    'the lamp ',
    '🙂',
    '<|',
    '日本',
    'Aa',
    'ab\u0301',
    "'s",
    '▁',
    '\0',
    'é',
    '</',
    '\r\n ',
    `${'x'.repeat(50)}\t`,
  ]
  const repeated = units.map((unit) => unit.repeat(Math.ceil(1_000_000 / unit.length)))
  const line = (keep) => {
    let text = ''
    while (text.length < 1_000_000) text += random.pick(corpus).replace(keep, '')
    return text
  }
  return [...repeated, line(/[\r\n]/g), line(/\s/g), line(/[^a-zA-Z]/g), line(/(?!)/g)]
}
