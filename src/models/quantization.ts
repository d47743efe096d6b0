/** How a checkpoint's weights are stored, from its config.json and the headers of its files. */
import type { TensorHeader } from '../engine/checkpoint.js'
import { type Fields, object, positive, string } from './config-fields.js'

export interface StoredAs {
  /** Such as `4-bit`, `4/8-bit`, `mxfp4`, `bf16`. */
  label: string
  /** Bits of the weights, most used first; empty where nothing is quantized. */
  bits: number[]
  /** The name of a scheme that is not MLX's, such as `gptq`. */
  foreign?: string
}

const floats: Record<string, string> = { BF16: 'bf16', F16: 'f16', F32: 'f32', F8_E4M3: 'fp8' }

export function storedAs(config: Fields, headers: Record<string, TensorHeader>[]): StoredAs {
  const settings = object(config.quantization) ?? object(config.quantization_config)
  const foreign = string(settings?.quant_method)
  if (foreign !== undefined && object(config.quantization) === undefined) return { label: foreign, bits: [], foreign }
  const bits = settings ? bitsOf(settings, headers) : []
  const mode = string(settings?.mode)
  if (bits.length === 0) return { label: mostUsedFloat(headers), bits }
  const label = mode && mode !== 'affine' ? mode : `${[...bits].sort((a, b) => a - b).join('/')}-bit`
  return { label, bits }
}

/**
 * A quantized matrix is `name.weight`, packed into 32-bit words, beside `name.scales` with one scale a group: the two
 * shapes and the group's size give the bits. Bits of less than a twentieth of all elements are ignored.
 */
function bitsOf(settings: Fields, headers: Record<string, TensorHeader>[]): number[] {
  const stated = positive(settings.bits)
  // Where no layer has a setting of its own, all are as stated, and thousands of names need no check.
  if (stated && !Object.values(settings).some((value) => object(value) !== undefined)) return [stated]
  const elements = new Map<number, number>()
  for (const tensors of headers) {
    for (const [name, scales] of Object.entries(tensors)) {
      if (!name.endsWith('.scales')) continue
      const layer = name.slice(0, -'.scales'.length)
      const packed = tensors[`${layer}.weight`]?.shape.at(-1)
      const group = positive(object(settings[layer])?.group_size) ?? positive(settings.group_size) ?? 64
      const row = (scales.shape.at(-1) ?? 0) * group
      if (packed === undefined || row === 0) continue
      const bits = Math.round((packed * 32) / row)
      const count = scales.shape.reduce((product, size) => product * size, group)
      elements.set(bits, (elements.get(bits) ?? 0) + count)
    }
  }
  const total = [...elements.values()].reduce((sum, count) => sum + count, 0)
  const used = [...elements].filter(([, count]) => count * 20 >= total).sort(([, a], [, b]) => b - a)
  if (used.length > 0) return used.map(([bits]) => bits)
  return stated ? [stated] : []
}

function mostUsedFloat(headers: Record<string, TensorHeader>[]): string {
  const bytes = new Map<string, number>()
  for (const tensors of headers) {
    for (const { dtype, data_offsets: offsets } of Object.values(tensors)) {
      bytes.set(dtype, (bytes.get(dtype) ?? 0) + offsets[1] - offsets[0])
    }
  }
  const [most] = [...bytes].sort(([, a], [, b]) => b - a)
  return most ? (floats[most[0]] ?? most[0].toLowerCase()) : '?'
}
