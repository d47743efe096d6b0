/** Turns a call as it was written into one that can run: an offered tool, and input that fits its schema. */
import type { ChatTool, JsonObject, JsonValue, Part } from '../types.js'
import { coerce, isObject } from './schema.js'

export type ToolCall = Extract<Part, { type: 'tool_call' }>

/** A call as it was written. */
export interface WrittenCall {
  name: string
  input: JsonObject
  /** Arguments without a name, as Python allows them. */
  positional?: JsonValue[]
}

/** undefined: the tool was not offered, or an argument's name is not certain. Without a list every tool is offered. */
export function toCall(
  { name, input, positional = [] }: WrittenCall,
  tools: ChatTool[] | undefined,
): ToolCall | undefined {
  if (name === '') return undefined
  const tool = tools?.find((one) => one.name === name)
  if (tools && !tool) return undefined
  const named = positional.length === 0 ? input : nameOnly(positional, input, tool)
  if (!named) return undefined
  if (!tool) return { type: 'tool_call', name, input: named }
  return { type: 'tool_call', name, input: coerce(named, tool.schema) as JsonObject }
}

/** One argument without a name has a certain name if the tool takes only one, or requires only one. */
function nameOnly(positional: JsonValue[], input: JsonObject, tool: ChatTool | undefined): JsonObject | undefined {
  const [value] = positional
  if (!tool || positional.length !== 1 || value === undefined || Object.keys(input).length > 0) return undefined
  const { properties, required } = tool.schema
  const keys = isObject(properties) ? Object.keys(properties) : []
  const needed = Array.isArray(required) ? required : []
  const key = keys.length === 1 ? keys[0] : needed.length === 1 ? needed[0] : undefined
  return typeof key === 'string' ? { [key]: value } : undefined
}
