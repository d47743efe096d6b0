/** A loaded model as the rest of tether, and its users, see it: an engine, a tokenizer and a family. */
import type { Message, MessageEvent } from '../anthropic/types.js'
import type { Tokenizer } from '../chat/types.js'
import type { EngineInfo, EngineStats, Finish } from '../engine/types.js'
import type { DebugHook } from './debug.js'
import type { MessageOptions, Thinking } from './messages.js'
import type { Sampling } from './sampling.js'

/** What a model is. Sizes in bytes, windows in tokens. */
export interface ModelInfo extends EngineInfo {
  /** The folder's own name, such as `gemma-4-e2b-it-4bit`. */
  name: string
  /** The absolute path of the folder. */
  path: string
  /** How its prompts are written: `gemma4`, `llama3`, … */
  family: string
  /** What holds for a request that says nothing else. */
  sampling: Sampling
  thinking: Thinking
}

/** One generation from raw text or tokens. Give `prompt` or `tokens`, not both. */
export interface GenerateOptions {
  /** Text in which control tokens count as such; the tokenizer's own prefix (bos) is put before it. */
  prompt?: string
  /** Token ids, used as they are. */
  tokens?: Int32Array | number[]
  /** Default: what the window leaves. */
  maxTokens?: number
  /** Sampling defaults are those of `ModelInfo`. */
  temperature?: number
  topP?: number
  topK?: number
  minP?: number
  repetitionPenalty?: number
  seed?: number
  /** Strings that end the generation; they are not part of the text. */
  stop?: string[]
  /** Go on past the model's own stop tokens. */
  ignoreStop?: boolean
  signal?: AbortSignal
}

/** Some newly generated text; the last one of a generation carries `finish`. */
export interface Generated {
  text: string
  tokens: Int32Array
  finish?: Finish & { stopSequence?: string }
}

/** Options of `loadModel`. */
export interface LoadModelOptions {
  /** Bytes that weights, KV cache and scratch may take together; 0 lifts the cap. Default: a share of the machine's memory. */
  memoryCap?: number
  /** The window at the most, in tokens. Default: the checkpoint's own. */
  maxContext?: number
  /** Threads that compute on the CPU backend; 0 or unset: as many as are fastest, measured at load. */
  threads?: number
  /** Keeps keys and values in 8 or 4 bits: a longer window in the same memory. 0 or unset: as they are computed. */
  kvBits?: number
  /** Tokens of a prompt that are computed at a time; 0 or unset: as many as take half a second, measured at load. */
  prefillChunk?: number
  /** Sampling for requests that say nothing of it. Each default: the checkpoint's generation_config.json. */
  sampling?: Partial<Sampling>
  /** Whether the model thinks before it answers: as a request asks (the default), always if its family can, never. */
  thinking?: Thinking
  /** Called with every request; what it returns is told the rest of the turn. For debugging: it sees whole prompts. */
  onDebug?: DebugHook
  /** 0…1 while weights are read. */
  onProgress?: (fraction: number) => void
}

/** A call that its tool will refuse. */
export interface Misfit {
  tool: string
  /** Such as `input.command: Field required`. */
  reason: string
}

export interface Model {
  readonly info: ModelInfo
  readonly tokenizer: Tokenizer
  generate(options: GenerateOptions): AsyncGenerator<Generated, void, undefined>
  /** log p(tokens[i] | tokens[0..i-1]) for evals and parity; entry 0 is 0. */
  score(tokens: Int32Array | number[]): Promise<Float32Array>
  /** An Anthropic Messages request, answered whole. Throws `invalid_request`, `prompt_too_long`, … */
  message(request: unknown, options?: MessageOptions): Promise<Message>
  /** The same as events. What is wrong with the request is thrown before the first event. */
  stream(request: unknown, options?: MessageOptions): AsyncGenerator<MessageEvent, void, undefined>
  /** How many input tokens this request has: the number that its answer's usage will say, if no turns are left out. */
  countTokens(request: unknown): number
  stats(): EngineStats
  /** Ends what runs and frees everything. Safe to call twice. */
  close(): Promise<void>
}
