/** Checks config.json against the names and shapes of tensors, before any weight is read. The addon checks the rest. */
import { TetherError } from '../errors.js'
import type { Checkpoint } from './checkpoint.js'
import { isObject, type JsonObject } from './json-file.js'
import type { TensorHeader } from './safetensors.js'

type Facts = Pick<Checkpoint, 'path' | 'config' | 'headers' | 'files'>

/** Sizes that these families have no default for. */
const NEEDED = ['hidden_size', 'num_hidden_layers', 'num_attention_heads', 'intermediate_size', 'vocab_size']
const WITHOUT_DEFAULTS = ['llama', 'mistral', 'ministral3', 'gemma2', 'gemma3n', 'gemma3n_text']
/** Sizes that may be absent, and numbers that may be 0. */
const SIZES = ['num_key_value_heads', 'head_dim', 'max_position_embeddings', 'vocab_size_per_layer_input']
const COUNTS = ['global_head_dim', 'num_kv_shared_layers', 'hidden_size_per_layer_input', 'sliding_window']
/** What every layer of every family has. */
const PARTS = ['self_attn.q_proj.weight', 'self_attn.o_proj.weight', 'mlp.down_proj.weight', 'input_layernorm.weight']

/** Throws `bad_config` or `bad_weights`. */
export function checkShapes(checkpoint: Facts): void {
  const { config } = checkpoint
  const text = isObject(config.text_config) ? config.text_config : config
  checkSizes(checkpoint.path, text, String(config.model_type))
  const tensors = new Map(checkpoint.headers.flatMap((header) => Object.entries(header)))
  const embedding = [...tensors.keys()].find((name) => /(^|\.)embed_tokens\.weight$/.test(name))
  if (embedding === undefined) {
    throw bad(`${checkpoint.path} has no tensor model.embed_tokens.weight; download the checkpoint again`)
  }
  const prefix = embedding.slice(0, -'embed_tokens.weight'.length)
  checkEmbedding(checkpoint, text, { embedding, tensors })
  checkLayers(checkpoint, text, { prefix, tensors })
  checkHeads(checkpoint, text, { prefix, tensors })
}

function checkSizes(path: string, text: JsonObject, type: string): void {
  const wrong = (what: string) => new TetherError('bad_config', `${path}/config.json: ${what}; download the file again`)
  const isAbsent = (field: string) => text[field] === undefined || text[field] === null
  const missing = WITHOUT_DEFAULTS.includes(type) ? NEEDED.find(isAbsent) : undefined
  if (missing !== undefined) throw wrong(`there is no "${missing}"`)
  for (const field of [...NEEDED, ...SIZES]) {
    const isList = field === 'intermediate_size' && Array.isArray(text[field])
    if (!isAbsent(field) && !isSize(text[field]) && !isList) throw wrong(`"${field}" must be a whole number above 0`)
  }
  const count = COUNTS.find((field) => !isAbsent(field) && text[field] !== 0 && !isSize(text[field]))
  if (count !== undefined) throw wrong(`"${count}" must be a whole number`)
  const { num_attention_heads: heads, num_key_value_heads: keys, layer_types: types } = text
  if (typeof heads === 'number' && isSize(keys) && heads % keys !== 0) {
    throw wrong('num_attention_heads must be a multiple of num_key_value_heads')
  }
  if (
    Array.isArray(types) &&
    types.length > 0 &&
    isSize(text.num_hidden_layers) &&
    types.length !== text.num_hidden_layers
  ) {
    throw wrong('layer_types must have num_hidden_layers entries')
  }
}

interface Tensors {
  tensors: Map<string, TensorHeader>
}

function checkEmbedding(
  checkpoint: Facts,
  text: JsonObject,
  { embedding, tensors }: Tensors & { embedding: string },
): void {
  const { hidden_size: hidden, vocab_size: vocab } = text
  const [rows, width = 0] = tensors.get(embedding)?.shape ?? []
  const groups = tensors.get(embedding.replace(/weight$/, 'scales'))?.shape[1]
  const isWide = !isSize(hidden) || (groups ? hidden % groups === 0 && (width * 32) % hidden === 0 : width === hidden)
  if ((!isSize(vocab) || rows === vocab) && isWide) return
  throw bad(
    `${embedding} in ${fileOf(checkpoint, embedding)} has shape (${rows}, ${width}), config.json has vocab_size ${vocab} and hidden_size ${hidden}; config.json and weights belong to different checkpoints`,
  )
}

function checkLayers(checkpoint: Facts, text: JsonObject, { prefix, tensors }: Tensors & { prefix: string }): void {
  const { num_hidden_layers: count } = text
  if (!isSize(count)) return
  const layers = `${prefix}layers.`
  const extra = [...tensors.keys()].find(
    (name) => name.startsWith(layers) && Number.parseInt(name.slice(layers.length), 10) >= count,
  )
  if (extra !== undefined) {
    throw bad(
      `config.json describes a model without ${extra}, which is in ${fileOf(checkpoint, extra)}; config.json and weights belong to different checkpoints`,
    )
  }
  for (let layer = 0; layer < count; layer += 1) {
    const missing = PARTS.map((part) => `${prefix}layers.${layer}.${part}`).find((name) => !tensors.has(name))
    if (missing !== undefined) {
      throw bad(
        `${missing} is missing from ${fileOf(checkpoint, `${prefix}embed_tokens.weight`)}; download the checkpoint again`,
      )
    }
  }
}

/** The first layer's, whose kind all have in common: Gemma 4's full layers, which come later, have other heads. */
function checkHeads(checkpoint: Facts, text: JsonObject, { prefix, tensors }: Tensors & { prefix: string }): void {
  const { num_attention_heads: heads, num_key_value_heads: keys = heads, head_dim: own, hidden_size: hidden } = text
  if (!isSize(heads) || !isSize(hidden) || String(text.model_type).startsWith('gemma4')) return
  const size = isSize(own) ? own : Math.floor(hidden / heads)
  if (!isSize(own) && String(text.model_type).startsWith('gemma')) return
  const rows = { q_proj: heads * size, k_proj: isSize(keys) ? keys * size : undefined }
  for (const [part, wanted] of Object.entries(rows)) {
    const name = `${prefix}layers.0.self_attn.${part}.weight`
    const found = tensors.get(name)?.shape[0]
    if (wanted === undefined || found === undefined || found === wanted) continue
    throw bad(
      `${name} in ${fileOf(checkpoint, name)} has ${found} rows, config.json asks for ${wanted}; config.json and weights belong to different checkpoints`,
    )
  }
}

function fileOf({ files, headers, path }: Facts, tensor: string): string {
  return files[headers.findIndex((header) => tensor in header)] ?? path
}

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 2 ** 31
}

function bad(message: string): TetherError {
  return new TetherError('bad_weights', message)
}
