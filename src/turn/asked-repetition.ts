/**
 * How much repetition a text asks for: `write this 200 times` is no loop before it is there 200 times. A number counts only
 * where something is asked to be written, and only with what it counts. What is not understood is no repetition.
 */
import type { Repetition } from '../engine/types.js'
import { plainNumbers } from './plain-numbers.js'
import {
  ASKS,
  ASKS_ELSEWHERE,
  DIFFERENT,
  EACH_SAYS,
  GRID,
  GRID_BEHIND,
  KINDS,
  LINES,
  NAMED,
  NO_COUNT,
  NO_THING,
  NO_TIMES,
  OF_WHAT,
  ON_THEM,
  PROGRAM,
  QUOTED,
  RIGHT_BEFORE,
  ROWS_BEFORE,
  SAME,
  SIGNS,
  SIZES,
  TIMES,
  TURNS_AWAY,
} from './request-words.js'

/** Larger counts are taken for these. The engine bounds the tokens of `times`, too. */
export const MOST_TIMES = 10_000
export const MOST_TOKENS = 8192

/** Tokens that a thing takes of which only the number is known: a zero with its comma, an emoji in bytes. */
const OF_A_THING = 4
/** Of a text, its beginning and its end are read, so many characters of each; and so many numbers in all. */
const READ = 4000
const MOST_NUMBERS = 100
/** Characters before and behind a number that can tell what it is. */
const BEFORE = 400
const BEHIND = 120
/** Between what asks and the number. */
const GAP = 80

