/** How much memory a model's keys and values take, and the window that fits, estimated from its config.json alone. */
import { type Fields, positive, string, strings, textPart } from './config-fields.js'

export interface ContextNeed {
  /** Bytes that every token of the window adds. */
  perToken: number
  /** Bytes that the layers with a sliding window take, however long the window is. */
  fixed: number
}

/** Tokens that a sliding layer holds beyond its window while a prompt is read. */
const chunk = 1024

/** `element` is the size of one key's element in bytes. undefined if the config does not say enough. */
export function contextNeed(config: Fields, element: number): ContextNeed | undefined {
  const text = textPart(config)
  const layers = layersOf(text)
  if (!layers) return undefined
  const need: ContextNeed = { perToken: 0, fixed: 0 }
  for (const kind of layers) {
    const width = widthOf(text, kind)
    if (width === undefined) return undefined
    const window = kind === 'sliding' ? (positive(text.sliding_window) ?? 4096) : 0
    if (window) need.fixed += width * element * (window + chunk)
    else need.perToken += width * element
  }
  return need
}

/** MLX keeps no more of its freed buffers, and a pass over a chunk takes no larger share of what the weights leave. */
const mostFreed = 256 * 1024 ** 2
const share = 1 / 16
/** A sequence, and the snapshots of its sliding layers that one conversation keeps. */
const slidingCopies = 3

/**
 * The longest window that one conversation gets, as native/engine/memory.h reserves it, in the worst case: loading
 * knows what a pass really takes. 0 if not even the sliding layers fit; Infinity if tokens need no memory.
 */
export function longestWindow(cap: number, weights: number, { fixed, perToken }: ContextNeed): number {
  const left = cap - weights
  const room = left - left * share - Math.min(mostFreed, left * share) - slidingCopies * fixed
  if (room <= 0) return 0
  return perToken === 0 ? Number.POSITIVE_INFINITY : Math.floor(room / perToken)
}

export interface LayerCounts {
  full: number
  sliding: number
  /** Of linear attention. */
  linear: number
  /** The last ones, which use the keys and values of others. */
  sharing: number
}

/** undefined if the config does not say. */
export function layerCounts(config: Fields): LayerCounts | undefined {
  const text = textPart(config)
  const count = positive(text.num_hidden_layers)
  if (!count || count > 10_000) return undefined
  const all = kinds(text, count)
  const of = (kind: Kind | 'linear') => all.filter((one) => one === kind).length
  const sharing = positive(text.num_kv_shared_layers) ?? 0
  return { full: of('full'), sliding: of('sliding'), linear: of('linear'), sharing }
}

type Kind = 'full' | 'sliding'

/** The layers that keep keys and values of their own: those of linear attention keep a state, which is small. */
function layersOf(text: Fields): Kind[] | undefined {
  const count = positive(text.num_hidden_layers)
  if (!count || count > 10_000) return undefined
  const own = count - (positive(text.num_kv_shared_layers) ?? 0)
  return kinds(text, count)
    .slice(0, own)
    .filter((kind) => kind !== 'linear') as Kind[]
}

function kinds(text: Fields, count: number): (Kind | 'linear')[] {
  const types = strings(text.layer_types)
  if (types?.length === count) return types.map(kindOf)
  // The engine runs all layers of Gemma 2 with full attention.
  const slides = /^gemma(?!2)/.test(string(text.model_type) ?? '') && text.sliding_window
  const usual = /^gemma4/.test(string(text.model_type) ?? '') ? 5 : 6
  const pattern = positive(text.sliding_window_pattern) ?? (slides ? usual : undefined)
  const interval = positive(text.full_attention_interval)
  return Array.from({ length: count }, (_, layer) => {
    if (interval) return (layer + 1) % interval === 0 ? 'full' : 'linear'
    return pattern && (layer + 1) % pattern !== 0 ? 'sliding' : 'full'
  })
}

function kindOf(type: string): Kind | 'linear' {
  if (type === 'sliding_attention' || type === 'chunked_attention') return 'sliding'
  return type === 'linear_attention' ? 'linear' : 'full'
}

/** Elements of keys and values together, of one token in one layer. */
function widthOf(text: Fields, kind: Kind): number | undefined {
  // Multi-head latent attention keeps one compressed vector for all heads.
  const latent = positive(text.kv_lora_rank)
  if (latent) return latent + (positive(text.qk_rope_head_dim) ?? 0)
  const heads = positive(text.num_attention_heads)
  const hidden = positive(text.hidden_size)
  const ownDim = positive(text.head_dim) ?? (heads && hidden ? hidden / heads : undefined)
  let kvHeads = positive(text.num_key_value_heads) ?? heads
  let dim = ownDim
  if (kind === 'full' && positive(text.global_head_dim)) dim = positive(text.global_head_dim)
  if (kind === 'full' && text.attention_k_eq_v === true) kvHeads = positive(text.num_global_key_value_heads) ?? kvHeads
  return kvHeads && dim ? 2 * kvHeads * dim : undefined
}
