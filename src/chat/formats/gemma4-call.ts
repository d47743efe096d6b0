/** Gemma 4's call syntax, by recursive descent: `call:Name{key:<|"|>text<|"|>,n:1,list:[…],obj:{…}}`, drifts included. */
import type { JsonObject, JsonValue } from '../types.js'

/** Stands for the control token <|"|> in the text of a call. Decoded text has no lone surrogates. */
export const QUOTE = '\ud800'

const MAX_DEPTH = 64

export interface Call {
  name: string
  input: JsonObject
}

/** All calls of one `<|tool_call>` block; undefined if any of it cannot be read. */
export function parseCalls(text: string): Call[] | undefined {
  const reader = new Reader(text)
  const calls: Call[] = []
  try {
    do calls.push(reader.call())
    while (!reader.atEnd())
    return calls
  } catch (error) {
    if (error instanceof Unreadable) return undefined
    throw error
  }
}

class Unreadable extends Error {}

class Reader {
  private at = 0

  constructor(private readonly text: string) {}

  atEnd(): boolean {
    this.skip(/[\s,;]*/y)
    return this.at >= this.text.length
  }

  /** Models also write `:call:`, and `call:f(k=v)` under very long prompts. */
  call(): Call {
    this.skip(/[\s:]*/y)
    if (!this.take('call:')) throw new Unreadable()
    const name = this.skip(/[^{(\s\ud800]*/y)
    this.skip(/\s*/y)
    if (!name) throw new Unreadable()
    if (this.take('{')) return { name, input: this.members('}', 0) }
    if (this.take('(')) return { name, input: this.members(')', 0) }
    throw new Unreadable()
  }

  private members(close: string, depth: number): JsonObject {
    if (depth > MAX_DEPTH) throw new Unreadable()
    const object: JsonObject = {}
    for (;;) {
      this.skip(/[\s,]*/y)
      if (this.take(close)) return object
      const key = this.key()
      // Not by plain assignment: a key may be __proto__.
      Object.defineProperty(object, key, {
        value: this.value(depth + 1),
        enumerable: true,
        configurable: true,
        writable: true,
      })
      this.end(close)
    }
  }

  private items(depth: number): JsonValue[] {
    if (depth > MAX_DEPTH) throw new Unreadable()
    const list: JsonValue[] = []
    for (;;) {
      this.skip(/[\s,]*/y)
      if (this.take(']')) return list
      list.push(this.value(depth + 1))
      this.end(']')
    }
  }

  /** After a member: a comma or the bracket that closes; a stray quote before it is a known slip. */
  private end(close: string): void {
    this.skip(/\s*/y)
    if (this.text[this.at] === QUOTE) this.at++
    this.skip(/\s*/y)
    const next = this.text[this.at]
    if (next !== ',' && next !== close) throw new Unreadable()
  }

  private key(): string {
    const quoted = this.quoted()
    const key = quoted ?? this.skip(/[^:=,{}[\]()\ud800]*/y).trim()
    this.skip(/\s*/y)
    if (!key || !(this.take(':') || this.take('='))) throw new Unreadable()
    return key
  }

  private value(depth: number): JsonValue {
    this.skip(/\s*/y)
    const quoted = this.quoted()
    if (quoted !== undefined) return quoted
    if (this.take('{')) return this.members('}', depth)
    if (this.take('[')) return this.items(depth)
    const bare = this.skip(/[^,{}[\])\ud800]*/y).trim()
    if (!bare) throw new Unreadable()
    if (bare === 'true' || bare === 'false') return bare === 'true'
    if (bare === 'null' || bare === 'None') return null
    if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(bare)) return Number(bare)
    return bare
  }

  /** A string in the model's own quotes (verbatim), in double or in single ones; undefined if there is none here. */
  private quoted(): string | undefined {
    const mark = this.text[this.at]
    if (mark === QUOTE) {
      const end = this.text.indexOf(QUOTE, this.at + 1)
      if (end < 0) throw new Unreadable()
      const inside = this.text.slice(this.at + 1, end)
      this.at = end + 1
      return inside
    }
    if (mark !== '"' && mark !== "'") return undefined
    const string = mark === '"' ? /"((?:[^"\\]|\\.)*)"/sy : /'((?:[^'\\]|\\.|'(?!\s*[,}\])=:\ud800]))*)'/sy
    string.lastIndex = this.at
    const match = string.exec(this.text)
    if (!match) throw new Unreadable()
    this.at = string.lastIndex
    return unescape(match[1] as string)
  }

  private take(text: string): boolean {
    if (!this.text.startsWith(text, this.at)) return false
    this.at += text.length
    return true
  }

  private skip(pattern: RegExp): string {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0] ?? ''
    this.at += found.length
    return found
  }
}

/** JSON's escapes; anything else behind a backslash stays as it is. */
function unescape(text: string): string {
  const simple: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }
  return text.replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (whole, code: string) => {
    if (code.length === 5) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
    if (code in simple) return simple[code] as string
    return code === '"' || code === "'" || code === '\\' || code === '/' ? code : whole
  })
}
