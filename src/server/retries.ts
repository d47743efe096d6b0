/**
 * A client's retry of a request that is still being answered, such as behind a proxy that has not told of its leaving, ends
 * that first one. What was computed for it is kept, so the retry continues from there, and the engine works for one only.
 */
import { createHash } from 'node:crypto'
import { sessionOf } from './client-of.js'

export interface Retries {
  /**
   * Notes a request until it is over. For a retry: returns once the first one, which is ended, is over. `leave` has to end
   * the request soon.
   */
  enter(request: SameRequest, options: { isRetry: boolean; leave: () => void }): Promise<Noted>
}

export interface Noted {
  /** `answered`: to its end. Safe to call twice; the first call counts. */
  over(answered: boolean): void
}

/** Two requests with the same of all this are the same. */
export interface SameRequest {
  path: string
  /** The name of the client's key. */
  key: string | undefined
  headers: Headers
  /** The digest of the body. */
  body: string
}

interface Alive {
  leave: () => void
  over: Promise<void>
  isReplaced: boolean
}

/** Requests that ended without an answer, of which a retry may come. Older ones are forgotten. */
const MOST_UNANSWERED = 256

export function createRetries(): Retries {
  const alive = new Map<string, Set<Alive>>()
  const unanswered = new Map<string, number>()
  const count = (id: string, more: number) => {
    const left = (unanswered.get(id) ?? 0) + more
    unanswered.delete(id)
    if (left > 0) unanswered.set(id, left)
    const oldest = unanswered.keys().next()
    if (unanswered.size > MOST_UNANSWERED && !oldest.done) unanswered.delete(oldest.value)
  }
  /** The one request that a retry repeats. None if it repeats one that is over, or if that cannot be told. */
  const firstOf = (id: string): Alive | undefined => {
    if (unanswered.has(id)) {
      count(id, -1)
      return undefined
    }
    const [first, another] = alive.get(id) ?? []
    return another ? undefined : first
  }
  return {
    async enter(request, { isRetry, leave }) {
      const id = digest(request)
      const first = isRetry ? firstOf(id) : undefined
      if (first) {
        first.isReplaced = true
        first.leave()
        await first.over
      }
      let resolve = () => {}
      const over = new Promise<void>((done) => {
        resolve = done
      })
      const entry: Alive = { leave, over, isReplaced: false }
      const equal = alive.get(id) ?? new Set()
      alive.set(id, equal.add(entry))
      return {
        over(answered) {
          if (!equal.delete(entry)) return
          if (equal.size === 0) alive.delete(id)
          if (!answered && !entry.isReplaced) count(id, 1)
          resolve()
        },
      }
    },
  }
}

/** Clients of Anthropic's and OpenAI's SDKs, and Claude Code, number their attempts. */
export function isRetry(headers: Headers): boolean {
  return Number(headers.get('x-stainless-retry-count') ?? 0) > 0
}

function digest({ path, key, headers, body }: SameRequest): string {
  const from = [sessionOf(headers), ...['x-claude-code-agent-id', 'user-agent'].map((name) => headers.get(name))]
  return createHash('sha256')
    .update(JSON.stringify([path, key, ...from, body]))
    .digest('base64')
}
