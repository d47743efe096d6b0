/** Added tokens: they are found in a text before any other step. */
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

/** A trie of UTF-16 units. `ends`: the token that ends at a node. */
interface Trie {
  /** The node of each first unit; 0 if no token begins with it. */
  first: Int32Array
  /** node * 65536 + unit -> node. */
  next: Map<number, number>
  ends: (AddedTokenEntry | undefined)[]
}

/** Finds the leftmost token; of those that begin at the same place, the longest. */
export function makeFinder(tokens: AddedTokenEntry[], normalize?: (text: string) => string): Finder {
  const trie: Trie = { first: new Int32Array(0x10000), next: new Map(), ends: [undefined] }
  const contents: string[] = []
  for (const token of tokens) {
    const content = normalize && !token.verbatim ? normalize(token.content) : token.content
    if (content === '') continue
    insert(trie, content, token)
    contents.push(content)
  }
  return {
    find: contents.length === 0 ? (text) => (text === '' ? [] : [text]) : (text) => find(trie, text),
    contents,
    looksAround: tokens.some((token) => token.lstrip || token.rstrip || token.single_word),
  }
}

function insert(trie: Trie, content: string, token: AddedTokenEntry): void {
  let node = trie.first[content.charCodeAt(0)] as number
  if (node === 0) {
    node = trie.ends.push(undefined) - 1
    trie.first[content.charCodeAt(0)] = node
  }
  for (let i = 1; i < content.length; i += 1) {
    const key = node * 0x10000 + content.charCodeAt(i)
    const next = trie.next.get(key) ?? trie.ends.push(undefined) - 1
    trie.next.set(key, next)
    node = next
  }
  trie.ends[node] = token
}

function find(trie: Trie, text: string): Stretch[] {
  const found: Stretch[] = []
  const { first } = trie
  let done = 0
  for (let at = 0; at < text.length; ) {
    const node = first[text.charCodeAt(at)] as number
    if (node === 0) {
      at += 1
      continue
    }
    const [token, end] = longest(trie, text, at, node)
    if (!token) {
      at += 1
      continue
    }
    if (!token.single_word || (!endsInWord(text, at) && !beginsWord(text, end))) {
      const start = token.lstrip ? Math.max(done, spaceStart(text, at)) : at
      if (start > done) found.push(text.slice(done, start))
      found.push(token.id)
      // The white space that a token includes may itself be a token.
      done = token.rstrip ? spaceEnd(text, end) : end
    }
    at = end
  }
  if (done === 0 && text.length > 0) return [text]
  if (done < text.length) found.push(text.slice(done))
  return found
}

function longest(trie: Trie, text: string, at: number, from: number): [AddedTokenEntry | undefined, number] {
  let node: number | undefined = from
  let token: AddedTokenEntry | undefined
  let end = at
  for (let i = at + 1; node !== undefined; i += 1) {
    if (trie.ends[node]) {
      token = trie.ends[node]
      end = i
    }
    node = i < text.length ? trie.next.get(node * 0x10000 + text.charCodeAt(i)) : undefined
  }
  return [token, end]
}

function endsInWord(text: string, at: number): boolean {
  if (at === 0) return false
  const pair = at > 1 && /[\udc00-\udfff]/.test(text[at - 1] as string)
  return isWordCharacter(text.codePointAt(pair ? at - 2 : at - 1) as number)
}

function beginsWord(text: string, at: number): boolean {
  return at < text.length && isWordCharacter(text.codePointAt(at) as number)
}

function spaceStart(text: string, at: number): number {
  let start = at
  while (start > 0 && isSpace(text.charCodeAt(start - 1))) start -= 1
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
