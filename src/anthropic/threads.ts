/** Conversations that are held here, so that requests that continue them send only what is new: in memory alone, bounded. */
import type { Body, Held } from '../turn/protocol.js'
import {
  type Fields,
  fail,
  parseJson,
  type ReadOptions,
  readText,
  readTyped,
  requestFields,
} from '../turn/request-fields.js'
import { UnknownThread } from './errors.js'
import { contentText, createFold } from './fold.js'
import type { MessageEvent } from './types.js'

export interface ThreadBounds {
  mostThreads?: number
  mostBytes?: number
}

export interface Threads {
  /** undefined: the request names no thread. Throws `invalid_request`, and `UnknownThread` for one that is not held. */
  hold(body: Body, options?: ReadOptions): Held<MessageEvent> | undefined
}

/** A conversation as JSON: the fields that only its first request has, and its messages without the list around them. */
interface Thread {
  fields: string
  messages: string
}

/** What a first request says for all that follow. */
const ONCE = ['system', 'tools']
/** Bytes of a conversation. A larger one is not looked at: it is refused where requests are parsed. */
const LARGEST = 2 ** 20

/** A thread that is continued goes by its newest answer alone; those that were used least recently are dropped. */
export function createThreads({ mostThreads = 1000, mostBytes = 64 * LARGEST }: ThreadBounds = {}): Threads {
  const byId = new Map<string, Thread>()
  let held = 0
  const drop = (id: string) => {
    const thread = byId.get(id)
    if (thread) held -= sizeOf(thread)
    byId.delete(id)
  }
  const add = (id: string, thread: Thread) => {
    if (sizeOf(thread) > Math.min(2 * LARGEST, mostBytes)) return
    byId.set(id, thread)
    held += sizeOf(thread)
    for (const oldest of byId.keys()) {
      if (byId.size <= mostThreads && held <= mostBytes) break
      drop(oldest)
    }
  }
  return {
    hold(body, options) {
      if (body.length > LARGEST) return undefined
      const bytes = body.whole()
      if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('"thread"')) return undefined
      const { thread: asked, ...fields } = requestFields(parseJson(bytes), options)
      if (asked === undefined || asked === null) return undefined
      const previous = previousOf(asked)
      const thread = previous === undefined ? begun(fields) : continued(fields, previous, byId.get(previous))
      return {
        body: bodyOf(fields, thread),
        keep: (events) =>
          keepAnswer(events, (id, message) => {
            if (previous !== undefined) drop(previous)
            add(id, { ...thread, messages: joined(thread.messages, message) })
          }),
      }
    },
  }
}

/** The id of the answer that is continued; undefined for a thread that begins. */
function previousOf(asked: unknown): string | undefined {
  const { type, previous_message_id: previous } = readTyped(asked, 'thread')
  if (type === 'create') return undefined
  if (type === 'continue') return readText(previous, 'thread.previous_message_id')
  return fail('thread.type', "Input should be 'create' or 'continue'")
}

function begun(fields: Fields): Thread {
  const once = Object.fromEntries(ONCE.map((name) => [name, fields[name]]))
  return { fields: inner(once), messages: inner(listIn(fields)) }
}

function continued(fields: Fields, id: string, thread: Thread | undefined): Thread {
  if (!thread) throw new UnknownThread(id)
  for (const name of ONCE) {
    if (fields[name] !== undefined) fail(name, 'a thread has those of its first request; leave this field out')
  }
  return { ...thread, messages: joined(thread.messages, inner(listIn(fields))) }
}

function listIn({ messages }: Fields): unknown[] {
  return Array.isArray(messages) ? messages : fail('messages', 'Input should be a list')
}

/** The request as if nothing were held. */
function bodyOf({ messages: _, system: __, tools: ___, ...others }: Fields, thread: Thread): Uint8Array {
  const fields = joined(inner(others), thread.fields)
  return Buffer.from(`{${joined(fields, `"messages":[${thread.messages}]`)}}`)
}

/** JSON without the brackets around it. */
function inner(value: object): string {
  return JSON.stringify(value).slice(1, -1)
}

function joined(one: string, other: string): string {
  return one && other ? `${one},${other}` : one + other
}

/** At two bytes a character. */
function sizeOf({ fields, messages }: Thread): number {
  return 500 + 2 * (fields.length + messages.length)
}

/** Before the client reads the last event: it may continue at once. */
async function* keepAnswer(
  events: AsyncGenerator<MessageEvent, void, undefined>,
  keep: (id: string, message: string) => void,
): AsyncGenerator<MessageEvent, void, undefined> {
  const fold = createFold()
  for await (const event of events) {
    fold.add(event)
    if (event.type === 'message_stop') {
      const { message, json } = fold.whole()
      keep(message.id, `{"role":"assistant","content":${contentText(message.content, json)}}`)
    }
    yield event
  }
}
