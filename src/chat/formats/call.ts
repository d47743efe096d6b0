/** What makes a call that can run out of what was read: an offered tool and input as its schema wants it. */
import type { ChatTool, JsonObject, JsonValue, Part } from '../types.js'

export type ToolCall = Extract<Part, { type: 'tool_call' }>

/** Deeper than any tool's input, and shallow enough for recursion. */
export const MAX_DEPTH = 200

/** undefined: no such tool was offered. Without a list every tool counts as offered. */
export function toCall(name: string, input: JsonObject, tools: ChatTool[] | undefined): ToolCall | undefined {
  if (name === '') return undefined
  const tool = tools?.find((one) => one.name === name)
  if (tools && !tool) return undefined
  return { type: 'tool_call', name, input: tool ? (coerce(input, tool.schema) as JsonObject) : input }
}

/** Assigns like `=`, and `__proto__` is a key like any other. */
export function setKey(object: JsonObject, key: string, value: JsonValue): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
  else object[key] = value
}

/** Numbers and booleans in quotes, or text without: where the schema wants the other, the intent is plain. */
function coerce(value: JsonValue, schema: JsonValue | undefined): JsonValue {
  if (!isObject(schema)) return value
  if (typeof value === 'string') return coerceString(value, schema.type)
  // Other numbers may have been written in another way, such as 1.10.
  const plain = typeof value === 'boolean' || Number.isSafeInteger(value)
  if (plain && schema.type === 'string') return String(value)
  if (Array.isArray(value)) return value.map((item) => coerce(item, schema.items))
  const { properties } = schema
  if (!isObject(value) || !isObject(properties)) return value
  const result: JsonObject = {}
  for (const [key, inner] of Object.entries(value)) {
    setKey(result, key, coerce(inner, Object.hasOwn(properties, key) ? properties[key] : undefined))
  }
  return result
}

function coerceString(value: string, type: JsonValue | undefined): JsonValue {
  if (type === 'boolean' && /^(?:true|false)$/i.test(value)) return value.toLowerCase() === 'true'
  if (type !== 'number' && type !== 'integer') return value
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value)) return value
  const number = Number(value)
  const fits = type === 'number' ? Number.isFinite(number) : Number.isSafeInteger(number)
  return fits ? number : value
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
