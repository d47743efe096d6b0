/** Tools and tool_choice, as chats and responses write them. */
import { isDeepStrictEqual } from 'node:util'
import type { ChatTool } from '../chat/types.js'
import { readSchema } from '../turn/read-schema.js'
import { type Fields, fail, isFields, readStrict, readText, readTextOr, readTyped } from '../turn/request-fields.js'
import type { ToolChoice } from '../turn/types.js'

export interface ReadTools {
  tools: ChatTool[]
  /** Types of tools that only OpenAI's servers can run, or that take free text. The model is not told of them. */
  ignoredTools: string[]
  toolChoice: ToolChoice
}

// What is ignored is named in headers and in the log.
const MOST_NAMED = 20
const LONGEST_TYPE = 80

/** The tools that one of another type than `function` stands for. undefined: none that could run here. */
export type ReadOther = (tool: Fields & { type: string }, at: string, namespace?: string) => ChatTool[] | undefined

export function readTools({ tools, tool_choice: choice }: Fields, readOther: ReadOther = () => undefined): ReadTools {
  const read: ReadTools = { tools: [], ignoredTools: [], toolChoice: { type: 'auto' } }
  const ignored = new Set<string>()
  const named = new Map<string, ChatTool>()
  if (tools !== undefined && tools !== null) {
    if (!Array.isArray(tools)) fail('tools', 'Input should be a list')
    for (const [i, value] of tools.entries()) {
      const tool = readTyped(value, `tools[${i}]`)
      const known = tool.type === 'function' ? [readFunction(tool, `tools[${i}]`)] : readOther(tool, `tools[${i}]`)
      for (const one of known ?? []) add(one, read.tools, named, `tools[${i}]`)
      if (!known) ignored.add(tool.type.slice(0, LONGEST_TYPE))
    }
  }
  read.ignoredTools = [...ignored].slice(0, MOST_NAMED)
  return choice === undefined || choice === null ? read : choose(read, choice)
}

/** OpenAI's API lets a request list a function twice. Of two that differ only one could be called. */
function add(tool: ChatTool, tools: ChatTool[], named: Map<string, ChatTool>, at: string): void {
  const other = named.get(tool.name)
  if (other && isDeepStrictEqual(tool, other)) return
  if (other) fail(at, `an earlier tool has the name ${tool.name}, too: give each tool a name of its own`)
  named.set(tool.name, tool)
  tools.push(tool)
}

/** In a chat the function stands in a field of its own, in a response the tool is the function. */
export function readFunction(tool: Fields, at: string): ChatTool {
  const isNested = tool.function !== undefined
  const where = isNested ? `${at}.function` : at
  const given = isNested ? tool.function : tool
  if (!isFields(given)) fail(where, 'Input should be an object')
  const schema = given.parameters ?? { type: 'object', properties: {} }
  return {
    name: readText(given.name, `${where}.name`),
    description: readTextOr(given.description, `${where}.description`),
    schema: readSchema(schema, `${where}.parameters`),
    strict: readStrict(given.strict, `${where}.strict`),
  }
}

/** A call can only be demanded of a tool that the request has. */
function choose(read: ReadTools, value: unknown): ReadTools {
  if (typeof value === 'string') return { ...read, toolChoice: readMode(value, read.tools, 'tool_choice') }
  const choice = readTyped(value, 'tool_choice')
  if (choice.type === 'function' || choice.type === 'custom') {
    const [given, at] = nested(choice, choice.type)
    const name = readText(given.name, `${at}.name`)
    if (!read.tools.some((tool) => tool.name === name))
      fail('tool_choice', `no tool named ${name} in tools that could run here`)
    return { ...read, toolChoice: { type: 'tool', name } }
  }
  if (choice.type === 'allowed_tools') return allow(read, ...nested(choice, 'allowed_tools'))
  return fail('tool_choice.type', "Input should be 'function', 'custom' or 'allowed_tools'")
}

/** The model is told of the allowed tools alone. */
function allow(read: ReadTools, { mode, tools: allowed }: Fields, at: string): ReadTools {
  if (!Array.isArray(allowed)) fail(`${at}.tools`, 'Input should be a list')
  const names = new Set(
    allowed.map((value, i) => {
      const tool = readTyped(value, `${at}.tools[${i}]`)
      if (tool.type !== 'function' && tool.type !== 'custom') return undefined
      const [given, where] = nested(tool, tool.type, `${at}.tools[${i}]`)
      return readText(given.name, `${where}.name`)
    }),
  )
  const tools = read.tools.filter(({ name }) => names.has(name))
  return { ...read, tools, toolChoice: readMode(mode ?? 'auto', tools, `${at}.mode`) }
}

/** What stands in a field of its own in a chat, and in the object itself in a response. */
function nested(value: Fields, field: string, at = 'tool_choice'): [given: Fields, at: string] {
  const inner = value[field]
  if (inner === undefined) return [value, at]
  if (!isFields(inner)) fail(`${at}.${field}`, 'Input should be an object')
  return [inner, `${at}.${field}`]
}

function readMode(value: unknown, tools: ChatTool[], at: string): ToolChoice {
  if (value === 'none' || value === 'auto') return { type: value }
  if (value !== 'required') fail(at, "Input should be 'none', 'auto' or 'required'")
  if (tools.length === 0) fail(at, 'the request has no function that could be called')
  return { type: 'any' }
}
