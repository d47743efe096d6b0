/** Turns a call as it was written into one that can run: an offered tool, and input that fits its schema. */
import type { ChatTool, Part } from '../types.js'
import { coerce } from './coerce.js'
import { toInput, type WrittenObject, type WrittenValue } from './exact-number.js'
import { isObject } from './json-value.js'
import { SchemaReader } from './resolve-schema.js'
import type { WrittenCall } from './written-call.js'

export type ToolCall = Extract<Part, { type: 'tool_call' }>

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
  const written = tool ? (coerce(named, tool.schema) as WrittenObject) : named
  return { type: 'tool_call', name, ...toInput(written) }
}

/** One argument without a name has a certain name if the tool takes only one, or requires only one. */
function nameOnly(
  positional: WrittenValue[],
  input: WrittenObject,
  tool: ChatTool | undefined,
): WrittenObject | undefined {
  const [value] = positional
  if (!tool || positional.length !== 1 || value === undefined || Object.keys(input).length > 0) return undefined
  const [branch, ...others] = new SchemaReader(tool.schema).branches(tool.schema)
  if (!branch || others.length > 0) return undefined
  const { properties, required } = branch
  const keys = isObject(properties) ? Object.keys(properties) : []
  const needed = Array.isArray(required) ? required : []
  const key = keys.length === 1 ? keys[0] : needed.length === 1 ? needed[0] : undefined
  return typeof key === 'string' ? { [key]: value } : undefined
}
