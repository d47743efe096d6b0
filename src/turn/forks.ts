/**
 * Where other prompts are likely to part from this one: after tools and system text, and after what stands before the
 * question itself, such as a project's instructions. The engine keeps there what layers with a sliding window need to
 * start, so that already the second conversation starts there.
 */
import { createHash } from 'node:crypto'
import type { Chat, ChatMessage, ChatPart } from '../chat/types.js'
import type { Prompter } from './types.js'

type Writer = Pick<Prompter, 'family' | 'tokenizer'>

/** A shorter beginning is computed faster than it is found. */
const LEAST_TOKENS = 256
/** Beginnings whose lengths are remembered, for each model. */
const MOST_KNOWN = 32

/** Begins like no question. */
const OTHER = '⁂'

const known = new WeakMap<Writer['family'], Map<string, number>>()

/** `tokens`: the prompt of the chat. -> lengths, ascending; none for a short one */
export function likelyForks(writer: Writer, chat: Chat, tokens: Int32Array): Int32Array {
  if (tokens.length <= LEAST_TOKENS) return new Int32Array(0)
  const lengths = otherBeginnings(chat.messages).map((messages) => sharedLength(writer, { ...chat, messages }, tokens))
  return Int32Array.from([...new Set(lengths)].filter((length) => length > LEAST_TOKENS)).sort()
}

/** What other conversations may begin with: another question after the same system text, and in the same surroundings. */
function otherBeginnings(messages: ChatMessage[]): ChatMessage[][] {
  const at = messages.findIndex(({ role }) => role !== 'system')
  const first = messages[at]
  if (first?.role !== 'user') return []
  const end = messages.findIndex(({ role }) => role === 'assistant')
  const question = first.parts.at(-1)
  const before = question?.type === 'text' ? question.text.slice(0, question.before ?? 0) : ''
  const asking = (parts: ChatPart[], text: string): ChatMessage => ({
    role: 'user',
    parts: [...parts, { type: 'text', text }],
  })
  const system = messages.slice(0, at)
  const later = messages.slice(at + 1, end < 0 ? undefined : end)
  return [
    [...system, asking([], OTHER)],
    [...system, asking(first.parts.slice(0, -1), before + OTHER), ...later],
  ]
}

/** How many tokens the prompt has in common with that of another chat. The same for all prompts that begin like it. */
function sharedLength(writer: Writer, other: Chat, tokens: Int32Array): number {
  const lengths = known.get(writer.family) ?? new Map<string, number>()
  known.set(writer.family, lengths)
  const key = createHash('sha256').update(JSON.stringify(other)).digest('base64')
  const length = lengths.get(key) ?? commonLength(promptOf(writer, other), tokens)
  lengths.delete(key)
  lengths.set(key, length)
  for (const oldest of lengths.keys()) if (lengths.size > MOST_KNOWN) lengths.delete(oldest)
  return length
}

/** Empty for a chat that the template refuses: then nothing is known of others. */
function promptOf({ family, tokenizer }: Writer, chat: Chat): Int32Array {
  try {
    return tokenizer.encodePrompt(family.render(chat))
  } catch {
    return new Int32Array(0)
  }
}

function commonLength(some: Int32Array, others: Int32Array): number {
  const differs = some.findIndex((token, i) => token !== others[i])
  return differs < 0 ? Math.min(some.length, others.length) : differs
}
