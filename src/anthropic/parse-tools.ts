/** Tools and tool_choice. */
import { readSchema } from '../turn/read-schema.js'
import {
  type Fields,
  fail,
  isFields,
  readFlag,
  readStrict,
  readText,
  readTextOr,
  readTyped,
} from '../turn/request-fields.js'
import { clientTool } from './client-tools.js'
import type { RequestTool, ToolChoice } from './types.js'

export interface ReadTools {
  tools: RequestTool[]
  /** Types of tools that only Anthropic's servers can run. The model is not told of them. */
  ignoredTools: string[]
}

// What is ignored is named in headers and in the log.
const MOST_NAMED = 20
const LONGEST_TYPE = 80

export function readTools(value: unknown): ReadTools {
  const read: ReadTools = { tools: [], ignoredTools: [] }
  if (value === undefined || value === null) return read
  if (!Array.isArray(value)) fail('tools', 'Input should be a list')
  const ignoredTypes = new Set<string>()
  const ignoredNames: string[] = []
  for (const [i, tool] of value.entries()) {
    const at = `tools.${i}`
    if (!isFields(tool)) fail(at, 'Input should be an object')
    const ignored = typeOfServerTool(tool, at)
    if (ignored === undefined) read.tools.push(readTool(tool, at))
    else ignoredTypes.add(ignored.slice(0, LONGEST_TYPE))
    if (ignored !== undefined && typeof tool.name === 'string') ignoredNames.push(tool.name)
  }
  const known = ignoredNames.concat(read.tools.map(({ name }) => name))
  // In the words of Anthropic's API, where tools of its servers count, too. Of two only one could be called.
  if (new Set(known).size < known.length) fail('tools', 'Tool names must be unique.')
  return { ...read, ignoredTools: [...ignoredTypes].slice(0, MOST_NAMED) }
}

/** A tool such as web_search_… has no schema to show to a model. undefined: the tool is the client's. */
function typeOfServerTool({ type, input_schema, function: openAi }: Fields, at: string): string | undefined {
  if (isFields(openAi))
    fail(
      `${at}.function`,
      "Extra field: name, description and input_schema stand in the tool itself, as Anthropic's API has them",
    )
  if (type === undefined || type === null || type === 'custom' || isFields(input_schema)) return undefined
  if (typeof type !== 'string') fail(`${at}.type`, 'Input should be a string')
  return clientTool(type) ? undefined : type
}

export function readTool(given: Fields, at: string): RequestTool {
  const known = typeof given.type === 'string' ? clientTool(given.type) : undefined
  const tool: Fields = known ? { ...known, ...given } : given
  const name = readText(tool.name, `${at}.name`)
  return {
    name,
    description: readTextOr(tool.description, `${at}.description`),
    input_schema: readSchema(tool.input_schema, `${at}.input_schema`),
    defer_loading: readFlag(tool.defer_loading, `${at}.defer_loading`),
    strict: readStrict(tool.strict, `${at}.strict`),
  }
}

export function readToolChoice(value: unknown): ToolChoice {
  if (value === undefined || value === null) return { type: 'auto', disable_parallel_tool_use: false }
  const choice = readTyped(value, 'tool_choice')
  const disable_parallel_tool_use = readFlag(choice.disable_parallel_tool_use, 'tool_choice.disable_parallel_tool_use')
  switch (choice.type) {
    case 'auto':
    case 'any':
    case 'none':
      return { type: choice.type, disable_parallel_tool_use }
    case 'tool':
      return { type: 'tool', name: readText(choice.name, 'tool_choice.name'), disable_parallel_tool_use }
    default:
      return fail('tool_choice.type', "Input should be 'auto', 'any', 'tool' or 'none'")
  }
}
