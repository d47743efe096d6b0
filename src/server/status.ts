/** GET /status: what the model is doing and what its last answer cost, for status lines and monitors. */
import type { CacheStats } from '../engine/types.js'
import type { LoadedModel } from '../model/types.js'
import { json } from './body.js'

/** Counts in tokens. */
export interface Status {
  model: string
  window: number
  live: number
  queued: number
  /** Seconds that the request which has waited longest has; 0 if none waits. */
  longestWait: number
  /** Of the prompt that is being read; null if none is. */
  prefill: { done: number; total: number } | null
  /** The prefix cache: bytes in memory and on disk, and tokens of prompts that were found in each place. */
  cache: Pick<CacheStats, 'memoryBytes' | 'diskBytes' | 'diskCap' | 'hitTokens'>
  /** The answer that ended last; null if there was none. */
  last: LastAnswer | null
}

export interface LastAnswer {
  /** The whole prompt, how much of it was reused from earlier work, and how much of the rest is kept for later. */
  inputTokens: number
  cachedTokens: number
  createdTokens: number
  outputTokens: number
  /** While it decoded; null for an answer of less than eight tokens. */
  tokensPerSecond: number | null
}

export function status(model: LoadedModel, last: LastAnswer | null): Response {
  const { name, window } = model.info
  const { live, queued, longestWait, prefill, cache } = model.stats()
  const { memoryBytes, diskBytes, diskCap, hitTokens } = cache
  const kept = { memoryBytes, diskBytes, diskCap, hitTokens }
  const reading = prefill.total > 0 ? prefill : null
  return json({ model: name, window, live, queued, longestWait, prefill: reading, cache: kept, last } satisfies Status)
}
