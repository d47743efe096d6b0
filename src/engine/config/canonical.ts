/**
 * config.json in the one spelling that the rest of tether and the addon read, whichever version of transformers or
 * mlx-lm wrote it. docs/models.md lists the spellings.
 */
import { isObject, type JsonObject } from '../json-file.js'
import type { TensorHeader } from '../safetensors.js'
import { alignLayers } from './layers.js'
import { alignRope } from './rope.js'

type Headers = Record<string, TensorHeader>[]

/** Types that are another one's architecture under a name of their own. */
const SAME_AS: Record<string, string> = { ministral: 'mistral', gemma4_unified_text: 'gemma4_text' }
/** Types of plain language models, which some files wrap all the same. */
const PLAIN = ['llama', 'mistral', 'ministral3', 'gemma2']

/** What transformers assumes where a nested config leaves a field out, as its version 4 does for the usual values. */
const NESTED_DEFAULTS: Record<string, JsonObject> = {
  llama: { ...sizes(4096, 11008, 32, 32), vocab_size: 32000, rms_norm_eps: 1e-6, max_position_embeddings: 2048 },
  mistral: {
    ...sizes(4096, 14336, 32, 32),
    num_key_value_heads: 8,
    vocab_size: 32000,
    rms_norm_eps: 1e-6,
    max_position_embeddings: 131072,
  },
  gemma3_text: { num_attention_heads: 8, num_key_value_heads: 4, head_dim: 256, max_position_embeddings: 131072 },
  gemma3n_text: {
    ...sizes(2048, 16384, 35, 8),
    num_key_value_heads: 2,
    head_dim: 256,
    vocab_size: 262400,
    max_position_embeddings: 32768,
    sliding_window: 512,
    num_kv_shared_layers: 15,
    vocab_size_per_layer_input: 262144,
    hidden_size_per_layer_input: 256,
    altup_num_inputs: 4,
    altup_active_idx: 0,
    altup_coef_clip: 120,
    laurel_rank: 64,
  },
  ministral3: {
    ...sizes(4096, 14336, 34, 32),
    num_key_value_heads: 8,
    head_dim: 128,
    vocab_size: 131072,
    rms_norm_eps: 1e-5,
    max_position_embeddings: 262144,
  },
}

/** The type of a language model that does not say its own. */
const INNER: Record<string, string> = { mistral3: 'mistral', gemma3: 'gemma3_text', gemma3n: 'gemma3n_text' }

/** Fields of a language model that may stand beside its `text_config`, where that lacks them. */
const TEXT_FIELDS =
  /^(hidden_size|intermediate_size|num_hidden_layers|num_attention_heads|num_key_value_heads|head_dim|global_head_dim|num_global_key_value_heads|vocab_size|max_position_embeddings|rms_norm_eps|rope_theta|rope_scaling|rope_parameters|rope_local_base_freq|layer_types|sliding_window|_?sliding_window_pattern|query_pre_attn_scalar|attn_logit_softcapping|final_logit_softcapping)$/

/** The largest window that the engine counts with; some files say 1e30 for "no limit". */
const MOST_POSITIONS = 2 ** 24

/**
 * A copy: nothing of `config` changes. What the tensors themselves say wins over the file: how many rows the embedding
 * has, whether there is a head. Throws `unsupported_model` for layers that differ in ways the engine does not have.
 */
export function canonicalConfig(config: JsonObject, headers: Headers): JsonObject {
  const outer = renamed(config)
  const inner = isObject(outer.text_config) ? renamed(outer.text_config) : undefined
  const { text_config: _, ...top } = outer
  if (!inner) return withText(top, top, headers)
  const type = String(inner.model_type ?? INNER[String(outer.model_type)])
  const given: JsonObject = { ...NESTED_DEFAULTS[type], ...textFields(top), ...present(inner) }
  const text = type === 'gemma3n_text' ? { ...layersOfGemma3n(given), ...given } : given
  if (PLAIN.includes(String(outer.model_type)))
    return withText({ ...top, ...text, model_type: outer.model_type }, text, headers)
  return { ...top, ...sizeOfVocabulary(top, text, headers), text_config: withText(text, top, headers) }
}

