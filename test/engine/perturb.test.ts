/** Each field of config.json that a family reads matters: a wrong value is rejected or changes the logits. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import { type CheckpointName, copyOf, distance, golden, logitsOf, rejection, setField } from '../support/checkpoints.js'
import { type Oracle, startOracle } from '../support/oracle.js'

/** Removes the field, so that its default holds. */
const ABSENT = undefined

const REJECTED = 'is rejected'
const DIFFERENT = 'computes other logits'
/** A field that should be there is absent, or tensors are left over: the engine may reject it, but need not. */
const EITHER = 'is rejected or computes other logits'

type Row = [field: string, value: unknown, outcome: typeof REJECTED | typeof DIFFERENT | typeof EITHER]

const sliding = 'sliding_attention'
const full = 'full_attention'

const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32 }
const longrope = { type: 'longrope', short_factor: 1, long_factor: 1, original_max_position_embeddings: 64 }

const FIELDS: Partial<Record<CheckpointName, Row[]>> = {
  'llama-a': [
    ['vocab_size', 511, REJECTED],
    ['vocab_size', ABSENT, REJECTED],
    ['hidden_size', 64, REJECTED],
    ['hidden_size', ABSENT, REJECTED],
    ['num_hidden_layers', 5, REJECTED],
    ['num_hidden_layers', ABSENT, REJECTED],
    ['intermediate_size', 96, REJECTED],
    ['intermediate_size', ABSENT, REJECTED],
    ['num_attention_heads', 8, REJECTED],
    ['num_attention_heads', ABSENT, REJECTED],
    ['num_key_value_heads', 1, REJECTED],
    ['num_key_value_heads', ABSENT, REJECTED],
    ['head_dim', 8, REJECTED],
    ['head_dim', ABSENT, REJECTED],
    ['rms_norm_eps', 1e-5, DIFFERENT],
    ['rms_norm_eps', ABSENT, EITHER],
    ['num_hidden_layers', 3, EITHER],
    ['attention_bias', false, EITHER],
    ['attention_bias', ABSENT, EITHER],
    ['mlp_bias', false, EITHER],
    ['mlp_bias', ABSENT, EITHER],
    ['rope_theta', 10000, DIFFERENT],
    ['rope_theta', ABSENT, DIFFERENT],
    ['rope_traditional', true, DIFFERENT],
    ['rope_scaling', ABSENT, DIFFERENT],
    ['rope_scaling/rope_type', 'default', DIFFERENT],
    ['rope_scaling/rope_type', 'linear', DIFFERENT],
    ['rope_scaling/rope_type', 'yarn', DIFFERENT],
    ['rope_scaling/rope_type', 'dynamic', DIFFERENT],
    ['rope_scaling/rope_type', 'mrope', EITHER],
    ['rope_scaling/rope_type', 'longrope', REJECTED],
    ['rope_scaling/rope_type', 'spiral', REJECTED],
    ['rope_scaling', { ...yarn, beta_fast: 8, beta_slow: 2 }, DIFFERENT],
    ['rope_scaling', { ...yarn, mscale: 2, mscale_all_dim: 0.5 }, DIFFERENT],
    ['rope_scaling', { ...yarn, original_max_position_embeddings: undefined }, DIFFERENT],
    ['rope_scaling', { ...longrope, long_factor: [1, 1, 1, 1, 2, 4, 8, 16] }, DIFFERENT],
    ['rope_scaling', { ...longrope, long_factor: 3 }, DIFFERENT],
    ['rope_scaling', { ...longrope, long_factor: [1, 2, 3] }, REJECTED],
    ['rope_scaling', { ...longrope, original_max_position_embeddings: undefined }, REJECTED],
    ['rope_scaling', { rope_type: 'linear' }, REJECTED],
    ['rope_scaling/factor', 8, DIFFERENT],
    ['rope_scaling/low_freq_factor', 1, DIFFERENT],
    ['rope_scaling/low_freq_factor', ABSENT, DIFFERENT],
    ['rope_scaling/high_freq_factor', 4, DIFFERENT],
    ['rope_scaling/high_freq_factor', ABSENT, DIFFERENT],
    ['rope_scaling/original_max_position_embeddings', 8192, DIFFERENT],
    ['rope_scaling/original_max_position_embeddings', ABSENT, DIFFERENT],
    ['tie_word_embeddings', true, DIFFERENT],
  ],
  'llama-b': [
    ['rms_norm_eps', ABSENT, EITHER],
    ['num_key_value_heads', 2, REJECTED],
    ['head_dim', 16, REJECTED],
    ['attention_bias', true, REJECTED],
    ['mlp_bias', true, REJECTED],
    ['rope_theta', ABSENT, DIFFERENT],
    ['rope_traditional', false, DIFFERENT],
    ['rope_traditional', ABSENT, DIFFERENT],
    ['rope_scaling', ABSENT, DIFFERENT],
    ['rope_scaling/type', 'default', DIFFERENT],
    ['rope_scaling/factor', 2, DIFFERENT],
    ['layer_types', ABSENT, DIFFERENT],
    ['layer_types', [full, full, sliding, sliding], DIFFERENT],
    ['layer_types', [sliding, full], REJECTED],
    ['sliding_window', 7, DIFFERENT],
    ['sliding_window', ABSENT, EITHER],
    ['tie_word_embeddings', false, REJECTED],
  ],
  'gemma3n-a': [
    ['text_config/vocab_size', 319, REJECTED],
    ['text_config/hidden_size', 64, REJECTED],
    ['text_config/num_hidden_layers', 6, REJECTED],
    ['text_config/num_attention_heads', 2, REJECTED],
    ['text_config/num_key_value_heads', 1, REJECTED],
    ['text_config/head_dim', 8, REJECTED],
    ['text_config/intermediate_size', 64, REJECTED],
    ['text_config/intermediate_size', [64, 64, 64, 64, 64], REJECTED],
    ['text_config/intermediate_size', ABSENT, REJECTED],
    ['text_config/activation_sparsity_pattern', [0.7, 0, 0.5, 0, 0.6], DIFFERENT],
    ['text_config/activation_sparsity_pattern', [0, 0, 0, 0, 0], DIFFERENT],
    ['text_config/activation_sparsity_pattern', [0.5], EITHER],
    ['text_config/rms_norm_eps', 1e-6, DIFFERENT],
    ['text_config/layer_types', [sliding, sliding, full, sliding, full], DIFFERENT],
    ['text_config/layer_types', ABSENT, REJECTED],
    ['text_config/num_kv_shared_layers', 1, DIFFERENT],
    ['text_config/num_kv_shared_layers', 5, REJECTED],
    ['text_config/num_kv_shared_layers', ABSENT, REJECTED],
    ['text_config/sliding_window', 9, DIFFERENT],
    ['text_config/rope_theta', 500, DIFFERENT],
    ['text_config/rope_local_base_freq', 50, DIFFERENT],
    ['text_config/vocab_size_per_layer_input', 299, REJECTED],
    ['text_config/hidden_size_per_layer_input', 8, REJECTED],
    ['text_config/altup_num_inputs', 4, REJECTED],
    ['text_config/altup_active_idx', 0, DIFFERENT],
    ['text_config/altup_coef_clip', 0.6, DIFFERENT],
    ['text_config/altup_coef_clip', null, DIFFERENT],
    ['text_config/altup_correct_scale', false, DIFFERENT],
    ['text_config/laurel_rank', 4, REJECTED],
    ['text_config/final_logit_softcapping', 20, DIFFERENT],
    ['text_config/final_logit_softcapping', null, DIFFERENT],
  ],
  'gemma4-d': [
    ['text_config/enable_moe_block', false, REJECTED],
    ['text_config/enable_moe_block', ABSENT, REJECTED],
    ['text_config/num_experts', 4, REJECTED],
    ['text_config/num_experts', ABSENT, REJECTED],
    ['text_config/top_k_experts', 2, DIFFERENT],
    ['text_config/top_k_experts', 1, DIFFERENT],
    ['text_config/top_k_experts', 6, REJECTED],
    ['text_config/top_k_experts', ABSENT, REJECTED],
    ['text_config/moe_intermediate_size', 32, REJECTED],
    ['text_config/moe_intermediate_size', ABSENT, REJECTED],
    ['text_config/sliding_window', 15, DIFFERENT],
  ],
  'llama-c': [
    ['rope_scaling/long_factor', [1, 1, 1, 1, 1, 1, 1, 1], DIFFERENT],
    ['rope_scaling/original_max_position_embeddings', 32, DIFFERENT],
    ['max_position_embeddings', 64, DIFFERENT],
    ['rope_theta', ABSENT, DIFFERENT],
  ],
  'mistral-a': [
    ['head_dim', ABSENT, REJECTED],
    ['num_key_value_heads', ABSENT, REJECTED],
    ['layer_types', [sliding, full, sliding], DIFFERENT],
    ['rope_scaling/factor', 8, DIFFERENT],
    ['rope_scaling/beta_fast', 32, DIFFERENT],
    ['rope_scaling/beta_slow', 1, DIFFERENT],
    ['rope_scaling/mscale', ABSENT, DIFFERENT],
    ['rope_scaling/mscale_all_dim', ABSENT, DIFFERENT],
    ['rope_scaling/original_max_position_embeddings', 16, DIFFERENT],
    ['rope_scaling/factor', ABSENT, REJECTED],
  ],
  'mistral-b': [
    ['text_config/model_type', 'mistral4', REJECTED],
    ['text_config/head_dim', ABSENT, REJECTED],
    ['text_config/num_attention_heads', 2, REJECTED],
    ['text_config/sliding_window', 9, DIFFERENT],
    ['text_config/layer_types', ABSENT, DIFFERENT],
    ['text_config/tie_word_embeddings', true, DIFFERENT],
    ['text_config/rope_parameters/rope_theta', 100, DIFFERENT],
    ['text_config/rope_parameters/llama_4_scaling_beta', 0, DIFFERENT],
    ['text_config/rope_parameters/original_max_position_embeddings', 12, DIFFERENT],
    ['text_config/rope_parameters/mscale_all_dim', ABSENT, DIFFERENT],
  ],
  'gemma2-a': [
    ['vocab_size', 319, REJECTED],
    ['hidden_size', 64, REJECTED],
    ['hidden_size', ABSENT, REJECTED],
    ['num_hidden_layers', 5, REJECTED],
    ['num_hidden_layers', 3, EITHER],
    ['intermediate_size', 96, REJECTED],
    ['num_attention_heads', 8, REJECTED],
    ['num_key_value_heads', 1, REJECTED],
    ['num_key_value_heads', ABSENT, REJECTED],
    ['head_dim', 8, REJECTED],
    ['head_dim', ABSENT, REJECTED],
    ['rms_norm_eps', 1e-6, DIFFERENT],
    ['rope_theta', 1000, DIFFERENT],
    ['rope_theta', ABSENT, DIFFERENT],
    ['rope_traditional', ABSENT, DIFFERENT],
    ['attn_logit_softcapping', 5, DIFFERENT],
    ['attn_logit_softcapping', ABSENT, DIFFERENT],
    ['final_logit_softcapping', 20, DIFFERENT],
    ['final_logit_softcapping', ABSENT, DIFFERENT],
    ['query_pre_attn_scalar', 16, DIFFERENT],
    ['query_pre_attn_scalar', ABSENT, DIFFERENT],
  ],
  'gemma3-a': [
    ['vocab_size', 319, REJECTED],
    ['hidden_size', 64, REJECTED],
    ['num_hidden_layers', 6, REJECTED],
    ['num_hidden_layers', 4, EITHER],
    ['intermediate_size', 96, REJECTED],
    ['num_attention_heads', 4, REJECTED],
    ['num_attention_heads', ABSENT, REJECTED],
    ['num_key_value_heads', 2, REJECTED],
    ['head_dim', 16, REJECTED],
    ['head_dim', ABSENT, REJECTED],
    ['rms_norm_eps', 1e-6, DIFFERENT],
    ['rms_norm_eps', ABSENT, DIFFERENT],
    ['rope_theta', 1000, DIFFERENT],
    ['rope_theta', ABSENT, DIFFERENT],
    ['rope_local_base_freq', 100, DIFFERENT],
    ['rope_local_base_freq', ABSENT, DIFFERENT],
    ['query_pre_attn_scalar', 16, DIFFERENT],
    ['query_pre_attn_scalar', ABSENT, DIFFERENT],
    ['sliding_window', 15, DIFFERENT],
    ['sliding_window', ABSENT, DIFFERENT],
    ['sliding_window_pattern', 3, DIFFERENT],
    ['sliding_window_pattern', 1, DIFFERENT],
    ['rope_scaling', { rope_type: 'linear', factor: 3 }, DIFFERENT],
    ['rope_scaling', yarn, DIFFERENT],
  ],
  'gemma3-b': [
    ['text_config/num_hidden_layers', 6, EITHER],
    ['text_config/num_attention_heads', 2, REJECTED],
    ['text_config/num_attention_heads', ABSENT, REJECTED],
    ['text_config/num_key_value_heads', ABSENT, REJECTED],
    ['text_config/head_dim', ABSENT, REJECTED],
    ['text_config/rms_norm_eps', ABSENT, DIFFERENT],
    ['text_config/rope_theta', ABSENT, DIFFERENT],
    ['text_config/rope_scaling', ABSENT, DIFFERENT],
    ['text_config/rope_scaling/factor', 3, DIFFERENT],
    ['text_config/rope_scaling/rope_type', 'default', DIFFERENT],
    ['text_config/rope_scaling/rope_type', 'llama3', DIFFERENT],
    ['text_config/rope_scaling/rope_type', 'spiral', REJECTED],
    ['text_config/sliding_window', 9, DIFFERENT],
    ['text_config/sliding_window', ABSENT, DIFFERENT],
    ['text_config/sliding_window_pattern', 2, DIFFERENT],
    ['text_config/query_pre_attn_scalar', ABSENT, DIFFERENT],
  ],
  'gemma4-a': [
    ['vocab_size', 591, REJECTED],
    ['vocab_size', ABSENT, REJECTED],
    ['hidden_size', 64, REJECTED],
    ['hidden_size', ABSENT, REJECTED],
    ['num_hidden_layers', 5, REJECTED],
    ['num_hidden_layers', ABSENT, REJECTED],
    ['intermediate_size', 96, REJECTED],
    ['intermediate_size', ABSENT, REJECTED],
    ['num_attention_heads', 2, REJECTED],
    ['num_attention_heads', ABSENT, REJECTED],
    ['num_key_value_heads', 1, REJECTED],
    ['num_key_value_heads', ABSENT, REJECTED],
    ['head_dim', 32, REJECTED],
    ['head_dim', ABSENT, REJECTED],
    ['global_head_dim', 16, REJECTED],
    ['global_head_dim', ABSENT, REJECTED],
    ['rms_norm_eps', 1e-6, DIFFERENT],
    ['rms_norm_eps', ABSENT, DIFFERENT],
    ['vocab_size_per_layer_input', 592, REJECTED],
    ['vocab_size_per_layer_input', ABSENT, REJECTED],
    ['hidden_size_per_layer_input', 8, REJECTED],
    ['hidden_size_per_layer_input', ABSENT, REJECTED],
    ['hidden_size_per_layer_input', 0, EITHER],
    ['num_kv_shared_layers', 1, REJECTED],
    ['num_kv_shared_layers', 3, REJECTED],
    ['num_kv_shared_layers', ABSENT, REJECTED],
    ['use_double_wide_mlp', false, REJECTED],
    ['layer_types', [full, sliding, sliding, sliding, sliding, full], REJECTED],
    ['layer_types', ABSENT, REJECTED],
    ['sliding_window', 15, DIFFERENT],
    ['sliding_window', ABSENT, DIFFERENT],
    ['rope_traditional', true, DIFFERENT],
    ['rope_parameters', ABSENT, DIFFERENT],
    ['rope_parameters/full_attention', ABSENT, DIFFERENT],
    ['rope_parameters/full_attention/rope_type', 'default', DIFFERENT],
    ['rope_parameters/full_attention/rope_theta', 1000000, DIFFERENT],
    ['rope_parameters/full_attention/rope_theta', ABSENT, DIFFERENT],
    ['rope_parameters/full_attention/partial_rotary_factor', 0.25, DIFFERENT],
    ['rope_parameters/full_attention/partial_rotary_factor', ABSENT, DIFFERENT],
    ['rope_parameters/full_attention/factor', 2, DIFFERENT],
    ['rope_parameters/full_attention/factor', ABSENT, DIFFERENT],
    ['rope_parameters/sliding_attention', ABSENT, DIFFERENT],
    ['rope_parameters/sliding_attention/rope_theta', 10000, DIFFERENT],
    ['rope_parameters/sliding_attention/rope_theta', ABSENT, DIFFERENT],
    ['rope_parameters/sliding_attention/rope_type', 'longrope', REJECTED],
    ['final_logit_softcapping', 30, DIFFERENT],
    ['final_logit_softcapping', ABSENT, DIFFERENT],
    ['final_logit_softcapping', null, DIFFERENT],
    ['attention_k_eq_v', true, EITHER],
    ['tie_word_embeddings', false, REJECTED],
    ['enable_moe_block', true, REJECTED],
  ],
  'gemma4-b': [
    ['text_config/num_global_key_value_heads', 2, REJECTED],
    ['text_config/num_global_key_value_heads', ABSENT, REJECTED],
    ['text_config/attention_k_eq_v', false, REJECTED],
    ['text_config/attention_k_eq_v', ABSENT, REJECTED],
    ['text_config/num_kv_shared_layers', 1, EITHER],
    ['text_config/num_kv_shared_layers', 3, DIFFERENT],
    ['text_config/use_double_wide_mlp', true, REJECTED],
    ['text_config/use_double_wide_mlp', ABSENT, REJECTED],
    ['text_config/hidden_size_per_layer_input', 16, REJECTED],
    ['text_config/hidden_size_per_layer_input', ABSENT, REJECTED],
    ['text_config/tie_word_embeddings', true, EITHER],
    ['text_config/sliding_window', 9, DIFFERENT],
    ['text_config/final_logit_softcapping', ABSENT, DIFFERENT],
    ['text_config/rms_norm_eps', ABSENT, DIFFERENT],
    ['text_config/rope_parameters/full_attention/partial_rotary_factor', 0.5, DIFFERENT],
    ['text_config/num_attention_heads', 8, REJECTED],
    ['text_config/num_attention_heads', ABSENT, REJECTED],
    ['text_config/num_key_value_heads', ABSENT, REJECTED],
  ],
  'gemma4-c': [
    ['text_config/sliding_window_pattern', 2, DIFFERENT],
    ['text_config/sliding_window_pattern', ABSENT, DIFFERENT],
    ['text_config/layer_types', [sliding, full, sliding, sliding], DIFFERENT],
    ['text_config/layer_types', [sliding, full], REJECTED],
    ['text_config/rope_traditional', false, DIFFERENT],
    ['text_config/rope_traditional', ABSENT, DIFFERENT],
    ['text_config/sliding_window', 7, DIFFERENT],
    ['text_config/global_head_dim', 32, REJECTED],
    ['text_config/global_head_dim', ABSENT, REJECTED],
    ['text_config/num_kv_shared_layers', 1, REJECTED],
    ['text_config/num_kv_shared_layers', ABSENT, REJECTED],
    ['text_config/num_hidden_layers', 3, EITHER],
    ['text_config/final_logit_softcapping', ABSENT, DIFFERENT],
    ['text_config/rms_norm_eps', ABSENT, DIFFERENT],
  ],
}

