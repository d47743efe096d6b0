/** The load and sampling options: name, type, range, meaning. Flags, keys, requests, types and checks derive from them. */

export interface Option {
  /** The key in config.toml and, for sampling, in a request. The flag has dashes instead of underscores. */
  key: string
  kind: 'size' | 'whole' | 'number' | 'choice' | 'path'
  /** The range of a number. */
  least?: number
  most?: number
  /** The only values of a number. */
  among?: readonly number[]
  /** The words of a choice; those that may stand for a path. */
  of?: readonly string[]
  /** A path that may also be the name of a model. */
  orName?: true
  /** Several values, with commas between them. */
  list?: true
  /** The value if nothing sets it. Without one the checkpoint or the engine decides. */
  default?: string | number
  /** The placeholder for the value in --help. */
  hint: string
  /** For --help and config.toml: lower case, no full stop. */
  help: string
}

export interface SamplingOption extends Option {
  /** The value that leaves the model's probabilities as they are. */
  off: number
}

/** Options of loading a model. The addon has the same ranges: native/engine/options.h. */
export const loadOptions = {
  /** Bytes that weights, KV cache and scratch may take together; 0: no cap. Default: 75% of the machine's memory. */
  memoryCap: {
    key: 'memory_cap',
    kind: 'size',
    least: 0,
    most: Number.MAX_SAFE_INTEGER,
    hint: 'SIZE',
    help: "most memory to use, such as 18GB, 20GiB or 1.5t; 0: no cap; auto: 75% of the machine's",
  },
  /** Tokens that prompt and answer may have together; 0 or unset: the checkpoint's own window. */
  maxContext: {
    key: 'max_context',
    kind: 'whole',
    default: 0,
    least: 0,
    most: 2 ** 31 - 1,
    hint: 'N',
    help: "most tokens of prompt and answer together; 0: the model's own window",
  },
  /** Threads that compute on the CPU backend; 0 or unset: as many as are fastest, measured at load. */
  threads: {
    key: 'threads',
    kind: 'whole',
    default: 0,
    least: 0,
    most: 1024,
    hint: 'N',
    help: 'CPU threads; 0: as many as are fastest',
  },
  /**
   * Bits in which keys and values are kept. 8 or 4: a longer window in the same memory, answers that differ a little;
   * `bad_config` where head_dim is no multiple of 32. 16: float16, half of what a CPU keeps. 0 or unset: as they are
   * computed; 32 is another way to write that.
   */
  kvBits: {
    key: 'kv_bits',
    kind: 'whole',
    default: 0,
    among: [0, 4, 8, 16, 32],
    hint: 'N',
    help: 'bits of keys and values in the KV cache, 8 or 4: a longer window in the same memory; 16, on a CPU; 0: as they are computed',
  },
  /**
   * Bits that activations are rounded to beside weights in 4 or 8 bits on the CPU backend, in passes of up to 16 tokens, and
   * in all on processors with AVX-512 VNNI; 32: not rounded. 0 or unset: 16.
   */
  activationBits: {
    key: 'activation_bits',
    kind: 'whole',
    default: 0,
    among: [0, 8, 16, 32],
    hint: 'N',
    help: 'on a CPU, bits of activations beside weights in 4 or 8 bits: 8, 16, or 32: not rounded; 0: 16',
  },
  /**
   * Tokens of a prompt per forward pass; other requests get a token, and cancelling takes effect, after each pass. 0 or
   * unset: as many as take half a second, a power of two, measured at load.
   */
  prefillChunk: {
    key: 'prefill_chunk',
    kind: 'whole',
    default: 0,
    least: 0,
    most: 65_536,
    hint: 'N',
    help: 'prompt tokens computed at a time; 0: as many as take half a second on this machine',
  },
} as const satisfies Record<string, Option>

/**
 * Bytes that what is kept of prompts may take on disk, for all models together; 0: nothing is kept there. Unset: a tenth
 * of the disk, at most 64 GiB, and a tenth of the disk stays free. Not among `loadOptions`, where 0 means unset.
 */
export const diskCacheOption = {
  key: 'disk_cache',
  kind: 'size',
  least: 0,
  most: Number.MAX_SAFE_INTEGER,
  hint: 'SIZE',
  help: 'most disk space for what is kept of prompts, so that it is not computed again after a restart; 0: nothing is kept; auto: a tenth of the disk, at most 64GiB',
} as const satisfies Option

/** Whether the model thinks before it answers: as a request asks, always if its family can, never. Not for the engine. */
export const thinkingOption = {
  key: 'thinking',
  kind: 'choice',
  of: ['auto', 'on', 'off'],
  default: 'auto',
  hint: 'WHEN',
  help: 'whether the model thinks before it answers; auto: as the request asks',
} as const satisfies Option

/**
 * What comes first in a prompt with tools. `stable-first`: the tools, which sessions of all folders share. `auto`: tools
 * first where the checkpoint's template has no place for tools, so that none of its tokens move. Not for the engine.
 */
export const promptOrderOption = {
  key: 'prompt_order',
  kind: 'choice',
  of: ['auto', 'template', 'stable-first'],
  default: 'auto',
  hint: 'ORDER',
  help: "template: as the model's template has it; stable-first: tools before the system text, which more sessions then share; auto: stable-first where the template has no tools",
} as const satisfies Option

/** Whether a model that repeats itself is helped out of it. */
export const loopGuardOption = {
  key: 'loop_guard',
  kind: 'choice',
  of: ['on', 'off'],
  default: 'on',
  hint: 'WHEN',
  help: 'end answers that repeat themselves without end, and tell a model that repeats a call which failed in the same way three times',
} as const satisfies Option

