/**
 * What kind of character a code point is, by the Unicode version of the reference's regular expressions. Node's Unicode
 * version differs from it, and would split some texts into other words.
 */
import { escapeRun, escapeRuns, runsOf } from './character-sets.js'
import { RUNS, WORD_STEPS } from './unicode-table.js'

/** Bits of a character's kind. */
export const LETTER = 1
export const NUMBER = 2
export const SPACE = 4
/** \r and \n. */
export const NEWLINE = 8
/** May stand in the upper part of a cased word: Lu, Lt, Lm, Lo, M. */
export const UPPER = 16
/** May stand in the lower part of a cased word: Ll, Lm, Lo, M. */
export const LOWER = 32

/** By the letters of the table. */
const KINDS: Record<string, number> = {
  B: LETTER | UPPER,
  C: LETTER | LOWER,
  D: LETTER | UPPER,
  E: LETTER | UPPER | LOWER,
  F: LETTER | UPPER | LOWER,
  G: UPPER | LOWER,
  H: NUMBER,
  I: NUMBER,
  J: SPACE,
}

/** Names in patterns to letters of the table. */
const CLASSES: Record<string, string> = {
  L: 'BCDEF',
  Lu: 'B',
  Ll: 'C',
  Lt: 'D',
  Lm: 'E',
  Lo: 'F',
  M: 'G',
  N: 'HI',
  Nd: 'H',
  s: 'J',
  P: 'K',
  S: 'L',
}

let kinds: Uint8Array | undefined

/** The kinds of all code points; one table, made when it is first needed. */
export function characterKinds(): Uint8Array {
  if (kinds) return kinds
  kinds = new Uint8Array(0x110000)
  for (const [letter, start, end] of runs()) {
    const kind = KINDS[letter]
    if (kind) kinds.fill(kind, start, end)
  }
  for (const newline of '\r\n') kinds[newline.charCodeAt(0)] = SPACE | NEWLINE
  return kinds
}

/** The inside of a JavaScript character class with all characters of `\p{name}` or, for `s`, of `\s`. */
export function classOf(name: string, { negated }: { negated: boolean }): string | undefined {
  const letters = CLASSES[name]
  if (!letters) return undefined
  let out = ''
  for (const [letter, start, end] of runs()) {
    if (letters.includes(letter) !== negated) out += escapeRun(start, end)
  }
  return out
}

function* runs(): Generator<[letter: string, start: number, end: number]> {
  let at = 0
  for (const [, letter, length] of RUNS.matchAll(/([A-L])([0-9a-z]*)/g)) {
    const end = at + (length === '' ? 1 : Number.parseInt(length as string, 36))
    yield [letter as string, at, end]
    at = end
  }
}

let words: Uint8Array | undefined

/** Whether a character belongs to a word, for added tokens with single_word. */
export function isWordCharacter(code: number): boolean {
  if (!words) {
    words = new Uint8Array(0x110000)
    for (const [start, end] of runsOf(WORD_STEPS)) words.fill(1, start, end)
  }
  return words[code] === 1
}

/** The inside of a JavaScript character class with the characters of words. */
export function wordClass(): string {
  return escapeRuns(runsOf(WORD_STEPS))
}
