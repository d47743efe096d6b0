/** Types of the engine: requests, results and counters, all in tokens and numbers, no text. */

import type { EngineOptions, Sampling } from '../options.js'
import type { Constrained, GrammarVocabulary, HeldGrammar } from './grammar.js'
import type { EngineStats } from './stats.js'

export type * from './stats.js'

/** How much an answer may repeat one text, since it was asked to. */
export interface Repetition {
  /** A text of any length so many times. */
  times: number
  /** Any text until it has so many tokens. */
  tokens: number
}

/** One generation. The caller decides every field; the engine has no defaults. */
export interface GenerateRequest extends Sampling {
  /** The whole prompt, at least one token. The engine reuses what it has computed before. */
  prompt: Int32Array
  /** Which of the adapters the model runs with, by its place in `LoadOptions.adapters`, from 1 on. Unset or 0: none. */
  adapter?: number
  /** Tokens to generate at most, > 0. The window may leave fewer. */
  maxTokens: number
  /** Makes sampling repeatable; unset: each request is seeded from std::random_device. */
  seed?: number
  /** Ids that end the generation. They are reported in the finish and are not part of the output. */
  stopTokens: Int32Array
  /** What the output is held to. The engine needs a vocabulary first: `Engine.setVocabulary`. */
  grammar?: HeldGrammar
  /** Lengths of the prompt at which others are likely to part from it. What a model with sliding windows needs to start there is kept. */
  forks?: Int32Array
  /** Whether an answer that repeats itself without end is ended, with reason `loop`. Default: not. */
  loopGuard?: boolean
  /** What may be repeated before that is a loop, whatever is one without. Unset: nothing was asked for. */
  repetition?: Repetition
  /** For benches: the tokens that are drawn first, whatever the model says. */
  script?: Int32Array
  /** Whose it is: clients get equal shares of the engine. Unset: that of all others without one. */
  client?: string
  /** A number of the caller's own, by which `running` of the stats names this generation. */
  label?: number
}

/** Why a generation ended: a stop token, `maxTokens`, the window, the caller. */
export type FinishReason = 'stop' | 'length' | 'window' | 'cancelled' | 'loop'

/** The last item of every generation. Times in seconds, counts in tokens. */
export interface Finish {
  reason: FinishReason
  /** The id that ended it, with reason `stop`. */
  stopToken?: number
  promptTokens: number
  /** How many of `promptTokens` came from the prefix cache: they were not computed. */
  cachedTokens: number
  /** How many of the others are kept for later prompts. */
  createdTokens: number
  /** How many were computed, counted where it was done. */
  computedTokens: number
  /** Why not more of the prompt was in the cache; null if it had all but the last token. */
  miss: PromptMiss | null
  outputTokens: number
  queueSeconds: number
  prefillSeconds: number
  decodeSeconds: number
  /** Tokens of the output that were drafted before they were drawn, and how many of the drafts were right. */
  draftedTokens: number
  acceptedTokens: number
  /** Of a request with a grammar. */
  constrained?: Constrained
}

/** Where a prompt left the nearest one that was seen before. */
export interface PromptMiss {
  /**
   * `diverged`: no earlier prompt went on like this one. `evicted`: one did, but what was computed for it was not kept.
   * `first`: no earlier prompt began like this one.
   */
  reason: 'diverged' | 'evicted' | 'first'
  /** How many tokens both have in common. */
  at: number
  /** A few tokens on both sides of that place, of the nearest prompt and of this one. */
  theirs: number[] | Int32Array
  ours: number[] | Int32Array
}

/** Some tokens, in order; the last batch of a generation, and only that one, carries `finish`. */
export interface TokenBatch {
  tokens: Int32Array
  finish?: Finish
}

/** Which bound sets the window. */
export type WindowLimit = 'checkpoint' | 'max_context' | 'memory'

