/** Finds out what a template accepts, by writing short conversations of words that occur nowhere else. */
import type { Chat, ChatMessage, ChatPart, ChatTool, OutputFormat, Piece, PromptPiece } from '../types.js'
import type { WriteChat } from './jinja.js'
import { type MessageForm, PLAIN_FORM } from './message-form.js'

const WORDS = {
  system: 'zqsystem',
  question: 'zqquestion',
  answer: 'zqanswer',
  next: 'zqnext',
  tool: 'zqtool',
  about: 'zqabout',
  key: 'zqkey',
  value: 'zqvalue',
  second: 'zqsecond',
  result: 'zqresult',
  more: 'zqmore',
} as const

const text = (text: string): ChatPart => ({ type: 'text', text })
const user = (...parts: ChatPart[]): ChatMessage => ({ role: 'user', parts })
const model = (...parts: ChatPart[]): ChatMessage => ({ role: 'assistant', parts })
const call = (id: string, value: string): ChatPart => ({
  type: 'tool_call',
  id,
  name: WORDS.tool,
  input: { [WORDS.key]: value },
})
const result = (id: string, text: string): ChatPart => ({ type: 'tool_result', id, text, isError: false })
const system = (words: string): ChatMessage => ({ role: 'system', parts: [text(words)] })

const TOOL: ChatTool = {
  name: WORDS.tool,
  description: WORDS.about,
  schema: { type: 'object', properties: { [WORDS.key]: { type: 'string' } }, required: [WORDS.key] },
}

const talk = (...messages: ChatMessage[]): Chat => ({ messages, tools: [], thinking: false })
const work = (...messages: ChatMessage[]): Chat => ({ messages, tools: [TOOL], thinking: false })

/** Conversations that tell two ways of writing prompts apart: plain ones, and one with a tool. */
export const PLAIN_PROBES: Chat[] = [
  talk(user(text(WORDS.question))),
  talk(system(WORDS.system), user(text(WORDS.question)), model(text(WORDS.answer)), user(text(WORDS.next))),
]
export const TOOL_PROBES: Chat[] = [
  work(system(WORDS.system), user(text(WORDS.question))),
  work(user(text(WORDS.question)), model(call('a', WORDS.value)), user(result('a', WORDS.result))),
]

const asked = user(text(WORDS.question))
const called = model(call('a', WORDS.value))
const answered = user(result('a', WORDS.result))

/**
 * `tools`: whether the template asks for tools: never, if there are any, or it is only for requests with tools.
 * -> the form, or why even a plain message cannot be written
 */
export function findForm(
  write: WriteChat,
  tools: 'never' | 'perhaps' | 'always',
): { form: MessageForm } | { error?: unknown } {
  const start = { ...PLAIN_FORM, toolRoles: tools !== 'never' }
  const base = tools === 'always' ? work : talk
  const plain = base(asked)
  const contentParts = !shows(write, start, plain, [WORDS.question])
  if (contentParts && !shows(write, { ...start, contentParts }, plain, [WORDS.question]))
    return refusalOf(write, plain, start)
  let form: MessageForm = { ...start, contentParts }
  const keep = (key: keyof MessageForm, chat: Chat, words: string[]) => {
    form = { ...form, [key]: shows(write, form, chat, words) }
  }
  const instructed = system(WORDS.system)
  keep('systemRole', base(instructed, asked), [WORDS.system, WORDS.question])
  // Some write the system text into the last message only, and only if that is a user's: else it would be gone.
  const begun = base(instructed, asked, model(text(WORDS.answer)))
  if (form.systemRole) keep('systemRole', begun, [WORDS.system, WORDS.question, WORDS.answer])
  if (!form.toolRoles) return { form }
  form = { ...form, argumentsAsText: wantsText(write, form) }
  const basics = [WORDS.tool, WORDS.about, WORDS.question, WORDS.value, WORDS.result]
  keep('toolRoles', work(asked, called, answered), basics)
  if (!form.toolRoles) return { form }
  if (form.systemRole) keep('systemRole', work(instructed, asked, called, answered), [WORDS.system, ...basics])
  keep('textAfterResults', work(asked, called, user(result('a', WORDS.result), text(WORDS.more))), [
    WORDS.result,
    WORDS.more,
  ])
  const two = model(call('a', WORDS.value), call('b', WORDS.second))
  const both = user(result('a', WORDS.result), result('b', WORDS.more))
  keep('manyCalls', work(asked, two, both), [WORDS.value, WORDS.second, WORDS.result, WORDS.more])
  const said = model(text(WORDS.answer), call('a', WORDS.value))
  keep('textBesideCalls', work(asked, said, answered), [WORDS.answer, WORDS.value])
  return { form }
}

