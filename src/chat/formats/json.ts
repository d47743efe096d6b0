/** JSON as a tool's input may have it, read the fast way: nested to a limit, and with plain numbers. */
import type { JsonValue } from '../types.js'
import { MAX_DEPTH } from './depth.js'

// Numbers that JSON.parse may round or print differently: long ones, and those with an exponent, a trailing zero or -0.
const KEEPS_DIGITS = /[\d.]{16}|\d[eE]|\.\d*0(?!\d)|-0/

/** undefined: not JSON, JSON that could not be sent on, or JSON whose numbers JavaScript would print differently. */
export function parseJson(text: string): JsonValue | undefined {
  if (KEEPS_DIGITS.test(text)) return undefined
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
