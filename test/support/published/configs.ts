/** config.json in the spellings of published checkpoints, with sizes of a few thousand weights. */
import type { JsonObject } from '../../../src/chat/types.js'
import type { Architecture, Layout, Sizes } from './tensors.js'

export interface ConfigShape {
  /** What is special about it, in a few words. */
  about: string
  /** Unset: tether has no code for it. */
  architecture?: Architecture
  layout?: Layout
  /** Other than the usual sizes. */
  sizes?: Partial<Sizes>
  /** Tensors of other parts of the model, which are skipped. */
  extra?: Record<string, number[]>
  config(sizes: Sizes): JsonObject
}

export const USUAL_SIZES: Omit<Sizes, 'vocab'> = {
  hidden: 64,
  layers: 2,
  intermediate: 128,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
}

const VISION = { 'vision_tower.encoder.layers.0.self_attn.k_proj.weight': [8, 8] }
const HF_VISION = { 'model.vision_tower.encoder.layers.0.self_attn.k_proj.weight': [8, 8] }
const PROJECTOR = { 'multi_modal_projector.linear_1.weight': [8, 8] }

/** Fields that every flat file has. */
function plain(sizes: Sizes): JsonObject {
  return {
    hidden_size: sizes.hidden,
    intermediate_size: sizes.intermediate,
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.kvHeads,
    vocab_size: sizes.vocab,
    initializer_range: 0.02,
    use_cache: true,
  }
}

function llama(sizes: Sizes, more: JsonObject): JsonObject {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    ...plain(sizes),
    hidden_act: 'silu',
    attention_bias: false,
    attention_dropout: 0,
    pretraining_tp: 1,
    rms_norm_eps: 1e-5,
    torch_dtype: 'bfloat16',
    transformers_version: '4.43.0',
    max_position_embeddings: 8192,
    ...more,
  }
}

const LLAMA3_SCALING = {
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
  rope_type: 'llama3',
}

function mistral(sizes: Sizes, more: JsonObject): JsonObject {
  return {
    architectures: ['MistralForCausalLM'],
    model_type: 'mistral',
    ...plain(sizes),
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    sliding_window: null,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
    max_position_embeddings: 32768,
    rope_theta: 1e6,
    ...more,
  }
}

const YARN = {
  rope_type: 'yarn',
  type: 'yarn',
  rope_theta: 1e6,
  factor: 16,
  original_max_position_embeddings: 16384,
  beta_fast: 32,
  beta_slow: 1,
  mscale: 1,
  mscale_all_dim: 1,
  llama_4_scaling_beta: 0.1,
}

/** An image checkpoint around a language model. */
function wrapped(type: string, architecture: string, text: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    architectures: [architecture],
    model_type: type,
    text_config: text,
    vision_config: { hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 1, image_size: 14, patch_size: 14 },
    ...more,
  }
}

function ministral3(sizes: Sizes, more: JsonObject): JsonObject {
  const text = {
    ...plain(sizes),
    ...{ model_type: 'ministral3', head_dim: sizes.headDim, rms_norm_eps: 1e-5, rope_parameters: YARN },
    ...{ max_position_embeddings: 262144, sliding_window: null, hidden_act: 'silu', attention_dropout: 0, ...more },
  }
  const outer = { dtype: 'bfloat16', image_token_index: 10, spatial_merge_size: 2, transformers_version: '5.0.0.dev0' }
  return wrapped('mistral3', 'Mistral3ForConditionalGeneration', text, outer)
}

function gemmaText(sizes: Sizes, type: string, more: JsonObject): JsonObject {
  return {
    model_type: type,
    ...plain(sizes),
    head_dim: sizes.headDim,
    hidden_activation: 'gelu_pytorch_tanh',
    rms_norm_eps: 1e-6,
    attention_bias: false,
    max_position_embeddings: 32768,
    ...more,
  }
}

/** Sliding layers, and a full one at the end. */
const kinds = ({ layers }: Sizes) => [...Array(layers - 1).fill('sliding_attention'), 'full_attention']

const gemma3 = { query_pre_attn_scalar: 16, sliding_window: 512, rope_theta: 1e6, rope_local_base_freq: 10000 }

