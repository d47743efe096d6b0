/** Tokens of a model, over all the times that it was loaded. */
import type { EngineStats } from '../engine/types.js'

export interface ModelCounts {
  /** Of prompts that were computed, and generated, so far: live requests count too. */
  computed: number
  generated: number
  /** Of requests that have ended: their prompts, what of these was reused, and their answers. */
  prompt: number
  cached: number
  output: number
}

export const noCounts: ModelCounts = { computed: 0, generated: 0, prompt: 0, cached: 0, output: 0 }

export function countsOf(stats: EngineStats): ModelCounts {
  const { computedTokens, generatedTokens, promptTokens, cachedTokens, outputTokens } = stats
  return {
    ...{ computed: computedTokens, generated: generatedTokens },
    ...{ prompt: promptTokens, cached: cachedTokens, output: outputTokens },
  }
}

export function sumOfCounts(one: ModelCounts, other: ModelCounts): ModelCounts {
  return {
    computed: one.computed + other.computed,
    generated: one.generated + other.generated,
    prompt: one.prompt + other.prompt,
    cached: one.cached + other.cached,
    output: one.output + other.output,
  }
}
