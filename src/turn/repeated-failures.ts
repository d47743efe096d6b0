/**
 * The remark for a model that makes a call again which has failed in the same way three times. It stands behind the result
 * of that call, in the prompt alone. A remark follows from the turns before it, so it stays where it is in every later prompt.
 */
import type { Chat, ChatMessage, ChatPart, JsonValue } from '../chat/types.js'
import { kindOfFailure, saysFailure } from './failed-alike.js'

/** Failures of the same call with the same result, before the one that gets the remark. */
const SAME_FAILURES = 3

export const REMARK = `This call has failed ${SAME_FAILURES + 1} times in the same way. It will fail again with the same arguments: change them, or try something else.`

type Call = Extract<ChatPart, { type: 'tool_call' }>

/** The chat with a remark behind each result that needs one; the same object if none does. */
export function remarkRepeatedFailures(chat: Chat): Chat {
  const calls = new Map<string, Call>()
  // Of each call, how often it has failed in which way since it last worked.
  const failures = new Map<string, Map<string, number>>()
  let isChanged = false
  const read = (part: ChatPart): ChatPart => {
    if (part.type === 'tool_call') calls.set(part.id, part)
    const call = part.type === 'tool_result' ? calls.get(part.id) : undefined
    if (part.type !== 'tool_result' || !call) return part
    const isFailure = part.isError ?? saysFailure(part.text)
    if (!isFailure && failures.size === 0) return part
    const key = `${call.name} ${sorted(call.input)}`
    if (!isFailure) {
      failures.delete(key)
      return part
    }
    const ways = failures.get(key) ?? new Map<string, number>()
    failures.set(key, ways)
    const way = kindOfFailure(part.text)
    const times = (ways.get(way) ?? 0) + 1
    ways.set(way, times)
    if (times !== SAME_FAILURES + 1) return part
    isChanged = true
    return { ...part, text: `${part.text}\n\n${REMARK}` }
  }
  const messages = chat.messages.map((message): ChatMessage => {
    const parts = message.parts.map(read)
    return parts.some((part, i) => part !== message.parts[i]) ? { ...message, parts } : message
  })
  return isChanged ? { ...chat, messages } : chat
}

/** JSON with the keys of each object in one order: clients and models write them in any. */
function sorted(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join()}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const names = Object.keys(value).sort()
  return `{${names.map((name) => `${JSON.stringify(name)}:${sorted(value[name] as JsonValue)}`).join()}}`
}
