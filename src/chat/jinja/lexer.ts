/** Splits a template into tokens, with the whitespace rules of trim_blocks and lstrip_blocks. */
import { TemplateError } from './limits.js'
import { SPACE } from './python-text.js'

export type TokenType = 'data' | 'name' | 'string' | 'int' | 'float' | 'operator' | 'begin' | 'end' | 'eof'

/** `begin` and `end` have the value `{{` or `{%`, whichever they belong to. */
export interface Token {
  type: TokenType
  value: string
  line: number
}

const OPERATOR = /\*\*|\/\/|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy
// Nearly every name. The tables of Unicode cost milliseconds, so they are made only for others.
const PLAIN_NAME = /[A-Za-z_]\w*(?![\w\u0080-\uffff])/y
const NAME = /[\p{L}\p{N}\p{M}_]+/uy
const IDENTIFIER = /^[\p{XID_Start}_]\p{XID_Continue}*$/u
const STRING = /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y
const SPACES = new RegExp(`[${SPACE}]+`, 'y')
const TAG = /\{([%{#])([-+]?)/g
const RAW = new RegExp(`\\{%[-+]?[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\})`, 'y')
const END_RAW = new RegExp(`\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`, 'g')
const END_COMMENT = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, 'g')
const ENDS = {
  '{%': new RegExp(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`, 'y'),
  '{{': new RegExp(`-\\}\\}[${SPACE}]*|\\}\\}`, 'y'),
}
const CLOSING: Record<string, string> = { '(': ')', '[': ']', '{': '}' }
const TRAILING_SPACE = new RegExp(`[${SPACE}]+$`)
const ONLY_SPACE = new RegExp(`^[${SPACE}]+$`)

export function tokenize(template: string): Token[] {
  const lexer = new Lexer(template.replace(/\r\n?/g, '\n').replace(/\n$/, ''))
  lexer.run()
  return lexer.tokens
}

class Lexer {
  readonly tokens: Token[] = []
  private at = 0
  private line = 1
  private startsLine = true
  private lineEnd: number

  constructor(private readonly source: string) {
    this.lineEnd = this.endOfLine(0)
  }

  run(): void {
    while (this.at < this.source.length) {
      TAG.lastIndex = this.at
      const tag = TAG.exec(this.source)
      if (tag === null) {
        this.data(this.source.slice(this.at))
        this.at = this.source.length
        break
      }
      const [, kind, sign = ''] = tag
      this.data(this.trimmed(this.source.slice(this.at, tag.index), sign, kind !== '{'))
      this.advance(tag.index)
      if (kind === '#') this.comment(tag[0].length)
      else if (this.match(RAW) !== undefined) this.raw()
      else this.tag(kind === '%' ? '{%' : '{{', tag[0].length)
    }
    this.add('eof', '')
  }

  private add(type: TokenType, value: string): void {
    this.tokens.push({ type, value, line: this.line })
  }

  private data(text: string): void {
    if (text !== '') this.add('data', text)
  }

  /** A tag with a minus takes all space before it, another block the space between it and its line's beginning. */
  private trimmed(text: string, sign: string, isBlock: boolean): string {
    if (sign === '-') return text.replace(TRAILING_SPACE, '')
    const begin = text.lastIndexOf('\n') + 1
    const strip = isBlock && sign !== '+' && (begin > 0 || this.startsLine) && ONLY_SPACE.test(text.slice(begin))
    return strip ? text.slice(0, begin) : text
  }

  private advance(to: number): void {
    while (this.lineEnd < to) {
      this.line++
      this.lineEnd = this.endOfLine(this.lineEnd + 1)
    }
    if (to > this.at) this.startsLine = this.source[to - 1] === '\n'
    this.at = to
  }

  private endOfLine(from: number): number {
    const end = this.source.indexOf('\n', from)
    return end < 0 ? Number.POSITIVE_INFINITY : end
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    if (!pattern.test(this.source)) return undefined
    const found = this.source.slice(this.at, pattern.lastIndex)
    this.advance(pattern.lastIndex)
    return found
  }

  private comment(opening: number): void {
    END_COMMENT.lastIndex = this.at + opening
    const end = END_COMMENT.exec(this.source)
    if (end === null) throw new TemplateError('a comment has no end', this.line)
    this.advance(end.index + end[0].length)
  }

  private raw(): void {
    END_RAW.lastIndex = this.at
    const end = END_RAW.exec(this.source)
    if (end === null) throw new TemplateError('a raw block has no end', this.line)
    this.data(this.trimmed(this.source.slice(this.at, end.index), end[1] ?? '', true))
    this.advance(end.index + end[0].length)
  }

  private tag(kind: '{%' | '{{', opening: number): void {
    this.add('begin', kind)
    this.advance(this.at + opening)
    const open: string[] = []
    while (true) {
      if (open.length === 0 && this.match(ENDS[kind]) !== undefined) break
      if (this.at >= this.source.length) throw new TemplateError('a tag has no end', this.line)
      this.token(open)
    }
    this.add('end', kind)
  }

  private token(open: string[]): void {
    if (this.match(SPACES) !== undefined) return
    const begun = this.line
    for (const [type, pattern] of patternsFor(this.source.charCodeAt(this.at))) {
      const text = this.match(pattern)
      if (text === undefined) continue
      if (type === 'operator') this.balance(text, open)
      if (pattern === NAME && !IDENTIFIER.test(text)) throw new TemplateError(`"${text}" is not a name`, begun)
      this.tokens.push({ type, value: type === 'string' ? unescaped(text.slice(1, -1), begun) : text, line: begun })
      return
    }
    throw new TemplateError(`unexpected character ${JSON.stringify(this.source[this.at])}`, this.line)
  }

  private balance(text: string, open: string[]): void {
    const closing = CLOSING[text]
    if (closing !== undefined) open.push(closing)
    if (')]}'.includes(text) && open.pop() !== text) throw new TemplateError(`unexpected "${text}"`, this.line)
  }
}

type Patterns = [TokenType, RegExp][]
const NUMBERS: Patterns = [
  ['float', FLOAT],
  ['int', INTEGER],
]
const NAMES: Patterns = [
  ['name', PLAIN_NAME],
  ['name', NAME],
]
const STRINGS: Patterns = [['string', STRING]]
const OPERATORS: Patterns = [['operator', OPERATOR]]

/** What a token that begins with this character may be. */
function patternsFor(code: number): Patterns {
  if (code >= 0x30 && code <= 0x39) return NUMBERS
  if (code === 0x22 || code === 0x27) return STRINGS
  const lower = code | 0x20
  return code >= 0x80 || code === 0x5f || (lower >= 0x61 && lower <= 0x7a) ? NAMES : OPERATORS
}

const ESCAPES: Record<string, string> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** As Python's string literals: an unknown escape stays as it is. */
function unescaped(text: string, line: number): string {
  if (!text.includes('\\')) return text
  const pattern = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g
  return text.replace(pattern, (whole: string, x?: string, u?: string, wide?: string, octal?: string, one = '') => {
    const hex = x ?? u ?? wide
    if (hex !== undefined) {
      const code = Number.parseInt(hex, 16)
      if (code > 0x10ffff) throw new TemplateError(`${whole} is no character`, line)
      return code > 0xffff ? String.fromCodePoint(code) : String.fromCharCode(code)
    }
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8))
    if (one === 'x' || one === 'u' || one === 'U') throw new TemplateError(`\\${one} without its digits`, line)
    return ESCAPES[one] ?? whole
  })
}
