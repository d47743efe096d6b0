/** Sets of characters as the reference knows them, whatever Unicode version Node has. */
import { ACCENTS, INERT, NUMERIC, PUNCTUATION } from './character-table.js'

export type CharacterSet = 'numeric' | 'punctuation' | 'accents' | 'inert'

const STEPS: Record<CharacterSet, string> = {
  numeric: NUMERIC,
  punctuation: PUNCTUATION,
  accents: ACCENTS,
  inert: INERT,
}

/** The inside of a JavaScript character class; made when it is needed, since few files need one. */
export function classOfSet(name: CharacterSet): string {
  return escapeRuns(runsOf(STEPS[name]))
}

/** Runs of characters as the inside of a JavaScript character class. */
export function escapeRuns(runs: Iterable<[start: number, end: number]>): string {
  let inside = ''
  for (const [start, end] of runs) inside += escapeRun(start, end)
  return inside
}

export function escapeRun(start: number, end: number): string {
  return `\\u{${start.toString(16)}}-\\u{${(end - 1).toString(16)}}`
}

/** The runs inside a set that is written as steps: lengths in base 36, outside and inside by turns. */
export function* runsOf(steps: string): Generator<[start: number, end: number]> {
  let at = 0
  let inside = false
  for (const step of steps.split(' ')) {
    const next = at + Number.parseInt(step, 36)
    if (inside) yield [at, next]
    inside = !inside
    at = next
  }
}

/** White space in the sense of Unicode, which is not JavaScript's \s (U+0085, U+FEFF). */
export const WHITE_SPACE = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
