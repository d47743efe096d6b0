/** Equality, order and membership, as Python has them. */
import { searching, seeking, spend, TemplateError } from './limits.js'
import { Range } from './sequences.js'
import { Dict, Float, hasPairs, type Int, iterate, Tuple, typeName, Undefined, type Value, View } from './values.js'

/** Of an int, a float or a bool; undefined: it is none. */
export function numberOf(value: Value): Int | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return Number(value)
  return value instanceof Float ? value.value : undefined
}

export function equal(a: Value, b: Value): boolean {
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length === b.length && a.length > 64) searching(a.length)
    return a === b
  }
  if (a === b) return !(a instanceof Float && Number.isNaN(a.value))
  if (typeof a === 'string' || typeof b === 'string' || a === null || b === null) return false
  const [x, y] = [numberOf(a), numberOf(b)]
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number that are equal are not identical.
  if (x !== undefined && y !== undefined) return x == y
  if (Array.isArray(a)) return Array.isArray(b) && sameItems(a, b)
  if (a instanceof Tuple) return b instanceof Tuple && sameItems(a.items, b.items)
  if (a instanceof Dict) return b instanceof Dict && sameEntries(a, b)
  if (a instanceof Range && b instanceof Range) return sameItems([...a.items()], [...b.items()])
  return a instanceof Undefined && b instanceof Undefined
}

function sameItems(a: readonly Value[], b: readonly Value[]): boolean {
  spend(1 + a.length / 8)
  return a.length === b.length && a.every((item, i) => equal(item, b[i] as Value))
}

function sameEntries(a: Dict, b: Dict): boolean {
  spend(1 + a.size / 8)
  if (a.size !== b.size) return false
  for (const [key, value] of a.entries()) {
    const other = b.get(key)
    if (other === undefined || !equal(value, other)) return false
  }
  return true
}

/** Negative: a comes first. NaN: neither is before, after or equal to the other. */
export function order(a: Value, b: Value, operator: string): number {
  if (a instanceof Undefined) a.fail()
  if (b instanceof Undefined) b.fail()
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  const [x, y] = [numberOf(a), numberOf(b)]
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : x === y || !isNaNs(x, y) ? 0 : Number.NaN
  if (Array.isArray(a) && Array.isArray(b)) return compareItems(a, b, operator)
  if (a instanceof Tuple && b instanceof Tuple) return compareItems(a.items, b.items, operator)
  const names = `'${typeName(a)}' and '${typeName(b)}'`
  throw new TemplateError(`'${operator}' not supported between instances of ${names}`)
}

function isNaNs(...values: Int[]): boolean {
  return values.some((value) => Number.isNaN(value))
}

/** By characters, not by UTF-16 units. */
function compareText(a: string, b: string): number {
  searching(Math.min(a.length, b.length))
  if (!hasPairs(a) && !hasPairs(b)) return a < b ? -1 : a > b ? 1 : 0
  let i = 0
  while (i < a.length && i < b.length && a[i] === b[i]) i++
  return (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1)
}

function compareItems(a: readonly Value[], b: readonly Value[], operator: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    spend(1)
    if (!equal(a[i] as Value, b[i] as Value)) return order(a[i] as Value, b[i] as Value, operator)
  }
  return a.length - b.length
}

export function contains(container: Value, item: Value): boolean {
  if (typeof container === 'string') {
    if (typeof item !== 'string') {
      throw new TemplateError(`'in <string>' requires string as left operand, not ${typeName(item)}`)
    }
    seeking(container, item)
    return container.includes(item)
  }
  if (container instanceof Dict) return container.has(item)
  if (container instanceof View && container.kind === 'keys') return container.dict.has(item)
  const items = iterate(container)
  if (items === undefined) throw new TemplateError(`argument of type '${typeName(container)}' is not iterable`)
  for (const each of items) {
    spend(1 / 8)
    if (equal(each, item)) return true
  }
  return false
}

/** Stable, as sorted() is. */
export function sorted<T>(items: T[], key: (item: T) => Value, reverse: boolean): T[] {
  const keyed = items.map((item) => ({ item, key: key(item) }))
  const sign = reverse ? -1 : 1
  keyed.sort((a, b) => {
    spend(1)
    return sign * order(a.key, b.key, '<')
  })
  return keyed.map(({ item }) => item)
}