function gemma3n(sizes: Sizes): JsonObject {
  const text = gemmaText(sizes, 'gemma3n_text', {
    intermediate_size: Array(sizes.layers).fill(sizes.intermediate),
    activation_sparsity_pattern: [0.95, ...Array(sizes.layers - 1).fill(0)],
    ...{ layer_types: kinds(sizes), num_kv_shared_layers: 0, sliding_window: 512, rope_scaling: null },
    ...{ rope_theta: 1e6, rope_local_base_freq: 10000, final_logit_softcapping: 30 },
    vocab_size_per_layer_input: sizes.vocab,
    hidden_size_per_layer_input: sizes.perLayer ?? 0,
    ...{ altup_num_inputs: 2, altup_active_idx: 0, altup_coef_clip: 120, altup_correct_scale: true, laurel_rank: 64 },
  })
  return wrapped('gemma3n', 'Gemma3nForConditionalGeneration', text, { audio_config: { hidden_size: 8 } })
}

const GEMMA4_ROPE = {
  full_attention: { partial_rotary_factor: 0.25, rope_theta: 1e6, rope_type: 'proportional' },
  sliding_attention: { rope_theta: 10000, rope_type: 'default' },
}

function gemma4(sizes: Sizes, more: JsonObject, type = 'gemma4'): JsonObject {
  const text = gemmaText(sizes, `${type}_text`, {
    ...{ layer_types: kinds(sizes), sliding_window: 512, rope_parameters: GEMMA4_ROPE, tie_word_embeddings: true },
    ...{ global_head_dim: sizes.globalHeadDim ?? null, final_logit_softcapping: 30, num_kv_shared_layers: 0 },
    ...{ hidden_size_per_layer_input: sizes.perLayer ?? 0, vocab_size_per_layer_input: sizes.vocab },
    ...{ use_double_wide_mlp: false, enable_moe_block: false, attention_k_eq_v: false, ...more },
  })
  const architecture = type === 'gemma4' ? 'Gemma4ForConditionalGeneration' : 'Gemma4UnifiedForConditionalGeneration'
  return wrapped(type, architecture, text, { audio_config: null, dtype: 'bfloat16', tie_word_embeddings: true })
}

/** A model that tether has no code for: only config.json matters. */
const other = (model_type: string, more: JsonObject = {}): ConfigShape => ({
  about: 'a type without code',
  config: (sizes) => ({ ...llama(sizes, more), model_type }),
})