/** Whether arguments become JSON only if they are given as text. */
function wantsText(write: WriteChat, form: MessageForm): boolean {
  const written = (argumentsAsText: boolean) =>
    textOf(write, { ...form, argumentsAsText }, work(asked, called, answered)) ?? ''
  const json = new RegExp(`"${WORDS.key}":\\s*"${WORDS.value}"`)
  const python = `'${WORDS.key}': '${WORDS.value}'`
  const asObject = written(false)
  if (asObject.includes(WORDS.value) && !asObject.includes(python)) return false
  return json.test(written(true))
}

/** Control tokens that end the model's turn: the first after an answer. */
export function findStops(write: WriteChat, form: MessageForm): string[] {
  const chat = talk(asked, model(text(WORDS.answer)), user(text(WORDS.next)))
  const pieces = piecesOf(write, form, chat) ?? []
  const at = pieces.findIndex((piece) => typeof piece === 'string' && piece.includes(WORDS.answer))
  for (const piece of at < 0 ? [] : pieces.slice(at + 1)) {
    if (typeof piece === 'string') {
      if (piece.includes(WORDS.next)) return []
    } else if ('control' in piece) return [piece.control]
  }
  return []
}

/**
 * A call as it is written, up to the start of the result: what the model would answer to the question or, if the template
 * opens an answer otherwise than it writes one, all after the question. Empty if calls are not written.
 */
export function findWrittenCall(write: WriteChat, form: MessageForm): string {
  if (!form.toolRoles) return ''
  const whole = textOf(write, form, work(asked, called, answered)) ?? ''
  const opened = textOf(write, form, work(asked)) ?? ''
  const end = whole.lastIndexOf(WORDS.result)
  if (whole.startsWith(opened) && opened.length < end) return whole.slice(opened.length, end)
  return whole.slice(whole.lastIndexOf(WORDS.question) + WORDS.question.length, end)
}

/** Whether the format reads the call in what the template writes. `written`: what findWrittenCall returns. */
export function readsBack(format: Pick<OutputFormat, 'reader'>, written: Piece[]): boolean {
  const reader = format.reader({ tools: [TOOL] })
  const parts = [...written.flatMap((piece) => reader.push(piece)), ...reader.end('stop')]
  return parts.some(
    (part) => part.type === 'tool_call' && part.name === WORDS.tool && part.input[WORDS.key] === WORDS.value,
  )
}

function shows(write: WriteChat, form: MessageForm, chat: Chat, words: string[]): boolean {
  const written = textOf(write, form, chat)
  return written !== undefined && words.every((word) => written.includes(word))
}

function textOf(write: WriteChat, form: MessageForm, chat: Chat): string | undefined {
  return piecesOf(write, form, chat)
    ?.map((piece) => (typeof piece === 'string' ? piece : 'control' in piece ? piece.control : ''))
    .join('')
}

/** undefined: the template refuses it. */
function piecesOf(write: WriteChat, form: MessageForm, chat: Chat): PromptPiece[] | undefined {
  try {
    return write(chat, form)
  } catch {
    return undefined
  }
}

function refusalOf(write: WriteChat, chat: Chat, form: MessageForm): { error?: unknown } {
  try {
    write(chat, form)
    return {}
  } catch (error) {
    return { error }
  }
}
