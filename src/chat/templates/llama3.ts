/**
 * Llama 3's prompt (3.1 and later): a Chat as the pieces that the official chat template renders.
 *
 * It differs from the official template on purpose:
 * - The date is always the official template's default: with a date that changes, no prefix could be reused the next
 *   day. Claude Code states the date itself.
 * - Several calls of one turn are rendered as generated, separated by "; "; the official template rejects them.
 * - Text comes before the calls of its turn, and assistant text is not trimmed, so that the generated text is the
 *   beginning of the next prompt.
 * - A system message right after the first user message moves before it; later ones stay where they are.
 * - Tools are in the first user message, as in the official template. Without one they get a user turn of their own.
 *   System messages before that message come between the tools and its text: they change every day, the tools do not. With
 *   the order `stable-first` they begin the system text, as the official template writes them if tools_in_user_message
 *   is false.
 * - Thoughts are dropped: these models have no place for them.
 * - A turn that this model wrote, and that is remembered, is rendered as its own tokens.
 * - Results without a call in the turn before them are user text, so that nothing that a client sent is lost.
 */
import type { PromptOrder } from '../../options.js'
import type { Chat, ChatMessage, ChatTool, JsonObject, JsonValue, PromptPiece } from '../types.js'
import {
  arrange,
  joinText,
  matchResults,
  type PendingCall,
  type PromptWriter,
  promptWriter,
  shownResult,
} from './layout.js'
import { shownSchema } from './shown-schema.js'

const DATES = 'Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n'

const DEFAULT_SYSTEM =
  "You are a helpful assistant with tool calling capabilities. Only reply with a tool call if the function exists in the library provided by the user. If it doesn't exist, just reply directly in natural language. When you receive a tool call response, use the output to format an answer to the original user question."

const CALL_FORMAT =
  'Respond in the format {"name": function name, "parameters": dictionary of argument name and its value}. Do not use variables.\n\n'

/** What stands before the tools in the first user message. */
const USER_INTRODUCTION = `Given the following functions, please respond with a JSON for a function call with its proper arguments that best answers the given prompt.\n\n${CALL_FORMAT}`

/** What stands before them in the system message. */
const SYSTEM_INTRODUCTION = `You have access to the following functions. To call a function, please respond with JSON for a function call. ${CALL_FORMAT}`

export function renderLlama3(chat: Chat, order: PromptOrder = 'template'): PromptPiece[] {
  const out = promptWriter()
  const { system, rest } = arrange(chat.messages)
  out.control('<|begin_of_text|>')
  const environment = chat.tools.length > 0 ? 'Environment: ipython\n' : ''
  const toolsFirst = order === 'stable-first' ? toolsText(SYSTEM_INTRODUCTION, chat.tools) : ''
  renderTurn(out, 'system', environment + DATES + toolsFirst + (system ?? (environment && DEFAULT_SYSTEM)))
  let tools = order === 'stable-first' ? [] : chat.tools
  if (tools.length > 0) joinFirstUser(rest)
  if (tools.length > 0 && !rest.some((message) => message.role === 'user')) {
    renderTurn(out, 'user', toolsText(USER_INTRODUCTION, tools).trimEnd())
    tools = []
  }
  let calls: PendingCall[] = []
  for (const [i, message] of rest.entries()) {
    if (message.role === 'assistant') {
      calls = renderAssistant(out, message, i === rest.length - 1)
      continue
    }
    renderOther(out, message, calls, message.role === 'user' ? toolsText(USER_INTRODUCTION, tools) : '')
    if (message.role === 'user') tools = []
    calls = []
  }
  if (rest.at(-1)?.role !== 'assistant') openTurn(out, 'assistant')
  return out.pieces
}

/** System messages before the first user message become the beginning of its text, so that the tools come before them. */
function joinFirstUser(rest: ChatMessage[]): void {
  const at = rest.findIndex(({ role }) => role !== 'system')
  const first = rest[at]
  if (first?.role !== 'user') return
  const parts = rest.slice(0, at + 1).flatMap((message) => message.parts)
  rest.splice(0, at + 1, { ...first, parts })
}

/** A user or system message: the results of the calls before it, each in a turn of its own, then its text. */
function renderOther(out: PromptWriter, message: ChatMessage, calls: PendingCall[], introduction: string): void {
  const { answered, others } = matchResults(calls, message.parts)
  for (const result of answered) renderTurn(out, 'ipython', toJson({ output: shownResult(result) }))
  const texts = message.parts.filter((part) => part.type === 'text')
  if (answered.length > 0 && others.length === 0 && texts.length === 0) return
  const text = joinText([...others.map((result) => ({ type: 'text' as const, text: shownResult(result) })), ...texts])
  renderTurn(out, message.role, introduction + text)
}

/** The last turn stays open, so that the model continues it. Returns the turn's calls. */
function renderAssistant(out: PromptWriter, message: ChatMessage, last: boolean): PendingCall[] {
  const calls: PendingCall[] = []
  openTurn(out, 'assistant')
  if (message.generated) {
    out.tokens(message.generated.tokens)
    for (const part of message.parts) if (part.type === 'tool_call') calls.push(part)
  }
  for (const part of message.generated ? [] : message.parts) {
    if (part.type === 'text') out.text(part.text)
    if (part.type !== 'tool_call') continue
    if (calls.length > 0) out.text('; ')
    out.text(`{"name": ${toJson(part.name)}, "parameters": ${toJson(part.input)}}`)
    calls.push(part)
  }
  if (!last) out.control('<|eot_id|>')
  return calls
}

function renderTurn(out: PromptWriter, role: string, text: string): void {
  openTurn(out, role)
  out.text(text)
  out.control('<|eot_id|>')
}

function openTurn(out: PromptWriter, role: string): void {
  out.control('<|start_header_id|>')
  out.text(role)
  out.control('<|end_header_id|>')
  out.text('\n\n')
}

function toolsText(introduction: string, tools: ChatTool[]): string {
  if (tools.length === 0) return ''
  return introduction + tools.map((tool) => `${JSON.stringify(declaration(tool), null, 4)}\n\n`).join('')
}

function declaration({ name, description, schema }: ChatTool): JsonObject {
  return { type: 'function', function: { name, description, parameters: shownSchema(schema) } }
}

/** JSON on one line with a space after commas and colons, as Python writes it. */
function toJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(toJson).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${toJson(inner)}`)
  return `{${entries.join(', ')}}`
}
