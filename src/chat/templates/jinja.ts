/**
 * Renders prompts with the checkpoint's own Jinja template, for families without a template in TypeScript.
 *
 * A template renders one string, in which its own markers look like the same characters in a user's text. So every
 * marker in a request is broken by a character that occurs nowhere in the request. A marker that is whole after
 * rendering is the template's own and becomes a control token; then the character is removed.
 *
 * It differs from the template on purpose: the date never changes, since no prefix could be reused the next day.
 */
import { createHash } from 'node:crypto'
import { Template } from '@huggingface/jinja'
import { TetherError } from '../../errors.js'
import type { Chat, ChatMessage, ChatPart, ChatTool, JsonObject, JsonValue, PromptPiece } from '../types.js'
import { arrange, joinText, matchResults, type PendingCall, promptWriter } from './layout.js'
import { taughtCall, taughtResult, teachTools } from './teach-tools.js'

/** A checkpoint's template, and its variables besides the chat. */
export interface ChatTemplate {
  source: string
  /** The template's file, for error messages. */
  path: string
  /** bos_token, eos_token and the like, as they are written. */
  tokens: Record<string, string>
  /** Every control token of the vocabulary, as it is written. */
  controls: readonly string[]
}

export interface JinjaFamily {
  render(chat: Chat): PromptPiece[]
  /** Whether the template writes tools, calls and results in a format of its own. */
  hasTools: boolean
}

/** Throws `bad_config` for a template that cannot be parsed; `render` throws it if the template rejects the chat. */
export function jinjaFamily(template: ChatTemplate): JinjaFamily {
  const parsed = parse(template)
  const hasTools = /\btools\b/.test(template.source)
  const split = splitter(template.controls)
  return { hasTools, render: (chat) => renderChat(chat, { template, parsed, hasTools, split }) }
}

interface Renderer {
  template: ChatTemplate
  parsed: Template
  hasTools: boolean
  split: (text: string) => PromptPiece[]
}

/** What a template's `messages` hold. */
interface Message {
  [key: string]: JsonValue
  role: string
  content: string
}

function renderChat(chat: Chat, { template, parsed, hasTools, split }: Renderer): PromptPiece[] {
  const breaker = unusedCharacter(
    JSON.stringify([chat.tools, chat.messages.map(({ parts }) => parts)]) + template.source,
  )
  const mask = masker(template.controls, breaker)
  // Three in a row occur nowhere else. What the template adds after them is cut off: the model continues its text.
  const here = breaker.repeat(3)
  const isContinued = chat.messages.at(-1)?.role === 'assistant'
  const tools = hasTools && chat.tools.length > 0 ? { tools: mask(chat.tools.map(declaration)) } : {}
  const render = (ownSystem: boolean) => {
    const messages = mask(toMessages(chat, { hasTools, ownSystem })) as Message[]
    const last = messages.at(-1)
    if (isContinued && last) last.content += here
    return parsed.render({ ...template.tokens, messages, ...tools, add_generation_prompt: !isContinued })
  }
  const text = firstThatWorks(render, template)
  const end = isContinued ? text.lastIndexOf(here) : text.length
  return split(text.slice(0, end)).map((piece) => (typeof piece === 'string' ? piece.replaceAll(breaker, '') : piece))
}

/** If the template rejects a system message, it becomes part of the first user message. */
function firstThatWorks(render: (ownSystem: boolean) => string, { path }: ChatTemplate): string {
  try {
    return render(true)
  } catch {
    try {
      return render(false)
    } catch (cause) {
      const message = `${path}: the chat template cannot write this conversation (${(cause as Error).message})`
      throw new TetherError('bad_config', `${message}; take a newer version of the checkpoint`, { cause })
    }
  }
}

