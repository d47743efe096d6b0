/** Leaves out of a schema what has no value that ends: a grammar that needs it leads nowhere. */
import { isObject, setKey } from '../formats/json-value.js'
import type { JsonObject, JsonValue } from '../types.js'

export interface Endless {
  root: JsonValue
  /** By name, as `#/$defs/` names them. */
  definitions: Map<string, JsonValue>
}

/** -> `root: false` where it has no value that ends. `miss`: told of a property that no value has, where any name may be one. */
export function withEndings({ root, definitions }: Endless, miss: (what: string) => void): Endless {
  const ending = new Set<string>()
  const ends = (node: JsonValue | undefined) => hasEnd(node, ending)
  for (let before = -1; before < ending.size; ) {
    before = ending.size
    for (const [name, node] of definitions) if (!ending.has(name) && ends(node)) ending.add(name)
  }
  const prune = (node: JsonValue): JsonValue => pruned(node, ends, prune, miss)
  if (!ends(root)) return { root: false, definitions: new Map() }
  const kept = [...definitions].filter(([name]) => ending.has(name))
  return { root: prune(root), definitions: new Map(kept.map(([name, node]) => [name, prune(node)])) }
}

function hasEnd(node: JsonValue | undefined, ending: Set<string>): boolean {
  if (!isObject(node)) return node !== false
  const ends = (one: JsonValue | undefined) => hasEnd(one, ending)
  const { $ref, anyOf, required, properties, prefixItems, items, minItems } = node
  if (typeof $ref === 'string') return ending.has(nameOf($ref))
  if (Array.isArray(anyOf)) return anyOf.some(ends)
  if (Array.isArray(required) && isObject(properties)) return required.every((key) => ends(properties[String(key)]))
  const first = Array.isArray(prefixItems) ? prefixItems : []
  const least = typeof minItems === 'number' ? minItems : 0
  return first.slice(0, least).every(ends) && (least <= first.length || ends(items))
}

export function refTo(name: string): string {
  return `#/$defs/${name}`
}

export function nameOf(ref: string): string {
  return ref.slice(refTo('').length)
}

type Ends = (node: JsonValue | undefined) => boolean
type Prune = (node: JsonValue) => JsonValue

function pruned(node: JsonValue, ends: Ends, prune: Prune, miss: (what: string) => void): JsonValue {
  if (!isObject(node) || node.$ref !== undefined || node.enum !== undefined) return node
  if (Array.isArray(node.anyOf)) {
    const left = node.anyOf.filter(ends).map(prune)
    return left.length === 1 ? (left[0] as JsonValue) : { anyOf: left }
  }
  if (node.type === 'array') return prunedList(node, ends, prune)
  return node.type === 'object' ? prunedObject(node, ends, prune, miss) : node
}

function prunedList(list: JsonObject, ends: Ends, prune: Prune): JsonObject {
  const { prefixItems, items, ...kept } = list
  const all = Array.isArray(prefixItems) ? prefixItems : []
  const endless = all.findIndex((one) => !ends(one))
  const first = endless < 0 ? all : all.slice(0, endless)
  if (first.length > 0) kept.prefixItems = first.map(prune)
  if (items !== undefined) kept.items = prune(items)
  if (endless < 0 && ends(items)) return kept
  // The list ends before it.
  const { maxItems, ...rest } = kept
  return first.length > 0 ? { ...rest, items: false } : { type: 'array', maxItems: 0 }
}

function prunedObject(object: JsonObject, ends: Ends, prune: Prune, miss: (what: string) => void): JsonObject {
  const { properties, patternProperties, additionalProperties, ...rest } = object
  const kept: JsonObject = {}
  const isClosed = additionalProperties === false && patternProperties === undefined
  for (const [key, inner] of Object.entries(isObject(properties) ? properties : {})) {
    if (ends(inner)) setKey(kept, key, prune(inner))
    else if (!isClosed) miss(`the property ${JSON.stringify(key)}, which no value fits`)
  }
  const result: JsonObject = { ...rest, ...(isObject(properties) ? { properties: kept } : {}) }
  if (isObject(patternProperties)) {
    const patterns = Object.entries(patternProperties).filter(([, inner]) => ends(inner))
    result.patternProperties = Object.fromEntries(patterns.map(([pattern, inner]) => [pattern, prune(inner)]))
    if (patterns.length === 0) delete result.patternProperties
  }
  if (additionalProperties !== undefined)
    result.additionalProperties = ends(additionalProperties) ? prune(additionalProperties) : false
  return result
}
