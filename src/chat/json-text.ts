/** A value of JSON as text, where a schema says something else than the text it should. */
import type { JsonValue } from './types.js'

/** Unlike String(), which runs a `toString` of the value itself, and throws where that is no function. */
export function jsonText(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
