/** Parses a template: text, prints and tags. */
import type { Expression, Filters, Macro, Statement, Target } from './ast.js'
import { parseExpression, parseFilter, parseOr, parsePrimary, parseTuple } from './parse-expression.js'
import { describe, TokenStream } from './token-stream.js'

export function parseTemplate(source: string): { body: Statement[]; blocks: ReadonlyMap<string, Statement[]> } {
  const parser = new Parser(new TokenStream(source))
  return { body: parser.statements([]), blocks: parser.blocks }
}

class Parser {
  readonly blocks = new Map<string, Statement[]>()
  private isInLoop = false

  constructor(private readonly stream: TokenStream) {}

  /** Up to one of the tags, which becomes the current token; without tags to the end of the template. */
  statements(ends: string[]): Statement[] {
    const { stream } = this
    const body: Statement[] = []
    while (!stream.is('eof')) {
      const { type, value, line } = stream.next()
      if (type === 'data') body.push({ kind: 'text', line, text: value })
      else if (value === '{{') {
        body.push({ kind: 'print', line, value: parseTuple(stream) })
        stream.expect('end', '{{')
      } else {
        if (ends.length > 0 && stream.isName(...ends)) return body
        body.push(...stream.nested(() => this.statement(ends)))
        stream.expect('end', '{%')
      }
    }
    if (ends.length > 0) stream.fail(`the template ends before {% ${ends[ends.length - 1]} %}`)
    return body
  }

  private statement(ends: string[]): Statement[] {
    const { stream } = this
    if (!stream.is('name')) stream.fail(`expected the name of a tag, found ${describe(stream.current)}`)
    const { value: tag, line } = stream.current
    const parse = Object.hasOwn(TAGS, tag) ? TAGS[tag] : undefined
    if (!parse) {
      const hint =
        ends.length > 0 ? `, where ${ends.map((end) => `{% ${end} %}`).join(' or ')} would end the block` : ''
      return stream.fail(`unknown tag "${tag}"${hint}`)
    }
    stream.next()
    const statements = parse.call(this, line)
    return Array.isArray(statements) ? statements : [statements]
  }

  private body(...ends: string[]): Statement[] {
    this.stream.skip('operator', ':')
    this.stream.expect('end', '{%')
    return this.statements(ends)
  }

  /** A body whose end tag is read too. */
  private closed(end: string): Statement[] {
    const body = this.body(end)
    this.stream.next()
    return body
  }

  /** A body in a function of its own, which no break can leave. */
  private apart(end: string): Statement[] {
    return this.withLoop(false, () => this.closed(end))
  }

  private withLoop<T>(isInLoop: boolean, parse: () => T): T {
    const outer = this.isInLoop
    this.isInLoop = isInLoop
    const result = parse()
    this.isInLoop = outer
    return result
  }

  for(line: number): Statement {
    const { stream } = this
    const target = this.target(() => stream.isName('in'))
    stream.expect('name', 'in')
    const items = parseTuple(stream, parseOr, () => stream.isName('recursive', 'if'))
    const test = stream.skip('name', 'if') ? parseExpression(stream) : undefined
    const recursive = stream.skip('name', 'recursive')
    const body = this.withLoop(true, () => this.body('endfor', 'else'))
    const otherwise = stream.next().value === 'else' ? this.closed('endfor') : []
    return { kind: 'for', line, target, items, test, recursive, body, otherwise }
  }

  if(line: number): Statement {
    const { stream } = this
    const branches: [Expression, Statement[]][] = []
    do {
      const test = parseTuple(stream, parseOr)
      branches.push([test, this.body('elif', 'else', 'endif')])
    } while (stream.skip('name', 'elif'))
    const otherwise = stream.next().value === 'else' ? this.closed('endif') : []
    return { kind: 'if', line, branches, otherwise }
  }

  set(line: number): Statement {
    const { stream } = this
    const target = this.target(() => false, true)
    if (stream.skip('operator', '=')) return { kind: 'set', line, target, value: parseTuple(stream) }
    const filters = this.filters()
    return { kind: 'capture', line, target, filters, body: this.apart('endset') }
  }

  private filters(): Filters {
    const filters: Filters = []
    while (this.stream.isOperator('|')) filters.push(parseFilter(this.stream))
    return filters
  }

  filter(line: number): Statement {
    const first = parseFilter(this.stream)
    return { kind: 'filter', line, filters: [first, ...this.filters()], body: this.apart('endfilter') }
  }

  with(line: number): Statement {
    const { stream } = this
    const targets: [Target, Expression][] = []
    while (!stream.is('end')) {
      if (targets.length > 0) stream.expect('operator', ',')
      const target = this.target(() => stream.isOperator('='))
      stream.expect('operator', '=')
      targets.push([target, parseExpression(stream)])
    }
    return { kind: 'with', line, targets, body: this.closed('endwith') }
  }

  generation(line: number): Statement {
    return { kind: 'scope', line, body: this.apart('endgeneration') }
  }

