/** A chat as the `messages` of a Jinja template, in the form that the template accepts. */
import { createHash } from 'node:crypto'
import type { PromptOrder } from '../../options.js'
import type { Chat, ChatMessage, ChatPart, ChatTool, JsonObject, JsonValue } from '../types.js'
import { arrange, groupById, joinText, matchResults, shownResult } from './layout.js'
import type { MessageForm } from './message-form.js'
import { shownSchema } from './shown-schema.js'
import { headingOf, taughtCall, taughtResult } from './teach-tools.js'

/** What a template's `messages` hold. */
export interface TemplateMessage {
  [key: string]: JsonValue
  role: string
  content: JsonValue
}

type Call = Extract<ChatPart, { type: 'tool_call' }>
type Result = Extract<ChatPart, { type: 'tool_result' }> & { name: string }

/** Everything between two answers of the model is one turn. */
type UserTurn = { role: 'user'; results: Result[]; texts: string[] }
type ModelTurn = { role: 'assistant'; text: string; thought: string; calls: Call[] }
type Turn = UserTurn | ModelTurn

/** In place of content that a template wants and the conversation lacks. */
const NOTHING = '(no message)'
const UNANSWERED = '(This call got no result.)'

/**
 * The messages in order; the last is the assistant's if the chat ends with one. `order` decides only where our own text
 * about tools stands: what the template does with tools is its own.
 */
export function toMessages(chat: Chat, asked: MessageForm, order: PromptOrder): TemplateMessage[] {
  // What was said beside a call begins its result, so there has to be one.
  const form = asked.textBesideCalls ? asked : { ...asked, openCalls: false }
  const { system, rest } = arrange(chat.messages)
  const heading = headingOf({ system, tools: form.toolRoles ? [] : chat.tools, order })
  let turns = turnsOf(rest, form)
  if (!form.anyOrder) turns = inOrder(turns)
  // Many templates write a system message together with the turn after it, and nothing without one.
  const ownSystem = form.systemRole && turns.length > 0
  const messages: TemplateMessage[] = heading !== '' && ownSystem ? [{ role: 'system', content: heading }] : []
  if (heading !== '' && !ownSystem) turns = headed(turns, heading)
  for (const [i, turn] of turns.entries()) {
    if (turn.role === 'user') {
      if (form.toolRoles) for (const result of turn.results) messages.push(toolMessage(result))
      const text = userText(turn, form)
      if (text !== '' || !form.anyOrder || turn.results.length === 0) messages.push({ role: 'user', content: text })
      continue
    }
    const next = turns[i + 1]
    for (const one of modelMessages(turn, next?.role === 'user' ? next : undefined, form)) messages.push(one)
  }
  return form.contentParts ? messages.map(inParts) : messages
}

/** What templates call a tool. */
export function declaration({ name, description, schema }: ChatTool): JsonObject {
  return { type: 'function', function: { name, description, parameters: shownSchema(schema) } }
}

function turnsOf(messages: ChatMessage[], form: MessageForm): Turn[] {
  const turns: Turn[] = []
  let calls: Call[] = []
  for (let at = 0; at < messages.length; ) {
    const message = messages[at] as ChatMessage
    if (message.role === 'assistant') {
      if (!form.openCalls && calls.length > 0) turns.push(userTurn([], calls, form))
      const turn = modelTurn(message)
      turns.push(turn)
      calls = turn.calls
      at++
      continue
    }
    let end = at + 1
    while (end < messages.length && messages[end]?.role !== 'assistant') end++
    const run = messages.slice(at, end)
    turns.push(userTurn(run, calls, form))
    calls = []
    at += run.length
  }
  return turns
}

/** All that was said between two answers of the model, with the results of the calls before it. */
function userTurn(run: ChatMessage[], calls: Call[], form: MessageForm): UserTurn {
  const { answered } = matchResults(
    calls,
    run.flatMap(({ parts }) => parts),
  )
  const byId = groupById(answered)
  const results = form.openCalls ? answered : calls.flatMap((call) => byId.get(call.id) ?? [unanswered(call)])
  const called = new Set(calls.map(({ id }) => id))
  const texts = run.flatMap(({ parts }) => [...othersAmong(parts, called).map(shownResult), joinText(parts)])
  const turn: UserTurn = { role: 'user', results, texts: texts.filter((text) => text !== '') }
  if (!form.textAfterResults) joinAfterResults(turn)
  return turn
}

/** Results that answer none of the calls. */
function othersAmong(parts: ChatPart[], called: Set<string>) {
  return parts.filter((part) => part.type === 'tool_result').filter(({ id }) => !called.has(id))
}

function unanswered({ id, name }: Call): Result {
  return { type: 'tool_result', id, name, text: UNANSWERED, isError: false }
}

function joinAfterResults(turn: UserTurn): void {
  const last = turn.results.at(-1)
  if (!last || turn.texts.length === 0) return
  turn.results[turn.results.length - 1] = { ...last, text: [last.text, ...turn.texts].join('\n\n') }
  turn.texts = []
}

