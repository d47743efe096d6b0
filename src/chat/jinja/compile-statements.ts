/** Turns statements into functions that write onto the page. */
import type { Filters, For, Macro, Statement, Target } from './ast.js'
import { compile, compileArguments, compileCall, type Evaluate } from './compile-expression.js'
import { applyFilter } from './filters.js'
import { deeper, spend, TemplateError } from './limits.js'
import { Loop } from './loop.js'
import { MacroThing } from './macro.js'
import { str } from './python-text.js'
import type { Scope } from './scope.js'
import { each, either, iterate, Namespace, truthy, typeName, type Value } from './values.js'

type Signal = 'break' | 'continue' | undefined
export type Run = (scope: Scope) => Signal
type Assign = (scope: Scope, value: Value) => void

export function compileBody(statements: Statement[]): Run {
  const runs = statements.map(compileStatement)
  return (scope) => {
    for (const run of runs) {
      const signal = run(scope)
      if (signal !== undefined) return signal
    }
    return undefined
  }
}

function compileStatement(statement: Statement): Run {
  const { line } = statement
  switch (statement.kind) {
    case 'text': {
      const { text } = statement
      return (scope) => scope.page.write(text) as undefined
    }
    case 'print': {
      const value = compile(statement.value)
      return (scope) => {
        scope.page.line = line
        scope.page.write(str(value(scope)))
        return undefined
      }
    }
    case 'for':
      return compileFor(statement, line)
    case 'if':
      return compileIf(statement, line)
    case 'set':
      return compileSet(compileTarget(statement.target), compile(statement.value), line)
    case 'macro':
    case 'callBlock':
      return compileMacros(statement, line)
    case 'break':
    case 'continue': {
      const { kind } = statement
      return () => kind
    }
    case 'missing':
      return (scope) => {
        scope.page.line = line
        throw new TemplateError(`{% ${statement.tag} %} needs another template, and there is none`)
      }
    default:
      return compileScoped(statement, line)
  }
}

type Scoped = Extract<Statement, { kind: 'capture' | 'filter' | 'with' | 'scope' | 'block' }>

function compileScoped(statement: Scoped, line: number): Run {
  const body = compileBody(statement.body)
  const text = (scope: Scope) => scope.page.capture(() => body(scope.inner()))
  switch (statement.kind) {
    case 'capture': {
      const [assign, filtered] = [compileTarget(statement.target), compileFilters(statement.filters)]
      return (scope) => assign(scope, filtered(scope, text(scope))) as undefined
    }
    case 'filter': {
      const filtered = compileFilters(statement.filters)
      return (scope) => scope.page.write(str(filtered(scope, text(scope)))) as undefined
    }
    case 'with': {
      const targets = statement.targets.map(([target, value]) => [compileTarget(target), compile(value)] as const)
      return (scope) => {
        scope.page.line = line
        const inner = scope.inner()
        for (const [assign, value] of targets) assign(inner, value(scope))
        return body(inner)
      }
    }
    case 'scope':
      return (scope) => body(scope.inner())
    case 'block':
      return (scope) => {
        body(scope.top.inner())
        return undefined
      }
  }
}

function compileFilters(filters: Filters): (scope: Scope, text: string) => Value {
  const steps = filters.map(({ name, given, line }) => ({ name, line, given: compileArguments(given) }))
  return (scope, text) =>
    steps.reduce((value: Value, { name, line, given }) => {
      const [args, keywords] = given(scope)
      scope.page.line = line
      return applyFilter(name, value, args, keywords)
    }, text)
}

