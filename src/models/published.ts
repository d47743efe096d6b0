/**
 * Published MLX checkpoints that are worth a look for Claude Code, with what their configs say: how large they are, what memory
 * a token takes, what a token reads. The list is of November 2026, and of docs/models.md. Computed from it: `tether recommend`,
 * and README's table (bench/memory.mjs).
 */
import { contextNeed, longestWindow } from './context-need.js'

/** The fields of config.json that matter here. */
export interface PublishedConfig {
  [field: string]: unknown
  model_type: string
  vocab_size: number
  hidden_size: number
  intermediate_size: number
  num_hidden_layers: number
  num_attention_heads: number
  num_key_value_heads: number
  max_position_embeddings: number
  head_dim?: number
  global_head_dim?: number
  num_global_key_value_heads?: number
  num_kv_shared_layers?: number
  layer_types?: string[]
  hidden_size_per_layer_input?: number
  vocab_size_per_layer_input?: number
  attention_k_eq_v?: boolean
  use_double_wide_mlp?: boolean
  num_experts?: number
  top_k_experts?: number
  moe_intermediate_size?: number
  tie_word_embeddings?: boolean
}

/** One way in which a model's weights are published. */
export interface Published {
  /** ORG/NAME. */
  repository: string
  /** With scales; of a mixture the most. */
  bitsPerWeight: number
}

export interface PublishedModel {
  name: string
  config: PublishedConfig
  checkpoints: Published[]
}

/** A scale and an offset of 16 bits for each group of 64. */
export const perGroup = 32 / 64

const gemma = { vocab_size: 262_144 }
const gemma3 = { ...gemma, model_type: 'gemma3_text', sliding_window: 1024, max_position_embeddings: 131_072 }
const gemma4 = { ...gemma, model_type: 'gemma4_text', head_dim: 256, global_head_dim: 512 }
const edge = { ...gemma4, hidden_size_per_layer_input: 256, sliding_window: 512, max_position_embeddings: 131_072 }
const large = { ...gemma4, attention_k_eq_v: true, sliding_window: 1024, max_position_embeddings: 262_144 }
const llama = { model_type: 'llama', vocab_size: 128_256, max_position_embeddings: 131_072 }
const ministral = { model_type: 'ministral3', vocab_size: 131_072, head_dim: 128, max_position_embeddings: 262_144 }

function layers(sliding: number, blocks: number): string[] {
  return Array.from({ length: blocks }, () => [...Array(sliding).fill('sliding_attention'), 'full_attention']).flat()
}

/** Hidden size, width of the MLP, layers, heads, keys and values. */
function shape(...[hidden, intermediate, count, heads, keys]: [number, number, number, number, number]) {
  return {
    ...{ hidden_size: hidden, intermediate_size: intermediate, num_hidden_layers: count },
    ...{ num_attention_heads: heads, num_key_value_heads: keys },
  }
}

/** `names`: what follows mlx-community/, with the bits of a weight. */
function published(name: string, config: PublishedConfig, names: Record<string, number>): PublishedModel {
  const checkpoints = Object.entries(names).map(([repository, bits]) => {
    return { repository: `mlx-community/${repository}`, bitsPerWeight: bits }
  })
  return { name, config, checkpoints }
}

const affine = (bits: number) => bits + perGroup

