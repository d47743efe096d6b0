/** Messages as clients send them to the messages of a chat. */
import type { ChatMessage, ChatPart } from '../chat/types.js'
import { joinLines } from './text-lines.js'

/**
 * Neighbouring messages of a role become one; of system messages only if `joinSystem`. Tool results come before the text
 * beside them. Neighbouring texts of one user, system or tool text each begin a line, so that two of them never run into
 * one word; a model's own text stays as it is.
 */
export function joinMessages(messages: ChatMessage[], { joinSystem }: { joinSystem: boolean }): ChatMessage[] {
  const turns: ChatMessage[] = []
  for (const { role, parts } of messages) {
    const last = turns.at(-1)
    if (last?.role === role && (joinSystem || role !== 'system')) for (const part of parts) last.parts.push(part)
    else turns.push({ role, parts: [...parts] })
  }
  return turns.map(inOrder).filter((message) => message !== undefined)
}

/** undefined: an empty message, unless it is a user's. */
function inOrder({ role, parts }: ChatMessage): ChatMessage | undefined {
  if (role === 'assistant') return parts.length > 0 ? { role, parts } : undefined
  const results = parts.filter((part) => part.type === 'tool_result')
  const text = joinLines(parts.filter((part) => part.type === 'text').map((part) => part.text))
  if (text === '' && results.length === 0 && role === 'system') return undefined
  if (text === '' && results.length > 0) return { role, parts: results }
  return { role, parts: [...results, { type: 'text', text } satisfies ChatPart] }
}