/** Whether an answer that repeats its prompt is drafted from it, several tokens a pass. It changes only the speed. */
export const lookupOption = {
  key: 'lookup',
  kind: 'choice',
  of: ['on', 'off'],
  default: 'on',
  hint: 'WHEN',
  help: 'generate several tokens a pass where the answer repeats what the prompt has; changes only the speed',
} as const satisfies Option

export const draftOption = {
  key: 'draft',
  kind: 'path',
  orName: true,
  of: ['auto', 'off'],
  default: 'auto',
  hint: 'MODEL',
  help: "a model that drafts for the other one, named as that is, so that several tokens are generated a pass: its assistant, or a small model of the same vocabulary; auto: the folder beside the model that has its name and -assistant, or the model's own folder assistant; off: none; changes only the speed",
} as const satisfies Option

/** Folders of LoRA adapters. */
export const adapterOption = {
  key: 'adapter',
  kind: 'path',
  list: true,
  hint: 'DIR',
  help: "a LoRA adapter in mlx-lm's layout or PEFT's, which requests name as MODEL:FOLDER; may be given several times",
} as const satisfies Option

/**
 * Whether calls are held to their syntax and schemas while they are written. `auto`: as far as a grammar can say them.
 * `always`: a request with a schema that no grammar can say is refused. Not for the engine.
 */
export const constrainOption = {
  key: 'constrain',
  kind: 'choice',
  of: ['auto', 'always', 'off'],
  default: 'auto',
  hint: 'WHEN',
  help: 'hold calls to their schemas while they are written; auto: as far as possible; always: refuse a schema that cannot be held',
} as const satisfies Option

/** How tokens are chosen. Defaults are the checkpoint's own, from generation_config.json. */
export const samplingOptions = {
  /** 0 is greedy. */
  temperature: {
    key: 'temperature',
    kind: 'number',
    off: 1,
    least: 0,
    most: 2,
    hint: 'X',
    help: '0 always takes the likeliest token',
  },
  /** The likeliest tokens that make up this share; 1 is off. */
  topP: {
    key: 'top_p',
    kind: 'number',
    off: 1,
    least: 0,
    most: 1,
    hint: 'X',
    help: 'only the likeliest tokens that make up this share; 1: all',
  },
  /** The k likeliest tokens; 0 is off. */
  topK: {
    key: 'top_k',
    kind: 'whole',
    off: 0,
    least: 0,
    most: 2 ** 31 - 1,
    hint: 'N',
    help: 'only the N likeliest tokens; 0: all',
  },
  /** Tokens at least this likely relative to the likeliest; 0 is off. */
  minP: {
    key: 'min_p',
    kind: 'number',
    off: 0,
    least: 0,
    most: 1,
    hint: 'X',
    help: 'only tokens at least this likely relative to the likeliest; 0: all',
  },
  /** 1 is off. Applies to the tokens of the last 64 positions, prompt included. */
  repetitionPenalty: {
    key: 'repetition_penalty',
    kind: 'number',
    off: 1,
    least: 0.01,
    most: 10,
    hint: 'X',
    help: 'above 1, recent tokens become less likely; 1: off',
  },
} as const satisfies Record<string, SamplingOption>

/** What a request may set. `seed` makes sampling repeatable; unset: each request is seeded from std::random_device. */
export const requestOptions = {
  ...samplingOptions,
  seed: { key: 'seed', kind: 'whole', least: 0, most: Number.MAX_SAFE_INTEGER, hint: 'N', help: 'repeatable sampling' },
} as const satisfies Record<string, Option>

/** Numbers that the engine is loaded with. Unset: the engine chooses, and the model's `info` has its choice. */
export type EngineOptions = { -readonly [Name in keyof typeof loadOptions]?: number }

export type Thinking = (typeof thinkingOption.of)[number]

export type LoopGuard = (typeof loopGuardOption.of)[number]

export type Lookup = (typeof lookupOption.of)[number]

export type Constrain = (typeof constrainOption.of)[number]

export type PromptOrder = (typeof promptOrderOption.of)[number]

/** How tokens are chosen: a value for each option. */
export type Sampling = { -readonly [Name in keyof typeof samplingOptions]: number }

/** The sampling options that one request sets. */
export type RequestSampling = { -readonly [Name in keyof typeof requestOptions]?: number }

/** Sampling that leaves the model's probabilities as they are. */
export const plainSampling = Object.fromEntries(
  namesOf(samplingOptions).map((name) => [name, samplingOptions[name].off]),
) as Sampling

/** The names of a table's options. */
export function namesOf<Table extends object>(options: Table): (keyof Table)[] {
  return Object.keys(options) as (keyof Table)[]
}

/** The values of a table's options, out of an object that may have more. */
export function pickOptions<Table extends object, Values extends { [Name in keyof Table]?: unknown }>(
  options: Table,
  values: Values,
): Pick<Values, keyof Table> {
  return Object.fromEntries(namesOf(options).map((name) => [name, values[name]])) as Pick<Values, keyof Table>
}

/** What the value must be, such as `a number between 0 and 2`; undefined if it is valid. */
export function optionFault(option: Option, value: unknown): string | undefined {
  const { kind, of, among, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = option
  if (kind === 'path') return typeof value === 'string' && value !== '' ? undefined : 'a path'
  if (kind === 'choice') return of?.some((word) => word === value) ? undefined : oneOf(of ?? [])
  const isInRange = typeof value === 'number' && value >= least && value <= most
  if (among) return isInRange && among.includes(value) ? undefined : oneOf(among)
  if (isInRange && (kind === 'number' || Number.isInteger(value))) return undefined
  return `${kind === 'number' ? 'a number' : 'a whole number'} between ${least} and ${most}`
}

function oneOf(values: readonly (string | number)[]): string {
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`
}
