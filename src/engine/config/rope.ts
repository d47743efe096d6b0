/** The fields of rotary embeddings: `rope_theta` and `rope_scaling`, or transformers 5's `rope_parameters`. */
import { isObject, type JsonObject } from '../json-file.js'

/** What transformers assumes for a Ministral 3 that says nothing. */
const MINISTRAL3: JsonObject = {
  rope_type: 'yarn',
  rope_theta: 1e6,
  factor: 16,
  original_max_position_embeddings: 16384,
  beta_fast: 32,
  beta_slow: 1,
  mscale: 1,
  mscale_all_dim: 1,
  llama_4_scaling_beta: 0.1,
}

/** With both spellings, which agree. In transformers' order: what stands in a kind's own entry wins. */
export function alignRope(text: JsonObject): JsonObject {
  const type = String(text.model_type ?? '')
  if (type.startsWith('gemma4')) return text
  if (/^gemma3/.test(type)) return byKind(text)
  const rope = oneRope(text, type)
  if (rope === undefined) return text
  const theta = rope.rope_theta ?? text.rope_theta
  const { original_max_position_embeddings: original } = text
  const all: JsonObject = {
    ...rope,
    ...(theta === undefined ? {} : { rope_theta: theta }),
    ...(typeof original === 'number' ? { original_max_position_embeddings: original } : {}),
  }
  return { ...text, rope_scaling: all, rope_parameters: all, ...(theta === undefined ? {} : { rope_theta: theta }) }
}

/** Gemma 3 and 3n have one rotation for sliding layers and one for full ones. */
function byKind(text: JsonObject): JsonObject {
  const parameters = filled(text.rope_parameters) ?? {}
  const isNested = filled(parameters.full_attention) || filled(parameters.sliding_attention)
  const full = { ...(isNested ? filled(parameters.full_attention) : parameters), ...filled(text.rope_scaling) }
  const sliding = filled(parameters.sliding_attention) ?? {}
  const aligned: JsonObject = { ...text, rope_parameters: { full_attention: full, sliding_attention: sliding } }
  if (full.rope_theta !== undefined) aligned.rope_theta = full.rope_theta
  if (sliding.rope_theta !== undefined) aligned.rope_local_base_freq = sliding.rope_theta
  if (Object.keys(full).length > 0) aligned.rope_scaling = full
  return aligned
}

/** undefined if nothing is said. Of entries by kind of layer, those of full layers. */
function oneRope(text: JsonObject, type: string): JsonObject | undefined {
  const parameters = filled(text.rope_parameters)
  const nested = filled(parameters?.full_attention) ?? filled(parameters?.sliding_attention)
  const rope = filled(text.rope_scaling) ?? nested ?? parameters
  return rope ?? (type === 'ministral3' ? MINISTRAL3 : undefined)
}

/** undefined for anything but an object with members. */
function filled(value: unknown): JsonObject | undefined {
  return isObject(value) && Object.keys(value).length > 0 ? value : undefined
}
