/**
 * The splits of byte-level tokenizers, written by hand: the same words as their regular expressions give, several times
 * faster, and in linear time for any text.
 */
import { characterKinds, LETTER, LOWER, NEWLINE, NUMBER, SPACE, UPPER } from './unicode.js'

/** Where the word that begins at `at` ends, no later than `end`. */
export type NextWord = (text: string, at: number, end: number) => number

interface Style {
  /** 's, 't, 're, … : a word by themselves, or the end of the word before. */
  contractions: 'none' | 'first' | 'suffix'
  /** Words are letters, or upper letters and then lower ones. */
  words: 'letters' | 'cased'
  /** The most digits of a number. */
  digits: number
  /** Whether slashes may follow punctuation, as line ends may. */
  slash: boolean
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const CASED_UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]'
const CASED_LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'

/** The hand-written form of a pattern, if there is one. */
export function cutterFor(pattern: string): NextWord | undefined {
  for (const contractions of ['none', 'first', 'suffix'] as const) {
    for (const words of ['letters', 'cased'] as const) {
      for (const digits of [1, 3]) {
        for (const slash of [false, true]) {
          const style: Style = { contractions, words, digits, slash }
          if (patternOf(style) === pattern) return makeCutter(style)
        }
      }
    }
  }
  return undefined
}

/** The pattern as Llama 3's file has it (letters, first, 3), Mistral's (cased, none, 1, slash) and others. */
function patternOf({ contractions, words, digits, slash }: Style): string {
  const before = '[^\\r\\n\\p{L}\\p{N}]?'
  const suffix = contractions === 'suffix' ? `${CONTRACTIONS}?` : ''
  return [
    ...(contractions === 'first' ? [CONTRACTIONS] : []),
    ...(words === 'letters'
      ? [`${before}\\p{L}+${suffix}`]
      : [`${before}${CASED_UPPER}*${CASED_LOWER}+${suffix}`, `${before}${CASED_UPPER}+${CASED_LOWER}*${suffix}`]),
    digits === 1 ? '\\p{N}' : `\\p{N}{1,${digits}}`,
    ` ?[^\\s\\p{L}\\p{N}]+[\\r\\n${slash ? '/' : ''}]*`,
    '\\s*[\\r\\n]+',
    '\\s+(?!\\S)',
    '\\s+',
  ].join('|')
}

function makeCutter({ contractions, words, digits, slash }: Style): NextWord {
  const kinds = characterKinds()
  const first = contractions === 'first'
  const suffix = contractions === 'suffix'
  const cased = words === 'cased'
  const word = cased ? casedWord : letters

  return (text, at, end) => {
    const code = codeAt(text, at, end)
    const kind = kinds[code] as number
    const after = at + (code > 0xffff ? 2 : 1)
    if ((kind & LETTER) !== 0) {
      const to = word(text, at, end, kinds)
      return suffix ? to + contraction(text, to, end) : to
    }
    if ((kind & NUMBER) !== 0) return numbers(text, after, end, kinds, digits - 1)
    if (first && code === APOSTROPHE) {
      const length = contraction(text, at, end)
      if (length > 0) return at + length
    }
    if ((kind & NEWLINE) === 0) {
      // One character of any kind may stand before a word.
      const to = cased && (kind & UPPER) !== 0 ? markedWord(text, after, end, kinds) : word(text, after, end, kinds)
      if (to > after || (cased && (kind & UPPER) !== 0)) return suffix ? to + contraction(text, to, end) : to
    }
    if ((kind & SPACE) === 0) return punctuation(text, after, end, kinds, slash)
    if (code === 0x20 && after < end && isPunctuation(kinds[codeAt(text, after, end)] as number)) {
      return punctuation(text, after, end, kinds, slash)
    }
    return spaces(text, at, end, kinds)
  }
}

const APOSTROPHE = 0x27

function codeAt(text: string, at: number, end: number): number {
  const unit = text.charCodeAt(at)
  if ((unit & 0xfc00) !== 0xd800 || at + 1 >= end) return unit
  const low = text.charCodeAt(at + 1)
  return (low & 0xfc00) === 0xdc00 ? 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00) : unit
}

