/**
 * What this model wrote, as the tokens it wrote. Clients send an answer back as text and JSON, with keys in another order,
 * defaults added and numbers rewritten; encoded again that gives other tokens, and everything behind them would have to be
 * computed anew. So each turn is kept, bounded, and found again by the ids of its calls, or by its content and all that was
 * said to the model before it.
 */
import { createHash } from 'node:crypto'
import type { Chat, ChatMessage, ChatPart, Generated, JsonValue, Part } from '../chat/types.js'

export interface TurnMemory {
  /** The same chat, with the tokens of every turn in it that is remembered. */
  recall(chat: Chat): Chat
  /** A turn that was answered whole. `chat` is what it answered; `ids` are those of its calls, in order. */
  remember(turn: { chat: Chat; parts: Part[]; ids: string[]; generated: Generated }): void
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
  const find = ({ parts }: ChatMessage, before: string): Entry | undefined => {
    const candidates = keysOf({ parts, ids: idsOf(parts), before }).map((key) => byKey.get(key))
    return candidates.find((candidate) => candidate && isSameTurn(candidate.parts, parts))
  }

  return {
    recall(chat) {
      let before = ''
      const messages = chat.messages.map((message) => {
        const entry = message.role === 'assistant' ? find(message, before) : undefined
        before = after(before, message)
        if (!entry) return message
        entries.delete(entry)
        entries.add(entry)
        return { ...message, generated: entry.generated }
      })
      return { ...chat, messages }
    },
    remember({ chat, parts, ids, generated }) {
      const entry: Entry = { parts, generated, keys: keysOf({ parts, ids, before: chat.messages.reduce(after, '') }) }
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

/** Calls have ids that no other turn has; a turn without calls is known by what it says, and to what. */
function keysOf({ parts, ids, before }: { parts: (Part | ChatPart)[]; ids: string[]; before: string }): string[] {
  if (ids.length > 0) return ids.map((id) => `id ${id}`)
  const [said, thought] = [textOf(parts, 'text'), textOf(parts, 'thinking')]
  if (said === '') return []
  // A client may leave thoughts out of what it sends back.
  const keys = [thought, ''].map((thinking) => digest(`${before}\0${thinking}\0${said}`))
  return [...new Set(keys)].map((key) => `text ${key}`)
}

/** What was said to the model up to and with this message. Its own turns are left out: how they come back varies. */
function after(before: string, { role, parts }: ChatMessage): string {
  if (role === 'assistant') return before
  const texts = parts.map((part) => ('text' in part ? part.text : ''))
  return digest(`${before}\0${role}\0${texts.join('\0')}`)
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
