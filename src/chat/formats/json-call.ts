/** A call written as JSON: `{"name": …, "parameters": {…}}`, or with `arguments` instead of `parameters`. */
import type { ChatTool, JsonValue } from '../types.js'
import { type ToolCall, toCall, type WrittenCall } from './call.js'
import { parseLiteral } from './literal.js'
import { CALL_KEYS } from './scan/state.js'
import { isObject } from './schema.js'

/** One call or a list of calls. undefined: something in it is not a call that may run. */
export function readJsonCalls(source: string, tools: ChatTool[] | undefined): ToolCall[] | undefined {
  const value = parseLiteral(source)
  const written = (Array.isArray(value) ? value : [value]).map(toWritten)
  return allCalls(written, tools)
}

/** undefined if any call is, and for an empty list. */
export function allCalls(written: (WrittenCall | undefined)[], tools: ChatTool[] | undefined): ToolCall[] | undefined {
  const calls: ToolCall[] = []
  for (const one of written) {
    const call = one && toCall(one, tools)
    if (!call) return undefined
    calls.push(call)
  }
  return calls.length > 0 ? calls : undefined
}

function toWritten(value: JsonValue | undefined): WrittenCall | undefined {
  if (!isObject(value) || Object.keys(value).some((key) => !CALL_KEYS.includes(key))) return undefined
  const { name, parameters, arguments: args } = value
  if (typeof name !== 'string' || (parameters !== undefined && args !== undefined)) return undefined
  const input = parameters ?? args
  // Some models write the input as a string of JSON, as in OpenAI's API.
  const parsed = typeof input === 'string' ? parseLiteral(input) : input
  if (!isObject(parsed) || isDefinition(parsed)) return undefined
  return { name, input: parsed }
}

/** Whether the arguments are a schema: then the object defines a tool and does not call it. */
function isDefinition({ type, properties }: { [key: string]: JsonValue }): boolean {
  return type === 'object' && isObject(properties)
}
