/** The syntax tree of a template. */
import type { Operator } from './numbers.js'
import type { Value } from './values.js'

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in'

export interface Arguments {
  args: Expression[]
  keywords: [name: string, value: Expression][]
  /** `*list` and `**dict`. */
  moreArgs?: Expression
  moreKeywords?: Expression
}

export type Expression = { line: number } & (
  | { kind: 'constant'; value: Value }
  | { kind: 'name'; name: string }
  | { kind: 'list' | 'tuple' | 'concat'; items: Expression[] }
  | { kind: 'dict'; entries: [Expression, Expression][] }
  | { kind: 'attribute'; of: Expression; name: string }
  | { kind: 'item'; of: Expression; key: Expression }
  | { kind: 'slice'; of: Expression; bounds: (Expression | undefined)[] }
  | { kind: 'call'; of: Expression; given: Arguments }
  | { kind: 'filter'; of: Expression; name: string; given: Arguments }
  | { kind: 'test'; of: Expression; name: string; given: Arguments }
  | { kind: 'unary'; operator: '+' | '-' | 'not'; of: Expression }
  | { kind: 'binary'; operator: Operator; left: Expression; right: Expression }
  | { kind: 'and' | 'or'; left: Expression; right: Expression }
  | { kind: 'compare'; first: Expression; rest: [Comparison, Expression][] }
  | { kind: 'condition'; test: Expression; whenTrue: Expression; otherwise: Expression | undefined }
)

export type Target =
  | { kind: 'name'; name: string }
  | { kind: 'namespace'; name: string; attribute: string }
  | { kind: 'tuple'; targets: Target[] }

/** Filters that follow each other, as in `{% filter a | b %}`. */
export type Filters = { line: number; name: string; given: Arguments }[]

export interface Macro {
  name: string
  parameters: string[]
  /** Of the last parameters. */
  defaults: Expression[]
  body: Statement[]
  /** The special names that its body uses. */
  uses: Record<'caller' | 'varargs' | 'kwargs', boolean>
}

export interface For {
  target: Target
  items: Expression
  test: Expression | undefined
  recursive: boolean
  body: Statement[]
  otherwise: Statement[]
}

export type Statement = { line: number } & (
  | { kind: 'text'; text: string }
  | { kind: 'print'; value: Expression }
  | ({ kind: 'for' } & For)
  | { kind: 'if'; branches: [Expression, Statement[]][]; otherwise: Statement[] }
  | { kind: 'set'; target: Target; value: Expression }
  | { kind: 'capture'; target: Target; filters: Filters; body: Statement[] }
  | { kind: 'filter'; filters: Filters; body: Statement[] }
  | { kind: 'with'; targets: [Target, Expression][]; body: Statement[] }
  /** A body with names of its own: `generation` and `autoescape`. */
  | { kind: 'scope'; body: Statement[] }
  | { kind: 'macro'; macro: Macro }
  | { kind: 'callBlock'; macro: Macro; call: Expression & { kind: 'call' } }
  | { kind: 'block'; name: string; body: Statement[] }
  | { kind: 'break' | 'continue' }
  /** A tag that needs another template. */
  | { kind: 'missing'; tag: string }
)
