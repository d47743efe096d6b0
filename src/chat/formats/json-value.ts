/** Small questions about JSON values. */
import type { JsonObject, JsonValue } from '../types.js'
import { ExactNumber, type WrittenObject, type WrittenValue } from './exact-number.js'

export function isObject(value: JsonValue | undefined): value is JsonObject
export function isObject(value: WrittenValue | undefined): value is WrittenObject
export function isObject(value: WrittenValue | undefined): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)
}

/** Assigns like `=`, but treats `__proto__` as an ordinary key. */
export function setKey(object: WrittenObject, key: string, value: WrittenValue): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
  else object[key] = value
}
