/** A call's arguments as its tool wants them, where the intent is plain; otherwise as the model wrote them. */
import type { ChatTool, JsonObject, JsonValue } from '../types.js'

/** A number or boolean in quotes becomes one, a bare number where text is wanted becomes text. */
export function coerce(input: JsonObject, tool: ChatTool | undefined): JsonObject {
  const properties = tool?.schema.properties
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties)) return input
  const result: JsonObject = {}
  for (const [key, value] of Object.entries(input)) {
    const schema = properties[key]
    const type = typeof schema === 'object' && schema !== null && !Array.isArray(schema) ? schema.type : undefined
    result[key] = coerceValue(value, type)
  }
  return result
}

function coerceValue(value: JsonValue, type: JsonValue | undefined): JsonValue {
  if (typeof value === 'string') {
    if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true'
    const number = type === 'number' || (type === 'integer' && /^-?\d+$/.test(value))
    if (number && /^-?\d+(\.\d+)?$/.test(value)) return Number(value)
  }
  if (type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return String(value)
  return value
}
