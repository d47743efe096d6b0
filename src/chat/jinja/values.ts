/**
 * The values of a template, as Python has them. Of JavaScript's own values these stand for themselves: null (None),
 * booleans, strings, arrays (lists), and numbers, which are ints; an int that a number cannot hold exactly is a bigint.
 */
import { building, searching, spend, TemplateError } from './limits.js'

export type Int = number | bigint
export type Value = null | boolean | Int | string | Float | Value[] | Tuple | Dict | Thing
export type Keywords = ReadonlyMap<string, Value>

export const NO_KEYWORDS: Keywords = new Map()

export class Float {
  constructor(readonly value: number) {}
}

export class Tuple {
  constructor(readonly items: readonly Value[]) {}
}

/** A group of groupby: its items have names too. */
export class Group extends Tuple {}

/** A value that is there, else another one. None is there. */
export function either(value: Value | undefined, other: () => Value): Value {
  return value === undefined ? other() : value
}

/** Anything else: it has attributes, and may be called, iterated or measured. */
export abstract class Thing {
  abstract readonly type: string
  /** undefined: there is no such attribute. */
  attribute(_name: string): Value | undefined {
    return undefined
  }
  call(_args: Value[], _keywords: Keywords): Value {
    throw new TemplateError(`'${this.type}' object is not callable`)
  }
  isCallable(): boolean {
    return false
  }
  items(): Iterable<Value> | undefined {
    return undefined
  }
  size(): number | undefined {
    return undefined
  }
  repr(_inner: (value: Value) => string): string {
    return `<${this.type} object>`
  }
}

/** A name or attribute that does not exist: it is empty and false, and any use beyond that is an error. */
export class Undefined extends Thing {
  readonly type = 'Undefined'
  constructor(readonly reason: string) {
    super()
  }
  fail(): never {
    throw new TemplateError(this.reason)
  }
  override call(): never {
    this.fail()
  }
  override isCallable(): boolean {
    return true
  }
  override items(): Value[] {
    return []
  }
  override size(): number {
    return 0
  }
  override repr(): string {
    return 'Undefined'
  }
}

/** A function or a method. */
export class Fn extends Thing {
  readonly type = 'builtin_function_or_method'
  constructor(
    readonly name: string,
    private readonly run: (args: Value[], keywords: Keywords) => Value,
  ) {
    super()
  }
  override call(args: Value[], keywords: Keywords): Value {
    return this.run(args, keywords)
  }
  override isCallable(): boolean {
    return true
  }
  override repr(): string {
    return `<function ${this.name}>`
  }
}

export class Namespace extends Thing {
  readonly type = 'Namespace'
  constructor(readonly attributes: Dict) {
    super()
  }
  override attribute(name: string): Value | undefined {
    return this.attributes.get(name)
  }
  put(name: string, value: Value): void {
    if (name.startsWith('_')) throw new TemplateError(`a namespace takes no name with an underscore first: '${name}'`)
    this.attributes.set(name, value)
  }
  override repr(inner: (value: Value) => string): string {
    return `<Namespace ${inner(this.attributes)}>`
  }
}

type HashKey = null | string | Int

/** Keys that are equal in Python are one key: 1, 1.0 and True. */
export class Dict {
  private readonly map = new Map<HashKey, [key: Value, value: Value]>()

  static of(entries: Iterable<readonly [Value, Value]>): Dict {
    const dict = new Dict()
    for (const [key, value] of entries) dict.set(key, value)
    return dict
  }
  get size(): number {
    return this.map.size
  }
  get(key: Value): Value | undefined {
    return this.map.get(hash(key))?.[1]
  }
  has(key: Value): boolean {
    return this.map.has(hash(key))
  }
  set(key: Value, value: Value): void {
    const at = hash(key)
    const old = this.map.get(at)
    if (old) old[1] = value
    else this.map.set(at, [key, value])
  }
  *keys(): Iterable<Value> {
    for (const [key] of this.map.values()) yield key
  }
  *values(): Iterable<Value> {
    for (const [, value] of this.map.values()) yield value
  }
  entries(): Iterable<[Value, Value]> {
    return this.map.values()
  }
}

