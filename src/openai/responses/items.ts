/** The items of a response's input as messages of a chat. */
import type { ChatMessage, ChatPart } from '../../chat/types.js'
import { type Fields, fail, isFields, readText, readTyped } from '../../turn/request-fields.js'
import { joinLines } from '../../turn/text-lines.js'
import { readArguments, readContent, readString } from '../content.js'
import { type CallNames, callPart } from './tools.js'

/** A text of the user, or a list of items. Neighbours of one role stay apart. */
export function readInput(value: unknown): ChatMessage[] {
  if (value === undefined || value === null) fail('input', 'Field required')
  if (typeof value === 'string') return [{ role: 'user', parts: [{ type: 'text', text: value }] }]
  if (!Array.isArray(value)) fail('input', 'Input should be a string or a list')
  if (value.length === 0) fail('input', 'at least one item is required')
  return value.map((item, i) => readItem(item, `input[${i}]`))
}

function readItem(value: unknown, at: string): ChatMessage {
  const item = readTyped(isFields(value) && value.role !== undefined ? { type: 'message', ...value } : value, at)
  switch (item.type) {
    case 'message':
      return readMessage(item, at)
    case 'function_call':
      return { role: 'assistant', parts: [readCall(item, at)] }
    case 'custom_tool_call':
      return { role: 'assistant', parts: [readCustomCall(item, at)] }
    case 'function_call_output':
    case 'custom_tool_call_output':
      return { role: 'user', parts: [readResult(item, at)] }
    case 'reasoning':
      return { role: 'assistant', parts: readReasoning(item, at) }
    case 'item_reference':
      return fail(at, 'items are not kept by their ids. Send the item itself, or previous_response_id.')
    default:
      return fail(
        `${at}.type`,
        "Input should be 'message', 'reasoning', 'function_call', 'custom_tool_call' or an output of these: other tools cannot run here",
      )
  }
}

function readMessage({ role, content }: Fields, at: string): ChatMessage {
  const parts = readContent(content, `${at}.content`).map((text): ChatPart => ({ type: 'text', text }))
  switch (role) {
    case 'system':
    case 'developer':
      return { role: 'system', parts }
    case 'user':
      return { role, parts }
    case 'assistant':
      return { role, parts: parts.filter((part) => part.type === 'text' && part.text !== '') }
    default:
      return fail(`${at}.role`, "Input should be 'developer', 'system', 'user' or 'assistant'")
  }
}

function readCall(item: Fields, at: string): ChatPart {
  return callPart(readNames(item, at), readArguments(item.arguments, `${at}.arguments`))
}

function readCustomCall(item: Fields, at: string): ChatPart {
  return callPart(readNames(item, at), { input: readString(item.input, `${at}.input`) })
}

function readNames({ call_id, name, namespace }: Fields, at: string): CallNames {
  return {
    call_id: readText(call_id, `${at}.call_id`),
    name: readText(name, `${at}.name`),
    namespace: namespace == null ? undefined : readText(namespace, `${at}.namespace`),
  }
}

function readResult(item: Fields, at: string): ChatPart {
  const id = readText(item.call_id, `${at}.call_id`)
  return { type: 'tool_result', id, text: joinLines(readContent(item.output, `${at}.output`)) }
}

/** The thoughts themselves, or else their summary. What is encrypted is for another server. */
function readReasoning({ content, summary }: Fields, at: string): ChatPart[] {
  const thoughts = readThoughts(content, `${at}.content`)
  const text = thoughts === '' ? readThoughts(summary, `${at}.summary`) : thoughts
  return text === '' ? [] : [{ type: 'thinking', text }]
}

function readThoughts(value: unknown, at: string): string {
  if (value === undefined || value === null) return ''
  if (!Array.isArray(value)) fail(at, 'Input should be a list')
  return joinLines(
    value.map((part, i) => {
      if (!isFields(part)) fail(`${at}[${i}]`, 'Input should be an object')
      return readString(part.text, `${at}[${i}].text`)
    }),
  )
}
