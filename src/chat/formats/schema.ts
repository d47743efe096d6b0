/** Checks a tool's input against its JSON schema, and corrects values of the wrong type that have only one meaning. */
import type { JsonObject, JsonValue } from '../types.js'
import { MAX_DEPTH } from './depth.js'
import { parseJson } from './json.js'

/**
 * Corrects values of the wrong type that have only one meaning: a number, a boolean, a list or an object in quotes, and
 * a bare integer or boolean where the schema wants text. A value that the schema allows stays as it is.
 */
export function coerce(value: JsonValue, schema: JsonValue | undefined, depth = 0): JsonValue {
  if (!isObject(schema) || depth > MAX_DEPTH) return value
  if (typeof value === 'string') return coerceString(value, schema, depth)
  // Other numbers may have been written differently, such as 1.10.
  const plain = typeof value === 'boolean' || Number.isSafeInteger(value)
  if (plain && onlyType(schema) === 'string') return String(value)
  if (Array.isArray(value)) return value.map((item) => coerce(item, schema.items, depth + 1))
  const { properties } = schema
  if (!isObject(value) || !isObject(properties)) return value
  const result: JsonObject = {}
  for (const [key, inner] of Object.entries(value)) {
    setKey(result, key, coerce(inner, Object.hasOwn(properties, key) ? properties[key] : undefined, depth + 1))
  }
  return result
}

/**
 * The first reason why a value does not fit, such as `edits.0.old_string: Field required`; undefined if it fits.
 * Keywords that it does not know are ignored, so there are no false reports.
 */
export function misfit(value: JsonValue, schema: JsonValue | undefined, at = 'input', depth = 0): string | undefined {
  if (!isObject(schema) || depth > MAX_DEPTH) return undefined
  const types = typesOf(schema)
  if (types.length > 0 && !types.some((type) => isOfType(value, type))) return `${at}: should be ${types.join(' or ')}`
  if (Array.isArray(schema.enum) && !schema.enum.some((one) => sameJson(one, value)))
    return `${at}: not one of its enum`
  const choices = schema.anyOf ?? schema.oneOf
  if (Array.isArray(choices) && choices.length > 0) {
    if (choices.every((choice) => misfit(value, choice, at, depth + 1) !== undefined)) return `${at}: fits no choice`
  }
  if (Array.isArray(value))
    return first(value.entries(), ([i, item]) => misfit(item, schema.items, `${at}.${i}`, depth + 1))
  return isObject(value) ? objectMisfit(value, schema, at, depth) : undefined
}

function objectMisfit(value: JsonObject, schema: JsonObject, at: string, depth: number): string | undefined {
  const { required, additionalProperties } = schema
  const properties = isObject(schema.properties) ? schema.properties : {}
  const missing = Array.isArray(required) ? required.find((key) => !Object.hasOwn(value, String(key))) : undefined
  if (missing !== undefined) return `${at}.${String(missing)}: Field required`
  return first(Object.entries(value), ([key, inner]) => {
    if (Object.hasOwn(properties, key)) return misfit(inner, properties[key], `${at}.${key}`, depth + 1)
    return additionalProperties === false ? `${at}.${key}: not a field of it` : undefined
  })
}

function first<T>(items: Iterable<T>, reason: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = reason(item)
    if (found !== undefined) return found
  }
  return undefined
}

function coerceString(value: string, schema: JsonObject, depth: number): JsonValue {
  const type = onlyType(schema)
  if (type === 'boolean' && /^(?:true|false)$/i.test(value)) return value.toLowerCase() === 'true'
  if (type === 'array' || type === 'object') {
    const parsed = parseJson(value)
    const fits = type === 'array' ? Array.isArray(parsed) : isObject(parsed)
    return fits && parsed !== undefined ? coerce(parsed, schema, depth + 1) : value
  }
  if (type !== 'number' && type !== 'integer') return value
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value)) return value
  const number = Number(value)
  const fits = type === 'number' ? Number.isFinite(number) : Number.isSafeInteger(number)
  return fits ? number : value
}

/** The schema's type, which may also be null; undefined if it allows several. */
function onlyType(schema: JsonObject): string | undefined {
  const types = typesOf(schema).filter((type) => type !== 'null')
  return types.length === 1 ? types[0] : undefined
}

function typesOf({ type }: JsonObject): string[] {
  if (typeof type === 'string') return [type]
  return Array.isArray(type) ? type.filter((one) => typeof one === 'string') : []
}

function isOfType(value: JsonValue, type: string): boolean {
  switch (type) {
    case 'object':
      return isObject(value)
    case 'array':
      return Array.isArray(value)
    case 'null':
      return value === null
    case 'integer':
      return Number.isInteger(value)
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type
    default:
      return true
  }
}

function sameJson(a: JsonValue, b: JsonValue): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b))
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Assigns like `=`, but treats `__proto__` as an ordinary key. */
export function setKey(object: JsonObject, key: string, value: JsonValue): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
  else object[key] = value
}