/** The length of the contraction at this place, 0 without one. Ignoring case, ſ is an s. */
function contraction(text: string, at: number, end: number): number {
  if (at + 1 >= end || text.charCodeAt(at) !== APOSTROPHE) return 0
  const first = text.charCodeAt(at + 1) | 0x20
  if (text.charCodeAt(at + 1) === 0x17f) return 2
  if (!isAsciiLetter(text.charCodeAt(at + 1))) return 0
  // s t m d
  if (first === 0x73 || first === 0x74 || first === 0x6d || first === 0x64) return 2
  if (at + 2 >= end || !isAsciiLetter(text.charCodeAt(at + 2))) return 0
  const second = text.charCodeAt(at + 2) | 0x20
  // re ve ll
  const two = (second === 0x65 && (first === 0x72 || first === 0x76)) || (second === 0x6c && first === 0x6c)
  return two ? 3 : 0
}

function isAsciiLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
}

function letters(text: string, from: number, end: number, kinds: Uint8Array): number {
  return run(text, from, end, kinds, LETTER)
}

/** UPPER*LOWER+, or else UPPER+ (no LOWER can follow it then); `from` if neither matches. */
function casedWord(text: string, from: number, end: number, kinds: Uint8Array): number {
  const to = loweredWord(text, from, end, kinds)
  return to < 0 ? uppers(text, from, end, kinds) : to
}

/** A mark stands before `from`: it begins a word that has lower letters, and is a word by itself otherwise. */
function markedWord(text: string, from: number, end: number, kinds: Uint8Array): number {
  return Math.max(from, loweredWord(text, from, end, kinds))
}

/**
 * UPPER*LOWER+, or -1. The uppers backtrack as in a regular expression: if no lower follows them, the word ends after
 * the last character that is both.
 */
function loweredWord(text: string, from: number, end: number, kinds: Uint8Array): number {
  let at = from
  let afterBoth = -1
  while (at < end) {
    const code = codeAt(text, at, end)
    const kind = kinds[code] as number
    if ((kind & UPPER) === 0) {
      if ((kind & LOWER) === 0) return afterBoth
      return lowers(text, at, end, kinds)
    }
    at += code > 0xffff ? 2 : 1
    if ((kind & LOWER) !== 0) afterBoth = at
  }
  return afterBoth
}

function uppers(text: string, from: number, end: number, kinds: Uint8Array): number {
  return run(text, from, end, kinds, UPPER)
}

function lowers(text: string, from: number, end: number, kinds: Uint8Array): number {
  return run(text, from, end, kinds, LOWER)
}

function run(text: string, from: number, end: number, kinds: Uint8Array, kind: number): number {
  let at = from
  while (at < end) {
    const code = codeAt(text, at, end)
    if (((kinds[code] as number) & kind) === 0) break
    at += code > 0xffff ? 2 : 1
  }
  return at
}

function numbers(text: string, from: number, end: number, kinds: Uint8Array, most: number): number {
  let at = from
  for (let left = most; left > 0 && at < end; left -= 1) {
    const code = codeAt(text, at, end)
    if (((kinds[code] as number) & NUMBER) === 0) break
    at += code > 0xffff ? 2 : 1
  }
  return at
}

function isPunctuation(kind: number): boolean {
  return (kind & (SPACE | LETTER | NUMBER)) === 0
}

function punctuation(text: string, from: number, end: number, kinds: Uint8Array, slash: boolean): number {
  let at = from
  while (at < end) {
    const code = codeAt(text, at, end)
    if (!isPunctuation(kinds[code] as number)) break
    at += code > 0xffff ? 2 : 1
  }
  while (at < end) {
    const unit = text.charCodeAt(at)
    if (unit !== 0x0a && unit !== 0x0d && !(slash && unit === 0x2f)) break
    at += 1
  }
  return at
}

/**
 * Up to the last line end, if there is one; else all but the last space, which belongs to the next word; everything at
 * the end of the text.
 */
function spaces(text: string, from: number, end: number, kinds: Uint8Array): number {
  let at = from
  let afterNewline = -1
  while (at < end) {
    const kind = kinds[text.charCodeAt(at)] as number
    if ((kind & SPACE) === 0) break
    at += 1
    if ((kind & NEWLINE) !== 0) afterNewline = at
  }
  if (afterNewline > 0) return afterNewline
  return at < end && at - from > 1 ? at - 1 : at
}
