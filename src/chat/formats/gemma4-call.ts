/** The inside of Gemma 4's tool calls: `call:Name{key:<|"|>text<|"|>,n:1,list:[…],object:{…}}`. */
import type { JsonObject, JsonValue } from '../types.js'
import { MAX_DEPTH } from './depth.js'
import { setKey } from './schema.js'

/** What stood between the markers. `quotes`: where in `source` a `<|"|>` control token stands, in order. */
interface CallBody {
  source: string
  quotes: number[]
}

export const QUOTE = '<|"|>'

/**
 * All calls of one body, usually one; undefined if any of it cannot be read.
 * Accepted beside the trained form are what the model is known to drift to and what can mean one thing only: strings in
 * " and ', quoted and spaced keys, = for :, (…) for {…}, a leading colon, a comma too many, several calls in one body.
 */
export function parseCalls(body: CallBody): { name: string; input: JsonObject }[] | undefined {
  try {
    return readCalls(new Cursor(body))
  } catch (error) {
    if (error === UNREADABLE) return undefined
    throw error
  }
}

const UNREADABLE = Symbol('unreadable')

/** A place in a body. Everything here moves forward only, so reading takes linear time. */
class Cursor {
  at = 0
  private nextQuote = 0

  constructor(private readonly body: CallBody) {}

  get source(): string {
    return this.body.source
  }

  skip(what: RegExp): string {
    what.lastIndex = this.at
    const found = what.exec(this.source)?.[0] ?? ''
    this.at += found.length
    return found
  }

  take(text: string): boolean {
    if (!this.source.startsWith(text, this.at)) return false
    this.at += text.length
    return true
  }

  /** The text up to the closing quote, if a quote token stands here. */
  takeQuoted(): string | undefined {
    const { quotes, source } = this.body
    while ((quotes[this.nextQuote] ?? Number.POSITIVE_INFINITY) < this.at) this.nextQuote += 1
    if (quotes[this.nextQuote] !== this.at) return undefined
    const close = quotes[this.nextQuote + 1]
    if (close === undefined) throw UNREADABLE
    const text = source.slice(this.at + QUOTE.length, close)
    this.nextQuote += 2
    this.at = close + QUOTE.length
    return text
  }
}

const SPACE = /\s*/y
const BETWEEN_CALLS = /[\s,;]*/y
const NAME = /[^\s{}()[\]<>"',:=]+/y
const BARE_KEY = /[^{}()[\]<>"',:=]+/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?=[\s,}\])]|$)/y
const WORD = /(?:true|false|null|True|False|None)(?=[\s,}\])]|$)/y
const WORDS: Record<string, JsonValue> = { true: true, True: true, false: false, False: false, null: null, None: null }

function readCalls(cursor: Cursor): { name: string; input: JsonObject }[] {
  const calls: { name: string; input: JsonObject }[] = []
  cursor.skip(SPACE)
  while (cursor.at < cursor.source.length) {
    cursor.take(':')
    if (!cursor.take('call:')) throw UNREADABLE
    cursor.skip(SPACE)
    const name = cursor.skip(NAME)
    cursor.skip(SPACE)
    const close = cursor.take('{') ? '}' : cursor.take('(') ? ')' : ''
    if (name === '' || close === '') throw UNREADABLE
    calls.push({ name, input: readObject(cursor, close, 0) })
    cursor.skip(BETWEEN_CALLS)
  }
  if (calls.length === 0) throw UNREADABLE
  return calls
}

/** What follows the opening brace. */
function readObject(cursor: Cursor, close: string, depth: number): JsonObject {
  const object: JsonObject = {}
  readItems(cursor, close, () => {
    const key = cursor.takeQuoted() ?? readQuotes(cursor) ?? cursor.skip(BARE_KEY).trim()
    cursor.skip(SPACE)
    if (key === '' || !(cursor.take(':') || cursor.take('='))) throw UNREADABLE
    setKey(object, key, readValue(cursor, depth + 1))
  })
  return object
}

function readList(cursor: Cursor, depth: number): JsonValue[] {
  const list: JsonValue[] = []
  readItems(cursor, ']', () => list.push(readValue(cursor, depth + 1)))
  return list
}

function readItems(cursor: Cursor, close: string, readItem: () => void): void {
  for (;;) {
    cursor.skip(SPACE)
    if (cursor.take(close)) return
    readItem()
    cursor.skip(SPACE)
    if (cursor.take(',')) continue
    if (!cursor.take(close)) throw UNREADABLE
    return
  }
}

function readValue(cursor: Cursor, depth: number): JsonValue {
  if (depth > MAX_DEPTH) throw UNREADABLE
  cursor.skip(SPACE)
  const text = cursor.takeQuoted() ?? readQuotes(cursor)
  if (text !== undefined) return text
  if (cursor.take('{')) return readObject(cursor, '}', depth)
  if (cursor.take('[')) return readList(cursor, depth)
  const number = cursor.skip(NUMBER)
  if (number !== '') return finite(Number(number))
  const word = WORDS[cursor.skip(WORD)]
  if (word === undefined) throw UNREADABLE
  return word
}

function finite(number: number): number {
  if (!Number.isFinite(number)) throw UNREADABLE
  return number
}

const ESCAPES: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  '/': '/',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

/** "…" or '…' with JSON's escapes; a backslash before anything else stands for itself. */
function readQuotes(cursor: Cursor): string | undefined {
  const quote = cursor.take('"') ? '"' : cursor.take("'") ? "'" : undefined
  if (!quote) return undefined
  const plain = quote === '"' ? /[^"\\]*/y : /[^'\\]*/y
  let text = ''
  for (;;) {
    text += cursor.skip(plain)
    if (cursor.take(quote)) return text
    if (!cursor.take('\\')) throw UNREADABLE
    const code = cursor.skip(/u[0-9a-fA-F]{4}/y)
    const char = cursor.source[cursor.at] ?? ''
    const known = ESCAPES[char]
    if (code !== '') {
      text += String.fromCharCode(Number.parseInt(code.slice(1), 16))
    } else if (known !== undefined) {
      text += known
      cursor.at += 1
    } else {
      text += '\\'
    }
  }
}
