/** A template's tokens, one after the other. */
import { type Token, type TokenType, tokenize } from './lexer.js'
import { TemplateError } from './limits.js'

const DEEPEST = 150

export class TokenStream {
  private readonly tokens: Token[]
  private at = 0
  private depth = 0
  /** Every name that was read, for what asks whether a body uses one. */
  readonly names: string[] = []

  constructor(source: string) {
    this.tokens = tokenize(source)
  }

  get current(): Token {
    return this.tokens[this.at] as Token
  }

  get line(): number {
    return this.current.line
  }

  next(): Token {
    const token = this.current
    if (token.type !== 'eof') this.at++
    return token
  }

  look(ahead: number): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)] as Token
  }

  is(type: TokenType, value?: string): boolean {
    return this.current.type === type && (value === undefined || this.current.value === value)
  }

  /** The current token, if it is an operator. */
  get operator(): string | undefined {
    const { type, value } = this.current
    return type === 'operator' ? value : undefined
  }

  isOperator(...values: string[]): boolean {
    return this.current.type === 'operator' && values.includes(this.current.value)
  }

  isName(...values: string[]): boolean {
    return this.current.type === 'name' && values.includes(this.current.value)
  }

  skip(type: TokenType, value?: string): boolean {
    const found = this.is(type, value)
    if (found) this.at++
    return found
  }

  expect(type: TokenType, value?: string): Token {
    if (this.is(type, value)) return this.next()
    return this.fail(`expected ${value === undefined ? NAMES[type] : `"${value}"`}, found ${describe(this.current)}`)
  }

  fail(message: string, line = this.line): never {
    throw new TemplateError(message, line)
  }

  /** Guards against nesting that the stack cannot hold. */
  nested<T>(parse: () => T): T {
    if (++this.depth > DEEPEST) this.fail(`nested more than ${DEEPEST} levels deep`)
    const result = parse()
    this.depth--
    return result
  }
}

const NAMES: Record<TokenType, string> = {
  data: 'text',
  name: 'a name',
  string: 'a string',
  int: 'an integer',
  float: 'a number',
  operator: 'an operator',
  begin: 'a tag',
  end: 'the end of the tag',
  eof: 'the end of the template',
}

export function describe(token: Token): string {
  return ['end', 'eof', 'data'].includes(token.type) ? NAMES[token.type] : JSON.stringify(token.value)
}