function modelTurn({ parts }: ChatMessage): ModelTurn {
  const turn: ModelTurn = { role: 'assistant', text: '', thought: '', calls: [] }
  for (const part of parts) {
    if (part.type === 'text') turn.text += part.text
    if (part.type === 'thinking') turn.thought += part.text
    if (part.type === 'tool_call') turn.calls.push(part)
  }
  return turn
}

/** A user turn first, no two turns of a role in a row, none empty. */
function inOrder(turns: Turn[]): Turn[] {
  const out: Turn[] = []
  for (const turn of turns) {
    const last = out.at(-1)
    if (turn.role === 'user') {
      out.push(turn.results.length + turn.texts.length > 0 ? turn : { ...turn, texts: [NOTHING] })
    } else if (last?.role === 'assistant' && last.calls.length === 0) {
      const text = [last.text, turn.text].filter((one) => one !== '').join('\n')
      out[out.length - 1] = { ...turn, text, thought: last.thought + turn.thought }
    } else {
      if (last?.role !== 'user') out.push({ role: 'user', results: [], texts: [NOTHING] })
      out.push(turn)
    }
  }
  const end = turns.length - 1
  // An empty turn at the end is the one that the model begins.
  return out.map((turn, i) =>
    turn.role === 'assistant' && turn.text === '' && turn.calls.length === 0 && i < end
      ? { ...turn, text: NOTHING }
      : turn,
  )
}

function headed(turns: Turn[], heading: string): Turn[] {
  const [first, ...others] = turns
  const text = `${heading}\n`
  if (first?.role === 'user' && first.results.length === 0)
    return [{ ...first, texts: [text, ...first.texts] }, ...others]
  return [{ role: 'user', results: [], texts: [text] }, ...turns]
}

function userText({ results, texts }: UserTurn, { toolRoles }: MessageForm): string {
  const taught = toolRoles ? [] : results.map((result) => taughtResult(result))
  return [...taught, ...texts].join('\n').trim()
}

/** One message; or one for each call, with its result after it, which is then taken out of `next`. */
function modelMessages(turn: ModelTurn, next: UserTurn | undefined, form: MessageForm): TemplateMessage[] {
  const { calls, thought } = turn
  const reasoning: JsonObject = thought === '' ? {} : { reasoning_content: thought }
  if (calls.length === 0) return [{ role: 'assistant', content: turn.text, ...reasoning }]
  if (!form.toolRoles) {
    const written = calls.map(({ name, input }) => taughtCall(name, input))
    const text = turn.text === '' || turn.text.endsWith('\n') ? turn.text : `${turn.text}\n`
    return [{ role: 'assistant', content: text + written.join('\n'), ...reasoning }]
  }
  const isKept = form.textBesideCalls || turn.text.trim() === '' || noteText(turn.text, calls, next)
  if (!isKept) return [{ role: 'assistant', content: turn.text }, ...modelMessages({ ...turn, text: '' }, next, form)]
  const content = form.textBesideCalls ? turn.text : ''
  const one = (call: Call) => toCall(call, form)
  if (form.manyCalls || calls.length === 1) {
    return [{ role: 'assistant', content, ...reasoning, tool_calls: calls.map(one) }]
  }
  const byId = groupById(next?.results ?? [])
  const called = new Set(calls.map(({ id }) => id))
  if (next) next.results = next.results.filter(({ id }) => !called.has(id))
  return calls.flatMap((call, i) => {
    const own = byId.get(call.id) ?? []
    byId.delete(call.id)
    const before = i === 0 ? { content, ...reasoning } : { content: '' }
    return [{ role: 'assistant', ...before, tool_calls: [one(call)] }, ...own.map(toolMessage)]
  })
}

/** Keeps what was said beside a call, where the template has no place for it. -> whether there is a result to keep it in */
function noteText(text: string, calls: Call[], next: UserTurn | undefined): boolean {
  const at = next?.results.findIndex(({ id }) => id === calls[0]?.id) ?? -1
  const result = next?.results[at]
  if (!next || !result) return false
  next.results[at] = { ...result, text: `(Said with this call: ${text.trim()})\n${result.text}` }
  return true
}

function toCall({ id, name, input }: Call, { argumentsAsText }: MessageForm): JsonObject {
  const args = argumentsAsText ? JSON.stringify(input) : input
  return { id: shortId(id), type: 'function', function: { name, arguments: args } }
}

function toolMessage(result: Result): TemplateMessage {
  return { role: 'tool', name: result.name, tool_call_id: shortId(result.id), content: shownResult(result) }
}

/** Nine letters and digits, as Mistral's templates require. */
function shortId(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 9)
}

function inParts(message: TemplateMessage): TemplateMessage {
  return { ...message, content: [{ type: 'text', text: message.content }] }
}