const table = Object.entries(FIELDS).flatMap(([name, rows]) =>
  rows.map((row) => [name as CheckpointName, ...row] as const),
)

async function changed(name: CheckpointName, field: string, value: unknown): Promise<string> {
  const folder = await copyOf(name)
  await setField(join(folder, 'config.json'), field, value)
  return folder
}

test.each(table)('%s with %s = %j %s', async (name, field, value, outcome) => {
  const folder = await changed(name, field, value)
  const { prompt, logits } = golden(name)
  const result = logitsOf(folder, prompt)
  const rejected = outcome === REJECTED || (outcome === EITHER && (await fails(result)))
  if (!rejected) {
    expect(distance(await result, logits)).toBeGreaterThan(1e-3)
    return
  }
  const error = await rejection(result)
  expect(['bad_config', 'bad_weights', 'unsupported_model']).toContain(error.code)
  expect(error.message).toContain(folder)
})

async function fails(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => false,
    () => true,
  )
}

// With mlx-lm installed: a changed field changes tether's logits as it changes mlx-lm's.
const python = process.env.TETHER_ORACLE_PYTHON
describe.runIf(python)('compared with mlx-lm', () => {
  let oracle: Oracle
  beforeAll(() => {
    oracle = startOracle(python as string)
  })
  afterAll(() => oracle.stop())

  test.each(table.filter(([, , , outcome]) => outcome === DIFFERENT))(
    '%s with %s = %j computes the same logits',
    async (name, field, value) => {
      const folder = await changed(name, field, value)
      const { prompt } = golden(name)
      expect(distance(await logitsOf(folder, prompt), await oracle.logits(folder, prompt))).toBeLessThan(1e-3)
    },
  )

  test.each(table.filter(([, , , outcome]) => outcome === REJECTED))(
    '%s with %s = %j is rejected by both, or is not implemented by tether',
    async (name, field, value) => {
      const folder = await changed(name, field, value)
      const { prompt } = golden(name)
      await rejection(logitsOf(folder, prompt))
      const rejected = await fails(oracle.logits(folder, prompt))
      expect(rejected, 'mlx-lm loads it').toBe(true)
    },
  )
})

