/** What monitors are told of each of several models. */
import type { EngineStats } from '../engine/types.js'
import type { ModelHouse } from './house-types.js'

/** Sizes in bytes. */
export interface ModelReport {
  name: string
  /** `unloaded`: the next request for it loads it. `failed`: it could not be loaded; the next request tries again. */
  state: 'loading' | 'failed' | 'ready' | 'unloaded'
  /** 0…1, while it is read. Unset: it waits for memory. */
  progress?: number
  /** Why it failed. */
  message?: string
  /** Requests that run, and that wait. */
  live: number
  queued: number
  weights: number
  prefix: number
  /** Since the server began: of prompts, of these what was reused, and of answers. */
  tokens: { prompt: number; cached: number; output: number }
}

export function modelReports(house: ModelHouse): ModelReport[] {
  return house.all().map(({ name, state, counts }) => {
    const { prompt, cached, output } = counts
    const tokens = { prompt, cached, output }
    const none = { live: 0, queued: 0, weights: 0, prefix: 0, tokens }
    if (state.state === 'loading') return { name, state: 'loading', progress: state.progress, ...none }
    if (state.state === 'failed') return { name, state: 'failed', message: state.message, ...none }
    if (state.state === 'unloaded') return { name, state: 'unloaded', ...none }
    const { live, queued, memory } = state.model.stats()
    return { name, state: 'ready', live, queued, weights: memory.weights, prefix: memory.prefix, tokens }
  })
}

/** The stats of all models that are loaded, in one. */
export function sumOfStats(house: ModelHouse): EngineStats | undefined {
  const [first, ...others] = house.all().flatMap(({ state }) => (state.state === 'ready' ? [state.model.stats()] : []))
  return first && others.reduce(sumOf, first)
}

/** Of what activity shows; what belongs to the process, or to the disk, counts once. */
function sumOf(one: EngineStats, other: EngineStats): EngineStats {
  const { memory, cache } = one
  const sum = (key: 'weights' | 'kv' | 'prefix' | 'reserved') => memory[key] + other.memory[key]
  const found = (place: 'live' | 'memory' | 'disk') => cache.hitTokens[place] + other.cache.hitTokens[place]
  return {
    ...one,
    running: [...one.running, ...other.running],
    requests: one.requests + other.requests,
    promptTokens: one.promptTokens + other.promptTokens,
    cachedTokens: one.cachedTokens + other.cachedTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    memory: {
      ...memory,
      weights: sum('weights'),
      kv: sum('kv'),
      prefix: sum('prefix'),
      reserved: sum('reserved'),
      // Each counts the scratch of the others as its own.
      scratch: Math.min(memory.scratch, other.memory.scratch),
    },
    cache: {
      ...cache,
      memoryBytes: cache.memoryBytes + other.cache.memoryBytes,
      diskBytes: Math.max(cache.diskBytes, other.cache.diskBytes),
      hitTokens: { live: found('live'), memory: found('memory'), disk: found('disk') },
    },
  }
}
