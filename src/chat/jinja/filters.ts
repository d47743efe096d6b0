/** All filters and tests by name, and the filters that use others: map, select and their kin. */
import { attribute, own } from './attributes.js'
import { contains, equal, numberOf, order } from './compare.js'
import { type Filter, filter, getter, LIST_FILTERS } from './filters-of-lists.js'
import { TEXT_FILTERS } from './filters-of-text.js'
import { TemplateError } from './limits.js'
import { binary } from './numbers.js'
import { repr, str } from './python-text.js'
import { Iter } from './sequences.js'
import { place, text } from './signature.js'
import { STRING_METHODS } from './string-methods.js'
import {
  Dict,
  each,
  Float,
  iterate,
  type Keywords,
  Namespace,
  sizeOf,
  Thing,
  truthy,
  Undefined,
  type Value,
  View,
} from './values.js'

export function applyFilter(name: string, value: Value, args: Value[], keywords: Keywords): Value {
  if (!Object.hasOwn(FILTERS, name)) throw new TemplateError(`there is no filter named '${name}'`)
  return (FILTERS[name] as Filter)(value, args, keywords)
}

export function applyTest(name: string, value: Value, args: Value[], keywords: Keywords): boolean {
  if (!Object.hasOwn(TESTS, name)) throw new TemplateError(`there is no test named '${name}'`)
  const [parameters, run] = TESTS[name] as Test
  return run(value, place(name, parameters, args, keywords)[0] as Value)
}

/** As in Python nothing is checked before the first item is asked for. */
function* mapped(value: Value, args: Value[], keywords: Keywords): Iterable<Value> {
  if (!truthy(value)) return
  const change = mapping(args, keywords)
  for (const one of each(value)) yield change(one)
}

function mapping(args: Value[], keywords: Keywords): (one: Value) => Value {
  if (args.length === 0 && keywords.has('attribute')) {
    const [path, fallback] = place('map', ['attribute', 'default?'], args, keywords)
    return getter(path, fallback)
  }
  const [name, ...more] = args
  if (name === undefined) throw new TemplateError('map requires a filter argument')
  return (one) => applyFilter(text(name, 'map'), one, more, keywords)
}

function selection(wanted: boolean, ofAttribute: boolean): Filter {
  return (value, args, keywords) => {
    const [path, name, ...more] = ofAttribute ? args : [null, ...args]
    if (path === undefined) throw new TemplateError('Missing parameter for attribute name')
    const get = getter(path)
    const test = (one: Value) =>
      name === undefined ? truthy(one) : applyTest(text(name, 'select'), one, more, keywords)
    return new Iter(selected(value, (one) => test(get(one)) === wanted))
  }
}

function* selected(value: Value, isSelected: (one: Value) => boolean): Iterable<Value> {
  if (!truthy(value)) return
  for (const one of each(value)) if (isSelected(one)) yield one
}

const FILTERS: Record<string, Filter> = {
  ...LIST_FILTERS,
  ...TEXT_FILTERS,
  attr: filter('attr', ['name'], (value, [name]) => {
    if (own(value, text(name, 'attr')) !== undefined) return attribute(value, name as string)
    return new Undefined(`there is no attribute ${repr(name as string)}`)
  }),
  map: (value, args, keywords) => new Iter(mapped(value, args, keywords)),
  reject: selection(false, false),
  rejectattr: selection(false, true),
  select: selection(true, false),
  selectattr: selection(true, true),
}

type Test = [parameters: string[], run: (value: Value, other: Value) => boolean]
const is = (run: (value: Value) => boolean): Test => [[], run]
const than = (operator: string, run: (order: number) => boolean): Test => [
  ['other'],
  (value, other) => run(order(value, other, operator)),
]

const isInt = (value: Value) => typeof value === 'number' || typeof value === 'bigint'
const remainder = (value: Value, by: Value) => binary('%', value, by)
const isCased = (method: string) => is((value) => STRING_METHODS[method]?.[1](str(value), []) === true)

const equals: Test = [['other'], equal]
const greater = than('>', (order) => order > 0)
const greaterOrEqual = than('>=', (order) => order >= 0)
const less = than('<', (order) => order < 0)
const lessOrEqual = than('<=', (order) => order <= 0)
const differs: Test = [['other'], (value, other) => !equal(value, other)]

const TESTS: Record<string, Test> = {
  '!=': differs,
  '<': less,
  '<=': lessOrEqual,
  '==': equals,
  '>': greater,
  '>=': greaterOrEqual,
  boolean: is((value) => typeof value === 'boolean'),
  callable: is((value) => value instanceof Thing && value.isCallable()),
  defined: is((value) => !(value instanceof Undefined)),
  divisibleby: [['num'], (value, by) => equal(remainder(value, by), 0)],
  eq: equals,
  equalto: equals,
  escaped: is(() => false),
  even: is((value) => equal(remainder(value, 2), 0)),
  false: is((value) => value === false),
  filter: is((value) => typeof value === 'string' && Object.hasOwn(FILTERS, value)),
  float: is((value) => value instanceof Float),
  ge: greaterOrEqual,
  greaterthan: greater,
  gt: greater,
  in: [['seq'], (value, container) => contains(container, value)],
  integer: is(isInt),
  iterable: is((value) => iterate(value) !== undefined),
  le: lessOrEqual,
  lessthan: less,
  lower: isCased('islower'),
  lt: less,
  mapping: is((value) => value instanceof Dict),
  ne: differs,
  none: is((value) => value === null),
  number: is((value) => numberOf(value) !== undefined),
  odd: is((value) => equal(remainder(value, 2), 1)),
  sameas: [['other'], (value, other) => value === other],
  sequence: is((value) => sizeOf(value) !== undefined && !(value instanceof View) && !(value instanceof Namespace)),
  string: is((value) => typeof value === 'string'),
  test: is((value) => typeof value === 'string' && Object.hasOwn(TESTS, value)),
  true: is((value) => value === true),
  undefined: is((value) => value instanceof Undefined),
  upper: isCased('isupper'),
}