export const CONFIGS = {
  gemma2: {
    about: 'flat, no tie_word_embeddings',
    architecture: 'gemma2',
    config: (sizes) => ({
      architectures: ['Gemma2ForCausalLM'],
      ...gemmaText(sizes, 'gemma2', {
        attn_logit_softcapping: 50,
        final_logit_softcapping: 30,
        cache_implementation: 'hybrid',
      }),
      ...{ query_pre_attn_scalar: 16, rope_theta: 10000, sliding_window: 4096, sliding_window_size: 4096 },
    }),
  },
  gemma3_text: {
    about: 'flat, sliding_window_pattern',
    architecture: 'gemma3',
    config: (sizes) => ({
      architectures: ['Gemma3ForCausalLM'],
      ...gemmaText(sizes, 'gemma3_text', { ...gemma3, rope_scaling: null, sliding_window_pattern: 6 }),
    }),
  },
  'gemma3_text, layer_types': {
    about: 'flat, layer_types and _sliding_window_pattern',
    architecture: 'gemma3',
    config: (sizes) => ({
      architectures: ['Gemma3TextModel'],
      ...gemmaText(sizes, 'gemma3_text', { ...gemma3, layer_types: kinds(sizes), _sliding_window_pattern: 6 }),
      ...{ attn_logit_softcapping: null, final_logit_softcapping: null, use_bidirectional_attention: false },
    }),
  },
  'gemma3_text, v5': {
    about: 'flat, rope_parameters by kind of layer',
    architecture: 'gemma3',
    config: (sizes) => ({
      architectures: ['Gemma3ForCausalLM'],
      ...gemmaText(sizes, 'gemma3_text', { query_pre_attn_scalar: 16, sliding_window: 512, layer_types: kinds(sizes) }),
      rope_parameters: {
        full_attention: { rope_theta: 1e6, rope_type: 'default' },
        sliding_attention: { rope_theta: 10000, rope_type: 'default' },
      },
    }),
  },
  gemma3: {
    about: 'text_config without heads, linear',
    architecture: 'gemma3',
    layout: 'mlx',
    sizes: { heads: 8, kvHeads: 4, headDim: 256 },
    extra: { ...VISION, 'multi_modal_projector.mm_input_projection_weight': [8, 64] },
    config: ({ hidden, intermediate, layers, vocab }) => {
      const sizes = {
        hidden_size: hidden,
        intermediate_size: intermediate,
        num_hidden_layers: layers,
        vocab_size: vocab,
      }
      const rope_scaling = { factor: 8, rope_type: 'linear' }
      const text = { model_type: 'gemma3_text', ...sizes, rope_scaling, sliding_window: 1024 }
      const outer = { boi_token_index: 255999, image_token_index: 262144, mm_tokens_per_image: 256 }
      return wrapped('gemma3', 'Gemma3ForConditionalGeneration', text, outer)
    },
  },
  'gemma3, full': {
    about: 'text_config, linear',
    architecture: 'gemma3',
    layout: 'hf',
    extra: HF_VISION,
    config: (sizes) => {
      const scaling = { rope_scaling: { factor: 8, rope_type: 'linear' }, layer_types: kinds(sizes) }
      const text = gemmaText(sizes, 'gemma3_text', { ...gemma3, ...scaling, _sliding_window_pattern: 6 })
      return wrapped('gemma3', 'Gemma3ForConditionalGeneration', text, { dtype: 'bfloat16' })
    },
  },
  gemma3n: {
    about: 'text_config with audio_config',
    architecture: 'gemma3n',
    layout: 'mlx',
    sizes: { perLayer: 64 },
    extra: { ...VISION, 'embed_audio.embedding.weight': [8, 8] },
    config: gemma3n,
  },
  'gemma3n, text only': {
    about: 'text_config, no other tensors',
    architecture: 'gemma3n',
    layout: 'mlx',
    sizes: { perLayer: 64 },
    config: gemma3n,
  },
  'gemma4, per layer': {
    about: 'text_config, inputs for each layer',
    architecture: 'gemma4',
    layout: 'mlx',
    sizes: { perLayer: 64, globalHeadDim: 32 },
    extra: { ...VISION, 'audio_tower.layers.0.norm.weight': [8], 'embed_vision.embedding_projection.weight': [64, 8] },
    config: (sizes) => gemma4(sizes, {}),
  },
  'gemma4, dense': {
    about: 'text_config',
    architecture: 'gemma4',
    layout: 'mlx',
    sizes: { globalHeadDim: 32 },
    extra: VISION,
    config: (sizes) => gemma4(sizes, {}),
  },
  'gemma4, dense, hf': {
    about: "text_config, transformers' names",
    architecture: 'gemma4',
    layout: 'hf',
    sizes: { globalHeadDim: 32 },
    extra: HF_VISION,
    config: (sizes) => gemma4(sizes, {}),
  },
  'gemma4, experts': {
    about: 'text_config, experts',
    architecture: 'gemma4',
    layout: 'mlx',
    sizes: { globalHeadDim: 32, experts: 4 },
    extra: VISION,
    config: (sizes) =>
      gemma4(sizes, { enable_moe_block: true, num_experts: 4, top_k_experts: 2, moe_intermediate_size: sizes.hidden }),
  },
  gemma4_unified: {
    about: 'text_config',
    architecture: 'gemma4',
    layout: 'mlx',
    sizes: { globalHeadDim: 32 },
    extra: { 'vision_embedder.patch.weight': [8, 8] },
    config: (sizes) => gemma4(sizes, {}, 'gemma4_unified'),
  },
  'llama, 2': {
    about: 'flat, no rope_theta',
    architecture: 'llama',
    sizes: { kvHeads: 4, head: true },
    config: (sizes) =>
      llama(sizes, {
        tie_word_embeddings: false,
        rope_scaling: null,
        torch_dtype: 'float16',
        max_position_embeddings: 4096,
      }),
  },
  'llama, oldest': {
    about: 'flat, no num_key_value_heads, no tie_word_embeddings',
    architecture: 'llama',
    sizes: { kvHeads: 4, head: true },
    config: (sizes) => {
      const { num_key_value_heads: _, attention_bias: _bias, ...config } = llama(sizes, { pad_token_id: 0 })
      return config
    },
  },
  'llama, 3': {
    about: 'flat, rope_theta',
    architecture: 'llama',
    sizes: { head: true },
    config: (sizes) => llama(sizes, { rope_theta: 500000, rope_scaling: null, tie_word_embeddings: false }),
  },
  'llama, 3.1': {
    about: 'flat, llama3 scaling',
    architecture: 'llama',
    sizes: { head: true },
    config: (sizes) =>
      llama(sizes, {
        rope_theta: 500000,
        rope_scaling: LLAMA3_SCALING,
        tie_word_embeddings: false,
        mlp_bias: false,
        max_position_embeddings: 131072,
      }),
  },
  'llama, 3.2': {
    about: 'flat, llama3 scaling, tied',
    architecture: 'llama',
    config: (sizes) =>
      llama(sizes, {
        ...{ rope_theta: 500000, rope_scaling: { ...LLAMA3_SCALING, factor: 32 }, tie_word_embeddings: true },
        ...{ head_dim: sizes.headDim, mlp_bias: false, max_position_embeddings: 131072 },
      }),
  },
  'llama, v5': {
    about: 'flat, rope_parameters, dtype',
    architecture: 'llama',
    sizes: { head: true },
    config: (sizes) => {
      const { torch_dtype: _, ...config } = llama(sizes, { rope_parameters: { ...LLAMA3_SCALING, rope_theta: 500000 } })
      return { ...config, dtype: 'bfloat16', tie_word_embeddings: false, head_dim: null, pad_token_id: null }
    },
  },
  'llama, linear': {
    about: 'flat, linear scaling by type',
    architecture: 'llama',
    sizes: { kvHeads: 4, head: true },
    config: (sizes) =>
      llama(sizes, {
        rope_theta: 100000,
        rope_scaling: { factor: 4, type: 'linear' },
        tie_word_embeddings: false,
        max_position_embeddings: 16384,
      }),
  },
  'llama, tied': {
    about: 'flat, tied',
    architecture: 'llama',
    config: (sizes) =>
      llama(sizes, {
        rope_theta: 10000,
        rope_interleaved: false,
        rope_scaling: null,
        tie_word_embeddings: true,
        is_llama_config: true,
      }),
  },
  'llama, biases': {
    about: 'flat, biases, tied',
    architecture: 'llama',
    sizes: { attentionBias: true, mlpBias: true },
    config: (sizes) =>
      llama(sizes, { attention_bias: true, mlp_bias: true, rope_theta: 10000, tie_word_embeddings: true }),
  },
  'llama, wide heads': {
    about: 'flat, head_dim of its own',
    architecture: 'llama',
    sizes: { headDim: 32, head: true },
    config: (sizes) =>
      llama(sizes, { head_dim: sizes.headDim, rope_theta: 1000042, mlp_bias: false, tie_word_embeddings: false }),
  },
  llava: {
    about: 'text_config of a llama',
    architecture: 'llama',
    layout: 'mlx',
    sizes: { kvHeads: 4, head: true },
    extra: { ...VISION, ...PROJECTOR },
    config: (sizes) => {
      const { vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads } = plain(
        sizes,
      ) as Record<string, number>
      const own = { vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads } as JsonObject
      const text = {
        model_type: 'llama',
        architectures: ['LlamaForCausalLM'],
        rms_norm_eps: 1e-5,
        max_position_embeddings: 4096,
        ...own,
        num_key_value_heads: sizes.kvHeads,
      }
      return wrapped('llava', 'LlavaForConditionalGeneration', text, { image_token_index: 32000, ignore_index: -100 })
    },
  },
  'mistral, v0.1': {
    about: 'flat, sliding_window',
    architecture: 'llama',
    sizes: { head: true },
    config: (sizes) => mistral(sizes, { sliding_window: 4096, rope_theta: 10000 }),
  },
  mistral: {
    about: 'flat, sliding_window null',
    architecture: 'llama',
    sizes: { head: true },
    config: (sizes) => mistral(sizes, {}),
  },
  'mistral, wide heads': {
    about: 'flat, head_dim of its own',
    architecture: 'llama',
    sizes: { headDim: 32, head: true },
    config: (sizes) => mistral(sizes, { head_dim: sizes.headDim, max_position_embeddings: 131072 }),
  },
  'mistral, v5': {
    about: 'flat, rope_parameters, dtype',
    architecture: 'llama',
    sizes: { headDim: 32, head: true },
    config: (sizes) => {
      const { rope_theta: _, torch_dtype: _dtype, ...config } = mistral(sizes, { head_dim: sizes.headDim })
      return { ...config, dtype: 'bfloat16', rope_parameters: { rope_theta: 1e6, rope_type: 'default' } }
    },
  },
  ministral: {
    about: 'flat, layer_types',
    architecture: 'llama',
    sizes: { headDim: 32, head: true },
    config: (sizes) => {
      const text = { head_dim: sizes.headDim, sliding_window: 32768, layer_types: kinds(sizes), rope_theta: 1e8 }
      return { ...mistral(sizes, text), model_type: 'ministral', architectures: ['MinistralForCausalLM'] }
    },
  },
  mistral3: {
    about: 'text_config of a mistral',
    architecture: 'llama',
    layout: 'mlx',
    sizes: { headDim: 32, head: true },
    extra: { ...VISION, ...PROJECTOR },
    config: (sizes) => {
      const text = mistral(sizes, { head_dim: sizes.headDim, max_position_embeddings: 131072 })
      return wrapped('mistral3', 'Mistral3ForConditionalGeneration', text, {
        image_token_index: 10,
        vision_feature_layer: -1,
      })
    },
  },
  'mistral3, hf': {
    about: "text_config of a mistral, transformers' names",
    architecture: 'llama',
    layout: 'hf',
    sizes: { headDim: 32, head: true },
    extra: { 'model.vision_tower.patch_conv.weight': [8, 8], 'model.multi_modal_projector.linear_1.weight': [8, 8] },
    config: (sizes) => {
      const text = mistral(sizes, { head_dim: sizes.headDim, max_position_embeddings: 131072 })
      return wrapped('mistral3', 'Mistral3ForConditionalGeneration', text, { image_token_index: 10, dtype: 'bfloat16' })
    },
  },
  'mistral3, ministral3': {
    about: 'text_config of a ministral3, yarn',
    architecture: 'llama',
    layout: 'mlx',
    sizes: { headDim: 32, head: true },
    extra: { ...VISION, ...PROJECTOR },
    config: (sizes) => ministral3(sizes, { tie_word_embeddings: false }),
  },
  'mistral3, ministral3, tied': {
    about: 'text_config of a ministral3, yarn, tied',
    architecture: 'llama',
    layout: 'mlx',
    sizes: { headDim: 32 },
    extra: { ...VISION, ...PROJECTOR },
    config: (sizes) => ministral3(sizes, { tie_word_embeddings: true }),
  },
  'llava, mistral': {
    about: 'text_config of a mistral',
    architecture: 'llama',
    layout: 'mlx',
    sizes: { headDim: 32, head: true },
    extra: { ...VISION, ...PROJECTOR },
    config: (sizes) => {
      const text = {
        ...plain(sizes),
        model_type: 'mistral',
        head_dim: sizes.headDim,
        is_composition: true,
        rope_theta: 1e9,
      }
      return wrapped('llava', 'LlavaForConditionalGeneration', text, {
        image_token_index: 10,
        projector_hidden_act: 'gelu',
      })
    },
  },
  gemma: other('gemma'),
  mixtral: other('mixtral', { num_local_experts: 8, num_experts_per_tok: 2 }),
  mllama: other('mllama'),
  llama4: other('llama4'),
  'nemotron-nas': other('nemotron-nas'),
  smollm3: other('smollm3'),
  voxtral: other('voxtral'),
} as const satisfies Record<string, ConfigShape>

export type ConfigName = keyof typeof CONFIGS

export const shapeOf = (name: ConfigName): ConfigShape => CONFIGS[name]
