/** How many numbers a checkpoint's tensors hold, from the headers of its files. */
import type { TensorHeader } from '../engine/safetensors.js'
import { type Fields, positive, textPart } from './config-fields.js'
import { quantizedMatrices } from './quantization.js'

export interface Parameters {
  /** In all tensors, also in those of images and sound, which tether does not load. */
  total: number
  /** Of a mixture of experts: those that one token goes through. */
  active?: number
}

export function countParameters(config: Fields, headers: Record<string, TensorHeader>[]): Parameters {
  let total = 0
  let ofExperts = 0
  for (const tensors of headers) {
    const packed = new Map(quantizedMatrices(config, tensors).map(({ layer, elements }) => [layer, elements]))
    for (const [name, { shape }] of Object.entries(tensors)) {
      const [, layer = '', part] = /^(.*)\.(weight|scales|biases)$/.exec(name) ?? []
      const matrix = packed.get(layer)
      if (matrix !== undefined && part !== 'weight') continue
      const count = matrix ?? shape.reduce((product, size) => product * size, 1)
      total += count
      if (/\.(experts|switch_mlp|switch_glu)\b/.test(name)) ofExperts += count
    }
  }
  const text = textPart(config)
  const experts = positive(text.num_experts) ?? positive(text.num_local_experts)
  const used = positive(text.top_k_experts) ?? positive(text.num_experts_per_tok)
  if (ofExperts === 0 || !experts || !used || used > experts) return { total }
  return { total, active: total - Math.round(ofExperts * (1 - used / experts)) }
}
