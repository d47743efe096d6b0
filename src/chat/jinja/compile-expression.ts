/** Turns expressions into functions, once for each template. */
import type { Arguments, Comparison, Expression } from './ast.js'
import { attribute, item, slice } from './attributes.js'
import { contains, equal, order } from './compare.js'
import { applyFilter, applyTest } from './filters.js'
import { toEntities } from './filters-of-text.js'
import { spend, TemplateError } from './limits.js'
import { binary, joinTwo, negative, positive } from './numbers.js'
import { str } from './python-text.js'
import type { Scope } from './scope.js'
import {
  Dict,
  type Keywords,
  listOf,
  NO_KEYWORDS,
  Thing,
  Tuple,
  truthy,
  typeName,
  Undefined,
  type Value,
} from './values.js'

export type Evaluate = (scope: Scope) => Value
export type Given = (scope: Scope) => [args: Value[], keywords: Keywords]

export function compile(expression: Expression): Evaluate {
  switch (expression.kind) {
    case 'constant': {
      const { value } = expression
      return () => value
    }
    case 'name': {
      const { name } = expression
      return (scope) => scope.get(name)
    }
    case 'list': {
      const list = compileList(expression.items)
      return (scope) => list(scope)
    }
    case 'tuple': {
      const list = compileList(expression.items)
      return (scope) => new Tuple(list(scope))
    }
    case 'dict':
      return compileDict(expression.entries)
    case 'concat': {
      const items = expression.items.map(compile)
      return (scope) => items.reduce((text, value) => joinTwo(text, str(value(scope))), '')
    }
    case 'and':
    case 'or':
      return compileLogic(expression.kind, compile(expression.left), compile(expression.right))
    case 'binary': {
      const { operator } = expression
      let [left, right] = [compile(expression.left), compile(expression.right)]
      if (operator === '+' && isMarkup(expression)) {
        if (!isMarkup(expression.left)) left = escaped(left)
        if (!isMarkup(expression.right)) right = escaped(right)
      }
      return (scope) => binary(operator, left(scope), right(scope))
    }
    case 'unary':
      return compileUnary(expression.operator, compile(expression.of))
    case 'compare':
      return compileComparisons(expression.first, expression.rest)
    case 'condition':
      return compileCondition(expression)
    default:
      return compileAccess(expression)
  }
}

/** What these filters return is markup: text that is added to it is escaped, even though nothing else is. */
function isMarkup(expression: Expression): boolean {
  if (expression.kind === 'filter') return ['safe', 'e', 'escape', 'forceescape'].includes(expression.name)
  if (expression.kind !== 'binary' || expression.operator !== '+') return false
  return isMarkup(expression.left) || isMarkup(expression.right)
}

function escaped(of: Evaluate): Evaluate {
  return (scope) => {
    const value = of(scope)
    return typeof value === 'string' ? toEntities(value) : value
  }
}

type Access = Extract<Expression, { kind: 'attribute' | 'item' | 'slice' | 'call' | 'filter' | 'test' }>

function compileAccess(expression: Access): Evaluate {
  const of = compile(expression.of)
  const { line } = expression
  switch (expression.kind) {
    case 'attribute': {
      const { name } = expression
      return (scope) => attribute(of(scope), name)
    }
    case 'item': {
      const key = compile(expression.key)
      return (scope) => item(of(scope), key(scope))
    }
    case 'slice': {
      const [start, stop, step] = expression.bounds.map((bound) => bound && compile(bound))
      return (scope) => slice(of(scope), start?.(scope) ?? null, stop?.(scope) ?? null, step?.(scope) ?? null)
    }
    case 'call':
      return compileCall(of, compileArguments(expression.given), line)
    case 'filter': {
      const { name } = expression
      const given = compileArguments(expression.given)
      return (scope) => {
        const value = of(scope)
        const [args, keywords] = given(scope)
        scope.page.line = line
        return applyFilter(name, value, args, keywords)
      }
    }
    case 'test': {
      const { name } = expression
      if (name === 'defined') return (scope) => !(of(scope) instanceof Undefined)
      const given = compileArguments(expression.given)
      return (scope) => {
        const value = of(scope)
        const [args, keywords] = given(scope)
        scope.page.line = line
        return applyTest(name, value, args, keywords)
      }
    }
  }
}