/** What `keys()`, `values()` and `items()` of a dict return. */
export class View extends Thing {
  readonly type: string
  constructor(
    readonly dict: Dict,
    readonly kind: 'keys' | 'values' | 'items',
  ) {
    super()
    this.type = `dict_${kind}`
  }
  override *items(): Iterable<Value> {
    if (this.kind === 'items') for (const [key, value] of this.dict.entries()) yield new Tuple([key, value])
    else yield* this.dict[this.kind]()
  }
  override size(): number {
    return this.dict.size
  }
  override repr(inner: (value: Value) => string): string {
    return `${this.type}(${inner([...this.items()])})`
  }
}

function hash(key: Value): HashKey {
  if (typeof key === 'string') return key.startsWith('\0') ? `\0s${key}` : key
  if (key === null || typeof key === 'number' || typeof key === 'bigint') return key
  if (typeof key === 'boolean') return Number(key)
  if (key instanceof Float) return key.value
  if (key instanceof Tuple) {
    // Of each part the length too: no two tuples get one text.
    const parts = key.items.map((item) => `${typeof item}${String(hash(item))}`)
    return `\0t${parts.map((part) => `${part.length}:${part}`).join('')}`
  }
  if (key instanceof Undefined) return '\0u'
  if (key instanceof Thing) return `\0o${identity(key)}`
  throw new TemplateError(`unhashable type: '${typeName(key)}'`)
}

const identities = new WeakMap<Thing, number>()
let lastIdentity = 0

function identity(thing: Thing): number {
  let id = identities.get(thing)
  if (id === undefined) {
    id = ++lastIdentity
    identities.set(thing, id)
  }
  return id
}

export function typeName(value: Value): string {
  if (value === null) return 'NoneType'
  if (typeof value === 'string') return 'str'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number' || typeof value === 'bigint') return 'int'
  if (value instanceof Float) return 'float'
  if (Array.isArray(value)) return 'list'
  if (value instanceof Tuple) return 'tuple'
  return value instanceof Dict ? 'dict' : value.type
}

export function truthy(value: Value): boolean {
  if (typeof value === 'boolean') return value
  if (value === null || value === '' || value === 0) return false
  if (typeof value === 'object') {
    if (value instanceof Float) return value.value !== 0
    return sizeOf(value) !== 0
  }
  return true
}

/** undefined: it has no length. */
export function sizeOf(value: Value): number | undefined {
  if (typeof value === 'string') return lengthOf(value)
  if (Array.isArray(value)) return value.length
  if (value instanceof Tuple) return value.items.length
  if (value instanceof Dict) return value.size
  return value instanceof Thing ? value.size() : undefined
}

/** Python counts characters, not UTF-16 units. */
export function lengthOf(text: string): number {
  let length = text.length
  if (!hasPairs(text)) return length
  building(length)
  for (let i = 0; i < text.length; i++) if ((text.codePointAt(i) as number) > 0xffff) length--
  return length
}

export function hasPairs(text: string): boolean {
  if (text.length > 64) searching(text.length)
  return /[\ud800-\udbff]/.test(text)
}

/** undefined: it cannot be iterated. */
export function iterate(value: Value): Iterable<Value> | undefined {
  if (typeof value === 'string' || Array.isArray(value)) return value
  if (value instanceof Tuple) return value.items
  if (value instanceof Dict) return value.keys()
  return value instanceof Thing ? value.items() : undefined
}

export function* each(value: Value): Iterable<Value> {
  const items = iterate(value)
  if (items === undefined) throw new TemplateError(`'${typeName(value)}' object is not iterable`)
  for (const item of items) {
    spend(1)
    yield item
  }
}

export function listOf(value: Value): Value[] {
  if (Array.isArray(value)) {
    spend(value.length / 8)
    return value
  }
  return [...each(value)]
}

/** JSON values; a number without a fraction is an int. */
export function fromJson(value: unknown): Value {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : new Float(value)
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (Array.isArray(value)) return value.map(fromJson)
  return Dict.of(Object.entries(value).map(([key, inner]) => [key, fromJson(inner)] as const))
}
