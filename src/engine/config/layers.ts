/** The fields that say how layers differ: `layer_types`, a pattern, or transformers 5's `per_layer_config`. */
import { TetherError } from '../../errors.js'
import { isObject, type JsonObject } from '../json-file.js'

/** With `layer_types` where they are given, else a pattern, and without `per_layer_config`. */
export function alignLayers(text: JsonObject): JsonObject {
  const { _sliding_window_pattern: hidden, per_layer_config: overrides, ...aligned } = text
  if (aligned.sliding_window_pattern == null && hidden != null) aligned.sliding_window_pattern = hidden
  // As in mlx-lm, all layers of Gemma 2 have full attention.
  if (aligned.model_type === 'gemma2') delete aligned.layer_types
  const { layer_types: types } = aligned
  if (Array.isArray(types) && types.length > 0) {
    aligned.layer_types = types.map((type) => (type === 'attention' ? 'full_attention' : type))
    delete aligned.sliding_window_pattern
  }
  return isObject(overrides) ? withOverrides(aligned, overrides) : aligned
}

/** Fields that Gemma 4's full layers have of their own, by what they are called where all layers are described. */
const GLOBAL: Record<string, string> = {
  head_dim: 'global_head_dim',
  num_key_value_heads: 'num_global_key_value_heads',
}

/**
 * transformers 5 writes what a layer has of its own by the layer's number, and leaves out what equals the value for all.
 * Throws `unsupported_model` for a difference that the engine does not have.
 */
function withOverrides(text: JsonObject, overrides: JsonObject): JsonObject {
  const own = new Map(
    Object.entries(overrides).map(([layer, fields]) => [Number(layer), isObject(fields) ? fields : {}]),
  )
  const isGemma4 = String(text.model_type ?? '').startsWith('gemma4')
  const aligned = { ...text }
  if (isGemma4)
    Object.assign(aligned, { global_head_dim: text.head_dim, num_global_key_value_heads: text.num_key_value_heads })
  const types = Array.isArray(text.layer_types) ? text.layer_types : []
  const known = isGemma4 ? Object.keys(GLOBAL) : []
  for (const field of known) {
    for (const kind of ['full_attention', 'sliding_attention']) {
      const values = types.flatMap((type, layer) => (type === kind ? [own.get(layer)?.[field] ?? text[field]] : []))
      if (new Set(values).size > 1) throw differs(field)
      if (values.length > 0) aligned[kind === 'full_attention' ? (GLOBAL[field] as string) : field] = values[0]
    }
  }
  for (const fields of own.values()) {
    const other = Object.entries(fields).find(([field, value]) => !known.includes(field) && !same(value, text[field]))
    if (other) throw differs(other[0])
  }
  return aligned
}

function same(value: unknown, general: unknown): boolean {
  return JSON.stringify(value) === JSON.stringify(general) || (Array.isArray(value) && value.length === 0)
}

function differs(field: string): TetherError {
  return new TetherError(
    'unsupported_model',
    `config.json: per_layer_config gives layers a ${field} of their own, which is not supported; use another checkpoint`,
  )
}
