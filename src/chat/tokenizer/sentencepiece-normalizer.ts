/** SentencePiece's own normalizer: characters by its table, then spaces. */
import { readLongestCharsmap } from './charsmap.js'
import type { Fail, Step } from './file.js'

/** `step`: as sentencepiece.ts writes it. */
export function readSentencePieceNormalizer(step: Step, fail: Fail): (text: string) => string {
  const charsmap = Buffer.from(String(step.charsmap ?? ''), 'base64')
  const replace = charsmap.length > 0 ? readLongestCharsmap(charsmap, fail) : (text: string) => text
  const kept = keeper((step.user_defined ?? []) as string[])
  const space = step.escape === false ? ' ' : '▁'
  return (text) => {
    let replaced = kept ? outside(text, kept, replace) : replace(text)
    if (step.remove_extra === true) replaced = replaced.replace(/^ +/, '').replace(/ {2,}/g, ' ')
    if (replaced === '') return ''
    if (step.dummy_prefix === true) replaced = ` ${replaced}`
    if (space !== ' ') replaced = replaced.replaceAll(' ', space)
    // A mark that the text itself has at its end goes, too.
    let end = replaced.length
    while (step.remove_extra === true && end > 0 && replaced[end - 1] === space) end -= 1
    return replaced.slice(0, end)
  }
}

/** The longest of the user's symbols at each place. */
function keeper(symbols: string[]): RegExp | undefined {
  if (symbols.length === 0) return undefined
  const longest = symbols.toSorted((a, b) => b.length - a.length)
  return new RegExp(longest.map((symbol) => symbol.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'gu')
}

/** Changes what lies between the matches. */
function outside(text: string, kept: RegExp, change: (text: string) => string): string {
  let out = ''
  let at = 0
  for (const found of text.matchAll(kept)) {
    out += change(text.slice(at, found.index)) + found[0]
    at = found.index + found[0].length
  }
  return out + change(text.slice(at))
}
