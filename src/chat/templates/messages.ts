/** What all templates do to messages before they render them. */
import type { ChatMessage, ChatPart } from '../types.js'

/**
 * Claude Code puts its environment (some 9 kB that sessions share) into a system message behind the user's first line.
 * Rendered before that line, it is part of the prefix that every session of a project has in common.
 */
export function hoistEnvironment(messages: ChatMessage[]): ChatMessage[] {
  const at = messages.findIndex((message) => message.role !== 'system')
  const [first, second] = [messages[at], messages[at + 1]]
  if (!first || first.role !== 'user' || second?.role !== 'system') return messages
  return [...messages.slice(0, at), second, first, ...messages.slice(at + 2)]
}

/** A message's text, one block a line. */
export function joinTexts(parts: ChatPart[]): string {
  let text = ''
  for (const part of parts) {
    if (part.type !== 'text') continue
    if (text && !text.endsWith('\n')) text += '\n'
    text += part.text
  }
  return text
}
