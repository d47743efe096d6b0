/** Tools and tool_choice. */
import type { JsonObject } from '../chat/types.js'
import { fail, isFields, readFlag, readText, readTyped, textOr } from '../turn/request-fields.js'
import type { RequestTool, ToolChoice } from './types.js'

export function readTools(value: unknown): RequestTool[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) fail('tools', 'Input should be a list')
  return value.flatMap((tool, i) => readTool(tool, `tools.${i}`))
}

function readTool(tool: unknown, at: string): RequestTool[] {
  if (!isFields(tool)) fail(at, 'Input should be an object')
  const custom = tool.type === undefined || tool.type === null || tool.type === 'custom'
  // Tools such as web_search_… run on Anthropic's servers and have no schema to show to a model.
  if (!custom && !isFields(tool.input_schema)) return []
  const name = readText(tool.name, `${at}.name`)
  if (tool.input_schema === undefined) fail(`${at}.input_schema`, 'Field required')
  if (!isFields(tool.input_schema)) fail(`${at}.input_schema`, 'Input should be an object')
  return [
    {
      name,
      description: textOr(tool.description),
      input_schema: tool.input_schema as JsonObject,
      defer_loading: tool.defer_loading === true,
    },
  ]
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
