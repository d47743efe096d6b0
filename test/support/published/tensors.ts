/** Random weights under the names and in the layouts of published checkpoints. */
import type { StoredTensor } from '../checkpoints.js'

export type Architecture = 'llama' | 'gemma2' | 'gemma3' | 'gemma3n' | 'gemma4'

/** The sizes of a language model, as its config.json would say them if nothing were left out. */
export interface Sizes {
  vocab: number
  hidden: number
  layers: number
  intermediate: number
  heads: number
  kvHeads: number
  headDim: number
  /** Whether there is an `lm_head`. */
  head?: boolean
  attentionBias?: boolean
  mlpBias?: boolean
  /** Gemma 4: the last layer has full attention, with heads of this width; 3n and 4: inputs for each layer. */
  globalHeadDim?: number
  perLayer?: number
  experts?: number
}

/** `mlx`: inside of `language_model.`, as mlx-vlm and older transformers write it; `hf`: as transformers does since 4.52. */
export type Layout = 'bare' | 'mlx' | 'hf'

/** How weights are stored: a float, or a quantization of MLX. */
export interface Storage {
  dtype: 'BF16' | 'F16' | 'F32'
  mode?: 'affine' | 'mxfp4' | 'mxfp8' | 'nvfp4'
  bits?: number
  group?: number
  /** Of matrices whose name has one of these parts. */
  others?: Record<string, number>
}

type Shapes = Record<string, number[]>

/** Names and shapes of a bare checkpoint. */
export function shapesOf(architecture: Architecture, sizes: Sizes): Shapes {
  const { vocab, hidden, layers } = sizes
  const shapes: Shapes = { 'model.embed_tokens.weight': [vocab, hidden], 'model.norm.weight': [hidden] }
  if (sizes.head) shapes['lm_head.weight'] = [vocab, hidden]
  const parts = PARTS[architecture]
  for (let layer = 0; layer < layers; layer++) {
    for (const [name, shape] of Object.entries({ ...block(sizes, layer), ...parts.layer(sizes, layer) })) {
      shapes[`model.layers.${layer}.${name}`] = shape
    }
  }
  return { ...shapes, ...parts.model(sizes) }
}

function block(sizes: Sizes, layer: number): Shapes {
  const { hidden, intermediate, heads, kvHeads, headDim, globalHeadDim, layers } = sizes
  const dim = globalHeadDim && layer === layers - 1 ? globalHeadDim : headDim
  const attention: Shapes = { q: [heads * dim, hidden], k: [kvHeads * dim, hidden], v: [kvHeads * dim, hidden] }
  attention.o = [hidden, heads * dim]
  const mlp: Shapes = { gate: [intermediate, hidden], up: [intermediate, hidden], down: [hidden, intermediate] }
  return {
    ...linears('self_attn', attention, sizes.attentionBias),
    ...linears('mlp', mlp, sizes.mlpBias),
    ...norms(hidden, ['input_layernorm', 'post_attention_layernorm']),
  }
}

function linears(part: string, shapes: Shapes, bias = false): Shapes {
  return Object.fromEntries(
    Object.entries(shapes).flatMap(([name, shape]) => {
      const weight: [string, number[]] = [`${part}.${name}_proj.weight`, shape]
      return bias ? [weight, [`${part}.${name}_proj.bias`, [shape[0] as number]]] : [weight]
    }),
  )
}

const norms = (size: number, names: string[]): Shapes =>
  Object.fromEntries(names.map((name) => [`${name}.weight`, [size]]))

const MLP_NORMS = ['pre_feedforward_layernorm', 'post_feedforward_layernorm']

interface Parts {
  layer(sizes: Sizes, layer: number): Shapes
  model(sizes: Sizes): Shapes
}

const PARTS: Record<Architecture, Parts> = {
  llama: { layer: () => ({}), model: () => ({}) },
  gemma2: { layer: ({ hidden }) => norms(hidden, MLP_NORMS), model: () => ({}) },
  gemma3: { layer: gemma3Layer, model: () => ({}) },
  gemma3n: { layer: gemma3nLayer, model: gemma3nModel },
  gemma4: { layer: gemma4Layer, model: (sizes) => perLayerModel(sizes) },
}

function gemma3Layer({ hidden, headDim, globalHeadDim, layers }: Sizes, layer: number): Shapes {
  const dim = globalHeadDim && layer === layers - 1 ? globalHeadDim : headDim
  return { ...norms(hidden, MLP_NORMS), ...norms(dim, ['self_attn.q_norm', 'self_attn.k_norm']) }
}

function perLayerModel({ vocab, hidden, layers, perLayer }: Sizes): Shapes {
  if (!perLayer) return {}
  return {
    'model.embed_tokens_per_layer.weight': [vocab, layers * perLayer],
    'model.per_layer_model_projection.weight': [layers * perLayer, hidden],
    'model.per_layer_projection_norm.weight': [perLayer],
  }
}

function perLayerBlock({ hidden, perLayer }: Sizes): Shapes {
  if (!perLayer) return {}
  return {
    'per_layer_input_gate.weight': [perLayer, hidden],
    'per_layer_projection.weight': [hidden, perLayer],
    ...norms(hidden, ['post_per_layer_input_norm']),
  }
}

const STREAMS = 2
const RANK = 64

