/** The inside of Gemma 4's tool calls: `call:Name{key:<|"|>text<|"|>,n:1,list:[…],object:{…}}`. */
import type { JsonObject, JsonValue } from '../types.js'
import { Cursor, ifReadable, NUMBER, readItems, SPACE, UNREADABLE, unreadable, WORD, WORDS } from './cursor.js'
import { MAX_DEPTH } from './depth.js'
import { type WrittenObject, type WrittenValue, writtenNumber } from './exact-number.js'
import { isObject, setKey } from './json-value.js'
import { isOfKind, SchemaCheck } from './schema.js'
import type { WrittenCall } from './written-call.js'

/** The text between the markers. `quotes`: the positions in `source` of `<|"|>` control tokens, in order. */
interface CallBody {
  source: string
  quotes: number[]
}

export const QUOTE = '<|"|>'

/** What helps to read a malformed body. */
export interface CallHints {
  /** The schema of a tool's input. */
  schemaOf(name: string): JsonObject | undefined
  /** Whether the last string may lack its closing quote: not while that may still come. */
  unclosed: boolean
}

/**
 * All calls of one body, usually one; undefined if any of it cannot be read.
 * Besides the trained form it accepts known mistakes of the model that have only one meaning: strings in " and ',
 * strings whose two quotes differ or of which one is missing, bare words where the schema wants text, quoted keys and
 * keys with spaces, = for :, (…) and ({…}) for {…}, no braces where the tool needs no arguments, a missing "call", a
 * leading colon, a trailing comma, and several calls in one body.
 */
export function parseCalls(body: CallBody, hints: CallHints): WrittenCall[] | undefined {
  return ifReadable(() => readCalls(new BodyCursor(body, hints.unclosed), hints))
}

