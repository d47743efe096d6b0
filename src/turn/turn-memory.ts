/**
 * Turns that this model generated, as their tokens. Clients send an answer back as text and JSON, with keys in another
 * order, defaults added and numbers rewritten. Encoded again, that gives other tokens, and everything after them would be
 * computed again. So each turn is kept, within a bound, and found by the ids of its calls, or by its content and the context
 * before it.
 *
 * The bound is in bytes; with a log, turns outlive the process too.
 */
import { createHash } from 'node:crypto'
import type { Chat, ChatMessage, ChatPart, GeneratedTurn, JsonValue } from '../chat/types.js'
import { readStoredTurn, type StoredTurn, writeStoredTurn } from './stored-turn.js'

export interface TurnMemory {
  /** Reads what other processes have written. A recall does so too; after this it takes less time. */
  refresh(): void
  recall(chat: Chat): Recalled
  /** A turn that was answered whole: what it said, and the context that it followed. */
  remember(turn: RememberedTurn): void
  /** Calls with every turn that is remembered from now on, for a memory on another thread. -> stops it */
  onRemember?(listener: (turn: RememberedTurn) => void): () => void
}

export interface RememberedTurn {
  context: string
  parts: ChatPart[]
  generated: GeneratedTurn
}

export interface Recalled {
  /** The same chat, with the tokens of every turn in it that is remembered. */
  chat: Chat
  /** A digest of everything that was said to the model. The answer to the chat is remembered under it. */
  context: string
}

/** Where turns outlive the process. Other processes may use it too. Nothing of it throws. */
export interface TurnLog {
  /** The turns that were written since the last call: at first all, the oldest first. */
  news(): Buffer[]
  append(record: Buffer): void
  /** The turn with this first key was found. */
  touch(key: string): void
}

export interface TurnMemoryOptions {
  /** Bytes of all turns together, about; the least recently used turns are dropped first. Default: 6 million. */
  mostBytes?: number
  log?: TurnLog
}

/** What a turn takes without its tokens: keys, text and calls, and the objects that hold them. Measured. */
const BYTES_OF_TURN = 1200

const bytesOf = ({ length }: StoredTurn): number => BYTES_OF_TURN + 4 * length

export function createTurnMemory({ mostBytes = 6_000_000, log }: TurnMemoryOptions = {}): TurnMemory {
  // In the order of last use. The keys of a turn share its entry.
  const entries = new Set<StoredTurn>()
  const byKey = new Map<string, StoredTurn>()
  const listeners = new Set<(turn: RememberedTurn) => void>()
  let held = 0

  const forget = (entry: StoredTurn) => {
    entries.delete(entry)
    held -= bytesOf(entry)
    for (const key of entry.keys) if (byKey.get(key) === entry) byKey.delete(key)
  }
  const keep = (entry: StoredTurn) => {
    if (bytesOf(entry) > mostBytes) return
    const before = byKey.get(entry.keys[0] as string)
    if (before?.keys[0] === entry.keys[0]) forget(before as StoredTurn)
    for (const key of entry.keys) byKey.set(key, entry)
    entries.add(entry)
    held += bytesOf(entry)
    for (const oldest of entries) {
      if (held <= mostBytes) break
      forget(oldest)
    }
  }
  const find = ({ parts }: ChatMessage, context: string): GeneratedTurn | undefined => {
    for (const key of keysOf(parts, context)) {
      const entry = byKey.get(key)
      const content = entry?.content()
      if (!entry || !content || !isSameTurn(content.parts, parts)) continue
      entries.delete(entry)
      entries.add(entry)
      log?.touch(entry.keys[0] as string)
      return content.generated
    }
    return undefined
  }

  const refresh = () => {
    for (const entry of log?.news().map(readStoredTurn) ?? []) if (entry) keep(entry)
  }

  return {
    refresh,
    recall(chat) {
      refresh()
      let context = ''
      const messages = chat.messages.map((message) => {
        const generated = message.role === 'assistant' ? find(message, context) : undefined
        context = after(context, message)
        return generated ? { ...message, generated } : message
      })
      return { chat: { ...chat, messages }, context }
    },
    onRemember(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    remember({ context, parts, generated }) {
      const keys = keysOf(parts, context)
      if (keys.length === 0) return
      for (const listener of listeners) listener({ context, parts, generated })
      const content = { parts, generated }
      keep({ keys, length: generated.tokens.length, content: () => content })
      log?.append(writeStoredTurn(keys, content))
    },
  }
}

/** A turn with calls has their ids, which no other turn has; one without has its text and its context. */
function keysOf(parts: ChatPart[], context: string): string[] {
  const ids = parts.flatMap((part) => (part.type === 'tool_call' ? [part.id] : []))
  if (ids.length > 0) return ids.map((id) => `id ${id}`)
  const [said, thought] = [textOf(parts, 'text'), textOf(parts, 'thinking')]
  if (said === '') return []
  // A client may send the turn back without its thoughts.
  const keys = [thought, ''].map((thinking) => digest(`${context}\0${thinking}\0${said}`))
  return [...new Set(keys)].map((key) => `text ${key}`)
}

/** The context after this message. The model's own turns do not count: clients send them back in other forms. */
function after(context: string, { role, parts }: ChatMessage): string {
  if (role === 'assistant') return context
  const texts = parts.map((part) => ('text' in part ? part.text : ''))
  return digest(`${context}\0${role}\0${texts.join('\0')}`)
}

function isSameTurn(wrote: ChatPart[], came: ChatPart[]): boolean {
  const calls = wrote.filter((part) => part.type === 'tool_call')
  const sent = came.filter((part) => part.type === 'tool_call')
  if (calls.length !== sent.length || textOf(wrote, 'text') !== textOf(came, 'text')) return false
  const thought = textOf(came, 'thinking')
  if (thought !== '' && thought !== textOf(wrote, 'thinking')) return false
  return calls.every(({ name, input }, i) => sent[i]?.name === name && isSameInput(input, sent[i].input))
}

/** Clients move text in front of the calls and drop blank pieces, so neither its place nor blanks around it count. */
function textOf(parts: ChatPart[], type: 'text' | 'thinking'): string {
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
