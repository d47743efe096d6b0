/**
 * Reads a JSON schema as the alternatives that it allows: `$ref` followed, `allOf` merged, `anyOf` and `oneOf` spread.
 *
 * Schemas come from requests, so every walk is bounded: a reference that leads to itself ends, and one that would be
 * too much work allows everything.
 */
import type { JsonObject, JsonValue } from '../types.js'
import { isObject } from './json-value.js'

const MAX_HOPS = 32
const MAX_BRANCHES = 64
const MAX_VISITS = 2000
// Names of properties: each merge copies those of all before it.
const MAX_COPIED = 50_000
// Characters. A schema may lead to the same reference again and again.
const LONGEST_REF = 4096

/** One of the alternatives of a schema. It has no `$ref`, `allOf`, `anyOf` and `oneOf` of its own. */
export type Branch = JsonObject

const ANYTHING: Branch[] = [{}]

/** Reads the schemas within `root`. */
export class SchemaReader {
  private readonly known = new WeakMap<JsonObject, Branch[]>()
  private visits = 0
  private copied = 0

  constructor(readonly root: JsonObject) {}

  /** Empty: the schema allows nothing. `[{}]`: it allows everything, or is too much work. */
  branches(schema: JsonValue | undefined): Branch[] {
    if (!isObject(schema)) return schema === false ? [] : ANYTHING
    const known = this.known.get(schema)
    if (known) return known
    this.visits = 0
    this.copied = 0
    const found = this.spread(schema, []) ?? ANYTHING
    this.known.set(schema, found)
    return found
  }

  /** The schema of one of an object's properties. undefined: anything. */
  property(branches: Branch[], key: string): JsonValue | undefined {
    return together(branches.map((branch) => propertyOf(branch, key)))
  }

  /** The schema of an item of a list. */
  item(branches: Branch[], index: number): JsonValue | undefined {
    return together(branches.map((branch) => itemOf(branch, index)))
  }

  /** undefined: too much work. `open`: the schemas that are being spread, of which none allows more by leading to itself. */
  private spread(schema: JsonObject, open: JsonObject[]): Branch[] | undefined {
    this.visits += 1
    if (this.visits > MAX_VISITS || open.length > MAX_HOPS) return undefined
    if (open.includes(schema)) return []
    const inside = [...open, schema]
    const { allOf, anyOf, oneOf, ...own } = dereference(schema, this.root)
    let branches: Branch[] = [own]
    const lists = [...asList(allOf).map((part) => [part]), asList(anyOf), asList(oneOf)]
    for (const choices of lists) {
      if (choices.length === 0) continue
      const more = this.choices(choices, inside)
      if (!more || branches.length * more.length > MAX_BRANCHES) return undefined
      this.copied += branches.reduce((sum, one) => sum + more.length * namesOf(one), 0)
      if (this.copied > MAX_COPIED) return undefined
      branches = branches.flatMap((one) => more.map((other) => merge(one, other)))
    }
    return branches
  }

  private choices(schemas: JsonValue[], open: JsonObject[]): Branch[] | undefined {
    const found: Branch[] = []
    for (const one of schemas) {
      const more = isObject(one) ? this.spread(one, open) : one === false ? [] : ANYTHING
      if (!more || found.length + more.length > MAX_BRANCHES) return undefined
      for (const branch of more) found.push(branch)
    }
    return found
  }
}

function namesOf({ properties, required }: Branch): number {
  return (isObject(properties) ? Object.keys(properties).length : 0) + asList(required).length
}

/** The schema with its reference replaced by what that stands for; what stands beside it counts too. */
export function dereference(schema: JsonObject, root: JsonObject): JsonObject {
  let result = schema
  for (let hops = 0; ; hops += 1) {
    const ref = refOf(result)
    if (ref === undefined) return result
    const { $ref, $dynamicRef, $recursiveRef, ...beside } = result
    const target = hops < MAX_HOPS ? referenced(ref, root) : undefined
    if (!isObject(target)) return beside
    result = merge(target, beside)
  }
}

export function refOf({ $ref, $dynamicRef, $recursiveRef }: JsonObject): string | undefined {
  return [$ref, $dynamicRef, $recursiveRef].find((ref) => typeof ref === 'string')
}

/** What a reference stands for: `#`, `#/$defs/Name`, or the name or address of a definition. */
export function referenced(ref: string, root: JsonObject): JsonValue | undefined {
  if (ref === '#') return root
  if (ref.length > LONGEST_REF) return undefined
  if (!ref.startsWith('#/')) return named(ref, root)
  let at: JsonValue | undefined = root
  for (const step of ref.slice(2).split('/')) {
    const key = decoded(step).replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = (at as JsonObject)[key]
  }
  return at
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step)
  } catch {
    return step
  }
}

const byName = new WeakMap<JsonObject, Map<string, JsonValue>>()

function named(ref: string, root: JsonObject): JsonValue | undefined {
  const names = byName.get(root) ?? definitionsByName(root)
  byName.set(root, names)
  return names.get(ref)
}

/** The first one of a name counts. */
function definitionsByName(root: JsonObject): Map<string, JsonValue> {
  const names = new Map<string, JsonValue>()
  const all = [root.$defs, root.definitions].flatMap((one) => (isObject(one) ? Object.values(one) : []))
  for (const one of all) {
    if (!isObject(one)) continue
    const { $id, $anchor, $dynamicAnchor } = one
    for (const name of [$id, `#${$anchor}`, `#${$dynamicAnchor}`])
      if (typeof name === 'string' && !names.has(name)) names.set(name, one)
  }
  return names
}

/** A schema that allows what both allow, as far as that can be said in one; else the second one's word counts. */
export function merge(a: JsonObject, b: JsonObject): JsonObject {
  const merged: JsonObject = { ...a, ...b }
  if (isObject(a.properties) && isObject(b.properties)) merged.properties = { ...a.properties, ...b.properties }
  if (Array.isArray(a.required) && Array.isArray(b.required)) {
    merged.required = [...new Set([...a.required, ...b.required])]
  }
  if (typeof a.description === 'string' && typeof b.description === 'string') {
    merged.description = [...new Set([b.description, a.description])].filter((text) => text !== '').join('\n')
  }
  const choices = ['anyOf', 'oneOf'].filter((key) => Array.isArray(a[key]) && Array.isArray(b[key]))
  const all = [...asList(a.allOf), ...asList(b.allOf), ...choices.map((key) => ({ [key]: a[key] as JsonValue }))]
  if (all.length > 0) merged.allOf = all
  return merged
}

function asList(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : []
}

function propertyOf({ properties, patternProperties, additionalProperties }: Branch, key: string): JsonValue {
  if (isObject(properties) && Object.hasOwn(properties, key)) return properties[key] as JsonValue
  const patterns = isObject(patternProperties) ? Object.values(patternProperties) : []
  // Patterns are not tried: a client's regular expression may take forever.
  if (patterns.length > 0) return patterns.length === 1 && additionalProperties === false ? (patterns[0] ?? true) : true
  return isObject(additionalProperties) ? additionalProperties : true
}

function itemOf({ items, prefixItems, additionalItems }: Branch, index: number): JsonValue {
  const first = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : []
  const rest = Array.isArray(items) ? additionalItems : items
  return first[index] ?? rest ?? true
}

function together(schemas: JsonValue[]): JsonValue | undefined {
  const distinct = [...new Set(schemas)]
  if (distinct.length === 0 || distinct.includes(true)) return undefined
  return distinct.length === 1 ? distinct[0] : { anyOf: distinct }
}
