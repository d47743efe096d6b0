/** The instruction to answer in JSON. A grammar holds the model to it; what it reads makes it want to. */
import type { ChatMessage, ChatPart, JsonObject } from '../chat/types.js'

/**
 * The end of the last message that is not the model's says what the answer has to be. `schema`: `{}` for any JSON. `tools`:
 * what the model may call instead.
 */
export function askForJson(messages: ChatMessage[], schema: JsonObject, tools: readonly unknown[]): ChatMessage[] {
  const answer = tools.length > 0 ? 'Call tools if you need them. Answer' : 'Answer'
  const text = `${answer} with one JSON value and nothing else: no other text, no code fence. It has to fit this JSON schema:\n${JSON.stringify(schema)}`
  const part: ChatPart = { type: 'text', text }
  const at = messages.findLastIndex(({ role }) => role !== 'assistant')
  if (at < 0) return [{ role: 'system', parts: [part] }, ...messages]
  return messages.map((message, i) => (i === at ? { ...message, parts: [...message.parts, part] } : message))
}