/** The text models alone: tether loads nothing else of a checkpoint. */
export const publishedModels: PublishedModel[] = [
  published(
    'Gemma 4 E2B',
    {
      ...{ ...edge, ...shape(1536, 6144, 35, 8, 1), layer_types: layers(4, 7) },
      ...{ num_kv_shared_layers: 20, use_double_wide_mlp: true },
    },
    { 'gemma-4-e2b-it-4bit': affine(4), 'gemma-4-e2b-it-8bit': affine(8) },
  ),
  published(
    'Gemma 4 E4B',
    { ...edge, ...shape(2560, 10_240, 42, 8, 2), layer_types: layers(5, 7), num_kv_shared_layers: 18 },
    { 'gemma-4-e4b-it-4bit': affine(4) },
  ),
  published(
    'Gemma 4 26B-A4B',
    {
      ...{ ...large, ...shape(2816, 2112, 30, 16, 8), layer_types: layers(5, 5), num_global_key_value_heads: 2 },
      ...{ enable_moe_block: true, num_experts: 128, top_k_experts: 8, moe_intermediate_size: 704 },
    },
    { 'gemma-4-26b-a4b-it-4bit': affine(4), 'gemma-4-26b-a4b-it-8bit': affine(8) },
  ),
  published(
    'Gemma 4 31B',
    { ...large, ...shape(5376, 21_504, 60, 32, 16), layer_types: layers(5, 10), num_global_key_value_heads: 4 },
    { 'gemma-4-31b-it-4bit': affine(4) },
  ),
  published(
    'Gemma 3 4B',
    { ...gemma3, ...shape(2560, 10_240, 34, 8, 4), head_dim: 256 },
    { 'gemma-3-4b-it-4bit': affine(4) },
  ),
  published(
    'Gemma 3 12B',
    { ...gemma3, ...shape(3840, 15_360, 48, 16, 8), head_dim: 256 },
    { 'gemma-3-12b-it-qat-4bit': affine(4) },
  ),
  published(
    'Gemma 3 27B',
    { ...gemma3, ...shape(5376, 21_504, 62, 32, 16), head_dim: 128 },
    { 'gemma-3-27b-it-qat-4bit': affine(4), 'gemma-3-27b-it-8bit': affine(8) },
  ),
  published(
    'Llama 3.2 3B',
    { ...llama, ...shape(3072, 8192, 28, 24, 8), head_dim: 128, tie_word_embeddings: true },
    { 'Llama-3.2-3B-Instruct-4bit': affine(4) },
  ),
  published(
    'Llama 3.1 8B',
    { ...llama, ...shape(4096, 14_336, 32, 32, 8) },
    { 'Meta-Llama-3.1-8B-Instruct-4bit': affine(4), 'Meta-Llama-3.1-8B-Instruct-8bit': affine(8) },
  ),
  published(
    'Llama 3.3 70B',
    { ...llama, ...shape(8192, 28_672, 80, 64, 8) },
    { 'Llama-3.3-70B-Instruct-4bit': affine(4), 'Llama-3.3-70B-Instruct-8bit': affine(8) },
  ),
  published(
    'Ministral 3 3B',
    { ...ministral, ...shape(3072, 9216, 26, 32, 8), tie_word_embeddings: true },
    { 'Ministral-3-3B-Instruct-2512-4bit': affine(4) },
  ),
  published(
    'Ministral 3 8B',
    { ...ministral, ...shape(4096, 14_336, 34, 32, 8) },
    { 'Ministral-3-8B-Instruct-2512-mixed-8-6-bit': affine(8) },
  ),
  published(
    'Ministral 3 14B',
    { ...ministral, ...shape(5120, 16_384, 40, 32, 8) },
    // A scale of 8 bits for each group of 32.
    { 'Ministral-3-14B-Instruct-2512-mxfp4': 4.25 },
  ),
  published(
    'Devstral Small 2 24B',
    { ...ministral, ...shape(5120, 32_768, 40, 32, 8), max_position_embeddings: 393_216 },
    { 'Devstral-Small-2-24B-Instruct-2512-4bit': affine(4), 'Devstral-Small-2-24B-Instruct-2512-5bit': affine(5) },
  ),
]

/** Numbers in the matrices of a text model. Norms and the like are less than a thousandth of them. */
export function parameters(config: PublishedConfig): number {
  const { num_hidden_layers: count } = config
  let total = embedding(config) * (isTied(config) ? 1 : 2) + perLayerTable(config)
  for (let layer = 0; layer < count; layer++) total += ofLayer(config, layer, config.num_experts ?? 0)
  return total
}

/** Of these, those that are read for a token: all but the rows of embeddings and the experts that are not its own. */
export function parametersRead(config: PublishedConfig): number {
  let total = embedding(config)
  for (let layer = 0; layer < config.num_hidden_layers; layer++)
    total += ofLayer(config, layer, config.top_k_experts ?? config.num_experts ?? 0)
  return total
}

/** In bytes of memory that tether may take; `element`: bytes of a key's number. */
export function publishedWindow(
  config: PublishedConfig,
  { weights, memory, element }: { weights: number; memory: number; element: number },
): number {
  const need = contextNeed(config, element)
  const most = need ? longestWindow(memory, weights, need) : 0
  return Math.min(config.max_position_embeddings, most)
}

function embedding({ vocab_size: vocab, hidden_size: hidden }: PublishedConfig): number {
  return vocab * hidden
}

function isTied({ tie_word_embeddings: tied, model_type: type }: PublishedConfig): boolean {
  return tied ?? type.startsWith('gemma')
}

/** A row for each token and layer. */
function perLayerTable(config: PublishedConfig): number {
  const { num_hidden_layers: count, hidden_size_per_layer_input: width = 0 } = config
  return width * count * (config.vocab_size_per_layer_input ?? config.vocab_size)
}

function ofLayer(config: PublishedConfig, layer: number, experts: number): number {
  const { hidden_size: hidden, hidden_size_per_layer_input: perLayer = 0 } = config
  return attention(config, layer) + mlp(config, layer, experts) + 3 * hidden * perLayer
}

function attention(config: PublishedConfig, layer: number): number {
  const { hidden_size: hidden, num_attention_heads: heads } = config
  const isFull = config.layer_types?.[layer] === 'full_attention'
  const dim = (isFull && config.global_head_dim) || config.head_dim || hidden / heads
  const shares = isFull && config.attention_k_eq_v
  const kvHeads = (shares && config.num_global_key_value_heads) || config.num_key_value_heads
  return 2 * hidden * heads * dim + (hasOwnKeys(config, layer) ? (shares ? 1 : 2) * hidden * kvHeads * dim : 0)
}

/** The router has a row for each expert, whichever are used. */
function mlp(config: PublishedConfig, layer: number, experts: number): number {
  const { hidden_size: hidden, moe_intermediate_size: width = 0, num_experts: all = 0 } = config
  const isWide = config.use_double_wide_mlp && !hasOwnKeys(config, layer)
  return 3 * hidden * config.intermediate_size * (isWide ? 2 : 1) + experts * hidden * 3 * width + all * hidden
}

function hasOwnKeys({ num_hidden_layers: count, num_kv_shared_layers: shared = 0 }: PublishedConfig, layer: number) {
  return layer < count - shared
}