/** Alternates user and model, as most templates require: everything between two answers of the model is one turn. */
function toMessages(chat: Chat, { hasTools, ownSystem }: { hasTools: boolean; ownSystem: boolean }): Message[] {
  const { system = '', rest } = arrange(chat.messages)
  const lesson = hasTools ? '' : teachTools(chat.tools).trimEnd()
  const heading = [system, lesson].filter((text) => text !== '').join('\n\n')
  const messages: Message[] = heading !== '' && ownSystem ? [{ role: 'system', content: heading }] : []
  let texts = heading !== '' && !ownSystem ? [`${heading}\n`] : []
  let calls: PendingCall[] = []
  const closeUser = () => {
    if (texts.length > 0) messages.push({ role: 'user', content: texts.join('\n').trim() })
    texts = []
  }
  for (const message of rest) {
    if (message.role === 'assistant') {
      closeUser()
      messages.push(modelMessage(message, hasTools))
      calls = message.parts.filter((part) => part.type === 'tool_call')
      continue
    }
    const { answered, others } = matchResults(calls, message.parts)
    for (const result of answered) {
      if (hasTools) messages.push(toolMessage(result))
      else texts.push(taughtResult(result))
    }
    calls = []
    texts.push(...others.map(({ text }) => text), joinText(message.parts))
    texts = texts.filter((text) => text !== '')
  }
  closeUser()
  return messages
}

function modelMessage({ parts }: ChatMessage, hasTools: boolean): Message {
  let content = ''
  const calls: JsonObject[] = []
  for (const part of parts) {
    if (part.type === 'text') content += part.text
    if (part.type !== 'tool_call') continue
    if (hasTools) calls.push(callOf(part))
    else content += (content === '' || content.endsWith('\n') ? '' : '\n') + taughtCall(part.name, part.input)
  }
  return { role: 'assistant', content, ...(calls.length > 0 ? { tool_calls: calls } : {}) }
}

function callOf({ id, name, input }: Extract<ChatPart, { type: 'tool_call' }>): JsonObject {
  return { id: shortId(id), type: 'function', function: { name, arguments: input } }
}

function toolMessage({ id, name, text }: { id: string; name: string; text: string }): Message {
  return { role: 'tool', name, tool_call_id: shortId(id), content: text }
}

/** Nine letters and digits, as Mistral's templates require. */
function shortId(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 9)
}

function declaration({ name, description, schema }: ChatTool): JsonObject {
  return { type: 'function', function: { name, description, parameters: schema } }
}

function parse({ source, path }: ChatTemplate): Template {
  try {
    // With a changing date no prefix could be reused. The library's function cannot be replaced, so its calls are.
    return new Template(source.replaceAll(/strftime_now\([^)]*\)/g, '"26 Jul 2024"'))
  } catch (cause) {
    const message = `${path}: the chat template cannot be read (${(cause as Error).message})`
    throw new TetherError('bad_config', `${message}; get the file again`, { cause })
  }
}

/** From a private area of Unicode, which hardly any text uses; almost always its first character. */
function unusedCharacter(text: string): string {
  for (let code = 0xe000; code < 0xf900; code++) {
    const character = String.fromCharCode(code)
    if (!text.includes(character)) return character
  }
  throw new TetherError(
    'invalid_request',
    'the request uses every private character of Unicode, so none is left to mark it',
  )
}

/**
 * Inserts the character after each character that begins a control token, in every string and key. Looking for whole
 * tokens would not do: a template may join two strings that contain one half each.
 */
function masker(controls: readonly string[], breaker: string): (value: JsonValue) => JsonValue {
  const starts = [...new Set(controls.map((token) => String.fromCodePoint(token.codePointAt(0) ?? 0)))]
  if (starts.length === 0) return (value) => value
  const start = new RegExp(`(?:${starts.map(literal).join('|')})`, 'gu')
  const mask = (value: JsonValue): JsonValue => {
    if (typeof value === 'string') return value.replace(start, `$&${breaker}`)
    if (Array.isArray(value)) return value.map(mask)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [mask(key) as string, mask(inner)]))
  }
  return mask
}

/** Of several tokens at one place, the longest counts. */
function splitter(controls: readonly string[]): (text: string) => PromptPiece[] {
  const longestFirst = [...controls].sort((a, b) => b.length - a.length)
  if (longestFirst.length === 0) return (text) => [text]
  const token = new RegExp(`(${longestFirst.map(literal).join('|')})`, 'u')
  return (text) => {
    const out = promptWriter()
    for (const [i, part] of text.split(token).entries()) {
      if (i % 2 === 1) out.control(part)
      else out.text(part)
    }
    return out.pieces
  }
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/gu, '\\$&')
}