test.each<[CheckpointName, string, number]>([
  ['llama-a', 'max_position_embeddings', 320],
  ['llama-b', 'max_position_embeddings', 256],
  ['gemma4-a', 'max_position_embeddings', 384],
  ['gemma4-b', 'text_config/max_position_embeddings', 288],
])('the window of %s is its %s', async (name, field, window) => {
  const folder = await copyOf(name)
  const windowOf = async () => {
    const engine = await loadEngine(folder)
    await engine.close()
    return engine.info.trainedWindow
  }
  expect(await windowOf()).toBe(window)
  await setField(join(folder, 'config.json'), field, 100)
  expect(await windowOf()).toBe(100)
})

test('stop tokens are those of generation_config.json, or of config.json if it has none', async () => {
  const folder = await copyOf('llama-b')
  const stopTokensOf = async () => {
    const engine = await loadEngine(folder)
    await engine.close()
    return engine.info.stopTokens
  }
  expect(await stopTokensOf()).toEqual([499, 505])
  await setField(join(folder, 'generation_config.json'), 'eos_token_id', undefined)
  expect(await stopTokensOf()).toEqual([505])
})

test.each<[CheckpointName, Record<string, unknown>]>([
  [
    'llama-a',
    {
      rope_theta: ABSENT,
      rope_scaling: ABSENT,
      rope_parameters: {
        rope_theta: 500,
        rope_type: 'llama3',
        factor: 5,
        low_freq_factor: 2,
        high_freq_factor: 8,
        original_max_position_embeddings: 64,
      },
    },
  ],
  [
    'gemma3-b',
    {
      'text_config/rope_theta': ABSENT,
      'text_config/rope_scaling': ABSENT,
      'text_config/rope_parameters': {
        full_attention: { rope_type: 'linear', factor: 2, rope_theta: 900 },
        sliding_attention: { rope_type: 'default', rope_theta: 10000 },
      },
      'text_config/layer_types': [...Array(5).fill(sliding), full, sliding],
    },
  ],
])('%s with the field names of newer config.json files computes the same logits', async (name, fields) => {
  const folder = await copyOf(name)
  for (const [field, value] of Object.entries(fields)) await setField(join(folder, 'config.json'), field, value)
  const { prompt, logits } = golden(name)
  expect(distance(await logitsOf(folder, prompt), logits)).toBeLessThan(1e-3)
})

test('a field that no family reads does not change the logits', async () => {
  const folder = await copyOf('gemma4-a')
  await setField(join(folder, 'config.json'), 'initializer_range', 0.5)
  const { prompt, logits } = golden('gemma4-a')
  expect(distance(await logitsOf(folder, prompt), logits)).toBeLessThan(1e-3)
})
