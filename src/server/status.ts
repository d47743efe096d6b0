/** GET /status: what the model is doing and what its last answer cost, for status lines and monitors. */
import { basename } from 'node:path'
import type { CacheStats, EngineStats } from '../engine/types.js'
import { json } from './body.js'
import type { ModelHouse } from './house-types.js'
import { seenModel } from './loading.js'
import { type ModelReport, modelReports } from './model-report.js'

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
  /**
   * Tokens that a grammar held since the model was loaded, the share of probability that it took from them, and the
   * microseconds in which it was found what such a token may be.
   */
  constrained: { tokens: number; removed: number; maskMicroseconds: number }
  /**
   * Tokens that were drafted since the model was loaded, the share of them that was right, and the tokens of a pass for each
   * answer. `costs`: of passes of 1, 2, 4, 8 and 16 tokens, as parts of the first, and `drafterCost`: of a token of the
   * drafter, which `drafter` names; by them it is decided how many to draft. `sources`: the first two by where the drafts
   * came from.
   */
  drafts: DraftShare & {
    tokensPerPass: number
    costs: number[]
    drafter: string | null
    drafterCost: number
    sources: Record<(typeof DRAFT_SOURCES)[number], DraftShare>
  }
  /** Answers that were ended because they repeated themselves. */
  loops: number
  /** The answer that ended last; null if there was none. */
  last: LastAnswer | null
  /** Each of several models; what is above is the first one's. Unset: there is one. */
  models?: ModelReport[]
}

const DRAFT_SOURCES = ['lookup', 'forced', 'drafter'] as const

/** Tokens that were drafted, and the share of them that was right. */
interface DraftShare {
  drafted: number
  accepted: number
}

export interface LastAnswer {
  /** The whole prompt, how much of it was reused from earlier work, and how much of the rest is kept for later. */
  inputTokens: number
  cachedTokens: number
  createdTokens: number
  outputTokens: number
  /** While it decoded; null for an answer of less than eight tokens. */
  tokensPerSecond: number | null
  /** As above, of this answer; null where it was held to no grammar. */
  constrained: { tokens: number; removed: number } | null
}

/** `removed`: a probability of what was not allowed, summed over the tokens. -> its mean, in thousandths */
export function constrainedShare(tokens: number, removed: number): { tokens: number; removed: number } {
  return { tokens, removed: share(removed, tokens, 1000) }
}

function drafts({ drafts, generatedTokens }: EngineStats, drafter: string | undefined): Status['drafts'] {
  const shareOf = ({ drafted, accepted }: DraftShare) => ({ drafted, accepted: share(accepted, drafted, 1000) })
  const sources = DRAFT_SOURCES.map((source) => [source, shareOf(drafts[source])])
  return {
    ...shareOf(drafts),
    tokensPerPass: share(generatedTokens, drafts.steps, 100),
    costs: drafts.costs.map((cost) => share(cost, 1, 100)),
    drafter: drafter === undefined ? null : basename(drafter),
    drafterCost: share(drafts.drafterCost, 1, 100),
    sources: Object.fromEntries(sources) as Status['drafts']['sources'],
  }
}

/** Rounded to one part in `parts`; 0 of nothing. */
function share(part: number, whole: number, parts: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * parts) / parts
}

export function status(house: ModelHouse, last: LastAnswer | null): Response {
  const model = seenModel(house.first())
  const { name, window, drafter } = model.info
  const stats = model.stats()
  const { live, queued, longestWait, prefill, cache, loops, constrainedTokens, removedProbability } = stats
  const { memoryBytes, diskBytes, diskCap, hitTokens } = cache
  const kept = { memoryBytes, diskBytes, diskCap, hitTokens }
  const reading = prefill.total > 0 ? prefill : null
  const maskMicroseconds = share(1e6 * stats.maskSeconds, constrainedTokens, 10)
  const constrained = { ...constrainedShare(constrainedTokens, removedProbability), maskMicroseconds }
  const now = { live, queued, longestWait, prefill: reading }
  return json({
    model: name,
    window,
    ...now,
    cache: kept,
    constrained,
    drafts: drafts(stats, drafter),
    loops,
    last,
    ...(house.isOne ? {} : { models: modelReports(house) }),
  } satisfies Status)
}
