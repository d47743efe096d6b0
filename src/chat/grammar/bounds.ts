/** Which schemas are so large that no grammar is made of them. */
import { isObject } from '../formats/json-value.js'
import type { JsonObject, JsonValue } from '../types.js'
import { LONGEST_PATTERN, repeats } from './pattern.js'

const MOST_PARTS = 2000
const DEEPEST = 32
const MOST_VALUES = 1000
// Of all lists together: each merge of two schemas goes through both of theirs.
const MOST_NAMES = 2000
// Of all patterns together.
const MOST_IN_PATTERNS = 2000

/** Why this schema gets no grammar, naming the construct; undefined: it gets one. */
export function unbounded(root: JsonObject): string | undefined {
  let parts = 0
  let names = 0
  let repeated = 0
  const todo: { value: JsonValue; depth: number }[] = [{ value: root, depth: 0 }]
  for (let place = todo.pop(); place; place = todo.pop()) {
    const { value, depth } = place
    if (typeof value !== 'object' || value === null) continue
    parts += 1
    if (parts > MOST_PARTS) return `a schema of more than ${MOST_PARTS} parts`
    if (depth > DEEPEST) return `a schema nested more than ${DEEPEST} levels deep`
    names += listed(value as JsonObject)
    if (names > MOST_NAMES) return `lists of more than ${MOST_NAMES} names together in required or type`
    const { enum: values } = value as JsonObject
    repeated += repeatsIn(value as JsonObject)
    if (repeated > MOST_IN_PATTERNS) return `patterns that repeat their parts more than ${MOST_IN_PATTERNS} times`
    if (Array.isArray(values) && values.length > MOST_VALUES) return `an enum of more than ${MOST_VALUES} values`
    for (const inner of Object.values(value)) todo.push({ value: inner, depth: depth + 1 })
  }
}

/** How many names and types it lists. */
function listed({ required, type }: JsonObject): number {
  return (Array.isArray(required) ? required.length : 0) + (Array.isArray(type) ? type.length : 0)
}

/** Of the pattern of a text, and of those of names. */
function repeatsIn({ pattern, patternProperties }: JsonObject): number {
  const patterns = isObject(patternProperties) ? Object.keys(patternProperties).slice(0, MOST_PARTS) : []
  if (typeof pattern === 'string') patterns.push(pattern)
  // A longer one is left out, whatever it repeats.
  return patterns.reduce((sum, one) => sum + (one.length > LONGEST_PATTERN ? 0 : repeats(one)), 0)
}
