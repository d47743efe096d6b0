/** Counts of an answer's usage. */
import type { Usage } from '../../src/anthropic/types.js'

/** The whole prompt: its three counts are disjoint. */
export function promptTokens(usage: Usage): number {
  return usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
}