  /** Nothing is escaped anyway: the option has no effect. */
  autoescape(line: number): Statement {
    parseExpression(this.stream)
    return { kind: 'scope', line, body: this.closed('endautoescape') }
  }

  macro(line: number): Statement {
    const name = this.stream.expect('name').value
    return { kind: 'macro', line, macro: this.signature(name, 'endmacro') }
  }

  call(line: number): Statement {
    const { stream } = this
    const own = stream.isOperator('(') ? this.parameters() : { parameters: [], defaults: [] }
    const call = parseExpression(stream)
    if (call.kind !== 'call') return stream.fail('expected a call', line)
    return { kind: 'callBlock', line, call, macro: this.macroOf('caller', own, 'endcall') }
  }

  private signature(name: string, end: string): Macro {
    return this.macroOf(name, this.parameters(), end)
  }

  private macroOf(name: string, own: Pick<Macro, 'parameters' | 'defaults'>, end: string): Macro {
    const from = this.stream.names.length
    const body = this.apart(end)
    const names = new Set(this.stream.names.slice(from))
    const uses = { caller: names.has('caller'), varargs: names.has('varargs'), kwargs: names.has('kwargs') }
    return { name, ...own, body, uses }
  }

  private parameters(): Pick<Macro, 'parameters' | 'defaults'> {
    const { stream } = this
    const parameters: string[] = []
    const defaults: Expression[] = []
    stream.expect('operator', '(')
    while (!stream.skip('operator', ')')) {
      if (parameters.length > 0) stream.expect('operator', ',')
      parameters.push(stream.expect('name').value)
      if (stream.skip('operator', '=')) defaults.push(parseExpression(stream))
      else if (defaults.length > 0) stream.fail('a parameter without a default follows one with a default')
    }
    return { parameters, defaults }
  }

  print(line: number): Statement[] {
    const { stream } = this
    const prints: Statement[] = []
    while (!stream.is('end')) {
      if (prints.length > 0) stream.expect('operator', ',')
      prints.push({ kind: 'print', line, value: parseExpression(stream) })
    }
    return prints
  }

  block(line: number): Statement {
    const { stream } = this
    const name = stream.expect('name').value
    stream.skip('name', 'scoped')
    stream.skip('name', 'required')
    const body = this.apart('endblock')
    stream.skip('name', name)
    if (this.blocks.has(name)) stream.fail(`block "${name}" is defined twice`, line)
    this.blocks.set(name, body)
    return { kind: 'block', line, name, body }
  }

  leave(line: number, kind: 'break' | 'continue'): Statement {
    if (!this.isInLoop) this.stream.fail(`"${kind}" outside of a loop`, line)
    return { kind, line }
  }

  /** There is only one template; such a tag fails once it is reached. */
  missing(line: number, tag: string): Statement {
    while (!this.stream.is('end')) {
      if (this.stream.is('eof')) this.stream.fail('a tag has no end', line)
      this.stream.next()
    }
    return { kind: 'missing', line, tag }
  }

  private target(isEnd: () => boolean, mayBeNamespace = false): Target {
    const { stream } = this
    const targets: Target[] = []
    let isTuple = false
    do {
      if (targets.length > 0) isTuple = true
      if (targets.length > 0 && (isEnd() || stream.is('end') || stream.isOperator('=', ')'))) break
      targets.push(this.oneTarget(mayBeNamespace))
    } while (stream.skip('operator', ','))
    const [first] = targets
    return isTuple || first === undefined ? { kind: 'tuple', targets } : first
  }

  private oneTarget(mayBeNamespace: boolean): Target {
    const { stream } = this
    if (stream.skip('operator', '(')) {
      const target = this.target(() => stream.isOperator(')'), mayBeNamespace)
      stream.expect('operator', ')')
      return target
    }
    const { line } = stream.current
    if (mayBeNamespace && stream.is('name') && stream.look(1).type === 'operator' && stream.look(1).value === '.') {
      const { value: name } = stream.next()
      stream.next()
      return { kind: 'namespace', name, attribute: stream.expect('name').value }
    }
    const value = parsePrimary(stream)
    if (value.kind !== 'name') return stream.fail('only a name can be assigned to', line)
    stream.names.pop()
    return { kind: 'name', name: value.name }
  }
}

type Tag = (this: Parser, line: number) => Statement | Statement[]

const TAGS: Record<string, Tag> = {
  autoescape: Parser.prototype.autoescape,
  block: Parser.prototype.block,
  break(line) {
    return this.leave(line, 'break')
  },
  call: Parser.prototype.call,
  continue(line) {
    return this.leave(line, 'continue')
  },
  extends(line) {
    return this.missing(line, 'extends')
  },
  filter: Parser.prototype.filter,
  for: Parser.prototype.for,
  from(line) {
    return this.missing(line, 'from')
  },
  generation: Parser.prototype.generation,
  if: Parser.prototype.if,
  import(line) {
    return this.missing(line, 'import')
  },
  include(line) {
    return this.missing(line, 'include')
  },
  macro: Parser.prototype.macro,
  print: Parser.prototype.print,
  set: Parser.prototype.set,
  with: Parser.prototype.with,
}
