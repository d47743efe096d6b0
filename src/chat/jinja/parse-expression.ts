/** Parses expressions, from the operator that binds least to the one that binds most. */
import type { Arguments, Comparison, Expression, Filters } from './ast.js'
import { int } from './numbers.js'
import { describe, type TokenStream } from './token-stream.js'
import { Float, type Value } from './values.js'

export function parseExpression(stream: TokenStream): Expression {
  return stream.nested(() => {
    let value = parseOr(stream)
    while (stream.is('name', 'if')) {
      const { line } = stream.next()
      const test = parseOr(stream)
      const otherwise = stream.skip('name', 'else') ? parseExpression(stream) : undefined
      value = { kind: 'condition', line, test, whenTrue: value, otherwise }
    }
    return value
  })
}

/** One expression, or a tuple of several without parentheses. `isEnd` tells where a trailing comma may stand. */
export function parseTuple(stream: TokenStream, parse = parseExpression, isEnd = () => false): Expression {
  const { line } = stream.current
  const items: Expression[] = []
  let isTuple = false
  while (!(stream.is('end') || stream.isOperator(')') || isEnd())) {
    items.push(parse(stream))
    if (!stream.skip('operator', ',')) break
    isTuple = true
  }
  if (!isTuple && items[0]) return items[0]
  if (!isTuple) stream.fail(`expected an expression, found ${describe(stream.current)}`)
  return { kind: 'tuple', line, items }
}

/** How tightly an operator binds; where it stands for two words, by the first of them. */
const BINDS: ReadonlyMap<string, number> = new Map([
  ['or', 1],
  ['and', 2],
  ...['in', 'not', '==', '!=', '<', '<=', '>', '>='].map((operator) => [operator, 4] as const),
  ...['+', '-'].map((operator) => [operator, 5] as const),
  ['~', 6],
  ...['*', '/', '//', '%'].map((operator) => [operator, 7] as const),
  ['**', 8],
])
const [OR, NOT, COMPARES, CONCATS] = [1, 3, 4, 6]

export function parseOr(stream: TokenStream): Expression {
  return parseBinary(stream, OR)
}

/** Operands and the operators between them that bind at least so tightly. */
function parseBinary(stream: TokenStream, least: number): Expression {
  const { line } = stream.current
  let left = least <= NOT && stream.is('name', 'not') ? parseNot(stream) : parseUnary(stream)
  while (true) {
    const binds = bindingOf(stream)
    if (binds < least) return left
    if (binds === COMPARES) left = { kind: 'compare', line, first: left, rest: comparisons(stream) }
    else if (binds === CONCATS) left = { kind: 'concat', line, items: [left, ...concatenated(stream)] }
    else left = operation(stream, left, binds)
  }
}

/** 0: no operator between two operands. */
function bindingOf(stream: TokenStream): number {
  const { type, value } = stream.current
  if (type !== 'operator' && type !== 'name') return 0
  const binds = BINDS.get(value) ?? 0
  return value === 'not' && !isNotIn(stream) ? 0 : binds
}

function isNotIn(stream: TokenStream): boolean {
  const { type, value } = stream.look(1)
  return type === 'name' && value === 'in'
}

function operation(stream: TokenStream, left: Expression, binds: number): Expression {
  const { line, value } = stream.next()
  const right = parseBinary(stream, binds + 1)
  if (value === 'or' || value === 'and') return { kind: value, line, left, right }
  return { kind: 'binary', line, operator: value as '+', left, right }
}

function parseNot(stream: TokenStream): Expression {
  const { line } = stream.next()
  return { kind: 'unary', line, operator: 'not', of: stream.nested(() => parseBinary(stream, NOT)) }
}

function comparisons(stream: TokenStream): [Comparison, Expression][] {
  const rest: [Comparison, Expression][] = []
  while (bindingOf(stream) === COMPARES) {
    const { value } = stream.next()
    const operator = value === 'not' ? `not ${stream.next().value}` : value
    rest.push([operator as Comparison, parseBinary(stream, COMPARES + 1)])
  }
  return rest
}

function concatenated(stream: TokenStream): Expression[] {
  const items: Expression[] = []
  while (stream.skip('operator', '~')) items.push(parseBinary(stream, CONCATS + 1))
  return items
}

function parseUnary(stream: TokenStream): Expression {
  return parseFilters(stream, parseSigned(stream))
}

/** A filter belongs to all of what a sign stands before. */
function parseSigned(stream: TokenStream): Expression {
  const { operator } = stream
  if (operator !== '-' && operator !== '+') return parsePostfix(stream, parsePrimary(stream))
  const { line } = stream.next()
  const of = stream.nested(() => parseSigned(stream))
  return parsePostfix(stream, { kind: 'unary', line, operator, of })
}

const CONSTANTS: Record<string, Value> = { true: true, True: true, false: false, False: false, none: null, None: null }

export function parsePrimary(stream: TokenStream): Expression {
  const token = stream.next()
  const { line } = token
  if (token.type === 'name') {
    if (Object.hasOwn(CONSTANTS, token.value)) return constant(line, CONSTANTS[token.value] as Value)
    stream.names.push(token.value)
    return { kind: 'name', line, name: token.value }
  }
  if (token.type === 'string') {
    let text = token.value
    while (stream.is('string')) text += stream.next().value
    return constant(line, text)
  }
  if (token.type === 'int') return constant(line, int(BigInt(token.value.replaceAll('_', ''))))
  if (token.type === 'float') return constant(line, new Float(Number(token.value.replaceAll('_', ''))))
  if (token.type === 'operator') {
    if (token.value === '(') return parseParentheses(stream, line)
    if (token.value === '[') return { kind: 'list', line, items: parseItems(stream, ']', parseExpression) }
    if (token.value === '{') return { kind: 'dict', line, entries: parseItems(stream, '}', parseEntry) }
  }
  return stream.fail(`unexpected ${describe(token)}`, line)
}

