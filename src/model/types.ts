/** A loaded model, spoken to in no protocol yet: an engine, a tokenizer and a family. */
import type { Tokenizer } from '../chat/types.js'
import type { EngineInfo, EngineStats, Finish } from '../engine/types.js'
import type {
  Constrain,
  EngineOptions,
  Lookup,
  LoopGuard,
  PromptOrder,
  RequestSampling,
  Sampling,
  Thinking,
} from '../options.js'
import type { DebugHook } from '../turn/debug.js'
import type { TurnModel } from '../turn/types.js'

/** What a model is. Sizes in bytes, windows in tokens. */
export interface ModelInfo extends EngineInfo {
  /** The name that it was loaded by, such as `org/gemma-4-e2b-it-4bit`; for a path, that of the folder; with one adapter `name:adapter`. */
  name: string
  /** The absolute path of the folder. */
  path: string
  /** How its prompts are written: `gemma4`, `llama3`, … */
  family: string
  /** Sampling of a request that sets none. */
  sampling: Sampling
  thinking: Thinking
  promptOrder: PromptOrder
  constrain: Constrain
  /** The names that requests may give: `name` first. Without adapters that is all. */
  names: string[]
  /** The folder of what drafts for it; unset: nothing does. */
  drafter?: string
  /** What is wrong but does not stop it, such as a broken generation_config.json that it runs without. */
  warnings: string[]
}

/**
 * One generation from raw text or tokens. Give `prompt` or `tokens`, not both. Sampling that is not set is that of
 * `ModelInfo`.
 */
export interface GenerateOptions extends RequestSampling {
  /** Text in which control tokens count as such; the tokenizer's own prefix (bos) is put before it. */
  prompt?: string
  /** Token ids, used as they are. */
  tokens?: Int32Array | number[]
  /** Default: what the window leaves. */
  maxTokens?: number
  /** What of `ModelInfo.names` generates. Default: the first. */
  model?: string
  /** Strings that end the generation; they are not part of the text. */
  stop?: string[]
  /** Continue past the model's own stop tokens. */
  ignoreStop?: boolean
  signal?: AbortSignal
}

/** Some newly generated text; the last one of a generation carries `finish`. */
export interface GeneratedText {
  text: string
  tokens: Int32Array
  finish?: Finish & { stopSequence?: string }
}

/** How a model is loaded. */
export interface OpenModelOptions extends EngineOptions {
  /**
   * The folder in which what is kept of prompts outlives the process; the command's is ~/.tether/cache/prefixes, which is
   * also the default where only `diskCache` is given. Neither given: prompts are kept in memory alone, since these files
   * hold what was said.
   */
  cacheDir?: string
  /** Bytes that may be kept there, for all models together. 0: none. Default: a tenth of the disk, at most 64 GiB. */
  diskCache?: number
  /**
   * The folder that is worked in. What the first prompt with tools there begins with is read back from `cacheDir` the next
   * time, as soon as the model is loaded.
   */
  sessionFolder?: string
  /** A crash of native code writes a new file at this absolute path, which begins with `about`. Unset: it writes none. */
  crash?: { path: string; about: string }
  /** What the model is called, as in `info.name` and by the server. Default: what it is found by, of a path the folder's name. */
  name?: string
  /** Sampling of requests that set none. Each default: the checkpoint's generation_config.json. */
  sampling?: Partial<Sampling>
  /** Whether the model thinks before it answers: as a request asks (the default), always if its family can, never. */
  thinking?: Thinking
  /**
   * Whether calls are held to their syntax and schemas while they are written: as far as a grammar can say them (`auto`, the
   * default), always or the request is refused, or not at all (`off`).
   */
  constrain?: Constrain
  /**
   * What comes first in a prompt with tools: what the checkpoint's template puts there, or the tools (`stable-first`), which
   * more sessions then share. Default: `auto`, tools first where the template has no place for them.
   */
  promptOrder?: PromptOrder
  /**
   * `on`, the default: an answer that repeats itself without end is ended, and a model that makes a call again which failed
   * in the same way three times is told so, in the prompt.
   */
  loopGuard?: LoopGuard
  /** `on`, the default: what an answer repeats is generated several tokens a pass. It changes only the speed. */
  lookup?: Lookup
  /**
   * A model that drafts for this one, by its folder or its name; `auto` (the default): what lies beside the model; or `off`. It
   * changes only the speed.
   */
  draft?: string
  /**
   * Folders of LoRA adapters, in mlx-lm's layout or PEFT's. Requests name one as `model:folder`. With one adapter, requests
   * that name neither it nor the model itself get it; with several they get the model without any.
   */
  adapters?: string[]
  /** Called with every request; what it returns is told the rest of the turn. For debugging: it sees whole prompts. */
  onDebug?: DebugHook
  /** Refuse a checkpoint that has no chat template before its weights are read. Default: only its chats are refused. */
  needsChat?: boolean
  /**
   * A request that waits for memory which other, idle models of this process have waits until one of them is closed, as a
   * server of several models does. Default: it is refused with `memory_in_use`.
   */
  asksForRoom?: boolean
  /** 0…1 while weights are read. */
  onProgress?: (fraction: number) => void
}

export interface LoadedModel {
  readonly info: ModelInfo
  readonly tokenizer: Tokenizer
  /** What answers turns. Protocols attach their requests to it. */
  readonly turns: TurnModel
  generate(options: GenerateOptions): AsyncGenerator<GeneratedText, void, undefined>
  /** log p(tokens[i] | tokens[0..i-1]) for evals and parity; entry 0 is 0. `model`: as in `GenerateOptions`. */
  score(tokens: Int32Array | number[], model?: string): Promise<Float32Array>
  stats(): EngineStats
  /** Ends what runs and frees everything. Safe to call twice. */
  close(): Promise<void>
}
