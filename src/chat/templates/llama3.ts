/**
 * Llama 3.x's prompt. Follows Meta's 3.1 template token for token on what that renders correctly (tools in the first user
 * message; its own default date, so that a new day does not change the prefix), but for:
 *  - several calls of one turn stand in one assistant turn, separated by "; ": the official template refuses them;
 *  - an assistant's text stands before its calls, and is not trimmed, so that a prompt plus what was generated from it is
 *    a prefix of the next prompt;
 *  - system messages after the first stay in place as system turns; one that follows the first user message directly
 *    (Claude Code's environment) is put before it, which lets sessions share it;
 *  - thinking is left out: these models have none.
 */
import type { Chat, ChatMessage, ChatTool, JsonValue, Piece } from '../types.js'
import { hoistEnvironment, joinTexts } from './messages.js'

const DATES = 'Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n'
const TOOL_USER =
  "You are a helpful assistant with tool calling capabilities. Only reply with a tool call if the function exists in the library provided by the user. If it doesn't exist, just reply directly in natural language. When you receive a tool call response, use the output to format an answer to the original user question."
const TOOL_GUIDE =
  'Given the following functions, please respond with a JSON for a function call with its proper arguments that best answers the given prompt.\n\nRespond in the format {"name": function name, "parameters": dictionary of argument name and its value}. Do not use variables.\n\n'

export function renderLlama3(chat: Chat): Piece[] {
  const messages = hoistEnvironment(chat.messages)
  const first = messages[0]?.role === 'system' ? messages[0] : undefined
  const hasTools = chat.tools.length > 0
  const system = first ? joinTexts(first.parts).trim() : hasTools ? TOOL_USER : ''
  const out: Piece[] = [
    { control: '<|begin_of_text|>' },
    ...turn('system', `${hasTools ? 'Environment: ipython\n' : ''}${DATES}${system}`),
  ]
  const rest = first ? messages.slice(1) : messages
  const guided = hasTools ? rest.findIndex((message) => message.role === 'user') : -1
  for (const [i, message] of rest.entries()) {
    const last = i === rest.length - 1
    if (message.role === 'assistant') out.push(...assistantTurn(message, last))
    else out.push(...otherTurns(message, i === guided ? toolGuide(chat.tools) : ''))
  }
  return rest.at(-1)?.role === 'assistant' ? out : [...out, ...header('assistant')]
}

function header(role: string): Piece[] {
  return [{ control: '<|start_header_id|>' }, role, { control: '<|end_header_id|>' }, '\n\n']
}

function turn(role: string, text: string): Piece[] {
  return [...header(role), text, { control: '<|eot_id|>' }]
}

/** The last message, if it is the assistant's, is one to be continued. */
function assistantTurn(message: ChatMessage, last: boolean): Piece[] {
  const text = message.parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
  const calls = message.parts.flatMap((part) =>
    part.type === 'tool_call' ? [`{"name": ${json(part.name)}, "parameters": ${json(part.input)}}`] : [],
  )
  const end: Piece[] = last && calls.length === 0 ? [] : [{ control: '<|eot_id|>' }]
  return [...header('assistant'), text + calls.join('; '), ...end]
}

function otherTurns(message: ChatMessage, guide: string): Piece[] {
  const out: Piece[] = []
  let results = 0
  for (const part of message.parts) {
    if (part.type !== 'tool_result') continue
    results++
    out.push(...turn('ipython', `{"output": ${json(part.text)}}`))
  }
  const text = joinTexts(message.parts).trim()
  if (text || guide || results === 0) out.push(...turn(message.role, guide + text))
  return out
}

function toolGuide(tools: ChatTool[]): string {
  const list = tools.map(({ name, description, schema }) => {
    const declared = { type: 'function', function: { name, description, parameters: schema } }
    return `${json(declared, 4)}\n\n`
  })
  return TOOL_GUIDE + list.join('')
}

/** JSON as Python's json.dumps writes it without ensure_ascii, which is what the models were trained on. */
function json(value: JsonValue, indent?: number, depth = 0): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const list = Array.isArray(value)
  const items = list
    ? value.map((item) => json(item, indent, depth + 1))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${json(item, indent, depth + 1)}`)
  const [open, close] = list ? ['[', ']'] : ['{', '}']
  if (items.length === 0) return open + close
  if (indent === undefined) return open + items.join(', ') + close
  const pad = (level: number) => `\n${' '.repeat(indent * level)}`
  return open + pad(depth + 1) + items.join(`,${pad(depth + 1)}`) + pad(depth) + close
}
