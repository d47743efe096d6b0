/**
 * A tool's schema as the model is shown it: references replaced by what they stand for, and bounded in size.
 *
 * A schema without references that is not too large is shown as it came. A definition that contains itself is written
 * out once, and named where it comes again. What is too large is cut in steps, each shorter than the one before: long
 * texts, long lists, the last properties (the description says how many), the deepest parts. Only the schema decides, so
 * that a tool is shown alike in every request.
 */

import { isObject, setKey } from '../formats/json-value.js'
import { merge, referenced, refOf } from '../formats/resolve-schema.js'
import { jsonText } from '../json-text.js'
import type { JsonObject, JsonValue } from '../types.js'

/** The most characters of JSON that a schema is shown in. */
export const MAX_SCHEMA_CHARACTERS = 64 * 1024
// Writing references out may make a schema this much longer, and any schema this long.
const MAX_GROWTH = 4
const SMALL = 8 * 1024
// References within references; a longer chain ends like one that comes back.
const MAX_OPEN = 32

interface Bounds {
  /** Levels of objects and lists. */
  depth: number
  characters: number
  /** Characters of one text. */
  text: number
  /** Items of a list that is no list of schemas, and of properties. */
  items: number
}

const WHOLE = { depth: 100, text: Number.POSITIVE_INFINITY, items: Number.POSITIVE_INFINITY }
const STEPS = [
  WHOLE,
  { depth: 100, text: 4000, items: 1000 },
  { depth: 32, text: 2000, items: 500 },
  { depth: 16, text: 1000, items: 200 },
  { depth: 8, text: 500, items: 100 },
  { depth: 6, text: 200, items: 50 },
  { depth: 4, text: 100, items: 10 },
]

const shown = new WeakMap<JsonObject, JsonObject>()

export function shownSchema(schema: JsonObject): JsonObject {
  const known = shown.get(schema)
  if (known) return known
  const result = bounded(schema)
  shown.set(schema, result)
  return result
}

function bounded(schema: JsonObject): JsonObject {
  const asItCame = new Copy(schema, { ...WHOLE, characters: MAX_SCHEMA_CHARACTERS }, false)
  const copied = asItCame.copy()
  // Nothing was replaced or cut, so the original is the same.
  if (copied && !asItCame.hasRefs && !asItCame.isCut) return schema
  const written = copied ? MAX_SCHEMA_CHARACTERS - asItCame.left : MAX_SCHEMA_CHARACTERS
  const characters = Math.min(MAX_SCHEMA_CHARACTERS, Math.max(SMALL, MAX_GROWTH * written))
  for (const step of STEPS) {
    const result = new Copy(schema, { ...step, characters }, true).copy()
    if (result) return result
  }
  return { type: 'object' }
}

class Copy {
  left: number
  hasRefs = false
  isCut = false
  /** The references that are being written out. */
  private readonly open: string[] = []

  constructor(
    private readonly root: JsonObject,
    private readonly bounds: Bounds,
    private readonly resolves: boolean,
  ) {
    this.left = bounds.characters
  }

  /** undefined: it is too long. */
  copy(): JsonObject | undefined {
    const result = this.schema(this.root, this.bounds.depth)
    return this.left < 0 ? undefined : (result as JsonObject)
  }

  private schema(value: JsonValue, depth: number): JsonValue {
    if (!isObject(value)) return this.data(value, depth)
    const ref = refOf(value)
    if (ref === undefined) return this.fields(value, depth)
    this.hasRefs = true
    if (!this.resolves) return this.fields(value, depth)
    const target = referenced(ref, this.root)
    // What stands elsewhere cannot be shown, so its address is.
    if (!isObject(target)) return this.fields(value, depth)
    if (ref === '#' || this.open.length >= MAX_OPEN || this.open.includes(ref)) return this.again(ref, value, target)
    this.open.push(ref)
    const { $ref, $dynamicRef, $recursiveRef, ...beside } = value
    // One reference at a time, so that a chain of them ends where it comes back.
    const result = this.schema(merge(target, beside), depth)
    this.open.pop()
    return result
  }

