/** Parses expressions, from the operator that binds least to the one that binds most. */
import type { Arguments, Comparison, Expression, Filters } from './ast.js'
import { int } from './numbers.js'
import { describe, type TokenStream } from './token-stream.js'
import { Float, type Value } from './values.js'

const COMPARISONS = ['==', '!=', '<', '<=', '>', '>=']

export function parseExpression(stream: TokenStream): Expression {
  return stream.nested(() => {
    let value = parseOr(stream)
    while (stream.isName('if')) {
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

export function parseOr(stream: TokenStream): Expression {
  let left = parseAnd(stream)
  while (stream.isName('or')) left = { kind: 'or', line: stream.next().line, left, right: parseAnd(stream) }
  return left
}

function parseAnd(stream: TokenStream): Expression {
  let left = parseNot(stream)
  while (stream.isName('and')) left = { kind: 'and', line: stream.next().line, left, right: parseNot(stream) }
  return left
}

function parseNot(stream: TokenStream): Expression {
  if (!stream.isName('not')) return parseComparison(stream)
  const { line } = stream.next()
  return { kind: 'unary', line, operator: 'not', of: stream.nested(() => parseNot(stream)) }
}

function parseComparison(stream: TokenStream): Expression {
  const { line } = stream.current
  const first = parseSum(stream)
  const rest: [Comparison, Expression][] = []
  while (true) {
    const operator = comparison(stream)
    if (operator === undefined) break
    rest.push([operator, parseSum(stream)])
  }
  return rest.length === 0 ? first : { kind: 'compare', line, first, rest }
}

function comparison(stream: TokenStream): Comparison | undefined {
  if (stream.isOperator(...COMPARISONS)) return stream.next().value as Comparison
  if (stream.skip('name', 'in')) return 'in'
  if (!stream.isName('not') || stream.look(1).type !== 'name' || stream.look(1).value !== 'in') return undefined
  stream.next()
  stream.next()
  return 'not in'
}

type Parse = (stream: TokenStream) => Expression

function operators(symbols: string[], parse: Parse): Parse {
  return (stream) => {
    let left = parse(stream)
    while (stream.isOperator(...symbols)) {
      const { line, value } = stream.next()
      left = { kind: 'binary', line, operator: value as '+', left, right: parse(stream) }
    }
    return left
  }
}

const parsePower = operators(['**'], parseUnary)
const parseProduct = operators(['*', '/', '//', '%'], parsePower)
const parseSum = operators(['+', '-'], parseConcat)

function parseConcat(stream: TokenStream): Expression {
  const { line } = stream.current
  const items = [parseProduct(stream)]
  while (stream.skip('operator', '~')) items.push(parseProduct(stream))
  return items.length === 1 ? (items[0] as Expression) : { kind: 'concat', line, items }
}

function parseUnary(stream: TokenStream): Expression {
  return parseFilters(stream, parseSigned(stream))
}

/** A filter belongs to all of what a sign stands before. */
function parseSigned(stream: TokenStream): Expression {
  if (!stream.isOperator('-', '+')) return parsePostfix(stream, parsePrimary(stream))
  const { line, value } = stream.next()
  const of = stream.nested(() => parseSigned(stream))
  return parsePostfix(stream, { kind: 'unary', line, operator: value as '-', of })
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

export function parsePostfix(stream: TokenStream, start: Expression): Expression {
  let of = start
  while (true) {
    const { line } = stream.current
    if (stream.skip('operator', '.')) of = parseDot(stream, of)
    else if (stream.skip('operator', '[')) of = parseSubscript(stream, of, line)
    else if (stream.isOperator('(')) of = { kind: 'call', line, of, given: parseArguments(stream) }
    else return of
  }
}

function parseDot(stream: TokenStream, of: Expression): Expression {
  const { type, value, line } = stream.next()
  if (type === 'name') return { kind: 'attribute', line, of, name: value }
  if (type !== 'int') return stream.fail('expected a name or a number after "."', line)
  return { kind: 'item', line, of, key: constant(line, Number(value)) }
}

function parseSubscript(stream: TokenStream, of: Expression, line: number): Expression {
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

export function parseArguments(stream: TokenStream): Arguments {
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
    if (stream.isOperator('|')) of = { kind: 'filter', of, ...parseFilter(stream) }
    else if (stream.isName('is')) of = parseTest(stream, of)
    else if (stream.isOperator('(')) of = { kind: 'call', line, of, given: parseArguments(stream) }
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
