/** JSON as a tool's input may have it: nested to a limit, and without numbers that JSON cannot write. */
import type { JsonValue } from '../types.js'
import { MAX_DEPTH } from './depth.js'

/** undefined: not JSON, or JSON that could not be sent on. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    const value: JsonValue = JSON.parse(text)
    return isSound(value) ? value : undefined
  } catch {
    return undefined // What cannot be parsed is text, not an error.
  }
}

/** Level by level, since recursion into a deep value overflows the stack. JSON.parse reads 1e999 as Infinity. */
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