function compileTarget(target: Target): Assign {
  if (target.kind === 'name') return (scope, value) => scope.set(target.name, value)
  if (target.kind === 'namespace') {
    return (scope, value) => {
      const space = scope.get(target.name)
      if (!(space instanceof Namespace)) throw new TemplateError('cannot assign attribute on non-namespace object')
      space.put(target.attribute, value)
    }
  }
  const targets = target.targets.map(compileTarget)
  return (scope, value) => {
    if (iterate(value) === undefined) throw new TemplateError(`cannot unpack non-iterable ${typeName(value)} object`)
    const values = [...each(value)]
    if (values.length !== targets.length) {
      const problem = values.length > targets.length ? 'too many' : 'not enough'
      throw new TemplateError(`${problem} values to unpack (expected ${targets.length}, got ${values.length})`)
    }
    for (const [i, assign] of targets.entries()) assign(scope, values[i] as Value)
  }
}

function compileSet(assign: Assign, value: Evaluate, line: number): Run {
  return (scope) => {
    scope.page.line = line
    spend(1)
    assign(scope, value(scope))
    return undefined
  }
}

function compileIf({ branches, otherwise }: Statement & { kind: 'if' }, line: number): Run {
  const cases = branches.map(([test, body]) => [compile(test), compileBody(body)] as const)
  const last = compileBody(otherwise)
  return (scope) => {
    scope.page.line = line
    for (const [test, body] of cases) if (truthy(test(scope))) return body(scope)
    return last(scope)
  }
}

function compileFor(loop: For, line: number): Run {
  const items = compile(loop.items)
  const assign = compileTarget(loop.target)
  const test = loop.test && compile(loop.test)
  const [body, otherwise] = [compileBody(loop.body), compileBody(loop.otherwise)]
  const selected = (scope: Scope, value: Value): readonly Value[] => {
    if (!test) return Array.isArray(value) ? value : [...each(value)]
    const inner = scope.inner()
    return [...each(value)].filter((one) => {
      assign(inner, one)
      return truthy(test(inner))
    })
  }
  const run = (scope: Scope, value: Value, depth0: number): void => {
    const all = selected(scope, value)
    const recurse = (more: Value, depth: number) => deeper(() => scope.page.capture(() => run(scope, more, depth)))
    let isWhole = false
    const state = new Loop(all, depth0, loop.recursive ? recurse : undefined)
    for (const [i, one] of all.entries()) {
      spend(1)
      const inner = scope.inner()
      state.index0 = i
      inner.set('loop', state)
      assign(inner, one)
      const signal = body(inner)
      if (signal === undefined) isWhole = true
      if (signal === 'break') break
    }
    // As jinja2 does it: also after a loop none of whose rounds came to its end.
    if (!isWhole) otherwise(scope.inner())
  }
  return (scope) => {
    scope.page.line = line
    run(scope, items(scope), 0)
    return undefined
  }
}

function compileMacros(statement: Statement & { kind: 'macro' | 'callBlock' }, line: number): Run {
  const { macro } = statement
  const define = compileMacro(macro)
  if (statement.kind === 'macro') return (scope) => scope.set(macro.name, define(scope)) as undefined
  const given = compileArguments(statement.call.given)
  const call = (scope: Scope) =>
    compileCall(
      compile(statement.call.of),
      (inner) => {
        const [args, keywords] = given(inner)
        return [args, new Map([...keywords, ['caller', define(scope)]])]
      },
      line,
    )(scope)
  return (scope) => scope.page.write(str(call(scope))) as undefined
}

function compileMacro(macro: Macro): (scope: Scope) => MacroThing {
  const body = compileBody(macro.body)
  const defaults = macro.defaults.map(compile)
  return (scope) =>
    new MacroThing(macro, (places) => {
      const inner = scope.inner()
      const { line } = scope.page
      macro.parameters.forEach((name, i) => {
        const fallback = defaults[i - macro.parameters.length + defaults.length]
        const missing = () => (fallback ? fallback(inner) : MacroThing.lacking(name))
        inner.set(name, either(places.get(name), missing))
      })
      for (const name of ['caller', 'varargs', 'kwargs']) {
        const value = places.get(name)
        if (value !== undefined) inner.set(name, value)
      }
      const text = deeper(() => inner.page.capture(() => body(inner)))
      inner.page.line = line
      return text
    })
}
