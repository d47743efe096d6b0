/** Adds parts to parts. Not by spreading: a long list of arguments overflows the stack. */
import type { Part } from '../types.js'

export function append(parts: Part[], more: Part[]): Part[] {
  for (const part of more) parts.push(part)
  return parts
}
