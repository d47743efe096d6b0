/** Values that are the same, whatever the order of their keys. Lists are compared as sets, not pair by pair. */
import { isObject } from '../formats/json-value.js'
import type { JsonObject, JsonValue } from '../types.js'

const keys = new WeakMap<JsonValue[], Set<string>>()

/** What of the first list is in the second one. */
export function common(list: JsonValue[], others: JsonValue[]): JsonValue[] {
  const known = keysOf(others)
  return list.filter((one) => known.has(keyOf(one)))
}

/** Whether two lists have no value in common. */
export function areDistinct(list: JsonValue[], others: JsonValue[]): boolean {
  const known = keysOf(others)
  for (const key of keysOf(list)) if (known.has(key)) return false
  return true
}

/** Of a list once: a schema that is merged with many others brings the same one each time. */
function keysOf(list: JsonValue[]): Set<string> {
  const known = keys.get(list) ?? new Set(list.map(keyOf))
  keys.set(list, known)
  return known
}

/** Equal for values that are the same. */
export function keyOf(value: JsonValue): string {
  // No other key begins like this, so a long text is not written anew.
  if (typeof value === 'string') return `"${value}`
  return JSON.stringify(sorted(value))
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  // As a list: the order of keys that look like numbers cannot be chosen. Its mark is no list's.
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return { o: entries.map(([key, inner]): JsonValue => [key, sorted(inner)]) } satisfies JsonObject
}
