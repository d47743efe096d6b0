/** Which schemas a grammar is made of: those that are compiled in bounded time, and whose values end. */
import { isObject, setKey } from '../formats/json-value.js'
import { dereference, referenced, refOf } from '../formats/resolve-schema.js'
import type { JsonObject, JsonValue } from '../types.js'

const MOST_NODES = 2000
const DEEPEST = 32
const MOST_VALUES = 1000
const LONGEST_PATTERN = 200
// A grammar counts by repeating itself.
const MOST_REPEATED = 200
// Of all patterns together.
const MOST_IN_PATTERNS = 2000

/** Why this schema gets no grammar, naming the construct; undefined: it gets one. */
export function unbounded(root: JsonObject): string | undefined {
  let nodes = 0
  let repeated = 0
  const todo: { value: JsonValue; depth: number }[] = [{ value: root, depth: 0 }]
  for (let place = todo.pop(); place; place = todo.pop()) {
    const { value, depth } = place
    if (typeof value !== 'object' || value === null) continue
    nodes += 1
    if (nodes > MOST_NODES) return `a schema of more than ${MOST_NODES} parts`
    if (depth > DEEPEST) return `a schema nested more than ${DEEPEST} levels deep`
    repeated += isObject(value) && typeof value.pattern === 'string' ? repeats(value.pattern) : 0
    if (repeated > MOST_IN_PATTERNS) return `patterns that repeat their parts more than ${MOST_IN_PATTERNS} times`
    const fault = isObject(value) ? faultOf(value) : undefined
    if (fault !== undefined) return fault
    for (const inner of Object.values(value)) todo.push({ value: inner, depth: depth + 1 })
  }
  return endless(root)
}

function faultOf(schema: JsonObject): string | undefined {
  const { enum: values, pattern, patternProperties } = schema
  if (Array.isArray(values) && values.length > MOST_VALUES) return `an enum of more than ${MOST_VALUES} values`
  const patterns = isObject(patternProperties) ? Object.keys(patternProperties) : []
  for (const one of typeof pattern === 'string' ? [pattern, ...patterns] : patterns) {
    const fault = patternFault(one)
    if (fault) return `the pattern ${one.slice(0, 80)}, which ${fault}`
  }
  for (const key of ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties']) {
    const value = schema[key]
    const isUpper = key.startsWith('max')
    // A long upper bound is dropped from what is compiled.
    if (!isUpper && typeof value === 'number' && value > MOST_REPEATED) return `a ${key} of more than ${MOST_REPEATED}`
  }
}

function patternFault(pattern: string): string | undefined {
  if (pattern.length > LONGEST_PATTERN) return `is longer than ${LONGEST_PATTERN} characters`
  if (!isPattern(pattern)) return 'is no regular expression'
  if (repeats(pattern) > MOST_REPEATED) return `repeats its parts more than ${MOST_REPEATED} times`
}

/** How often at most a part of it is repeated by counting, one count within the other. */
function repeats(pattern: string): number {
  let repeated = 1
  for (const [, least, most] of pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)) {
    repeated = Math.min(repeated * Math.max(1, Number(least), Number(most || 0)), MOST_REPEATED + 1)
  }
  return repeated
}

function isPattern(text: string): boolean {
  for (const flags of ['u', '']) {
    try {
      new RegExp(text, flags)
      return true
    } catch {
      // Another dialect, or none.
    }
  }
  return false
}

/** A reference that leads to itself alone, or an object that needs one of its own kind, has no value that ends. */
function endless(root: JsonObject): string | undefined {
  return ends(root, root, [], 0) ? undefined : 'a $ref that leads to itself, so that no value ends'
}

function ends(schema: JsonValue | undefined, root: JsonObject, open: JsonValue[], depth: number): boolean {
  if (!isObject(schema)) return schema !== false
  if (open.includes(schema)) return false
  if (depth > DEEPEST) return true
  const inside = [...open, schema]
  const inner = (one: JsonValue | undefined) => ends(one, root, inside, depth + 1)
  if (refOf(schema) !== undefined && !chainEnds(schema, root)) return false
  const { allOf, anyOf, oneOf, required, properties, items, prefixItems, minItems } = dereference(schema, root)
  if (Array.isArray(allOf) && !allOf.every(inner)) return false
  for (const choices of [anyOf, oneOf]) if (Array.isArray(choices) && !choices.some(inner)) return false
  const first = Array.isArray(prefixItems) ? prefixItems : []
  const least = typeof minItems === 'number' ? minItems : 0
  if (!first.slice(0, least).every(inner) || (least > first.length && items !== undefined && !inner(items)))
    return false
  if (!Array.isArray(required) || !isObject(properties)) return true
  return required.every((key) => typeof key !== 'string' || !Object.hasOwn(properties, key) || inner(properties[key]))
}

/** Whether references lead to something else than each other. */
function chainEnds(schema: JsonObject, root: JsonObject): boolean {
  const seen = new Set<JsonValue>()
  let at: JsonValue | undefined = schema
  while (isObject(at) && !seen.has(at)) {
    seen.add(at)
    const ref = refOf(at)
    if (ref === undefined) return true
    at = referenced(ref, root)
  }
  return !isObject(at)
}

// What a grammar does not say; `format` is a note.
const UNSAID = new Set([
  ...['not', 'if', 'then', 'else', 'dependentRequired', 'dependentSchemas', 'dependencies', 'uniqueItems', 'contains'],
  ...['minContains', 'maxContains', 'unevaluatedProperties', 'unevaluatedItems', 'contentSchema'],
])
// What a grammar has no use for. Without them, schemas that differ only in their words are one.
const NOTES = new Set(['description', 'title', 'examples', 'default', 'deprecated', '$comment', '$schema'])
const MAPS = new Set(['properties', 'patternProperties', '$defs', 'definitions'])
const DATA = new Set(['enum', 'const', 'default', 'examples'])

/** The schema without its notes, and without what no grammar says, which allows more; the names of the latter. */
export function loosened(schema: JsonObject): { schema: JsonObject; dropped: string[] } {
  const dropped = new Set<string>()
  const walk = (value: JsonValue, isMap: boolean): JsonValue => {
    if (Array.isArray(value)) return value.map((one) => walk(one, isMap))
    if (!isObject(value)) return value
    const kept: JsonObject = {}
    for (const [key, inner] of Object.entries(value)) {
      if (!isMap && NOTES.has(key)) continue
      const unsaid = isMap ? undefined : unsaidBy(key, inner, value)
      if (unsaid !== undefined) dropped.add(unsaid)
      else setKey(kept, key, !isMap && DATA.has(key) ? inner : walk(inner, !isMap && MAPS.has(key)))
    }
    return kept
  }
  return { schema: walk(schema, false) as JsonObject, dropped: [...dropped] }
}

function unsaidBy(key: string, value: JsonValue, { type }: JsonObject): string | undefined {
  if (UNSAID.has(key)) return value === false && key === 'uniqueItems' ? undefined : key
  if (key === 'multipleOf' && type !== 'integer') return 'multipleOf of a number that is no integer'
  const isLong = /^max(?:Length|Items|Properties)$/.test(key) && typeof value === 'number' && value > MOST_REPEATED
  return isLong ? `a ${key} of more than ${MOST_REPEATED}` : undefined
}