// The beginning of another argument: text that contains it lost a quote somewhere.
const NEXT_KEY = /[,{[]\s*["']?[\w-]+["']?\s*[:=]/

/** A place in a body, in which quotes are tokens. */
class BodyCursor extends Cursor {
  private readonly quotes: number[]
  private nextQuote = 0

  constructor(
    body: CallBody,
    private readonly unclosed: boolean,
  ) {
    super(body.source)
    this.quotes = body.quotes
  }

  /** The position of the next quote token, at this place or later. */
  quoteAt(): number | undefined {
    const { quotes } = this
    while ((quotes[this.nextQuote] ?? Number.POSITIVE_INFINITY) < this.at) this.nextQuote += 1
    return quotes[this.nextQuote]
  }

  takeQuote(): boolean {
    return this.quoteAt() === this.at && this.take(QUOTE)
  }

  /** The text up to the closing quote, if a quote token stands here. */
  takeQuoted(): string | undefined {
    if (!this.takeQuote()) return undefined
    const close = this.quoteAt()
    if (close === undefined) return this.takeUnclosed()
    const text = this.source.slice(this.at, close)
    this.at = close + QUOTE.length
    return text
  }

  /** A last string without its closing quote: all but the closing brackets, if nothing in it contradicts that. */
  private takeUnclosed(): string {
    const text = this.skip(/[^{}[\]()]*/y)
    const rest = this.source.slice(this.at, this.at + MAX_DEPTH)
    const plain = this.unclosed && /^[}\])]+\s*$/.test(rest) && !NEXT_KEY.test(text)
    if (!plain) throw UNREADABLE
    return text
  }

  /** Text without its opening quote: it ends with a quote token, and so does the argument. */
  takeUnopened(): string | undefined {
    const close = this.quoteAt()
    if (close === undefined) return undefined
    const text = this.source.slice(this.at, close)
    const follows = /\s*(?:[,}\])]|$)/y
    follows.lastIndex = close + QUOTE.length
    if (/[:=[{(,]\s*$/.test(text.slice(-40)) || NEXT_KEY.test(text) || !follows.test(this.source)) return undefined
    this.at = close + QUOTE.length
    return text
  }
}

const BETWEEN_CALLS = /[\s,;]*/y
const NAME = /[^\s{}()[\]<>"',:=]+(?::+[^\s{}()[\]<>"',:=]+)*/y
const WHOLE_NAME = new RegExp(`^${NAME.source}$`)
const BARE_KEY = /[^{}()[\]<>"',:=]+/y
// Without quotes only text that cannot be anything else; a URL may have its colon.
const BARE_TEXT = /(?:[^\n{}()[\]<>"',:=]|:\/\/)+(?=[,}\])]|$)/y

/** Whether a call of a tool with this name can be read back. */
export function isReadableName(name: string): boolean {
  return name.isWellFormed() && WHOLE_NAME.test(name)
}

function readCalls(cursor: BodyCursor, hints: CallHints): WrittenCall[] {
  const calls: WrittenCall[] = []
  cursor.skip(SPACE)
  while (cursor.at < cursor.source.length) {
    // Either half of `call:` may be missing before the first call; between two calls one half is needed.
    const told = [cursor.take(':'), cursor.take('call:')].includes(true)
    if (!told && calls.length > 0) throw UNREADABLE
    cursor.skip(SPACE)
    const name = cursor.skip(NAME)
    cursor.skip(SPACE)
    if (name === '') throw UNREADABLE
    const want = wanted(hints.schemaOf(name))
    const bare = cursor.at === cursor.source.length && needsNothing(want)
    calls.push({ name, input: bare ? {} : readInput(cursor, want) })
    cursor.skip(BETWEEN_CALLS)
  }
  if (calls.length === 0) throw UNREADABLE
  return calls
}

/** What the tool's schema says about the value that is read. */
interface Wanted {
  check: SchemaCheck
  schema: JsonValue | undefined
  /** Whether the tool was offered. */
  isKnown: boolean
}

function wanted(schema: JsonObject | undefined): Wanted {
  return { check: new SchemaCheck(schema ?? {}), schema, isKnown: schema !== undefined }
}

function wantedOf({ check, schema, isKnown }: Wanted, key: string | number): Wanted {
  const branches = check.branches(schema)
  return { check, isKnown, schema: typeof key === 'string' ? check.property(branches, key) : check.item(branches, key) }
}

/** Whether the schema says that the value may be text; one that says nothing does not. */
function mayBeText({ check, schema }: Wanted): boolean {
  return check.branches(schema).some((branch) => isOfKind('', branch) && !isOfKind([], branch))
}

/** Whether the tool takes keys of the model's own: a grammar does not count them. */
function mayRepeat({ check, schema, isKnown }: Wanted, key: string): boolean {
  return (
    isKnown &&
    check.branches(schema).some(({ properties, patternProperties, additionalProperties }) => {
      if (isObject(properties) && Object.hasOwn(properties, key)) return false
      return isObject(patternProperties) || (additionalProperties ?? !isObject(properties)) !== false
    })
  )
}

/** Whether a tool was offered that may be called without arguments. */
function needsNothing({ check, schema }: Wanted): boolean {
  if (schema === undefined) return false
  return check.branches(schema).every(({ required }) => !Array.isArray(required) || required.length === 0)
}

/** `{…}`, `(…)` or `({…})`. */
function readInput(cursor: BodyCursor, want: Wanted): WrittenObject {
  if (cursor.take('{')) return readObject(cursor, '}', 0, want)
  if (!cursor.take('(')) throw UNREADABLE
  cursor.skip(SPACE)
  if (!cursor.take('{')) return readObject(cursor, ')', 0, want)
  const input = readObject(cursor, '}', 0, want)
  cursor.skip(SPACE)
  if (!cursor.take(')')) throw UNREADABLE
  return input
}

/** The object after its opening brace. */
function readObject(cursor: BodyCursor, close: string, depth: number, want: Wanted): WrittenObject {
  const object: WrittenObject = {}
  readItems(cursor, close, () => {
    const key = cursor.takeQuoted() ?? readQuotes(cursor) ?? cursor.skip(BARE_KEY).trim()
    cursor.skip(SPACE)
    if (key === '' || !(cursor.take(':') || cursor.take('='))) throw UNREADABLE
    // The same key twice: two calls ran into one another. Of a key that the model chose the last one counts, as in JSON.
    if (Object.hasOwn(object, key) && !mayRepeat(want, key)) throw UNREADABLE
    setKey(object, key, readValue(cursor, depth + 1, wantedOf(want, key)))
  })
  return object
}

function readList(cursor: BodyCursor, depth: number, want: Wanted): WrittenValue[] {
  const list: WrittenValue[] = []
  readItems(cursor, ']', () => list.push(readValue(cursor, depth + 1, wantedOf(want, list.length))))
  return list
}

function readValue(cursor: BodyCursor, depth: number, want: Wanted): WrittenValue {
  if (depth > MAX_DEPTH) throw UNREADABLE
  cursor.skip(SPACE)
  const quoted = cursor.takeQuoted()
  if (quoted !== undefined) return quoted
  const text = readQuotes(cursor)
  if (text !== undefined) {
    // Closed by its own quote and then by a quote token as well.
    cursor.takeQuote()
    return text
  }
  if (cursor.take('{')) return readObject(cursor, '}', depth, want)
  if (cursor.take('[')) return readList(cursor, depth, want)
  const number = cursor.skip(NUMBER)
  if (number !== '') return writtenNumber(number) ?? unreadable()
  const word = WORDS[cursor.skip(WORD)]
  if (word !== undefined) return word
  const bare = cursor.takeUnopened() ?? (mayBeText(want) ? cursor.skip(BARE_TEXT).trim() : '')
  if (bare === '') throw UNREADABLE
  return bare
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

/** "…" or '…' with JSON's escapes; a backslash before anything else stands for itself. A quote token closes it too. */
function readQuotes(cursor: BodyCursor): string | undefined {
  const quote = cursor.take('"') ? '"' : cursor.take("'") ? "'" : undefined
  if (!quote) return undefined
  const plain = quote === '"' ? /[^"\\]*/y : /[^'\\]*/y
  const end = cursor.quoteAt() ?? Number.POSITIVE_INFINITY
  let text = ''
  for (;;) {
    const from = cursor.at
    text += cursor.skip(plain)
    if (cursor.at >= end) {
      text = text.slice(0, text.length - (cursor.at - Math.max(from, end)))
      cursor.at = end
      if (!cursor.takeQuote()) throw UNREADABLE
      return text
    }
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
