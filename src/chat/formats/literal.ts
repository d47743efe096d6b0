/**
 * Values and calls as models write them in JSON and in Python: `{"a": [1, true]}`, `{'a': None,}`, `f(a="x", b=2)`.
 *
 * Reading takes linear time and goes no deeper than MAX_DEPTH. Beyond JSON it accepts what has only one meaning:
 * strings in ' and """, line feeds within a string, True, False and None, a trailing comma.
 */

import { Cursor, ifReadable, NUMBER, readItems, SPACE, UNREADABLE, unreadable, WORD, WORDS } from './cursor.js'
import { MAX_DEPTH } from './depth.js'
import { type WrittenObject, type WrittenValue, writtenNumber } from './exact-number.js'
import { parseJson } from './json.js'
import { setKey } from './json-value.js'
import type { WrittenCall } from './written-call.js'

/** undefined: the text is not one whole value. */
export function parseLiteral(source: string): WrittenValue | undefined {
  return parseJson(source) ?? reading(source, (cursor) => readValue(cursor, 0))
}

/** `f(a=1)`, or `print(f(a=1))`, as some models write it. undefined: the text is not one whole call. */
export function parsePythonCall(source: string): WrittenCall | undefined {
  return reading(source, readCall)
}

/** `[f(a=1), g()]`. undefined: the text is not one whole list of calls. */
export function parsePythonCalls(source: string): WrittenCall[] | undefined {
  return reading(source, (cursor) => {
    const calls: WrittenCall[] = []
    if (!cursor.take('[')) throw UNREADABLE
    readItems(cursor, ']', () => calls.push(readCall(cursor)))
    return calls
  })
}

function reading<T>(source: string, read: (cursor: Cursor) => T): T | undefined {
  const cursor = new Cursor(source)
  return ifReadable(() => {
    cursor.skip(SPACE)
    const result = read(cursor)
    cursor.skip(SPACE)
    return cursor.at === source.length ? result : undefined
  })
}

const NAME = /[A-Za-z_][\w.:-]*/y
const KEYWORD = /[A-Za-z_]\w*(?=\s*=(?!=))/y

function readCall(cursor: Cursor): WrittenCall {
  // The prefix of Gemini's own tools, which Gemma learned from it.
  cursor.take('default_api.')
  const name = cursor.skip(NAME)
  if (name === '' || !cursor.take('(')) throw UNREADABLE
  cursor.skip(SPACE)
  const start = cursor.at
  if (name === 'print' && cursor.skip(NAME) !== '' && cursor.take('(')) {
    cursor.at = start
    const inner = readCall(cursor)
    cursor.skip(SPACE)
    if (!cursor.take(')')) throw UNREADABLE
    return inner
  }
  cursor.at = start
  const input: WrittenObject = {}
  const positional: WrittenValue[] = []
  readItems(cursor, ')', () => {
    const key = cursor.skip(KEYWORD)
    if (key === '') {
      positional.push(readValue(cursor, 1))
      return
    }
    cursor.skip(SPACE)
    cursor.take('=')
    if (Object.hasOwn(input, key)) throw UNREADABLE
    setKey(input, key, readValue(cursor, 1))
  })
  return positional.length > 0 ? { name, input, positional } : { name, input }
}

function readValue(cursor: Cursor, depth: number): WrittenValue {
  if (depth > MAX_DEPTH) throw UNREADABLE
  cursor.skip(SPACE)
  const text = readString(cursor)
  if (text !== undefined) return text
  if (cursor.take('{')) return readObject(cursor, depth)
  if (cursor.take('[')) {
    const list: WrittenValue[] = []
    readItems(cursor, ']', () => list.push(readValue(cursor, depth + 1)))
    return list
  }
  if (cursor.take('(')) return readTuple(cursor, depth)
  const number = cursor.skip(NUMBER)
  if (number !== '') return writtenNumber(number) ?? unreadable()
  const word = WORDS[cursor.skip(WORD)]
  if (word === undefined) throw UNREADABLE
  return word
}

/** (1, 2) is a list, and ("a") is "a". */
function readTuple(cursor: Cursor, depth: number): WrittenValue {
  const list: WrittenValue[] = []
  const start = cursor.at
  readItems(cursor, ')', () => list.push(readValue(cursor, depth + 1)))
  const [only] = list
  const comma = /,\s*\)$/.test(cursor.source.slice(Math.max(start, cursor.at - MAX_DEPTH), cursor.at))
  return list.length === 1 && only !== undefined && !comma ? only : list
}

function readObject(cursor: Cursor, depth: number): WrittenObject {
  const object: WrittenObject = {}
  readItems(cursor, '}', () => {
    const key = readString(cursor)
    cursor.skip(SPACE)
    if (key === undefined || !cursor.take(':')) throw UNREADABLE
    setKey(object, key, readValue(cursor, depth + 1))
  })
  return object
}

// A run of characters that neither end a string nor escape something.
const PLAIN: Record<string, RegExp> = { '"': /[^"\\]+/y, "'": /[^'\\]+/y }
const ESCAPES: Record<string, string> = {
  ...{ n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '/': '/', '\\': '\\', '"': '"', "'": "'", '\n': '' },
}

/** undefined: no string begins here. A backslash before a character that it cannot escape stands for itself. */
function readString(cursor: Cursor): string | undefined {
  const raw = /[rR](?=["'])/y
  const isRaw = cursor.skip(raw) !== ''
  const quote = cursor.source[cursor.at]
  if (quote !== '"' && quote !== "'") return undefined
  const close = cursor.take(quote.repeat(3)) ? quote.repeat(3) : quote
  if (close === quote) cursor.at += 1
  const plain = PLAIN[quote] as RegExp
  const pieces: string[] = []
  for (;;) {
    pieces.push(cursor.skip(plain))
    if (cursor.take(close)) return pieces.join('')
    if (cursor.take(quote)) pieces.push(quote)
    else if (cursor.take('\\')) pieces.push(isRaw ? rawEscape(cursor) : readEscape(cursor))
    else throw UNREADABLE
  }
}

function rawEscape(cursor: Cursor): string {
  const char = cursor.source[cursor.at] ?? ''
  cursor.at += char.length
  return `\\${char}`
}

function readEscape(cursor: Cursor): string {
  const code = cursor.skip(/u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}/y)
  if (code !== '') return String.fromCharCode(Number.parseInt(code.slice(1), 16))
  const char = cursor.source[cursor.at] ?? ''
  const known = Object.hasOwn(ESCAPES, char) ? ESCAPES[char] : undefined
  if (known === undefined) return '\\'
  cursor.at += 1
  return known
}
