/**
 * What this model wrote, as the tokens it wrote. Clients send an answer back as text and JSON, with keys in another order,
 * defaults added and numbers rewritten; encoded again that gives other tokens, and everything behind them would have to be
 * computed anew. So each turn is kept, bounded, and found again by the ids of its calls or by its content.
 */
import { createHash } from 'node:crypto'
import type { Chat, ChatMessage, ChatPart, Generated, JsonValue, Part } from '../chat/types.js'

export interface TurnMemory {
  /** The same chat, with the tokens of every turn in it that is remembered. */
  recall(chat: Chat): Chat
  /** A turn that was answered whole. `ids`: of its calls, in order. */
  remember(turn: { parts: Part[]; ids: string[]; generated: Generated }): void
}

interface Entry {
  parts: Part[]
  generated: Generated
  keys: string[]
}

/** `mostTokens` of all turns together, least recently used out first; 4 bytes each. */
export function createTurnMemory(mostTokens = 1_000_000): TurnMemory {
  // In the order of last use; keys of one turn share its entry.
  const entries = new Set<Entry>()
  const byKey = new Map<string, Entry>()
  let held = 0

  const forget = (entry: Entry) => {
    entries.delete(entry)
    held -= entry.generated.tokens.length
    for (const key of entry.keys) if (byKey.get(key) === entry) byKey.delete(key)
  }
  const find = (message: ChatMessage): Entry | undefined => {
    const entry = keysOf(message.parts, idsOf(message.parts)).map((key) => byKey.get(key))
    return entry.find((candidate) => candidate && isSameTurn(candidate.parts, message.parts))
  }

  return {
    recall: (chat) => ({
      ...chat,
      messages: chat.messages.map((message) => {
        const entry = message.role === 'assistant' ? find(message) : undefined
        if (!entry) return message
        entries.delete(entry)
        entries.add(entry)
        return { ...message, generated: entry.generated }
      }),
    }),
    remember({ parts, ids, generated }) {
      const entry: Entry = { parts, generated, keys: keysOf(parts, ids) }
      if (entry.keys.length === 0 || generated.tokens.length > mostTokens) return
      for (const key of entry.keys) byKey.set(key, entry)
      entries.add(entry)
      held += generated.tokens.length
      for (const oldest of entries) {
        if (held <= mostTokens) break
        forget(oldest)
      }
    },
  }
}

/** Calls have ids that no other turn has; a turn without calls is known by what it says. */
function keysOf(parts: (Part | ChatPart)[], ids: string[]): string[] {
  if (ids.length > 0) return ids.map((id) => `id ${id}`)
  const [said, thought] = [textOf(parts, 'text'), textOf(parts, 'thinking')]
  if (said === '') return []
  // A client may leave thoughts out of what it sends back.
  return [...new Set([`text ${digest(`${thought}\0${said}`)}`, `text ${digest(`\0${said}`)}`])]
}

function idsOf(parts: ChatPart[]): string[] {
  return parts.flatMap((part) => (part.type === 'tool_call' ? [part.id] : []))
}

function isSameTurn(wrote: Part[], came: ChatPart[]): boolean {
  const calls = wrote.filter((part) => part.type === 'tool_call')
  const sent = came.filter((part) => part.type === 'tool_call')
  if (calls.length !== sent.length || textOf(wrote, 'text') !== textOf(came, 'text')) return false
  const thought = textOf(came, 'thinking')
  if (thought !== '' && thought !== textOf(wrote, 'thinking')) return false
  return calls.every(({ name, input }, i) => sent[i]?.name === name && isSameInput(input, sent[i].input))
}

/** Clients move text to before the calls and drop blank pieces, so neither place nor blanks around it count. */
function textOf(parts: (Part | ChatPart)[], type: 'text' | 'thinking'): string {
  const texts = parts.flatMap((part) => (part.type === type && part.text.trim() !== '' ? [part.text] : []))
  return texts.join('').trim()
}

/** Whether `came` is `wrote` with keys in another order, defaults added, and numbers or booleans taken out of quotes. */
function isSameInput(wrote: JsonValue, came: JsonValue | undefined): boolean {
  if (came === undefined) return wrote === null
  if (Array.isArray(wrote)) {
    if (!Array.isArray(came) || came.length !== wrote.length) return false
    return wrote.every((item, i) => isSameInput(item, came[i]))
  }
  if (typeof wrote !== 'object' || wrote === null) return wrote === came || isSamePlain(wrote, came)
  if (typeof came !== 'object' || came === null || Array.isArray(came)) return false
  const added = Object.entries(came).filter(([key]) => !Object.hasOwn(wrote, key))
  if (added.some(([, value]) => value !== false && value !== null)) return false
  return Object.entries(wrote).every(([key, value]) =>
    isSameInput(value, Object.hasOwn(came, key) ? came[key] : undefined),
  )
}

function isSamePlain(wrote: JsonValue, came: JsonValue): boolean {
  const isPlain = (value: JsonValue) => typeof value === 'number' || typeof value === 'boolean'
  if (typeof wrote === 'string' && isPlain(came)) return wrote.trim() === String(came) || Number(wrote) === came
  return typeof came === 'string' && isPlain(wrote) && came === String(wrote)
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64')
}
