/** What an engine counts, and what runs on it now. */

/**
 * Counters since the model was loaded, and what runs now. Cheap, and answered while the engine is at work.
 * Times in seconds, counts in tokens, sizes in bytes.
 */
export interface EngineStats {
  /** Requests that wait to start, and those that run. */
  queued: number
  live: number
  /** How long the one that has waited longest has; 0 if none waits. */
  longestWait: number
  /**
   * Tokens of the prompt that is being read, and how many of them are done; reused tokens count as done. With several
   * prompts, of the request that has run longest; 0 of 0 with none.
   */
  prefill: { done: number; total: number }
  /** The requests that run, in order of arrival. */
  running: Running[]
  /** So far, of requests that run and of those that have ended: tokens of prompts that were computed, tokens generated. */
  computedTokens: number
  generatedTokens: number
  /** Requests that have ended in any way, and how many of them started from a cached prefix. */
  requests: number
  hits: number
  /** Those that were ended because they repeated themselves. */
  loops: number
  /** Of requests that have ended: tokens of their prompts, how many of these were reused, tokens generated. */
  promptTokens: number
  cachedTokens: number
  outputTokens: number
  /** Added up over requests: those that ran together count each. */
  prefillSeconds: number
  decodeSeconds: number
  drafts: DraftStats
  /** Tokens that a grammar held, and the probability of what it did not allow, summed over them. */
  constrainedTokens: number
  removedProbability: number
  /** What it took to find what they may be. */
  maskSeconds: number
  /** Work of the engine's thread besides the model's arithmetic: scheduling, handing out tokens, counters. */
  ownSeconds: number
  /** Recent rates of all requests together: prompt tokens while prompts are read, tokens while some are generated; 0 at first. */
  tokensPerSecond: { prefill: number; decode: number }
  memory: EngineMemory
  cache: CacheStats
}

/** Drafts of what sequences were likely to say, so far. Counts in tokens. */
export interface DraftStats {
  /** Verified by a pass, and how many of them were right. */
  drafted: number
  accepted: number
  /** The same by where they came from: the conversation, what a grammar leaves no choice of, the drafter. */
  lookup: DraftCount
  forced: DraftCount
  drafter: DraftCount
  /** What the drafter takes for a token, as a part of a pass of one token; 0: there is none. */
  drafterCost: number
  /** How often a pass generated for a sequence: `generatedTokens` over this is the tokens of a pass. */
  steps: number
  /** What passes of 1, 2, 4, 8 and 16 tokens cost now, as parts of the first. Empty: nothing is drafted. */
  costs: number[]
}

export interface DraftCount {
  drafted: number
  accepted: number
}

/** How far a request is that runs, in tokens. */
export interface Running {
  /** Of its `GenerateRequest`. */
  label?: number
  promptTokens: number
  /** How many of them are done, and how many of those were reused. */
  readTokens: number
  cachedTokens: number
  outputTokens: number
}

/** The prefix cache. Sizes in bytes. */
export interface CacheStats {
  /** What it takes in memory, beside the sequences that are kept whole, and on disk, for all models. */
  memoryBytes: number
  diskBytes: number
  /** The most that it may take on disk; 0: nothing is kept there. */
  diskCap: number
  blocks: number
  /** Tokens of prompts that were not computed, by where they were found. */
  hitTokens: { live: number; memory: number; disk: number }
  /** Records that were written and read, that had to go, and that were found damaged. */
  written: number
  read: number
  evictedMemory: number
  evictedDisk: number
  damaged: number
  /** What went wrong with its files, in sentences. */
  notices: string[]
}

/** How the engine's memory is used, in bytes. */
export interface EngineMemory {
  /** In use now, by MLX's own counter, without what other engines count as theirs; and the most so far of the process. */
  active: number
  peak: number
  /** The most that `active` may be until the live requests have ended: reserved before each of them starts. */
  reserved: number
  /** What a request waits for while other engines of the process have it; 0: none does. */
  lacking: number
  /** Of `active`: the weights, the KV caches of live requests, the states kept for later ones, the rest. */
  weights: number
  kv: number
  prefix: number
  scratch: number
  /** Not in `active`: freed buffers that MLX keeps for reuse. */
  cache: number
}
