/** Filters of lists, dicts and numbers. */
import { item } from './attributes.js'
import { equal, numberOf, order, sorted } from './compare.js'
import { spend, TemplateError } from './limits.js'
import { binary, rounded, toFloat, toInt } from './numbers.js'
import { str } from './python-text.js'
import { Iter } from './sequences.js'
import { count, place, text } from './signature.js'
import { characters, join } from './text.js'
import {
  Dict,
  each,
  either,
  Float,
  Group,
  iterate,
  type Keywords,
  listOf,
  sizeOf,
  type Tuple,
  truthy,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.js'

export type Filter = (value: Value, args: Value[], keywords: Keywords) => Value
type Given = (Value | undefined)[]

export function filter(name: string, parameters: string[], run: (value: Value, given: Given) => Value): Filter {
  return (value, args, keywords) => run(value, place(name, parameters, args, keywords))
}

/** Follows a path such as `function.name` or `0`. */
export function getter(path: Value | undefined, fallback?: Value): (value: Value) => Value {
  if (path === undefined || path === null) return (value) => value
  const parts =
    typeof path === 'string' ? path.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part)) : [path]
  return (value) =>
    parts.reduce((inner: Value, part) => {
      const found = item(inner, part)
      return found instanceof Undefined && fallback !== undefined && fallback !== null ? fallback : found
    }, value)
}

/** Several paths, as in `sort(attribute="a,b")`. */
function sortKey(path: Value | undefined, isExact: boolean): (value: Value) => Value {
  const paths = typeof path === 'string' ? path.split(',') : [path]
  const getters = paths.map((one) => folded(getter(one), isExact))
  return (value) => getters.map((get) => get(value))
}

function folded(get: (value: Value) => Value, isExact: boolean): (value: Value) => Value {
  if (isExact) return get
  return (value) => {
    const key = get(value)
    return typeof key === 'string' ? key.toLowerCase() : key
  }
}

const isSet = (value: Value | undefined): boolean => value !== undefined && truthy(value)

function length(value: Value): Value {
  const size = sizeOf(value)
  if (size === undefined) throw new TemplateError(`object of type '${typeName(value)}' has no len()`)
  return size
}

function first(value: Value): Value {
  for (const one of each(value)) return one
  return new Undefined('No first item, sequence was empty.')
}

function last(value: Value): Value {
  if (value instanceof Iter || iterate(value) === undefined) {
    throw new TemplateError(`'${typeName(value)}' object is not reversible`)
  }
  return either(listOf(value).at(-1), () => new Undefined('No last item, sequence was empty.'))
}

function reverse(value: Value): Value {
  if (typeof value === 'string') return characters(value).reverse().join('')
  if (iterate(value) === undefined) throw new TemplateError('argument must be iterable')
  const items = [...listOf(value)].reverse()
  return value instanceof Iter ? items : new Iter(items, 'list_reverseiterator')
}

function extreme(name: string, sign: number): Filter {
  return filter(name, ['case_sensitive?', 'attribute?'], (value, [exact, path]) => {
    const key = folded(getter(path), isSet(exact))
    let best: Value | undefined
    for (const one of each(value)) {
      if (best === undefined || sign * order(key(one), key(best), sign > 0 ? '>' : '<') > 0) best = one
    }
    return either(best, () => new Undefined('No aggregated item, sequence was empty.'))
  })
}

function* batches(value: Value, size: number, fill: Value | undefined): Iterable<Value> {
  let batch: Value[] = []
  for (const one of each(value)) {
    if (batch.length === size) {
      yield batch
      batch = []
    }
    batch.push(one)
  }
  if (batch.length === 0) return
  if (fill !== undefined && fill !== null) {
    spend(Math.max(0, size - batch.length))
    while (batch.length < size) batch.push(fill)
  }
  yield batch
}

function* slices(value: Value, parts: number, fill: Value | undefined): Iterable<Value> {
  const items = listOf(value)
  if (parts === 0) throw new TemplateError('integer division or modulo by zero')
  const size = Math.floor(items.length / parts)
  const longer = items.length - size * parts
  let at = 0
  for (let i = 0; i < parts; i++) {
    spend(1)
    const slice = items.slice(at, at + size + (i < longer ? 1 : 0))
    at += slice.length
    if (fill !== undefined && fill !== null && i >= longer) slice.push(fill)
    yield slice
  }
}

function* unique(value: Value, key: (value: Value) => Value): Iterable<Value> {
  const seen = new Dict()
  for (const one of each(value)) {
    const at = key(one)
    if (seen.has(at)) continue
    seen.set(at, true)
    yield one
  }
}

function groups(value: Value, path: Value, fallback: Value | undefined, isExact: boolean): Value {
  const real = getter(path, fallback)
  const key = folded(real, isExact)
  const found: { key: Value; items: Value[] }[] = []
  for (const one of sorted([...listOf(value)], key, false)) {
    const last = found.at(-1)
    if (last && equal(last.key, key(one))) last.items.push(one)
    else found.push({ key: key(one), items: [one] })
  }
  return found.map(({ key, items }) => new Group([isExact ? key : real(items[0] as Value), items]))
}