function constant(line: number, value: Value): Expression {
  return { kind: 'constant', line, value }
}

function parseParentheses(stream: TokenStream, line: number): Expression {
  if (stream.skip('operator', ')')) return { kind: 'tuple', line, items: [] }
  const value = parseTuple(stream)
  stream.expect('operator', ')')
  return value
}

function parseItems<T>(stream: TokenStream, end: string, parse: (stream: TokenStream) => T): T[] {
  const items: T[] = []
  while (!stream.skip('operator', end)) {
    items.push(parse(stream))
    if (stream.isOperator(end)) continue
    stream.expect('operator', ',')
  }
  return items
}

function parseEntry(stream: TokenStream): [Expression, Expression] {
  const key = parseExpression(stream)
  stream.expect('operator', ':')
  return [key, parseExpression(stream)]
}

function parsePostfix(stream: TokenStream, start: Expression): Expression {
  let of = start
  while (true) {
    const { line } = stream.current
    switch (stream.operator) {
      case '.':
        of = parseDot(stream, of)
        break
      case '[':
        of = parseSubscript(stream, of, line)
        break
      case '(':
        of = { kind: 'call', line, of, given: parseArguments(stream) }
        break
      default:
        return of
    }
  }
}

function parseDot(stream: TokenStream, of: Expression): Expression {
  stream.next()
  const { type, value, line } = stream.next()
  if (type === 'name') return { kind: 'attribute', line, of, name: value }
  if (type !== 'int') return stream.fail('expected a name or a number after "."', line)
  return { kind: 'item', line, of, key: constant(line, Number(value)) }
}

function parseSubscript(stream: TokenStream, of: Expression, line: number): Expression {
  stream.next()
  const first = stream.isOperator(':') ? undefined : parseExpression(stream)
  if (first && stream.skip('operator', ']')) return { kind: 'item', line, of, key: first }
  if (first && stream.isOperator(',')) {
    stream.next()
    return {
      kind: 'item',
      line,
      of,
      key: { kind: 'tuple', line, items: [first, ...parseItems(stream, ']', parseExpression)] },
    }
  }
  const bounds = [first]
  while (bounds.length < 3 && stream.skip('operator', ':')) {
    bounds.push(stream.isOperator(':', ']') ? undefined : parseExpression(stream))
  }
  stream.expect('operator', ']')
  return { kind: 'slice', line, of, bounds }
}

function parseArguments(stream: TokenStream): Arguments {
  const { line } = stream.expect('operator', '(')
  const given: Arguments = { args: [], keywords: [] }
  const check = (isRight: boolean) => {
    if (!isRight) stream.fail('the arguments of a call are out of order', line)
  }
  parseItems(stream, ')', () => {
    if (stream.skip('operator', '*')) {
      check(!given.moreArgs && !given.moreKeywords)
      given.moreArgs = parseExpression(stream)
    } else if (stream.skip('operator', '**')) {
      check(!given.moreKeywords)
      given.moreKeywords = parseExpression(stream)
    } else if (stream.is('name') && stream.look(1).type === 'operator' && stream.look(1).value === '=') {
      check(!given.moreKeywords)
      const name = stream.next().value
      stream.next()
      given.keywords.push([name, parseExpression(stream)])
    } else {
      check(!given.moreArgs && !given.moreKeywords && given.keywords.length === 0)
      given.args.push(parseExpression(stream))
    }
  })
  return given
}

function parseFilters(stream: TokenStream, start: Expression): Expression {
  let of = start
  while (true) {
    const { line } = stream.current
    const { operator } = stream
    if (operator === '|') of = { kind: 'filter', of, ...parseFilter(stream) }
    else if (operator === '(') of = { kind: 'call', line, of, given: parseArguments(stream) }
    else if (stream.is('name', 'is')) of = parseTest(stream, of)
    else return of
  }
}

/** A filter, after its `|`, if it has one. */
export function parseFilter(stream: TokenStream): Filters[number] {
  stream.skip('operator', '|')
  const { line } = stream.current
  const name = parseDottedName(stream)
  return { line, name, given: stream.isOperator('(') ? parseArguments(stream) : { args: [], keywords: [] } }
}

function parseDottedName(stream: TokenStream): string {
  let name = stream.expect('name').value
  while (stream.skip('operator', '.')) name += `.${stream.expect('name').value}`
  return name
}

function parseTest(stream: TokenStream, of: Expression): Expression {
  const { line } = stream.next()
  const isNegated = stream.skip('name', 'not')
  const name = parseDottedName(stream)
  let given: Arguments = { args: [], keywords: [] }
  if (stream.isOperator('(')) given = parseArguments(stream)
  else if (takesArgument(stream)) given.args.push(parsePostfix(stream, parsePrimary(stream)))
  const test: Expression = { kind: 'test', line, of, name, given }
  return isNegated ? { kind: 'unary', line, operator: 'not', of: test } : test
}

/** A test's only argument needs no parentheses. */
function takesArgument(stream: TokenStream): boolean {
  if (stream.isName('is')) stream.fail('tests cannot be chained with "is"')
  if (stream.is('name')) return !stream.isName('else', 'or', 'and')
  return stream.is('string') || stream.is('int') || stream.is('float') || stream.isOperator('[', '{')
}
