/** Matches of a pattern in a text, and what becomes of them and of the text between. */
import type { Fail } from './file.js'
import type { Pattern } from './pattern.js'

/** A part of a text; it may be empty, and then still cuts. */
export type Stretch = { text: string; match: boolean }

export type Merge = (stretches: Stretch[]) => string[]

/** The text in order, as stretches that match and stretches that do not; `invert` swaps the two. */
export function cut(text: string, pattern: Pattern, invert: boolean): Stretch[] {
  const stretches: Stretch[] = []
  let at = 0
  for (const [start, end] of matches(text, pattern)) {
    if (start > at) stretches.push({ text: text.slice(at, start), match: invert })
    stretches.push({ text: text.slice(start, end), match: !invert })
    at = end
  }
  if (at < text.length) stretches.push({ text: text.slice(at), match: invert })
  return stretches
}

/** All matches, also empty ones unless one lies right after the match before it. */
export function* matches(text: string, pattern: Pattern): Generator<[start: number, end: number]> {
  const find = pattern(text)
  let from = 0
  let last = -1
  while (from <= text.length) {
    const found = find(from)
    if (!found) return
    const [start, end] = found
    // JavaScript also finds nothing between the halves of a character.
    if (start === end && (end === last || isInside(text, end))) {
      from = end + ((text.codePointAt(end) as number) > 0xffff ? 2 : 1)
      continue
    }
    yield found
    from = last = end
  }
}

function isInside(text: string, at: number): boolean {
  return at > 0 && (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800
}

/** By the names of files; "merged_with_next" and "MergedWithNext" are the same. */
export function readBehavior(json: unknown, fail: Fail): Merge {
  const merge = BEHAVIORS[String(json).replaceAll('_', '').toLowerCase()]
  return merge ?? fail(`has a split of the unknown behavior ${String(json)}`)
}

export const isolated: Merge = (stretches) => stretches.map(({ text }) => text)

export const removed: Merge = (stretches) => stretches.filter(({ match }) => !match).map(({ text }) => text)

export const contiguous: Merge = (stretches) => {
  const words: string[] = []
  let last = false
  for (const { text, match } of stretches) {
    if (match === last && words.length > 0) words[words.length - 1] += text
    else words.push(text)
    last = match
  }
  return words
}

const mergedWithPrevious: Merge = (stretches) => {
  const words: string[] = []
  let after = false
  for (const { text, match } of stretches) {
    if (match && !after && words.length > 0) words[words.length - 1] += text
    else words.push(text)
    after = match
  }
  return words
}

export const mergedWithNext: Merge = (stretches) => {
  const words: string[] = []
  let after = false
  for (const { text, match } of stretches.toReversed()) {
    if (match && !after && words.length > 0) words[words.length - 1] = text + words[words.length - 1]
    else words.push(text)
    after = match
  }
  return words.reverse()
}

const BEHAVIORS: Record<string, Merge | undefined> = {
  isolated,
  removed,
  contiguous,
  mergedwithprevious: mergedWithPrevious,
  mergedwithnext: mergedWithNext,
}
