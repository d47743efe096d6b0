/** The messages of a chat completion as those of a chat. */
import type { ChatMessage, ChatPart } from '../../chat/types.js'
import { joinMessages } from '../../turn/join-messages.js'
import { type Fields, fail, isFields, readText, readTextOr, readTyped } from '../../turn/request-fields.js'
import { joinLines } from '../../turn/text-lines.js'
import { readArguments, readContent, readString } from '../content.js'

export function readMessages(value: unknown): ChatMessage[] {
  if (value === undefined || value === null) fail('messages', 'Field required')
  if (!Array.isArray(value)) fail('messages', 'Input should be a list')
  if (value.length === 0) fail('messages', 'at least one message is required')
  return joinMessages(
    value.map((message, i) => readMessage(message, `messages[${i}]`)),
    { joinSystem: true },
  )
}

function readMessage(value: unknown, at: string): ChatMessage {
  if (!isFields(value)) fail(at, 'Input should be an object')
  switch (value.role) {
    case 'system':
    case 'developer':
      return { role: 'system', parts: asParts(readContent(value.content, `${at}.content`)) }
    case 'user':
      return { role: 'user', parts: asParts(readContent(value.content, `${at}.content`)) }
    case 'assistant':
      return { role: 'assistant', parts: readAnswer(value, at) }
    case 'tool':
      return { role: 'user', parts: [readResult(value, at)] }
    case undefined:
      return fail(`${at}.role`, 'Field required')
    default:
      return fail(`${at}.role`, "Input should be 'developer', 'system', 'user', 'assistant' or 'tool'")
  }
}

function readResult(value: Fields, at: string): ChatPart {
  const id = readText(value.tool_call_id, `${at}.tool_call_id`)
  const text = joinLines(readContent(value.content ?? '', `${at}.content`))
  return { type: 'tool_result', id, text }
}

/** What the model thought, said and called, in this order. */
function readAnswer(value: Fields, at: string): ChatPart[] {
  const parts: ChatPart[] = []
  const thought = value.reasoning_content ?? value.reasoning
  if (thought !== undefined && thought !== null) {
    const text = readString(thought, `${at}.${value.reasoning_content ? 'reasoning_content' : 'reasoning'}`)
    if (text !== '') parts.push({ type: 'thinking', text })
  }
  const said = [...readContent(value.content ?? '', `${at}.content`), readTextOr(value.refusal, `${at}.refusal`)]
  for (const part of asParts(said)) if (part.text !== '') parts.push(part)
  refuse(value.function_call, `${at}.function_call`, 'calls of functions are read as tool_calls, which took its place')
  refuse(value.audio, `${at}.audio`, 'sounds are not kept here. Send what was said as content.')
  const { tool_calls: calls } = value
  if (calls === undefined || calls === null) return parts
  if (!Array.isArray(calls)) fail(`${at}.tool_calls`, 'Input should be a list')
  for (const [i, call] of calls.entries()) parts.push(readCall(call, `${at}.tool_calls[${i}]`))
  return parts
}

/** What would be lost without a word. */
function refuse(value: unknown, at: string, why: string): void {
  if (value !== undefined && value !== null) fail(at, why)
}

function readCall(value: unknown, at: string): ChatPart {
  const call = readTyped(isFields(value) ? { type: 'function', ...value } : value, at)
  if (call.type !== 'function') fail(`${at}.type`, "Input should be 'function'")
  const given = call.function
  if (!isFields(given)) fail(`${at}.function`, given === undefined ? 'Field required' : 'Input should be an object')
  return {
    type: 'tool_call',
    id: readText(call.id, `${at}.id`),
    name: readText(given.name, `${at}.function.name`),
    input: readArguments(given.arguments, `${at}.function.arguments`),
  }
}

function asParts(texts: string[]): { type: 'text'; text: string }[] {
  return texts.map((text) => ({ type: 'text', text }))
}
