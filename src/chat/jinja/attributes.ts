/** `value.name`, `value[key]` and slices. Only what is listed exists: nothing of JavaScript can be reached. */
import { numberOf } from './compare.js'
import { format } from './format.js'
import { building, spend, TemplateError } from './limits.js'
import { methodOf } from './methods.js'
import { repr } from './python-text.js'
import { Range } from './sequences.js'
import {
  Dict,
  either,
  Float,
  Fn,
  Group,
  hasPairs,
  type Int,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.js'

/** An attribute first, else the item of this name. */
export function attribute(value: Value, name: string): Value {
  if (value instanceof Undefined) value.fail()
  const found = own(value, name)
  if (found !== undefined) return found
  return either(value instanceof Dict ? value.get(name) : undefined, () => missing(value, name))
}

/** The item first, else the attribute of this name. */
export function item(value: Value, key: Value): Value {
  if (value instanceof Undefined) value.fail()
  const found = value instanceof Dict ? keyed(value, key) : indexed(value, key)
  if (found !== undefined) return found
  return either(typeof key === 'string' ? own(value, key) : undefined, () => missing(value, key))
}

/** undefined: there is no such attribute. */
export function own(value: Value, name: string): Value | undefined {
  if (name.startsWith('_')) return undefined
  if (typeof value === 'string' && (name === 'format' || name === 'format_map')) {
    return new Fn(name, (args, keywords) => {
      if (name === 'format') return format(value, args, keywords, LOOK_UP)
      if (!(args[0] instanceof Dict)) throw new TemplateError('format_map() takes a mapping')
      return format(value, [], args[0], LOOK_UP)
    })
  }
  if (value instanceof Group && name === 'grouper') return value.items[0]
  if (value instanceof Group && name === 'list') return value.items[1]
  const found = value instanceof Thing ? value.attribute(name) : undefined
  return found === undefined ? methodOf(value, name) : found
}

const LOOK_UP = { attribute, item }

function keyed(dict: Dict, key: Value): Value | undefined {
  return Array.isArray(key) || key instanceof Dict ? undefined : dict.get(key)
}

function missing(value: Value, key: Value): Undefined {
  const what = typeof key === 'string' ? 'attribute' : 'element'
  return new Undefined(`'${value === null ? 'None' : `${typeName(value)} object`}' has no ${what} ${repr(key)}`)
}

function indexed(value: Value, key: Value): Value | undefined {
  const index = key instanceof Float ? undefined : numberOf(key)
  if (index === undefined) return undefined
  const i = Number(index)
  if (Array.isArray(value)) return value[i < 0 ? i + value.length : i]
  if (value instanceof Tuple) return value.items[i < 0 ? i + value.items.length : i]
  if (value instanceof Range) {
    const at = i < 0 ? i + value.length : i
    return at >= 0 && at < value.length ? value.start + at * value.step : undefined
  }
  if (typeof value !== 'string') return undefined
  const characters = charactersOf(value)
  return characters[i < 0 ? i + characters.length : i]
}

/** Indexable by character: most texts have no character of two units and are it already. */
function charactersOf(text: string): string | string[] {
  if (!hasPairs(text)) return text
  building(text.length * 4)
  return [...text]
}

export function slice(value: Value, start: Value, stop: Value, step: Value): Value {
  if (value instanceof Undefined) value.fail()
  const by = bound(step) ?? 1
  if (by === 0) throw new TemplateError('slice step cannot be zero')
  if (typeof value === 'string') {
    const characters = charactersOf(value)
    const [from, to] = range(characters.length, bound(start), bound(stop), by)
    if (by === 1 && typeof characters === 'string') {
      spend(1)
      return characters.slice(from, Math.max(from, to))
    }
    return pick(characters, from, to, by).join('')
  }
  if (value instanceof Range) {
    const [from, to] = range(value.length, bound(start), bound(stop), by)
    const at = (index: number) => value.start + index * value.step
    return new Range(at(from), at(to), value.step * by)
  }
  const items = value instanceof Tuple ? value.items : value
  if (!Array.isArray(items)) throw new TemplateError(`'${typeName(value)}' object cannot be sliced`)
  const [from, to] = range(items.length, bound(start), bound(stop), by)
  const picked = by === 1 ? items.slice(from, Math.max(from, to)) : pick(items, from, to, by)
  spend(picked.length / 4)
  return value instanceof Tuple ? new Tuple(picked) : picked
}

function bound(value: Value): number | undefined {
  if (value === null) return undefined
  const number: Int | undefined = value instanceof Float ? undefined : numberOf(value)
  if (number === undefined) {
    throw new TemplateError('slice indices must be integers or None or have an __index__ method')
  }
  return Number(number)
}

function range(length: number, start: number | undefined, stop: number | undefined, step: number): [number, number] {
  const clamp = (index: number) => {
    const at = index < 0 ? index + length : index
    return step > 0 ? Math.min(Math.max(at, 0), length) : Math.min(Math.max(at, -1), length - 1)
  }
  const from = start === undefined ? (step > 0 ? 0 : length - 1) : clamp(start)
  const to = stop === undefined ? (step > 0 ? length : -1) : clamp(stop)
  return [from, to]
}

function pick<T>(items: ArrayLike<T>, from: number, to: number, step: number): T[] {
  const picked: T[] = []
  for (let i = from; step > 0 ? i < to : i > to; i += step) picked.push(items[i] as T)
  spend(picked.length / 4)
  return picked
}