const NUMBER = /(?<![a-wyz0-9_$€£@#/\\.=+]|[\p{L}\d]x|\d[,:-])\d{1,9}(?![.,:/-]?\d|[%/°_])/gu
const QUOTES =
  /"[^"\n]{1,400}"|“[^”\n]{1,400}”|«[^»\n]{1,400}»|「[^」\n]{1,400}」|`[^`\n]{1,400}`|(?<=^|[\s:(])'[^'\n]{1,400}'(?![\p{L}])/gu

/** Before a number of times that asks without a verb; in a short text that may be what goes on with an earlier one. */
const ALONE = /""[\s,:(]*(?:repeated )?(?:を|って)?$/
const ALONE_IN_SHORT =
  /(?:^|["”»」,:(]|"" (?:repeated|with)|\bwith|(?<!\p{L})(?:but|and|now|again|just|only|make it|make that|bitte|por favor|quiero|quero|voglio|хочу|пожалуйста))\s*$/u
/** What is to come so often, behind that. */
const THE_TEXT = /^ (?:the|same)(?: same)? (?:letter|word|character|sentence|phrase|line|text)\b/

/** `250-300 times`, `three hundred (300)`. */
const RANGE = /\b\d{1,9}\s?[-–]\s?(?=\d{1,9}\s?(?:times|mal|veces|fois|volte|vezes|раз|回|次|遍)(?!\p{L}))/gu
const TWICE = /\b(\d{1,9}) \(\1\)/g

/** A line of a list, and what it is a list of. */
const POINT = /^\s*[-*•]\s/
const OPENS = /:\s*$/

/** A row of numbers, which counts nothing. */
const TABLE = /\|.*\|.*\|/

/** undefined: it asks for none. Takes bounded time. */
export function askedRepetition(text: string): Repetition | undefined {
  const read = text.length > 2 * READ ? `${text.slice(0, READ)}\n${text.slice(-READ)}` : text
  const sentences = sentencesOf(read)
  const isShort = read.length < GAP
  let times = 0
  let tokens = 0
  let numbers = 0
  // The end of a long text is more likely to ask.
  for (const [i, sentence] of sentences.reverse().entries()) {
    const next = sentences[i - 1] ?? ''
    if (TABLE.test(sentence)) continue
    for (const { 0: digits, index } of sentence.matchAll(NUMBER)) {
      if (++numbers > MOST_NUMBERS) break
      const before = sentence.slice(Math.max(0, index - BEFORE), index)
      const behind = sentence.slice(index + digits.length, index + digits.length + BEHIND)
      const one = countOf(Number(digits), { before, behind, next, isShort })
      times = Math.max(times, one.times)
      tokens = Math.max(tokens, one.tokens)
    }
  }
  if (times + tokens === 0) return undefined
  return { times: Math.min(times, MOST_TIMES), tokens: Math.min(tokens, MOST_TOKENS) }
}

/** The number at the end of `now 500`, which says how often only to whom it was said before; 0: the text is another. */
export function bareNumber(text: string): number {
  const [, before = '', digits] = /^((?:\p{L}+[\s,:]+){0,3})(\d{1,9})\W*$/u.exec(plainNumbers(text)) ?? []
  return NO_COUNT.test(before) || NAMED.test(before) ? 0 : Math.min(Number(digits ?? 0), MOST_TIMES)
}

/** In plain numbers, without what is quoted: that is what to write, and has no part in how often. */
function sentencesOf(text: string): string[] {
  let opening = ''
  return plainNumbers(text.replace(QUOTES, '""'))
    .replace(GRID, '$1 by ')
    .replace(RANGE, '')
    .replace(TWICE, '$1')
    .split(/(?<![.!?;])[.!?;]+(?=\s|$)|[。！？；\n]|,? but (?=it |they |he |she )/)
    .map((sentence) => {
      if (POINT.test(sentence)) return `${opening} ${sentence.replace(POINT, '')}`
      if (sentence.trim() !== '') opening = OPENS.test(sentence) ? sentence.slice(-BEHIND) : ''
      return sentence
    })
}

const NONE: Repetition = { times: 0, tokens: 0 }

/** What stands around a number: in its sentence, and the sentence after it. */
interface Place {
  before: string
  behind: string
  next: string
  isShort: boolean
}

function countOf(count: number, place: Place): Repetition {
  const { before, behind, isShort } = place
  if (NO_COUNT.test(before) || PROGRAM.test(before)) return NONE
  // A short request may have no verb: `4,000 zeros please`.
  const asked = askedIn(before, behind) ?? (isShort && before.trim() === '' ? '' : undefined)
  const often = TIMES.exec(behind)
  if (often) {
    const rest = behind.slice(often[0].length)
    if (NO_TIMES.test(rest)) return NONE
    // `"hello", 200 times` asks without a verb.
    const isAll = before.trim() === '' && /^\W{0,5}(?:please\W{0,5})?$/.test(rest)
    const isAlone = isAll || ALONE.test(before) || (isShort && (ALONE_IN_SHORT.test(before) || THE_TEXT.test(rest)))
    return asked !== undefined || isAlone ? { times: count, tokens: 0 } : NONE
  }
  if (NAMED.test(before)) return NONE
  if (isShort && /[^\d\s]\s?[x×*]\s*$/.test(before) && !/^\s*\p{L}/u.test(behind)) return { times: count, tokens: 0 }
  if (asked === undefined || asked.length > GAP || TURNS_AWAY.test(asked)) return NONE
  return thingsOf(count, asked, place)
}

/** So many things: alike, and then any length each; or small ones. */
function thingsOf(count: number, asked: string, { before, behind, next }: Place): Repetition {
  const rows = GRID_BEHIND.test(behind) ? Number(ROWS_BEFORE.exec(before)?.[1] ?? 0) : 0
  if (rows > 0) return { times: Math.max(rows, count), tokens: rows * count * OF_A_THING }
  const things = behind.replace(/^[\s-]+/, '')
  const word = /^[\p{L}\p{M}]+/u.exec(things)?.[0]
  if (NO_THING.test(things) || (word === undefined && !/^(?:"|[^\s\p{P}\p{N}])/u.test(things))) return NONE
  const size = word === undefined ? undefined : (SIZES.get(word) ?? SIZES.get(word.slice(0, 1)))
  if (size !== undefined) return { times: 0, tokens: count * size }
  // 2024 and the like, with nothing between its digits.
  if (count > 1980 && count < 2100 && count !== 2000) return NONE
  const differ = DIFFERENT.test(before) || DIFFERENT.test(things)
  const text = OF_WHAT.exec(things)?.[1]
  const isOne = text !== undefined && !KINDS.has(text.replace(/\P{L}+$/u, ''))
  const areSigns = word === undefined || SIGNS.test(things)
  const isSaid = RIGHT_BEFORE.test(before) || EACH_SAYS.test(next)
  const areLines = LINES.test(things) && ON_THEM.test(asked)
  const alike = areSigns || isOne || areLines || SAME.test(before) || SAME.test(things) || QUOTED.test(things) || isSaid
  return { times: alike && !differ ? count : 0, tokens: count * OF_A_THING }
}

/** What stands between the word that asks and the number; undefined: nothing is asked. */
function askedIn(before: string, behind: string): string | undefined {
  const last = [...before.matchAll(ASKS)].at(-1)
  if (last) return before.slice(last.index + last[0].length)
  return ASKS_ELSEWHERE.test(before) || ASKS_ELSEWHERE.test(behind) ? '' : undefined
}