/** The type that a checkpoint is loaded as. */
export function canonicalType(config: JsonObject): unknown {
  return renamed(config).model_type
}

/** A wrapper around nothing is a plain config, and one around a Llama or Mistral is loaded as Mistral's. */
function renamed(config: JsonObject): JsonObject {
  const type = typeof config.model_type === 'string' ? config.model_type : undefined
  if (type === undefined) return config
  const text = isObject(config.text_config) ? config.text_config : undefined
  if (type === 'mistral3' && !text) return { ...config, model_type: 'mistral' }
  const inner = text?.model_type
  if (type === 'llava' && (inner === 'mistral' || inner === 'llama')) return { ...config, model_type: 'mistral3' }
  return { ...config, ...layersOfMinistral(config), model_type: SAME_AS[type] ?? type }
}

/** Ministral's layers slide unless it says otherwise; Mistral's do not. */
function layersOfMinistral({
  model_type: type,
  layer_types: types,
  sliding_window: window,
  num_hidden_layers,
}: JsonObject) {
  if (type !== 'ministral' || types || !window || typeof num_hidden_layers !== 'number') return {}
  return { layer_types: Array(Math.min(num_hidden_layers, 10_000)).fill('sliding_attention') }
}

/** Where it does not say: every fifth layer attends to all tokens, and the first ten of more than ten have sparse MLPs. */
function layersOfGemma3n({ num_hidden_layers: count }: JsonObject): JsonObject {
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > 10_000) return {}
  const layers = Array.from({ length: count }, (_, layer) => layer)
  return {
    layer_types: layers.map((layer) => ((layer + 1) % 5 === 0 ? 'full_attention' : 'sliding_attention')),
    activation_sparsity_pattern: layers.map((layer) => (count > 10 && layer < 10 ? 0.95 : 0)),
  }
}

function sizes(hidden: number, intermediate: number, layers: number, heads: number): JsonObject {
  return {
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
  }
}

function textFields(top: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(top).filter(([key, value]) => TEXT_FIELDS.test(key) && value != null))
}

/** Without nulls, which stand for a default. Gemma's caps are the exception: there null is "off". */
function present(fields: JsonObject): JsonObject {
  const isOff = (key: string) =>
    /_softcapping$|^altup_coef_clip$|^global_head_dim$|^num_kv_shared|_per_layer_input$/.test(key)
  return Object.fromEntries(Object.entries(fields).filter(([key, value]) => value !== null || isOff(key)))
}

/** All of it that describes the language model. `top`: the whole file, or the same. */
function withText(text: JsonObject, top: JsonObject, headers: Headers): JsonObject {
  const aligned = alignLayers(alignRope({ ...text, ...sizeOfVocabulary(top, text, headers) }))
  const { max_position_embeddings: most } = aligned
  if (typeof most === 'number' && most > MOST_POSITIONS) aligned.max_position_embeddings = MOST_POSITIONS
  return { ...aligned, ...tied(text, top, headers) }
}

/** Of two sizes, the one that the embedding has. */
function sizeOfVocabulary(top: JsonObject, text: JsonObject, headers: Headers): JsonObject {
  const rows = rowsOf(headers, /(^|\.)embed_tokens\.weight$/)
  const stated = [text.vocab_size, top.vocab_size].filter((size) => typeof size === 'number')
  if (stated.length === 0) return {}
  return { vocab_size: stated.find((size) => size === rows) ?? top.vocab_size ?? stated[0] }
}

/** Without the field, a checkpoint that has a head uses it. One without a head cannot but share the embedding. */
function tied(text: JsonObject, top: JsonObject, headers: Headers): JsonObject {
  const hasHead = rowsOf(headers, /(^|\.)lm_head\.weight$/) !== undefined
  const own = text.tie_word_embeddings
  if (typeof own !== 'boolean') return { tie_word_embeddings: !hasHead }
  return { tie_word_embeddings: own || (!hasHead && top.tie_word_embeddings === true) }
}

function rowsOf(headers: Headers, name: RegExp): number | undefined {
  for (const tensors of headers) {
    for (const [tensor, { shape }] of Object.entries(tensors)) if (name.test(tensor)) return shape[0]
  }
  return undefined
}
