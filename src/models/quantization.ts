/** How a checkpoint's weights are stored, from its config.json and the headers of its files. */
import { foreignQuantization } from '../engine/foreign.js'
import type { TensorHeader } from '../engine/safetensors.js'
import { type Fields, object, positive, textPart } from './config-fields.js'

export interface StoredAs {
  /** Such as `4-bit`, `4/8-bit`, `mxfp4`, `bf16`, `gptq`. */
  label: string
  /** Bits of the weights, most used first; empty where nothing is quantized. */
  bits: number[]
}

const floats: Record<string, string> = { BF16: 'bf16', F16: 'f16', F32: 'f32', F8_E4M3: 'fp8' }
/** The bits and group sizes that MLX has. */
const BITS = [2, 3, 4, 5, 6, 8]
const GROUPS = [64, 32, 128, 16]

export function storedAs(config: Fields, headers: Record<string, TensorHeader>[]): StoredAs {
  const foreign = foreignQuantization(config, headers)
  if (foreign !== undefined) return { label: foreign, bits: [] }
  const { bits, modes } = formatsOf(config, headers)
  if (bits.length === 0) return { label: mostUsedFloat(headers), bits }
  const [mode] = modes
  return { label: mode ?? `${[...bits].sort((a, b) => a - b).join('/')}-bit`, bits }
}

function settingsOf(config: Fields): Fields {
  const text = textPart(config)
  const all = [config.quantization, config.quantization_config, text.quantization, text.quantization_config]
  return all.map(object).find((found) => found !== undefined) ?? {}
}

export interface QuantizedMatrix {
  /** The names of its tensors begin with it. */
  layer: string
  bits: number
  /** Numbers in it, unpacked. */
  elements: number
  /** Of the floating-point ones. */
  mode?: string
}

/**
 * A quantized matrix is `name.weight`, packed into 32-bit words, beside `name.scales` with one scale a group: the two
 * shapes and the group's size give the bits. Scales that are bytes belong to a floating-point mode.
 */
export function quantizedMatrices(config: Fields, tensors: Record<string, TensorHeader>): QuantizedMatrix[] {
  const settings = settingsOf(config)
  return Object.entries(tensors).flatMap(([name, scales]) => {
    if (!name.endsWith('.scales')) return []
    const layer = name.slice(0, -'.scales'.length)
    const packed = tensors[`${layer}.weight`]?.shape.at(-1)
    const groups = scales.shape.at(-1)
    if (!packed || !groups) return []
    const own = positive(object(settings[layer])?.group_size) ?? positive(settings.group_size)
    const group = [own, ...GROUPS].find((size) => size && BITS.includes((packed * 32) / (groups * size))) ?? own ?? 64
    const bits = Math.round((packed * 32) / (groups * group))
    const mode = scales.dtype === 'U8' ? (bits === 8 ? 'mxfp8' : group === 16 ? 'nvfp4' : 'mxfp4') : undefined
    return [{ layer, bits, mode, elements: scales.shape.reduce((product, size) => product * size, group) }]
  })
}

/** Bits of less than a twentieth of all elements are ignored. */
function formatsOf(config: Fields, headers: Record<string, TensorHeader>[]): { bits: number[]; modes: string[] } {
  const elements = new Map<number, number>()
  const modes = new Set<string>()
  for (const { bits, mode, elements: count } of headers.flatMap((tensors) => quantizedMatrices(config, tensors))) {
    if (mode !== undefined) modes.add(mode)
    elements.set(bits, (elements.get(bits) ?? 0) + count)
  }
  const total = [...elements.values()].reduce((sum, count) => sum + count, 0)
  const used = [...elements].filter(([, count]) => count * 20 >= total).sort(([, a], [, b]) => b - a)
  return { bits: used.map(([bits]) => bits), modes: [...modes] }
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