export function compileCall(of: Evaluate, given: Given, line: number): Evaluate {
  return (scope) => {
    const callee = of(scope)
    const [args, keywords] = given(scope)
    const { page } = scope
    page.line = line
    spend(1)
    if (!(callee instanceof Thing)) throw new TemplateError(`'${typeName(callee)}' object is not callable`)
    const result = callee.call(args, keywords)
    page.line = line
    return result
  }
}

export function compileArguments({ args, keywords, moreArgs, moreKeywords }: Arguments): Given {
  const list = compileList(args)
  if (keywords.length === 0 && !moreArgs && !moreKeywords) return (scope) => [list(scope), NO_KEYWORDS]
  const named = keywords.map(([name, value]) => [name, compile(value)] as const)
  const more = moreArgs && compile(moreArgs)
  const moreNamed = moreKeywords && compile(moreKeywords)
  return (scope) => {
    const all = list(scope)
    if (more) all.push(...listOf(more(scope)))
    const byName = new Map(named.map(([name, value]) => [name, value(scope)]))
    const dict = moreNamed?.(scope)
    if (dict !== undefined && !(dict instanceof Dict)) throw new TemplateError('argument after ** must be a mapping')
    for (const [name, value] of dict?.entries() ?? []) {
      if (typeof name !== 'string') throw new TemplateError('keywords must be strings')
      if (byName.has(name)) throw new TemplateError(`got multiple values for keyword argument '${name}'`)
      byName.set(name, value)
    }
    return [all, byName]
  }
}

function compileList(items: Expression[]): (scope: Scope) => Value[] {
  const values = items.map(compile)
  return (scope) => {
    const list: Value[] = []
    for (const value of values) list.push(value(scope))
    return list
  }
}

function compileDict(entries: [Expression, Expression][]): Evaluate {
  const pairs = entries.map(([key, value]) => [compile(key), compile(value)] as const)
  return (scope) => Dict.of(pairs.map(([key, value]) => [key(scope), value(scope)] as const))
}

function compileLogic(kind: 'and' | 'or', left: Evaluate, right: Evaluate): Evaluate {
  const decides = kind === 'or'
  return (scope) => {
    const value = left(scope)
    return truthy(value) === decides ? value : right(scope)
  }
}

function compileUnary(operator: '+' | '-' | 'not', of: Evaluate): Evaluate {
  if (operator === 'not') return (scope) => !truthy(of(scope))
  return operator === '-' ? (scope) => negative(of(scope)) : (scope) => positive(of(scope))
}

const COMPARE: Record<Comparison, (a: Value, b: Value) => boolean> = {
  '==': equal,
  '!=': (a, b) => !equal(a, b),
  '<': (a, b) => order(a, b, '<') < 0,
  '<=': (a, b) => order(a, b, '<=') <= 0,
  '>': (a, b) => order(a, b, '>') > 0,
  '>=': (a, b) => order(a, b, '>=') >= 0,
  in: (a, b) => contains(b, a),
  'not in': (a, b) => !contains(b, a),
}

function compileComparisons(first: Expression, rest: [Comparison, Expression][]): Evaluate {
  const start = compile(first)
  const steps = rest.map(([operator, value]) => [COMPARE[operator], compile(value)] as const)
  return (scope) => {
    let left = start(scope)
    for (const [compare, value] of steps) {
      const right = value(scope)
      if (!compare(left, right)) return false
      left = right
    }
    return true
  }
}

function compileCondition({ test, whenTrue, otherwise }: Expression & { kind: 'condition' }): Evaluate {
  const [isTrue, value, other] = [compile(test), compile(whenTrue), otherwise && compile(otherwise)]
  return (scope) => {
    if (truthy(isTrue(scope))) return value(scope)
    return other ? other(scope) : new Undefined('the inline if-expression was false and has no else')
  }
}