/** Properties of a loaded checkpoint. Sizes in bytes. */
export interface EngineInfo {
  /** `model_type` of the text part, such as `gemma4_text` or `llama`. */
  modelType: string
  /** Tokens that prompt and answer may have together. */
  window: number
  /** The bound that set `window`: the checkpoint's own window, `maxContext`, or what fits beside the weights. */
  windowLimit: WindowLimit
  /** The checkpoint's own window, before any cap. */
  trainedWindow: number
  parameters: number
  /** Such as `bf16`, `4-bit` or `8-bit`: what the files hold. */
  quantization: string
  /** The dtype that is computed in, such as `f32` or `bf16`. */
  computeDtype: string
  /** `cpu`, `metal` or `cuda`. */
  device: string
  /** The bits that keys and values are kept in: 16, 8 or 4; 0: as they are computed. */
  kvBits: number
  /** The bits that activations are rounded to where they meet quantized weights on a CPU; 0 on a GPU. */
  activationBits: number
  /** Tokens of a prompt that are computed at a time. */
  prefillChunk: number
  vocabSize: number
  memory: { weights: number; cap: number; perToken: number }
  /** Stop ids of generation_config.json and config.json. */
  stopTokens: number[]
  /** What makes keys and values of equal tokens equal: the name of its folder in the prefix cache. Empty: unknown. */
  fingerprint: string
}

/** A checkpoint that drafts for another: its folder, its config.json, its weight files. */
export interface Drafter {
  path: string
  config: Readonly<Record<string, unknown>>
  files: string[]
}

/** A LoRA adapter: absolute path and name of its folder, absolute path of its .safetensors file, and what that has. */
export interface Adapter {
  path: string
  name: string
  file: string
  /** Whether `a` is stored as (rank, in) and `b` as (out, rank); else they are (in, rank) and (rank, out). */
  transposed: boolean
  parts: AdapterPart[]
  /** The ends of the names of the layers that all have to be there, among so many of the last layers (0: all); empty: not known. */
  modules: string[]
  lastLayers: number
}

/** What it adds to a layer's product of x: scale * (x a) b. `layer`: such as `layers.0.self_attn.q_proj`; `a`, `b`: tensors. */
export interface AdapterPart {
  layer: string
  a: string
  b: string
  scale: number
}

/** How a checkpoint is loaded. */
export interface LoadOptions extends EngineOptions {
  /** The absolute path of the folder in which prefixes outlive the process. Unset: they are kept in memory alone. */
  cacheDir?: string
  /** Bytes that may be kept there: src/options.ts. */
  diskCache?: number
  /** Draft what a sequence is likely to repeat, and verify several tokens a pass. Default: one token a pass. */
  lookup?: boolean
  /** A checkpoint of the same vocabulary that drafts, in the same way. */
  drafter?: Drafter
  /**
   * A request that waits for memory which idle engines of this process have waits until one of them is closed: the caller sees
   * it in the stats. Default: such a request is refused.
   */
  asksForRoom?: boolean
  /** LoRA adapters, which requests choose from. */
  adapters?: Adapter[]
  /** A crash of native code writes a new file at this absolute path, which begins with `about`. Unset: it writes none. */
  crash?: { path: string; about: string }
  /** Called with 0…1 while weights are read. */
  onProgress?: (fraction: number) => void
}

/** One loaded checkpoint on one engine thread. */
export interface Engine {
  readonly info: EngineInfo
  /**
   * Requests run together. The client with the fewest live requests starts the next one, and among equals the order of
   * arrival counts. One waits while memory is short, while 16 others are live (15 if one of them is its client's own), or
   * while another request computes a long prefix that both share.
   * Ends with exactly one batch that has `finish`; a signal that fires ends it with reason `cancelled`.
   * Leaving the loop early (`break`, `return()`) cancels too.
   */
  generate(request: GenerateRequest, signal?: AbortSignal): AsyncGenerator<TokenBatch, void, undefined>
  /** Before any grammar; a later one starts afresh. */
  setVocabulary(vocabulary: GrammarVocabulary): void
  /**
   * -> the parts of its schemas that the grammar does not hold. Throws `invalid_request` with what is wrong with it, and
   * `cancelled` where the signal fires earlier; what no other request waits for is then not compiled.
   */
  compileGrammar(source: string, signal?: AbortSignal): Promise<string[]>
  /** log p(tokens[i] | tokens[0..i-1]); entry 0 is 0. `adapter`: as in `GenerateRequest`. */
  score(tokens: Int32Array, adapter?: number): Promise<Float32Array>
  stats(): EngineStats
  /** Reads what the disk has of a prompt into memory. -> how many of its tokens */
  prefetch(tokens: Int32Array, adapter?: number): Promise<number>
  /** Ends what runs, joins the engine's thread and frees everything. Safe to call twice. */
  close(): Promise<void>
}
