// Which models fit which memory: the table of README. Computed from published configs, as the engine reserves memory.
//
//   node bench/memory.mjs
import { pathToFileURL } from 'node:url'
import { claudeWindow, maxOutputFor } from '../dist/cli/claude/claude-window.js'
import { DEFAULT_MEMORY_SHARE } from '../dist/engine/load.js'
import { contextNeed, longestWindow } from '../dist/models/context-need.js'

const GiB = 1024 ** 3
const memories = [8, 16, 24, 32, 64]

const gemma = { vocab_size: 262_144 }
const gemma3 = { ...gemma, model_type: 'gemma3_text', sliding_window: 1024, max_position_embeddings: 131_072 }
const gemma4 = { ...gemma, model_type: 'gemma4_text', head_dim: 256, global_head_dim: 512 }
const edge = { ...gemma4, hidden_size_per_layer_input: 256, sliding_window: 512, max_position_embeddings: 131_072 }
const large = { ...gemma4, attention_k_eq_v: true, sliding_window: 1024, max_position_embeddings: 262_144 }
const layers = (sliding, blocks) =>
  Array.from({ length: blocks }, () => [...Array(sliding).fill('sliding_attention'), 'full_attention']).flat()
const llama = { model_type: 'llama', vocab_size: 128_256, num_key_value_heads: 8, max_position_embeddings: 131_072 }
const mistral = { vocab_size: 131_072, num_attention_heads: 32, num_key_value_heads: 8, head_dim: 128 }
const ministral = { ...mistral, model_type: 'ministral3', max_position_embeddings: 262_144 }

/** A config.json of one of these: hidden size, width of the MLP, layers, heads, keys and values. */
const shape = (hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, num_key_value_heads) => ({
  ...{ hidden_size, intermediate_size, num_hidden_layers },
  ...(num_attention_heads && { num_attention_heads }),
  ...(num_key_value_heads && { num_key_value_heads }),
})

/** The text models alone: tether loads nothing else of a checkpoint. */
export const models = [
  {
    name: 'Gemma 4 E2B',
    config: {
      ...{ ...edge, ...shape(1536, 6144, 35, 8, 1), layer_types: layers(4, 7) },
      ...{ num_kv_shared_layers: 20, use_double_wide_mlp: true },
    },
  },
  {
    name: 'Gemma 4 E4B',
    config: { ...edge, ...shape(2560, 10_240, 42, 8, 2), layer_types: layers(5, 7), num_kv_shared_layers: 18 },
  },
  {
    name: 'Gemma 4 26B-A4B',
    config: {
      ...{ ...large, ...shape(2816, 2112, 30, 16, 8), layer_types: layers(5, 5), num_global_key_value_heads: 2 },
      ...{ enable_moe_block: true, num_experts: 128, moe_intermediate_size: 704 },
    },
  },
  {
    name: 'Gemma 4 31B',
    config: { ...large, ...shape(5376, 21_504, 60, 32, 16), layer_types: layers(5, 10), num_global_key_value_heads: 4 },
  },
  { name: 'Gemma 3 4B', config: { ...gemma3, ...shape(2560, 10_240, 34, 8, 4), head_dim: 256 } },
  { name: 'Gemma 3 12B', config: { ...gemma3, ...shape(3840, 15_360, 48, 16, 8), head_dim: 256 } },
  { name: 'Gemma 3 27B', config: { ...gemma3, ...shape(5376, 21_504, 62, 32, 16), head_dim: 128 } },
  {
    name: 'Llama 3.2 3B',
    config: { ...llama, ...shape(3072, 8192, 28, 24), head_dim: 128, tie_word_embeddings: true },
  },
  { name: 'Llama 3.1 8B', config: { ...llama, ...shape(4096, 14_336, 32, 32) } },
  { name: 'Llama 3.3 70B', config: { ...llama, ...shape(8192, 28_672, 80, 64) } },
  {
    name: 'Ministral 3 3B',
    config: { ...ministral, ...shape(3072, 9216, 26), tie_word_embeddings: true },
  },
  { name: 'Ministral 3 8B', config: { ...ministral, ...shape(4096, 14_336, 34) } },
  { name: 'Ministral 3 14B', config: { ...ministral, ...shape(5120, 16_384, 40) } },
  {
    name: 'Devstral Small 2 24B',
    config: { ...ministral, ...shape(5120, 32_768, 40), max_position_embeddings: 393_216 },
  },
]

/** Numbers in the matrices of a text model. Norms and the like are less than a thousandth of them. */
export function parameters(config) {
  const { hidden_size: hidden, num_hidden_layers: count, vocab_size: vocab } = config
  const perLayer = config.hidden_size_per_layer_input ?? 0
  const isTied = config.tie_word_embeddings ?? config.model_type.startsWith('gemma')
  const perLayerRows = (config.vocab_size_per_layer_input ?? vocab) + hidden
  let total = vocab * hidden * (isTied ? 1 : 2) + perLayer * count * perLayerRows
  for (let layer = 0; layer < count; layer++) {
    total += attention(config, layer) + mlp(config, layer) + 2 * hidden * perLayer
  }
  return total
}

function attention(config, layer) {
  const { hidden_size: hidden, num_attention_heads: heads } = config
  const isFull = config.layer_types?.[layer] === 'full_attention'
  const dim = (isFull && config.global_head_dim) || config.head_dim || hidden / heads
  const shares = isFull && config.attention_k_eq_v
  const kvHeads = (shares && config.num_global_key_value_heads) || config.num_key_value_heads
  return 2 * hidden * heads * dim + (hasOwnKeys(config, layer) ? (shares ? 1 : 2) * hidden * kvHeads * dim : 0)
}

function mlp(config, layer) {
  const { hidden_size: hidden, num_experts: experts = 0 } = config
  const isWide = config.use_double_wide_mlp && !hasOwnKeys(config, layer)
  const dense = 3 * hidden * config.intermediate_size * (isWide ? 2 : 1)
  const isMixed = config.enable_moe_block === true
  return dense + (isMixed ? experts * hidden * (3 * config.moe_intermediate_size + 1) : 0)
}

function hasOwnKeys({ num_hidden_layers: count, num_kv_shared_layers: shared = 0 }, layer) {
  return layer < count - shared
}

/** 4 bits, and a scale and an offset of 16 bits for each group of 64. */
const bytesPerWeight = (4 + 32 / 64) / 8

/** In a machine's memory, with keys and values in 16 bits. */
export function fittingWindow(config, memory) {
  const weights = parameters(config) * bytesPerWeight
  const most = longestWindow(memory * DEFAULT_MEMORY_SHARE, weights, contextNeed(config, 2))
  return Math.min(config.max_position_embeddings, most)
}

/** What the table says of a window: nothing if it is too small for Claude Code. */
function cell(window) {
  const { verdict } = window ? claudeWindow(window, maxOutputFor(window)) : { verdict: 'too-small' }
  if (verdict === 'too-small') return '-'
  return `${Math.floor(window / 1024)}k${verdict === 'small' ? ' *' : ''}`
}

export function memoryTable() {
  const weights = (config) => `${((parameters(config) * bytesPerWeight) / 1e9).toFixed(1)} GB`
  const heads = ['model', '4-bit weights', ...memories.map((memory) => `${memory} GB`)]
  const rows = models.map(({ name, config }) => [
    name,
    weights(config),
    ...memories.map((memory) => cell(fittingWindow(config, memory * GiB))),
  ])
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i].length)))
  const line = (cells) =>
    `| ${cells.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join(' | ')} |`
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(heads), rule, ...rows.map(line)].join('\n')
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) console.log(memoryTable())
