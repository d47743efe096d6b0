/** JSON as a tool's input may hold it: not nested without end, and no number that JSON could not give back. */
import type { JsonValue } from '../types.js'
import { MAX_DEPTH } from './depth.js'

/** undefined: no JSON, or none that could be sent on. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    const value: JsonValue = JSON.parse(text)
    return isSound(value) ? value : undefined
  } catch {
    return undefined // Unreadable is an answer here: what cannot be read is text.
  }
}

/** Level by level: whoever walks down such a value recursively overflows the stack. 1e999 is read as Infinity. */
function isSound(value: JsonValue): boolean {
  let level = [value]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return false
    const next: JsonValue[] = []
    for (const one of level) {
      if (typeof one === 'number' && !Number.isFinite(one)) return false
      if (typeof one !== 'object' || one === null) continue
      for (const inner of Object.values(one)) next.push(inner)
    }
    level = next
  }
  return true
}
