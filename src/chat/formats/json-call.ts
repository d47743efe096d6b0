/**
 * A call written as JSON: `{"name": …, "parameters": {…}}`, with other words for both that models use, or as OpenAI's API
 * has it, `{"type": "function", "function": {"name": …, "arguments": …}}`.
 */
import type { ChatTool } from '../types.js'
import { type ToolCall, toCall } from './call.js'
import type { WrittenObject, WrittenValue } from './exact-number.js'
import { isObject } from './json-value.js'
import { parseLiteral } from './literal.js'
import { CALL_KEYS, INPUT_KEYS } from './scan/state.js'
import type { WrittenCall } from './written-call.js'

/**
 * One call or a list of calls. undefined: something in it is not a call that may run.
 * `marked`: a marker says that these are calls, so one without arguments is a call too.
 */
export function readJsonCalls(
  source: string,
  tools: ChatTool[] | undefined,
  { marked }: { marked: boolean },
): ToolCall[] | undefined {
  const value = parseLiteral(source)
  const written = (Array.isArray(value) ? value : [value]).map((one) => toWritten(one, marked))
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

function toWritten(value: WrittenValue | undefined, marked: boolean): WrittenCall | undefined {
  if (!isObject(value) || Object.keys(value).some((key) => !CALL_KEYS.includes(key))) return undefined
  const { name, function: named, type, id, ...inputs } = value
  if (isObject(named)) return name === undefined && isEmpty(inputs) ? openAiCall(named) : undefined
  const names = [name, named].filter((one) => one !== undefined)
  const given = INPUT_KEYS.filter((key) => inputs[key] !== undefined)
  // Two names or two inputs: either may be meant.
  if (typeof names[0] !== 'string' || names.length > 1 || given.length > 1) return undefined
  const [key] = given
  if (key === undefined) return marked ? { name: names[0], input: {} } : undefined
  const input = inputOf(inputs[key])
  return input && { name: names[0], input }
}

/** Only with `arguments`: a function with `parameters` is a definition. */
function openAiCall({ name, arguments: args, ...others }: WrittenObject): WrittenCall | undefined {
  const input = args === undefined || !isEmpty(others) ? undefined : inputOf(args)
  return input && typeof name === 'string' ? { name, input } : undefined
}

function inputOf(value: WrittenValue | undefined): WrittenObject | undefined {
  // Some models write the input as a string of JSON, as in OpenAI's API.
  const parsed = typeof value === 'string' && value.trim() !== '' ? parseLiteral(value) : value
  if (parsed === null || parsed === '') return {}
  return isObject(parsed) && !isDefinition(parsed) ? parsed : undefined
}

/** Whether the arguments are a schema: then the object defines a tool and does not call it. */
function isDefinition({ type, properties }: WrittenObject): boolean {
  return type === 'object' && isObject(properties)
}

function isEmpty(object: WrittenObject): boolean {
  return Object.keys(object).length === 0
}
