/** A ParsedRequest as a turn: blocks become parts, and what the model cannot read becomes a short text in its place. */
import type { Chat, ChatMessage, ChatPart, ChatTool } from '../chat/types.js'
import { namesOf, type RequestSampling, requestOptions } from '../options.js'
import { askForJson } from '../turn/ask-for-json.js'
import { joinMessages } from '../turn/join-messages.js'
import { fail } from '../turn/request-fields.js'
import { joinLines } from '../turn/text-lines.js'
import { toolText } from '../turn/tool-text.js'
import type { ToolChoice, TurnRequest } from '../turn/types.js'
import { describeUnreadable } from '../turn/unreadable.js'
import type { ContentBlock, ParsedRequest, RequestMessage, RequestTool } from './types.js'

/** Throws `invalid_request` for a tool_choice that no tool fits. */
export function toTurn(ask: ParsedRequest): TurnRequest {
  return {
    model: ask.model,
    stream: ask.stream,
    chat: toChat(ask),
    toolChoice: toToolChoice(ask),
    parallelCalls: !ask.toolChoice.disable_parallel_tool_use,
    maxTokens: ask.maxTokens,
    thinkingBudget: ask.thinkingBudget,
    stopSequences: ask.stopSequences,
    answerSchema: ask.outputSchema,
    sampling: toSampling(ask),
    callIdPrefix: 'toolu_',
    ignoredTools: ask.ignoredTools.length > 0 ? ask.ignoredTools : undefined,
  }
}

/** Blocks of the conversation in order, since one may load a tool for those after it. */
export function toChat(ask: ParsedRequest): Chat {
  const known: LateTools = { tools: new Map(ask.tools.map((tool) => [tool.name, tool])), loaded: new Map() }
  const said: ChatMessage[] = ask.messages.map(({ role, content }) => ({
    role,
    parts: content.flatMap((block) => toPart(block, known)),
  }))
  if (ask.system.length > 0) said.unshift({ role: 'system', parts: ask.system })
  const messages = joinMessages(said, { joinSystem: false })
  notePrecedingBlocks(messages, ask.messages)
  const tools = ask.tools.filter((tool) => !tool.defer_loading)
  const shown = new Set(tools.map(({ name }) => name))
  const late = [...known.loaded.values()].filter(({ name }) => !shown.has(name))
  return {
    messages: ask.outputSchema ? askForJson(messages, ask.outputSchema, tools) : messages,
    tools: tools.map(toTool),
    deferred: late.map(toTool),
    thinking: ask.thinking,
  }
}

/** Tools that the model learns of in the middle of the conversation. */
interface LateTools {
  /** Those that the request lists. */
  tools: Map<string, RequestTool>
  /** Those that a block has loaded. */
  loaded: Map<string, RequestTool>
}

/** A call can only be demanded of a tool that the request has. */
function toToolChoice({ toolChoice: choice, tools }: ParsedRequest): ToolChoice {
  if (choice.type === 'any' && tools.length === 0) fail('tool_choice', 'the request has no tools')
  if (choice.type !== 'tool') return { type: choice.type }
  const { name } = choice
  if (tools.some((tool) => tool.name === name)) return { type: 'tool', name }
  return fail('tool_choice', `no tool named ${name} in tools`)
}

function toSampling(ask: ParsedRequest): RequestSampling {
  const sampling: RequestSampling = {}
  for (const name of namesOf(requestOptions)) sampling[name] = ask[name]
  return sampling
}

function toTool(tool: RequestTool): ChatTool {
  return { name: tool.name, description: tool.description, schema: tool.input_schema, strict: tool.strict }
}

function toPart(block: ContentBlock, known: LateTools): ChatPart[] {
  switch (block.type) {
    case 'thinking':
      return block.thinking === '' ? [] : [{ type: 'thinking', text: block.thinking }]
    case 'tool_use':
      return [{ type: 'tool_call', id: block.id, name: block.name, input: block.input }]
    case 'tool_result': {
      const text = joinLines(block.content.map((inner) => toText(inner, known)))
      return [{ type: 'tool_result', id: block.tool_use_id, text, isError: block.is_error }]
    }
    default: {
      const text = toText(block, known)
      return text === '' ? [] : [{ type: 'text', text }]
    }
  }
}

/** The question that a conversation begins with: of its blocks, those before the last are the same in other conversations. */
function notePrecedingBlocks(messages: ChatMessage[], asked: RequestMessage[]): void {
  const question = messages.find(({ role }) => role !== 'system')?.parts.at(-1)
  const last = asked.find(({ role }) => role !== 'system')?.content.at(-1)
  if (question?.type !== 'text' || last?.type !== 'text' || !last.text || !question.text.endsWith(last.text)) return
  if (question.text.length > last.text.length) question.before = question.text.length - last.text.length
}

function toText(block: ContentBlock, known: LateTools): string {
  switch (block.type) {
    case 'text':
      return block.text
    case 'other':
      return describeUnreadable(block)
    case 'tool_addition':
      return load(block.tool, known)
    case 'tool_removal':
      return `Tool ${block.tool_name} is no longer available.`
    case 'tool_reference': {
      const tool = known.tools.get(block.tool_name)
      return tool ? load(tool, known) : `[tool ${block.tool_name}: not available]`
    }
    default:
      return ''
  }
}

/** From here on the tool may be called. */
function load(tool: RequestTool, known: LateTools): string {
  known.loaded.set(tool.name, tool)
  return `Tool ${tool.name} is now available:\n${toolText(toTool(tool))}`
}