  /** A definition within itself. */
  private again(ref: string, { description }: JsonObject, target: JsonObject): JsonObject {
    const name = ref === '#' ? 'the whole input' : ref.slice(ref.lastIndexOf('/') + 1)
    const again = `${name}, as above`
    return this.fields(
      {
        ...(target.type === undefined ? {} : { type: target.type }),
        description: typeof description === 'string' ? `${description}\n${again}` : again,
      },
      2,
    ) as JsonObject
  }

  private fields(schema: JsonObject, depth: number): JsonValue {
    if (depth <= 0) return this.summary(schema)
    const result: JsonObject = {}
    for (const key of keysOf(schema)) {
      if (this.left < 0) break
      // References to them are written out.
      if (this.resolves && (key === '$defs' || key === 'definitions')) continue
      this.left -= key.length + 4
      setKey(result, key, this.field(key, schema[key] as JsonValue, depth - 1))
    }
    const dropped = isObject(schema.properties) ? keysOf(schema.properties).length - this.bounds.items : 0
    if (dropped > 0) {
      const more = `… and ${dropped} more properties`
      result.description = typeof result.description === 'string' ? `${result.description}\n${more}` : more
    }
    return result
  }

  private field(key: string, value: JsonValue, depth: number): JsonValue {
    if (MAPS.has(key) && isObject(value)) return this.map(value, depth)
    if (LISTS.has(key) && Array.isArray(value)) return this.list(value, (one) => this.schema(one, depth - 1))
    if (SCHEMAS.has(key)) {
      return Array.isArray(value) ? this.list(value, (one) => this.schema(one, depth - 1)) : this.schema(value, depth)
    }
    return this.data(value, depth)
  }

  private map(schemas: JsonObject, depth: number): JsonObject {
    const result: JsonObject = {}
    for (const [i, key] of keysOf(schemas).entries()) {
      if (this.left < 0 || i >= this.bounds.items) break
      this.left -= key.length + 4
      setKey(result, key, this.schema(schemas[key] as JsonValue, depth - 1))
    }
    return result
  }

  private list(values: JsonValue[], copy: (value: JsonValue) => JsonValue): JsonValue[] {
    const result: JsonValue[] = []
    for (const [i, value] of values.entries()) {
      if (this.left < 0 || i >= this.bounds.items) break
      this.left -= 1
      result.push(copy(value))
    }
    return result
  }

  private data(value: JsonValue, depth: number): JsonValue {
    if (typeof value === 'string') return this.text(value)
    if (typeof value !== 'object' || value === null) {
      this.left -= jsonText(value).length
      return value
    }
    if (depth <= 0) {
      this.isCut = true
      return this.text('…')
    }
    if (Array.isArray(value)) return this.list(value, (one) => this.data(one, depth - 1))
    const result: JsonObject = {}
    for (const [i, key] of keysOf(value).entries()) {
      if (this.left < 0 || i >= this.bounds.items) break
      this.left -= key.length + 4
      setKey(result, key, this.data(value[key] as JsonValue, depth - 1))
    }
    return result
  }

  /** What is left of a schema that lies too deep. */
  private summary(schema: JsonObject): JsonObject {
    this.isCut = true
    const { type, description } = schema
    return {
      ...(typeof type === 'string' ? { type: this.text(type) } : {}),
      description: typeof description === 'string' ? this.text(description) : this.text('…'),
    }
  }

  private text(text: string): string {
    const { length } = text
    const kept = length > this.bounds.text ? `${text.slice(0, this.bounds.text)}…` : text
    this.left -= kept.length + 2
    return kept
  }
}

const keys = new WeakMap<JsonObject, string[]>()

/** Listing the keys of a large object each time would take longer than everything else. */
function keysOf(object: JsonObject): string[] {
  const known = keys.get(object)
  if (known) return known
  const found = Object.keys(object)
  keys.set(object, found)
  return found
}

// Keywords whose value is an object of schemas, a list of schemas, or a schema (`items` may be a list as well).
const MAPS = new Set(['properties', 'patternProperties', 'dependentSchemas', '$defs', 'definitions'])
const LISTS = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
const SCHEMAS = new Set([
  ...['items', 'additionalItems', 'additionalProperties', 'unevaluatedProperties', 'propertyNames'],
  ...['contains', 'not', 'if', 'then', 'else'],
])