function gemma3nLayer(sizes: Sizes, layer: number): Shapes {
  const { hidden } = sizes
  return {
    ...gemma3Layer(sizes, layer),
    ...perLayerBlock(sizes),
    'altup.correct_output_scale': [hidden],
    'altup.correction_coefs.weight': [STREAMS, STREAMS],
    'altup.prediction_coefs.weight': [STREAMS * STREAMS, STREAMS],
    'altup.modality_router.weight': [STREAMS, hidden],
    'altup.router_norm.weight': [hidden],
    'laurel.linear_left.weight': [RANK, hidden],
    'laurel.linear_right.weight': [hidden, RANK],
    'laurel.post_laurel_norm.weight': [hidden],
  }
}

function gemma3nModel(sizes: Sizes): Shapes {
  const { hidden } = sizes
  return {
    ...perLayerModel(sizes),
    'model.altup_projections.0.weight': [hidden, hidden],
    'model.altup_unembed_projections.0.weight': [hidden, hidden],
  }
}

function gemma4Layer(sizes: Sizes, layer: number): Shapes {
  const { hidden, experts } = sizes
  const shapes = { ...gemma3Layer(sizes, layer), ...perLayerBlock(sizes), layer_scalar: [1] }
  if (!experts) return shapes
  const [gate, down] = ['pre_feedforward_layernorm_2', 'post_feedforward_layernorm_2']
  return {
    ...shapes,
    ...norms(hidden, [gate, down, 'post_feedforward_layernorm_1']),
    'router.proj.weight': [experts, hidden],
    'router.scale': [hidden],
    'router.per_expert_scale': [experts],
    ...linears('experts.switch_glu', {
      gate: [experts, hidden, hidden],
      up: [experts, hidden, hidden],
      down: [experts, hidden, hidden],
    }),
  }
}

/** The same under the names of a wrapped checkpoint. */
export function inLayout(shapes: Shapes, layout: Layout): Shapes {
  if (layout === 'bare') return shapes
  const renamed = Object.entries(shapes).map(([name, shape]): [string, number[]] => {
    if (layout === 'mlx') return [`language_model.${name}`, shape]
    return [name.replace(/^model\./, 'model.language_model.'), shape]
  })
  return Object.fromEntries(renamed)
}

/** Random tensors of these shapes. As mlx-lm does, a matrix is quantized only if its rows are whole groups. */
export function randomTensors(shapes: Shapes, storage: Storage): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>()
  for (const [name, shape] of Object.entries(shapes)) {
    const group = storage.group ?? 64
    const isQuantized =
      storage.mode !== undefined &&
      shape.length > 1 &&
      name.endsWith('.weight') &&
      !/_coefs|vision|audio|projector/.test(name) &&
      (shape.at(-1) as number) % group === 0
    if (isQuantized) quantized(tensors, name.replace(/\.weight$/, ''), shape, storage)
    else tensors.set(name, { dtype: storage.dtype, shape, data: floats(shape, storage.dtype) })
  }
  return tensors
}

function quantized(tensors: Map<string, StoredTensor>, layer: string, shape: number[], storage: Storage): void {
  const { mode, group = 64, dtype, others = {} } = storage
  const own = Object.entries(others).find(([part]) => layer.includes(part))?.[1]
  const bits = own ?? storage.bits ?? 4
  const width = shape.at(-1) as number
  const packed = [...shape.slice(0, -1), (width * bits) / 32]
  const grouped = [...shape.slice(0, -1), width / group]
  const data = randomBytes(4 * count(packed))
  // Some numbers in eight bits are NaN, all of them large ones.
  if (mode === 'mxfp8') for (const [i, byte] of data.entries()) data[i] = byte & 0xbf
  tensors.set(`${layer}.weight`, { dtype: 'U32', shape: packed, data })
  if (mode === 'affine') {
    for (const part of ['scales', 'biases'])
      tensors.set(`${layer}.${part}`, { dtype, shape: grouped, data: floats(grouped, dtype) })
    return
  }
  // One byte a group: an exponent of two, or for nvfp4 a number in eight bits.
  const scale = mode === 'nvfp4' ? 0x20 : 121
  tensors.set(`${layer}.scales`, { dtype: 'U8', shape: grouped, data: Buffer.alloc(count(grouped), scale) })
}

const count = (shape: number[]) => shape.reduce((product, size) => product * size, 1)

/** Numbers of 1/64 to 1/32 with random signs; of a vector, such as a norm, about 1. */
function floats(shape: number[], dtype: Storage['dtype']): Buffer {
  const isVector = shape.length === 1
  if (dtype === 'F32') {
    const random = randomBytes(count(shape))
    const values = Float32Array.from(random, (byte) =>
      isVector ? 1 : (byte & 128 ? -1 : 1) * (1 + (byte & 127) / 128) * 2 ** -6,
    )
    return Buffer.from(values.buffer)
  }
  const [base, mantissa, one] = dtype === 'BF16' ? [0x3c80, 0x7f, 0x3f80] : [0x2400, 0x3ff, 0x3c00]
  const data = randomBytes(2 * count(shape))
  for (let at = 0; at < data.length; at += 2) {
    const bits = data.readUInt16LE(at)
    data.writeUInt16LE(isVector ? one : (bits & 0x8000) | base | (bits & mantissa), at)
  }
  return data
}

let state = 1

/** The same bytes in every run of a process. */
function randomBytes(length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4))
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    words[i] = state ^ (state >>> 15)
  }
  return Buffer.from(words.buffer, 0, length)
}
