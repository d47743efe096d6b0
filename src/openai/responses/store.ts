/** Responses that later requests may continue: in memory alone, bounded by number and size. */
import type { ChatMessage } from '../../chat/types.js'

export interface ResponseStore {
  /** All that was said up to and with this response, without instructions. undefined: it is not kept. */
  find(id: string): ChatMessage[] | undefined
  /** `messages`: what was said since the previous response, which was none if it is undefined. */
  keep(id: string, previous: string | undefined, messages: ChatMessage[]): void
}

export interface StoreBounds {
  mostResponses?: number
  /** By the length of texts, at two bytes a character. */
  mostBytes?: number
}

/** What one response added. Responses that continue it hold it, also when its own id is gone. */
interface Kept {
  messages: ChatMessage[]
  bytes: number
  previous?: Kept
  /** The ids and responses that hold it. */
  holders: number
}

// Objects around the texts.
const OVERHEAD = 500

/** The ids that were used least recently go first. */
export function createResponseStore({
  mostResponses = 1000,
  mostBytes = 64 * 1024 * 1024,
}: StoreBounds = {}): ResponseStore {
  // In the order of last use.
  const byId = new Map<string, Kept>()
  let held = 0

  const release = (kept: Kept) => {
    for (let one: Kept | undefined = kept; one; one = one.previous) {
      one.holders--
      if (one.holders > 0) return
      held -= one.bytes
    }
  }
  const touch = (id: string, kept: Kept) => {
    byId.delete(id)
    byId.set(id, kept)
  }
  return {
    find(id) {
      const kept = byId.get(id)
      if (!kept) return undefined
      touch(id, kept)
      const chain: ChatMessage[][] = []
      for (let one: Kept | undefined = kept; one; one = one.previous) chain.push(one.messages)
      return chain.reverse().flat()
    },
    keep(id, previousId, messages) {
      const previous = previousId === undefined ? undefined : byId.get(previousId)
      // Without all that was said before it a response cannot be continued.
      if (previousId !== undefined && !previous) return
      if (previous) previous.holders++
      const kept = { messages, bytes: sizeOf(id, messages), previous, holders: 1 }
      held += kept.bytes
      byId.set(id, kept)
      for (const [oldest, one] of byId) {
        if (byId.size <= mostResponses && held <= mostBytes) break
        byId.delete(oldest)
        release(one)
      }
    },
  }
}

function sizeOf(id: string, messages: ChatMessage[]): number {
  let characters = id.length
  let parts = messages.length
  for (const { parts: some } of messages) {
    parts += some.length
    for (const part of some) {
      if (part.type === 'tool_call') characters += part.name.length + JSON.stringify(part.input).length
      else characters += part.text.length
      if ('id' in part) characters += part.id.length
    }
  }
  return OVERHEAD * (parts + 1) + 2 * characters
}
