/** Added tokens: what is found in a text before anything else is done to it. */
import type { AddedTokenEntry } from './file.js'
import type { Normalize } from './normalizer.js'

/** A stretch of text, or the id of an added token that stood there. */
export type Stretch = string | number

export type FindTokens = (text: string) => Stretch[]

/**
 * A control token speaks to the model and is never text: what the file calls special, and what is written like a
 * marker (`<|"|>`, `<unused12>`, `[multimodal]`) even if the file does not say so. Newline runs and HTML tags are none.
 */
export function isControl(token: AddedTokenEntry): boolean {
  if (token.special) return true
  const { content } = token
  if (/^<.+>$/s.test(content)) return !/^<\/?(?:[a-z]+|h[1-6])>$/.test(content) || NAMES.has(content)
  return /^\[[^\]\s]+\]$/.test(content)
}

// Written like HTML tags and yet none.
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

interface Node {
  next: Map<number, Node>
  token?: AddedTokenEntry
}

/** Finds the leftmost of these tokens, and of those that begin together the longest. */
export function makeFinder(tokens: AddedTokenEntry[], normalize?: Normalize): FindTokens {
  const root: Node = { next: new Map() }
  for (const token of tokens) {
    const content = normalize ? normalize(token.content) : token.content
    if (content !== '') insert(root, content, token)
  }
  if (root.next.size === 0) return (text) => (text === '' ? [] : [text])
  return (text) => find(root, text)
}

function insert(root: Node, content: string, token: AddedTokenEntry): void {
  let node = root
  for (let i = 0; i < content.length; i += 1) {
    const code = content.charCodeAt(i)
    const next = node.next.get(code) ?? { next: new Map() }
    node.next.set(code, next)
    node = next
  }
  node.token ??= token
}

function find(root: Node, text: string): Stretch[] {
  const found: Stretch[] = []
  let done = 0
  for (let at = 0; at < text.length; ) {
    const [token, end] = longest(root, text, at)
    if (!token) {
      at += 1
      continue
    }
    const whole =
      !token.single_word || (!/[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]$/u.test(before(text, at)) && !startsWord(text, end))
    if (whole) {
      const start = token.lstrip ? Math.max(done, spaceStart(text, at)) : at
      if (start > done) found.push(text.slice(done, start))
      found.push(token.id)
      done = token.rstrip ? spaceEnd(text, end) : end
    }
    at = Math.max(end, done)
  }
  if (done < text.length) found.push(text.slice(done))
  return found
}

function longest(root: Node, text: string, at: number): [AddedTokenEntry | undefined, number] {
  let node = root.next.get(text.charCodeAt(at))
  let token: AddedTokenEntry | undefined
  let end = at
  for (let i = at + 1; node; i += 1) {
    if (node.token) {
      token = node.token
      end = i
    }
    node = i < text.length ? node.next.get(text.charCodeAt(i)) : undefined
  }
  return [token, end]
}

/** The last character before `at`, both halves of it. */
function before(text: string, at: number): string {
  return text.slice(Math.max(0, at - 2), at)
}

function startsWord(text: string, at: number): boolean {
  return /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]/u.test(text.slice(at, at + 2))
}

function spaceStart(text: string, at: number): number {
  let start = at
  while (start > 0 && /\p{White_Space}/u.test(text[start - 1] as string)) start -= 1
  return start
}

function spaceEnd(text: string, at: number): number {
  let end = at
  while (end < text.length && /\p{White_Space}/u.test(text[end] as string)) end += 1
  return end
}
