/** Recognizes models that are not MLX checkpoints, and says what they are and what to do. */
import { readdirSync } from 'node:fs'
import { extname } from 'node:path'
import { isObject, type JsonObject } from './json-file.js'
import type { TensorHeader } from './safetensors.js'
import { isAdapter } from './weight-files.js'

const instead = 'Use an MLX checkpoint of the model, such as one from mlx-community'
const convert = 'or make one from the original weights with mlx_lm.convert'

const reasons = {
  gguf: `GGUF is not supported. ${instead}.`,
  adapter: 'a LoRA adapter is not a whole model. Load its base model, and give this folder as --adapter.',
  pytorch: `PyTorch weights are not supported. ${instead}, ${convert}.`,
  npz: `MLX weights in .npz files are not supported. ${instead}, ${convert}.`,
  mistral: `weights in Mistral's own format are not supported. ${instead}, or the checkpoint's model.safetensors.`,
}

/** Why a folder's files cannot be used; undefined if their format is not known to be foreign, or if there is no folder. */
export function foreignFiles(folder: string): string | undefined {
  const names = namesIn(folder)
  const isModel = names.some((name) => /\.safetensors(\.index\.json)?$/.test(name) && !isAdapter(name))
  // As Mistral itself publishes some: its own config, and no other.
  const isMistral = names.includes('params.json') && names.some((name) => /^consolidated.*\.safetensors$/.test(name))
  if (isMistral && !names.includes('config.json')) return reasons.mistral
  if (isModel) return undefined
  if (names.includes('adapter_config.json') || names.some(isAdapter)) return reasons.adapter
  return names.map(foreignFile).find((reason) => reason !== undefined)
}

/** The same for a file, by its name. */
export function foreignFile(name: string): string | undefined {
  const ending = extname(name).toLowerCase()
  if (ending === '.gguf') return reasons.gguf
  if (ending === '.npz') return reasons.npz
  // Other programs have .bin files as well, so only those that are named as weights count.
  return /^(pytorch_model|model|consolidated).*\.(bin|pth?|ckpt)$/i.test(name) ? reasons.pytorch : undefined
}

/** The schemes whose packed weights mlx-lm would unpack or refuse, by `quant_method`. */
const PACKED = ['gptq', 'awq', 'compressed-tensors', 'modelopt', 'bitnet']
const NAMES: Record<string, string> = { gptq: 'GPTQ', awq: 'AWQ', fp8: 'fp8' }

/**
 * The name of a quantization that is not MLX's; undefined where MLX can read the tensors. A file may name a scheme that
 * its tensors no longer have, as after a conversion to bf16, so the tensors decide where they tell.
 */
export function foreignQuantization(config: JsonObject, headers: Record<string, TensorHeader>[]): string | undefined {
  const method = methodOf(config)
  const seen = seenIn(headers)
  if (seen !== undefined) return method ?? seen
  return method !== undefined && PACKED.includes(method) ? method : undefined
}

export function unsupportedQuantization(method: string): string {
  return `quantization by ${NAMES[method] ?? method} is not supported. ${instead}, ${convert}.`
}

/** The reason for weights with the names of another program. */
export function foreignNames(headers: Record<string, TensorHeader>[]): string | undefined {
  const has = (name: RegExp) => headers.some((tensors) => Object.keys(tensors).some((tensor) => name.test(tensor)))
  if (has(/(^|\.)embed_tokens\./)) return undefined
  if (has(/^tok_embeddings\.weight$/)) return reasons.mistral
  return has(/\.lora_[AB]\./i) ? reasons.adapter : undefined
}

function methodOf(config: JsonObject): string | undefined {
  const text = isObject(config.text_config) ? config.text_config : {}
  if ([config, text].some(({ quantization }) => isObject(quantization) && quantization.quant_method === undefined)) {
    return undefined
  }
  for (const { quantization, quantization_config: settings } of [config, text]) {
    for (const found of [quantization, settings]) {
      if (isObject(found) && typeof found.quant_method === 'string') return found.quant_method.toLowerCase()
    }
  }
  return undefined
}

const SIGNS: [RegExp, string][] = [
  [/\.(qzeros|g_idx|qweight)$/, 'gptq'],
  [/\.weight_packed$/, 'compressed-tensors'],
  [/\.(absmax|quant_map|nested_absmax|SCB)$|\.quant_state\./, 'bitsandbytes'],
  [/\.weight_scale_inv$/, 'fp8'],
]

/** The scheme that the names and dtypes of tensors belong to. */
function seenIn(headers: Record<string, TensorHeader>[]): string | undefined {
  for (const tensors of headers) {
    for (const [name, { dtype }] of Object.entries(tensors)) {
      if (dtype.startsWith('F8_') && !name.endsWith('.scales')) return 'fp8'
      const sign = SIGNS.find(([pattern]) => pattern.test(name))
      if (sign) return sign[1]
    }
  }
  return undefined
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.'))
  } catch {
    return []
  }
}
