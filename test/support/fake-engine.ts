/** An engine that generates a script: `speaks('Hello', { control: '<end>' })`. */
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  CacheStats,
  Engine,
  EngineInfo,
  Finish,
  GenerateRequest,
  PromptMiss,
  TokenBatch,
} from '../../src/engine/types.js'
import { controlId, fakeTokenizer } from './fake-tokenizer.js'

/** A text or a control token is one batch; the other steps happen between batches. */
export type Step =
  | string
  | { control: string }
  | { wait: number | Promise<void> }
  | 'hang'
  | { fail: unknown }
  | { ends: 'loop' }

export interface FakeEngine extends Engine {
  info: EngineInfo
  /** All requests, in order. */
  requests: GenerateRequest[]
  /** Their prompts as text. */
  prompts: string[]
  /** performance.now() of each generation that was cancelled. */
  cancelled: number[]
  /** How many generations have ended, in any way. */
  ended: number
  /** How many batches were generated. */
  batches: number
  cachedTokens: number
  /** What each generation says of its time. */
  decodeSeconds: number
  createdTokens: number
  miss: PromptMiss | null
  /** Prompts that were asked for in advance. */
  prefetched: Int32Array[]
  /** Bytes that its requests wait for. */
  lacking: number
}

const INFO: EngineInfo = {
  modelType: 'fake',
  window: 100_000,
  windowLimit: 'checkpoint',
  trainedWindow: 100_000,
  parameters: 0,
  quantization: 'none',
  computeDtype: 'float32',
  device: 'cpu',
  kvBits: 0,
  activationBits: 0,
  prefillChunk: 256,
  vocabSize: 0,
  memory: { weights: 0, cap: 0, perToken: 0 },
  stopTokens: [],
  fingerprint: '',
}

const CACHE: CacheStats = {
  memoryBytes: 0,
  diskBytes: 0,
  diskCap: 0,
  blocks: 0,
  hitTokens: { live: 0, memory: 0, disk: 0 },
  written: 0,
  read: 0,
  evictedMemory: 0,
  evictedDisk: 0,
  damaged: 0,
  notices: [],
}

/** One script for all generations, or one for each (the last one repeats). A generation ends at `<end>` or at its end. */
export function speaks(...script: Step[] | Step[][]): FakeEngine {
  const scripts = (Array.isArray(script[0]) ? script : [script]) as Step[][]
  const tokenizer = fakeTokenizer()
  let turn = Promise.resolve()
  let live = 0
  const engine: FakeEngine = {
    info: { ...INFO },
    requests: [],
    prompts: [],
    cancelled: [],
    ended: 0,
    batches: 0,
    cachedTokens: 0,
    decodeSeconds: 0,
    createdTokens: 0,
    miss: null,
    prefetched: [],
    lacking: 0,
    setVocabulary() {},
    compileGrammar: async () => [],
    async *generate(request, signal) {
      const steps = scripts[Math.min(engine.requests.length, scripts.length - 1)] as Step[]
      engine.requests.push(request)
      engine.prompts.push(tokenizer.decode(request.prompt))
      let release = () => {}
      const before = turn
      turn = new Promise((resolve) => {
        release = resolve
      })
      const onAbort = () => engine.cancelled.push(performance.now())
      live++
      let outputTokens = 0
      const finish = (reason: Finish['reason'], stopToken?: number): TokenBatch => ({
        tokens: new Int32Array(0),
        finish: {
          reason,
          stopToken,
          promptTokens: request.prompt.length,
          cachedTokens: engine.cachedTokens,
          createdTokens: engine.createdTokens,
          computedTokens: request.prompt.length - engine.cachedTokens,
          miss: engine.miss,
          outputTokens,
          queueSeconds: 0,
          prefillSeconds: 0,
          decodeSeconds: engine.decodeSeconds,
          draftedTokens: 0,
          acceptedTokens: 0,
        },
      })
      signal?.addEventListener('abort', onAbort, { once: true })
      try {
        await Promise.race([before, aborted(signal)])
        for (const step of steps) {
          if (signal?.aborted) return yield finish('cancelled')
          if (step === 'hang') {
            await aborted(signal)
          } else if (typeof step === 'object' && 'wait' in step) {
            const { wait } = step
            await Promise.race([typeof wait === 'number' ? sleep(wait) : wait, aborted(signal)])
          } else if (typeof step === 'object' && 'fail' in step) {
            throw step.fail
          } else if (typeof step === 'object' && 'ends' in step) {
            return yield finish(step.ends)
          } else {
            const tokens =
              typeof step === 'string' ? tokenizer.encode(step, { special: false }) : [controlId(step.control)]
            if (request.stopTokens.includes(tokens[0] as number)) return yield finish('stop', tokens[0])
            const kept = Int32Array.from(tokens.slice(0, request.maxTokens - outputTokens))
            outputTokens += kept.length
            engine.batches++
            yield { tokens: kept }
            if (outputTokens >= request.maxTokens) return yield finish('length')
          }
        }
        yield finish(signal?.aborted ? 'cancelled' : 'stop')
      } finally {
        signal?.removeEventListener('abort', onAbort)
        live--
        engine.ended++
        void before.then(release)
      }
    },
    score: async (tokens) => new Float32Array(tokens.length),
    stats: () => ({
      queued: Math.max(0, live - 1),
      longestWait: 0,
      live: Math.min(live, 1),
      prefill: { done: 0, total: 0 },
      running: [],
      computedTokens: 0,
      generatedTokens: 0,
      requests: 0,
      hits: 0,
      loops: 0,
      promptTokens: 0,
      cachedTokens: 0,
      outputTokens: 0,
      prefillSeconds: 0,
      decodeSeconds: 0,
      drafts: {
        ...{ drafted: 0, accepted: 0, steps: 0, costs: [], drafterCost: 0 },
        lookup: { drafted: 0, accepted: 0 },
        forced: { drafted: 0, accepted: 0 },
        drafter: { drafted: 0, accepted: 0 },
      },
      constrainedTokens: 0,
      removedProbability: 0,
      maskSeconds: 0,
      ownSeconds: 0,
      tokensPerSecond: { prefill: 0, decode: 0 },
      memory: {
        active: 0,
        peak: 0,
        reserved: 0,
        lacking: engine.lacking,
        weights: 0,
        kv: 0,
        prefix: 0,
        scratch: 0,
        cache: 0,
      },
      cache: CACHE,
    }),
    prefetch: async (tokens) => {
      engine.prefetched.push(tokens)
      return 0
    },
    close: async () => {},
  }
  return engine
}

function aborted(signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve()
    else signal?.addEventListener('abort', () => resolve(), { once: true })
  })
}