function sum(value: Value, path: Value | undefined, start: Value): Value {
  if (typeof start === 'string') throw new TemplateError("sum() can't sum strings")
  const get = getter(path)
  let total: Value = start
  for (const one of each(value)) total = binary('+', total, get(one))
  return total
}

function round(value: Value, digits: number, method: string): Value {
  if (!['common', 'ceil', 'floor'].includes(method)) throw new TemplateError('method must be common, ceil or floor')
  if (value instanceof Undefined) value.fail()
  if (method === 'common') return rounded(value, digits)
  const number = numberOf(value)
  if (number === undefined) throw new TemplateError(`must be real number, not ${typeName(value)}`)
  const scaled = Number(number) * 10 ** digits
  return new Float((method === 'ceil' ? Math.ceil(scaled) : Math.floor(scaled)) / 10 ** digits)
}

function absolute(value: Value): Value {
  const number = numberOf(value)
  if (value instanceof Undefined) value.fail()
  if (number === undefined) throw new TemplateError(`bad operand type for abs(): '${typeName(value)}'`)
  if (value instanceof Float) return new Float(Math.abs(value.value))
  return number < 0 ? -number : number
}

function dictSort(value: Value, isExact: boolean, by: Value, isReversed: boolean): Value {
  if (!(value instanceof Dict)) throw new TemplateError(`'${typeName(value)}' object has no attribute 'items'`)
  if (by !== 'key' && by !== 'value') throw new TemplateError('You can only sort by either "key" or "value"')
  const at = by === 'key' ? 0 : 1
  const key = folded((pair) => (pair as Tuple).items[at] as Value, isExact)
  return sorted([...new View(value, 'items').items()], key, isReversed)
}

function* items(value: Value): Iterable<Value> {
  if (value instanceof Undefined) return
  if (!(value instanceof Dict)) throw new TemplateError('Can only get item pairs from a mapping.')
  yield* new View(value, 'items').items()
}

function joined(value: Value, separator: Value, path: Value | undefined): Value {
  const get = getter(path)
  const texts = Array.from(each(value), (one) => str(get(one)))
  return join(str(separator), texts)
}

const fallback: Filter = filter('default', ['default_value?', 'boolean?'], (value, [other = '', isFalse]) =>
  value instanceof Undefined || (isSet(isFalse) && !truthy(value)) ? other : value,
)

export const LIST_FILTERS: Record<string, Filter> = {
  abs: filter('abs', [], absolute),
  batch: filter(
    'batch',
    ['linecount', 'fill_with?'],
    (value, [size, fill]) => new Iter(batches(value, count(size, 'batch'), fill)),
  ),
  count: filter('count', [], length),
  d: fallback,
  default: fallback,
  dictsort: filter('dictsort', ['case_sensitive?', 'by?', 'reverse?'], (value, [exact, by = 'key', reversed]) =>
    dictSort(value, isSet(exact), by, isSet(reversed)),
  ),
  first: filter('first', [], first),
  float: filter('float', ['default?'], (value, [other = new Float(0)]) => {
    const number = toFloat(value)
    return number === undefined ? other : new Float(number)
  }),
  groupby: filter('groupby', ['attribute', 'default?', 'case_sensitive?'], (value, [path = null, other, exact]) =>
    groups(value, path, other, isSet(exact)),
  ),
  int: filter('int', ['default?', 'base?'], (value, [other = 0, base = 10]) => {
    const whole = toInt(value, count(base, 'int'))
    if (whole !== undefined) return whole
    const float = toFloat(value)
    return either(float === undefined ? undefined : toInt(new Float(float)), () => other)
  }),
  items: filter('items', [], (value) => new Iter(items(value))),
  join: filter('join', ['d?', 'attribute?'], (value, [separator = '', path]) => joined(value, separator, path)),
  last: filter('last', [], last),
  length: filter('length', [], length),
  list: filter('list', [], (value) => [...listOf(value)]),
  max: extreme('max', 1),
  min: extreme('min', -1),
  random: filter('random', [], (value) => {
    const items = listOf(value)
    const one = items[Math.floor(Math.random() * items.length)]
    return either(one, () => new Undefined('No random item, sequence was empty.'))
  }),
  reverse: filter('reverse', [], reverse),
  round: filter('round', ['precision?', 'method?'], (value, [digits = 0, method = 'common']) =>
    round(value, count(digits, 'round'), text(method, 'round')),
  ),
  slice: filter(
    'slice',
    ['slices', 'fill_with?'],
    (value, [parts, fill]) => new Iter(slices(value, count(parts, 'slice'), fill)),
  ),
  sort: filter('sort', ['reverse?', 'case_sensitive?', 'attribute?'], (value, [reversed, exact, path]) =>
    sorted([...listOf(value)], sortKey(path, isSet(exact)), isSet(reversed)),
  ),
  sum: filter('sum', ['attribute?', 'start?'], (value, [path, start = 0]) => sum(value, path, start)),
  unique: filter(
    'unique',
    ['case_sensitive?', 'attribute?'],
    (value, [exact, path]) => new Iter(unique(value, folded(getter(path), isSet(exact)))),
  ),
}
