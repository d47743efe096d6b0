/**
 * A prompt by the checkpoint's own Jinja template, for families that have none in TypeScript.
 *
 * A template makes one string, in which a marker of its own looks like the same characters in a user's text. So every
 * marker in what comes from a request is broken by a character that occurs nowhere in it; what is a marker after
 * rendering is the template's own, and becomes a control token; then the character is taken out again.
 *
 * Different from the template on purpose: the date never changes, since nothing behind it could be reused the next day.
 */
import { createHash } from 'node:crypto'
import { Template } from '@huggingface/jinja'
import { TetherError } from '../../errors.js'
import type { Chat, ChatMessage, ChatPart, ChatTool, JsonObject, JsonValue, PromptPiece } from '../types.js'
import { arrange, joinText, matchResults, type PendingCall, promptWriter } from './layout.js'
import { taughtCall, taughtResult, teachTools } from './teach-tools.js'

/** A checkpoint's template and what it is given besides the chat. */
export interface ChatTemplate {
  source: string
  /** For messages: the file it is from. */
  path: string
  /** Such as bos_token and eos_token, as they are written. */
  tokens: Record<string, string>
  /** Every control token of the vocabulary, as it is written. */
  controls: readonly string[]
}

export interface JinjaFamily {
  render(chat: Chat): PromptPiece[]
  /** Whether the template writes tools, calls and results in a format of its own. */
  hasTools: boolean
}

/** Throws `bad_config` for a template that cannot be read; `render` throws it for one that refuses a chat. */
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
  // Three in a row stand nowhere else: what comes after them was not written by the model that is to go on.
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

/** A template that refuses a system message gets it as part of the first user message. */
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

/** User and model in turn, as most templates insist on; what stands between two answers of the model is one turn. */
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

/** Nine letters and digits, which is what Mistral's templates insist on. */
function shortId(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 9)
}

function declaration({ name, description, schema }: ChatTool): JsonObject {
  return { type: 'function', function: { name, description, parameters: schema } }
}

function parse({ source, path }: ChatTemplate): Template {
  try {
    // A date that changes would end every prefix there; the library's own function cannot be replaced, so its name is.
    return new Template(source.replaceAll(/strftime_now\([^)]*\)/g, '"26 Jul 2024"'))
  } catch (cause) {
    const message = `${path}: the chat template cannot be read (${(cause as Error).message})`
    throw new TetherError('bad_config', `${message}; get the file again`, { cause })
  }
}

/** From a private area of Unicode that no text has a meaning for; almost always the first. */
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
 * Puts the character behind each one that a control token begins with, in every string and key. Whole tokens are not
 * looked for: a template may join two strings of which each has a half.
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

/** The longest token wins where several begin. */
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
