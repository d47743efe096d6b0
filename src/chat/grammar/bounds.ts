/** Which schemas are so large that no grammar is made of them. */
import type { JsonObject, JsonValue } from '../types.js'
import { repeats } from './pattern.js'

const MOST_NODES = 2000
const DEEPEST = 32
const MOST_VALUES = 1000
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
    const { enum: values, pattern } = value as JsonObject
    repeated += typeof pattern === 'string' ? repeats(pattern) : 0
    if (repeated > MOST_IN_PATTERNS) return `patterns that repeat their parts more than ${MOST_IN_PATTERNS} times`
    if (Array.isArray(values) && values.length > MOST_VALUES) return `an enum of more than ${MOST_VALUES} values`
    for (const inner of Object.values(value)) todo.push({ value: inner, depth: depth + 1 })
  }
}
