/** The methods of strings, lists, dicts and numbers. Those that change a value do not exist: values are shared. */
import { equal } from './compare.js'
import { building, spend, TemplateError } from './limits.js'
import { Range } from './sequences.js'
import { count, place } from './signature.js'
import { type Method, STRING_METHODS } from './string-methods.js'
import { Dict, either, Float, Fn, type Int, Tuple, Undefined, type Value, View } from './values.js'

const SEQUENCE_METHODS: Record<string, Method<readonly Value[]>> = {
  count: [
    ['value'],
    (self, [value]) => {
      spend(self.length / 8)
      return self.filter((item) => equal(item, value as Value)).length
    },
  ],
  index: [
    ['value', 'start?', 'stop?'],
    (self, [value, start = 0, stop = self.length]) => {
      const clamp = (at: number) => Math.max(0, at < 0 ? at + self.length : at)
      const [from, to] = [clamp(count(start, 'index')), clamp(count(stop, 'index'))]
      spend(self.length / 8)
      const at = self.findIndex((item, i) => i >= from && i < to && equal(item, value as Value))
      if (at < 0) throw new TemplateError('the value is not in the list')
      return at
    },
  ],
}

const LIST_METHODS: Record<string, Method<Value[]>> = { copy: [[], (self) => [...self]] }

const DICT_METHODS: Record<string, Method<Dict>> = {
  copy: [[], (self) => Dict.of(self.entries())],
  get: [['key', 'default?'], (self, [key, fallback = null]) => either(self.get(key as Value), () => fallback)],
  items: [[], (self) => new View(self, 'items')],
  keys: [[], (self) => new View(self, 'keys')],
  values: [[], (self) => new View(self, 'values')],
}

const NUMBER_METHODS: Record<string, Method<Int | boolean | Float>> = {
  bit_length: [[], (self) => (self instanceof Float ? 0 : integerBits(self))],
  conjugate: [[], (self) => self],
  is_integer: [[], (self) => !(self instanceof Float) || Number.isInteger(self.value)],
}

/** The few methods whose arguments may be given by name. */
const WITH_KEYWORDS = new Set(['expandtabs', 'rsplit', 'split', 'splitlines'])

const CHANGING: Record<string, readonly string[]> = {
  list: ['append', 'clear', 'extend', 'insert', 'pop', 'remove', 'reverse', 'sort'],
  dict: ['clear', 'pop', 'popitem', 'setdefault', 'update'],
}

/** undefined: there is none of this name. */
export function methodOf(value: Value, name: string): Value | undefined {
  if (typeof value === 'string') {
    if (value.length > 64) building(value.length)
    return bind(STRING_METHODS, name, value)
  }
  if (value instanceof Dict) return bind(DICT_METHODS, name, value) ?? refused('dict', name)
  if (Array.isArray(value)) {
    return bind(SEQUENCE_METHODS, name, value) ?? bind(LIST_METHODS, name, value) ?? refused('list', name)
  }
  if (value instanceof Tuple) return bind(SEQUENCE_METHODS, name, value.items)
  if (value instanceof Range) return bind(SEQUENCE_METHODS, name, [...value.items()])
  if (value === null || (typeof value === 'object' && !(value instanceof Float))) return undefined
  return numberAttribute(value, name)
}

function bind<T>(methods: Record<string, Method<T>>, name: string, self: T): Fn | undefined {
  if (!Object.hasOwn(methods, name)) return undefined
  const [parameters, run] = methods[name] as Method<T>
  return new Fn(name, (args, keywords) => {
    if (keywords.size > 0 && !WITH_KEYWORDS.has(name)) throw new TemplateError(`${name}() takes no keyword arguments`)
    return run(self, place(name, parameters, args, keywords))
  })
}

function refused(type: string, name: string): Undefined | undefined {
  if (!CHANGING[type]?.includes(name)) return undefined
  return new Undefined(`access to attribute '${name}' of '${type}' object is unsafe.`)
}

function numberAttribute(value: Int | boolean | Float, name: string): Value | undefined {
  const number = typeof value === 'boolean' ? Number(value) : value
  if (name === 'real') return number
  if (name === 'imag') return value instanceof Float ? new Float(0) : 0
  if (value instanceof Float) return name === 'bit_length' ? undefined : bind(NUMBER_METHODS, name, value)
  if (name === 'numerator') return number
  if (name === 'denominator') return 1
  return bind(NUMBER_METHODS, name, value)
}

function integerBits(value: Int | boolean): number {
  const big = BigInt(value)
  return big === 0n ? 0 : (big < 0n ? -big : big).toString(2).length
}
