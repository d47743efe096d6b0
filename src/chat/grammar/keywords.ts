/** The keywords of a schema as grammars need them: in one spelling, each of its own kind; references and choices aside. */
import { isObject } from '../formats/json-value.js'
import type { JsonObject, JsonValue } from '../types.js'
import { common } from './same-value.js'

/** Told of what no grammar says, which is left out. */
export type Miss = (what: string) => void

/** The sizes that a schema may set; of each, two schemas together have the larger or the smaller. */
export const LEAST = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'] as const
export const MOST = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'] as const
type Size = (typeof LEAST)[number] | (typeof MOST)[number]

export interface Keywords extends Partial<Record<Size, number>> {
  /** Of JSON, in lower case. */
  type?: string[]
  enum?: JsonValue[]
  multipleOf?: number
  pattern?: string
  format?: string
  properties?: JsonObject
  patternProperties?: JsonObject
  additionalProperties?: JsonValue
  propertyNames?: JsonObject
  required?: string[]
  prefixItems?: JsonValue[]
  items?: JsonValue
}

// What no grammar says.
const UNSAID = [
  ...['not', 'if', 'dependentRequired', 'dependentSchemas', 'dependencies', 'uniqueItems', 'contains'],
  ...['minContains', 'maxContains', 'unevaluatedProperties', 'unevaluatedItems', 'contentSchema'],
]

const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null']

/** What a keyword means values of, where no type is given. */
const MEANT: Record<string, (keyof Keywords)[]> = {
  object: ['properties', 'patternProperties', 'additionalProperties', 'propertyNames', 'required', 'minProperties'],
  array: ['prefixItems', 'items', 'minItems', 'maxItems'],
  string: ['pattern', 'format', 'minLength', 'maxLength'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
}

/** The types that a schema is about; []: any. */
export function typesOf(keywords: Keywords): string[] {
  if (keywords.type) return keywords.type
  if (keywords.maxProperties !== undefined) return ['object']
  return Object.keys(MEANT).filter((type) => MEANT[type]?.some((key) => keywords[key] !== undefined))
}

export function readKeywords(schema: JsonObject, miss: Miss): Keywords {
  for (const key of UNSAID) {
    if (schema[key] === undefined || (key === 'uniqueItems' && schema[key] === false)) continue
    if (key !== 'unevaluatedProperties' || !isPlain(schema)) miss(key)
  }
  const keywords: Keywords = { ...readSizes(schema, miss), ...readItems(schema, miss), ...readNames(schema, miss) }
  const { type, pattern, format, required } = schema
  const types = readTypes(type, miss)
  if (types) keywords.type = types
  if (Array.isArray(schema.enum)) keywords.enum = schema.enum
  else if (schema.enum !== undefined) miss('an enum that is no list')
  if (schema.const !== undefined) keywords.enum = keywords.enum ? common(keywords.enum, [schema.const]) : [schema.const]
  if (typeof pattern === 'string') keywords.pattern = pattern
  if (typeof format === 'string') keywords.format = format
  if (Array.isArray(required)) keywords.required = required.map(String)
  else if (required !== undefined) miss('required, which is no list')
  return keywords
}

function readTypes(type: JsonValue | undefined, miss: Miss): string[] | undefined {
  if (type === undefined) return undefined
  const given = (Array.isArray(type) ? type : [type]).map((one) => String(one).toLowerCase())
  const known = [...new Set(given)].filter((one) => TYPES.includes(one))
  if (known.length > 0) return known
  miss(`the type ${JSON.stringify(type)}`)
  return undefined
}

function readSizes(schema: JsonObject, miss: Miss): Keywords {
  const read: Keywords = {}
  const { exclusiveMinimum, exclusiveMaximum } = schema
  // As older schemas have it.
  const older = (key: string, flag: JsonValue | undefined) =>
    flag === true ? schema[key] : flag === false ? undefined : flag
  const given: JsonObject = { ...schema }
  given.exclusiveMinimum = older('minimum', exclusiveMinimum) as JsonValue
  given.exclusiveMaximum = older('maximum', exclusiveMaximum) as JsonValue
  for (const key of [...LEAST, ...MOST, 'multipleOf'] as const) {
    const value = given[key]
    if (typeof value === 'number' && (key !== 'multipleOf' || value > 0)) read[key] = value
    else if (value !== undefined) miss(`a ${key} of ${JSON.stringify(value)}`)
  }
  return read
}

/** A list in `items` is the older spelling of `prefixItems`. */
function readItems({ items, prefixItems, additionalItems }: JsonObject, miss: Miss): Keywords {
  const first = Array.isArray(items) ? items : prefixItems
  const rest = Array.isArray(items) ? additionalItems : items
  const read: Keywords = {}
  if (Array.isArray(first)) read.prefixItems = first
  else if (first !== undefined) miss('prefixItems, which is no list')
  if (rest !== undefined) read.items = rest
  return read
}

function readNames(schema: JsonObject, miss: Miss): Keywords {
  const read: Keywords = {}
  for (const key of ['properties', 'patternProperties'] as const) {
    const value = schema[key]
    if (isObject(value)) read[key] = value
    else if (value !== undefined) miss(`${key}, which is no object`)
  }
  const { propertyNames: names, additionalProperties, unevaluatedProperties } = schema
  const rest = additionalProperties ?? (isPlain(schema) ? unevaluatedProperties : undefined)
  if (rest !== undefined) read.additionalProperties = rest
  // All names are strings.
  const isTrivial = isObject(names) && Object.keys(names).every((key) => key === 'type' && names.type === 'string')
  if (isObject(names) && !isTrivial) read.propertyNames = names
  else if (names === false) read.maxProperties = 0
  return read
}

/** Without others beside it, so that no other schema evaluates a property. */
function isPlain(schema: JsonObject): boolean {
  return ['allOf', 'anyOf', 'oneOf', 'if', '$ref', '$dynamicRef'].every((key) => schema[key] === undefined)
}
