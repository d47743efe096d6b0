/** Added tokens: they are found in a text before any other step. */
import { type Beginnings, type Hit, makeBeginnings, type Written } from './beginnings.js'
import type { AddedTokenEntry } from './file.js'
import { characterKinds, isWordCharacter, SPACE } from './unicode.js'

/** A stretch of text, or the id of an added token that stood there. */
export type Stretch = string | number

export interface Finder {
  /** The text in order; no stretch is empty. */
  find(text: string): Stretch[]
  /** The tokens to find, as they are written in the text. */
  readonly contents: string[]
  /** Whether a match may depend on, or include, the characters beside the token. */
  readonly looksAround: boolean
}

/**
 * A control token steers the model and is never text: a token that the file marks as special, or that is written like a
 * marker (`<|"|>`, `<unused12>`, `[multimodal]`). Newline runs and HTML tags are text.
 */
export function isControl(token: AddedTokenEntry): boolean {
  if (token.special) return true
  const { content } = token
  if (/^<.+>$/s.test(content)) return !/^<\/?(?:[a-z]+|h[1-6])>$/.test(content) || NAMES.has(content)
  return /^\[[^\]\s]+\]$/.test(content)
}

// Control tokens that are written like HTML tags.
const NAMES = new Set([
  '<pad>',
  '<eos>',
  '<bos>',
  '<unk>',
  '<mask>',
  '<sep>',
  '<cls>',
  '<eot>',
  '<image>',
  '<think>',
  '</think>',
])

/** Finds the leftmost token; of those that begin at the same place, the longest. In linear time, whatever the tokens are. */
export function makeFinder(tokens: AddedTokenEntry[], normalize?: (text: string) => string): Finder {
  const written: Written[] = []
  for (const token of tokens) {
    const content = normalize && !token.verbatim ? normalize(token.content) : token.content
    if (content !== '') written.push({ content, token })
  }
  let beginnings: Beginnings | undefined
  const search = (text: string) => {
    beginnings ??= makeBeginnings(written)
    return find(beginnings(text), text)
  }
  return {
    find: written.length === 0 ? (text) => (text === '' ? [] : [text]) : search,
    contents: written.map(({ content }) => content),
    looksAround: tokens.some((token) => token.lstrip || token.rstrip || token.single_word),
  }
}

/** `hits`: where tokens begin, and which is the longest there, from the last to the first. */
function find(hits: Hit[], text: string): Stretch[] {
  if (hits.length === 0) return text === '' ? [] : [text]
  const found: Stretch[] = []
  let done = 0
  let at = 0
  for (let i = hits.length - 1; i >= 0; i -= 1) {
    const { at: begin, written } = hits[i] as Hit
    if (begin < at) continue
    const { token, content } = written
    at = begin + content.length
    if (token.single_word && (endsInWord(text, begin) || beginsWord(text, at))) continue
    const start = token.lstrip ? spaceStart(text, begin, done) : begin
    if (start > done) found.push(text.slice(done, start))
    found.push(token.id)
    // The white space that a token includes may itself be a token.
    done = token.rstrip ? spaceEnd(text, Math.max(at, done)) : at
  }
  if (done === 0) return [text]
  if (done < text.length) found.push(text.slice(done))
  return found
}

function endsInWord(text: string, at: number): boolean {
  if (at === 0) return false
  const pair = at > 1 && /[\udc00-\udfff]/.test(text[at - 1] as string)
  return isWordCharacter(text.codePointAt(pair ? at - 2 : at - 1) as number)
}

function beginsWord(text: string, at: number): boolean {
  return at < text.length && isWordCharacter(text.codePointAt(at) as number)
}

function spaceStart(text: string, at: number, least: number): number {
  let start = at
  while (start > least && isSpace(text.charCodeAt(start - 1))) start -= 1
  return start
}

function spaceEnd(text: string, at: number): number {
  let end = at
  while (end < text.length && isSpace(text.charCodeAt(end))) end += 1
  return end
}

function isSpace(unit: number): boolean {
  return ((characterKinds()[unit] as number) & SPACE) !== 0
}
