/** The keywords of two schemas as those of one, which allows what both allow. */
import { setKey } from '../formats/json-value.js'
import type { JsonObject, JsonValue } from '../types.js'
import { type Keywords, LEAST, type Miss, MOST } from './keywords.js'
import { common } from './same-value.js'

export function combined(a: Keywords, b: Keywords, miss: Miss): Keywords {
  const both: Keywords = { ...a, ...b }
  for (const key of LEAST) if (a[key] !== undefined && b[key] !== undefined) both[key] = Math.max(a[key], b[key])
  for (const key of MOST) if (a[key] !== undefined && b[key] !== undefined) both[key] = Math.min(a[key], b[key])
  if (a.type && b.type) both.type = commonTypes(a.type, b.type)
  if (a.enum && b.enum) both.enum = common(a.enum, b.enum)
  if (a.required && b.required) both.required = [...new Set([...a.required, ...b.required])]
  for (const key of ['pattern', 'multipleOf'] as const)
    if (a[key] !== undefined && b[key] !== undefined && a[key] !== b[key]) miss(`a second ${key}`)
  if (a.propertyNames && b.propertyNames) both.propertyNames = { allOf: [a.propertyNames, b.propertyNames] }
  return { ...both, ...combinedNames(a, b, miss), ...combinedItems(a, b) }
}

function commonTypes(a: string[], b: string[]): string[] {
  const allows = (types: string[], type: string) =>
    types.includes(type) || (type === 'integer' && types.includes('number'))
  return [...new Set([...a.filter((type) => allows(b, type)), ...b.filter((type) => allows(a, type))])]
}

function combinedNames(a: Keywords, b: Keywords, miss: Miss): Keywords {
  const both: Keywords = {}
  if (a.properties || b.properties) {
    const properties: JsonObject = {}
    for (const key of new Set([...Object.keys(a.properties ?? {}), ...Object.keys(b.properties ?? {})])) {
      const inner = allOf([propertyOf(a, key, miss), propertyOf(b, key, miss)])
      setKey(properties, key, inner ?? true)
    }
    both.properties = properties
  }
  const rest = allOf([a.additionalProperties, b.additionalProperties])
  if (rest !== undefined) both.additionalProperties = rest
  if (a.patternProperties && b.patternProperties) {
    both.patternProperties = { ...a.patternProperties }
    for (const [key, inner] of Object.entries(b.patternProperties))
      setKey(both.patternProperties, key, allOf([a.patternProperties[key], inner]) ?? inner)
  }
  return both
}

function propertyOf({ properties, patternProperties, additionalProperties }: Keywords, key: string, miss: Miss) {
  if (properties && Object.hasOwn(properties, key)) return properties[key]
  if (patternProperties) miss('patternProperties in an allOf')
  return patternProperties ? undefined : additionalProperties
}

function combinedItems(a: Keywords, b: Keywords): Keywords {
  const both: Keywords = {}
  const length = Math.max(a.prefixItems?.length ?? 0, b.prefixItems?.length ?? 0)
  const at = ({ prefixItems, items }: Keywords, i: number) =>
    i < (prefixItems?.length ?? 0) ? prefixItems?.[i] : items
  if (length > 0) both.prefixItems = Array.from({ length }, (_, i) => allOf([at(a, i), at(b, i)]) ?? true)
  const rest = allOf([a.items, b.items])
  if (rest !== undefined) both.items = rest
  return both
}

/** undefined: anything. */
function allOf(schemas: (JsonValue | undefined)[]): JsonValue | undefined {
  const given = schemas.filter((one) => one !== undefined && one !== true)
  if (given.includes(false)) return false
  return given.length > 1 ? { allOf: given } : given[0]
}
