/** The tensors of an adapter's file, as the two matrices of each layer that it changes. */
import type { TetherError } from '../../errors.js'
import { oneLine } from '../../one-line.js'
import type { JsonObject } from '../json-file.js'
import type { TensorHeader } from '../safetensors.js'
import type { Adapter, AdapterPart } from '../types.js'

/** What a layout's reader is given. `fault` makes the error of what is wrong. */
export interface AdapterFacts {
  config: JsonObject
  tensors: Record<string, TensorHeader>
  fault: (what: string) => TetherError
}

/** What it finds: each pair of matrices, and which layers have to be there. */
export type AdapterLayout = Pick<Adapter, 'parts' | 'modules' | 'lastLayers'>

/** Of the tensors' names and what follows them: each layer has both matrices, and no tensor is left. */
export function pairsOf(
  { tensors, fault }: AdapterFacts,
  [endOfA, endOfB]: [string, string],
  scaleOf: (layer: string, rank: number, tensor: string) => number,
): AdapterPart[] {
  const parts: AdapterPart[] = []
  for (const name of Object.keys(tensors).sort()) {
    if (isOtherPart(name)) continue
    const layer = [endOfA, endOfB].find((end) => name.endsWith(end))
    if (layer === undefined) throw fault(`${oneLine(name)} is no tensor of LoRA: tether applies LoRA and nothing else`)
    const stem = name.slice(0, -layer.length)
    const [a, b] = [stem + endOfA, stem + endOfB]
    const missing = [a, b].find((one) => tensors[one] === undefined)
    if (missing !== undefined) throw fault(`${oneLine(missing)} is missing. Copy or download the adapter again.`)
    if (name === b) continue
    const short = shortName(stem)
    if (/^(embed_tokens|embed_tokens_per_layer|lm_head)$/.test(short))
      throw fault(`it changes ${short}, and tether applies adapters to the layers between alone. ${MERGE}`)
    const shape = tensors[a]?.shape ?? []
    const rank = endOfA === '.lora_a' ? shape[1] : shape[0]
    if (!Number.isInteger(rank) || (rank as number) < 1)
      throw fault(`${oneLine(a)} has shape (${shape.join(', ')}), whose rank must be at least 1`)
    parts.push({ layer: short, a, b, scale: scaleOf(short, rank as number, a) })
  }
  if (parts.length === 0) throw fault('it has no tensor for the text model')
  return parts
}

/** What can be done with an adapter that tether does not apply. */
export const MERGE = 'Merge it into its model, for example with mlx_lm.fuse, and load that.'

export function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}

/** As the addon's Adapters::short_name: without what differs between checkpoints. */
function shortName(stem: string): string {
  const at = /(?:^|\.)(layers\..*)$/.exec(stem)?.[1]
  return at ?? stem.replace(/^(?:(?:base_model|language_model|model)\.)*/, '')
}

/** Of the vision and audio parts of a checkpoint, which a text model does not have. */
function isOtherPart(name: string): boolean {
  return /(^|\.)(vision_tower|vision_model|vision_embedder|vision_encoder|visual|multi_modal_projector|mm_projector|audio_tower|embed_audio|embed_vision)\./.test(
    name,
  )
}
