/** Responses that later requests may continue or ask for: in memory alone, bounded by number and size. */
import type { ChatMessage } from '../../chat/types.js'

export interface ResponseStore {
  /** All that was said up to and with this response, packed, without instructions. undefined: it is not kept. */
  find(id: string): Uint8Array[] | undefined
  /** The response itself, as JSON. undefined: it is not kept. */
  read(id: string): Uint8Array | undefined
  /** `previous`: undefined if there was none. */
  keep(id: string, previous: string | undefined, added: Added): void
  /** Those that continue it stay whole. -> whether it was kept */
  forget(id: string): boolean
}

/** What a response adds to what is kept. */
export interface Added {
  /** Messages since the previous response, packed. */
  said: Uint8Array[]
  /** The response, as JSON. */
  response: Uint8Array
}

export interface StoreBounds {
  mostResponses?: number
  mostBytes?: number
}

/** Responses that continue one hold what was said, also when its own id is gone. */
interface Kept extends Added {
  bytes: number
  previous?: Kept
  /** The ids and responses that hold it. */
  holders: number
}

// Objects around the bytes.
const OVERHEAD = 500
const NOTHING = new Uint8Array(0)

/** Messages as bytes: another thread gets those faster than as objects. */
export function packed(messages: ChatMessage[]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(messages))
}

export function unpacked(pieces: readonly Uint8Array[]): ChatMessage[] {
  return pieces.flatMap((piece) => JSON.parse(Buffer.from(piece).toString()) as ChatMessage[])
}

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
  const used = (id: string) => {
    const kept = byId.get(id)
    if (!kept) return undefined
    byId.delete(id)
    byId.set(id, kept)
    return kept
  }
  const drop = (id: string) => {
    const kept = byId.get(id)
    if (!kept) return false
    byId.delete(id)
    // Only its own id leads to it.
    held -= kept.response.byteLength
    kept.bytes -= kept.response.byteLength
    kept.response = NOTHING
    release(kept)
    return true
  }
  return {
    find(id) {
      const chain: Uint8Array[][] = []
      for (let one = used(id); one; one = one.previous) chain.push(one.said)
      return chain.length > 0 ? chain.reverse().flat() : undefined
    },
    read: (id) => used(id)?.response,
    keep(id, previousId, added) {
      const previous = previousId === undefined ? undefined : byId.get(previousId)
      // Without all that was said before it a response cannot be continued.
      if (previousId !== undefined && !previous) return
      if (previous) previous.holders++
      const kept = { ...added, bytes: sizeOf(id, added), previous, holders: 1 }
      held += kept.bytes
      byId.set(id, kept)
      for (const oldest of byId.keys()) {
        if (byId.size <= mostResponses && held <= mostBytes) break
        drop(oldest)
      }
    },
    forget: drop,
  }
}

function sizeOf(id: string, { said, response }: Added): number {
  return OVERHEAD + 2 * id.length + [...said, response].reduce((sum, { byteLength }) => sum + byteLength, 0)
}
