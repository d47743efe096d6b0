/**
 * Renders prompts with the checkpoint's own Jinja template.
 *
 * A template renders one string, in which its own markers look like the same characters in a user's text. So every
 * marker in a request is broken by a character that occurs nowhere in the request. A marker that is whole after
 * rendering is the template's own and becomes a control token; then the character is removed.
 *
 * It differs from the template on purpose: the date never changes, since no prefix could be reused the next day.
 */

import { TetherError } from '../../errors.js'
import type { PromptOrder } from '../../options.js'
import { sharing, Template } from '../jinja/template.js'
import { jsonText } from '../json-text.js'
import type { Chat, JsonValue, Piece, PromptPiece } from '../types.js'
import type { MessageForm } from './message-form.js'
import { declaration, type TemplateMessage, toMessages } from './template-messages.js'

/** With a changing date no prefix could be reused. */
const DATE = new Date('2024-07-26')

/** A template's source, and its variables besides the chat. */
export interface TemplateSource {
  source: string
  /** The template's file, for error messages. */
  path: string
  /** bos_token, eos_token and the like, as they are written. */
  tokens: Record<string, string>
  /** Every control token of the vocabulary, as it is written. */
  controls: readonly string[]
}

/** A template that is ready to write conversations in any form. Throws what the template throws. */
export type WriteChat = (chat: Chat, form: MessageForm, order?: PromptOrder) => PromptPiece[]

/** Tries a template in several ways, with the work of one render for all of them together. */
export const probing = sharing

/** Throws `bad_config` for a template that cannot be parsed. */
export function jinjaTemplate(template: TemplateSource): WriteChat {
  const parsed = parse(template)
  const split = splitter(template.controls)
  return (chat, form, order = 'template') => {
    const breaker = unusedCharacter(
      JSON.stringify([chat.tools, chat.messages.map(({ parts }) => parts)]) + template.source,
    )
    const text = writeText(chat, form, { template, parsed, breaker, order })
    return split(text).map((piece) => (typeof piece === 'string' ? piece.replaceAll(breaker, '') : piece))
  }
}

interface Writer {
  template: TemplateSource
  parsed: Template
  breaker: string
  order: PromptOrder
}

/** With the request's markers broken. A conversation that ends with the assistant's message leaves its turn open. */
function writeText(chat: Chat, form: MessageForm, { template, parsed, breaker, order }: Writer): string {
  const mask = masker(template.controls, breaker)
  const tools = form.toolRoles && chat.tools.length > 0 ? mask(chat.tools.map(declaration)) : null
  const messages = mask(toMessages(chat, form, order)) as TemplateMessage[]
  const write = (shown: TemplateMessage[], isContinued: boolean) =>
    parsed.render(
      {
        ...template.tokens,
        messages: shown,
        // transformers defines tools and documents too where there are none.
        tools,
        documents: null,
        add_generation_prompt: !isContinued,
        enable_thinking: chat.thinking,
      },
      { now: DATE, verbatim: breaker },
    )
  const last = messages.at(-1)
  if (chat.messages.at(-1)?.role !== 'assistant' || last?.role !== 'assistant') return write(messages, false)
  // Three in a row occur nowhere else. What the template adds after them is cut off: the model continues its text.
  const here = breaker.repeat(3)
  const marked = [...messages.slice(0, -1), { ...last, content: withEnd(last.content, here) }]
  const before = messages.slice(0, -1)
  const canStandApart = last.tool_calls === undefined && before.some(({ role }) => role === 'user')
  try {
    const text = write(marked, true)
    const end = text.lastIndexOf(here)
    if (end >= 0) return text.slice(0, end)
    if (!canStandApart) throw new Error('it leaves out the last message')
  } catch (error) {
    if (!canStandApart) throw error
  }
  // The template refuses the assistant's turn at the end, or does not show it.
  return write(before, false) + textOf(last.content)
}

function withEnd(content: JsonValue, end: string): JsonValue {
  return Array.isArray(content) ? [{ type: 'text', text: textOf(content) + end }] : `${textOf(content)}${end}`
}

/** The text of a message, in either form of content. */
function textOf(content: JsonValue): string {
  if (!Array.isArray(content)) return jsonText(content)
  return content.map((part) => jsonText((part as { text?: JsonValue }).text ?? '')).join('')
}

function parse({ source, path }: TemplateSource): Template {
  try {
    return new Template(source)
  } catch (cause) {
    const message = `${path}: the chat template cannot be read (${(cause as Error).message})`
    throw new TetherError('bad_config', `${message}. Download the file again.`, { cause })
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

/** Splits a text at control tokens. Of several at one place, the longest counts. */
export function splitter(controls: readonly string[]): (text: string) => Piece[] {
  const longestFirst = [...controls].sort((a, b) => b.length - a.length)
  if (longestFirst.length === 0) return (text) => [text]
  const token = new RegExp(`(${longestFirst.map(literal).join('|')})`, 'u')
  return (text) => {
    const parts = text.split(token).map((part, i): Piece => (i % 2 === 1 ? { control: part } : part))
    return parts.filter((part) => part !== '')
  }
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/gu, '\\$&')
}
