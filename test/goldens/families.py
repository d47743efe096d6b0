"""The checkpoints as data: a config.json each, with values other than the defaults, and the variants to write."""

import mlx.core as mx

# Fields of mlx-lm's ModelArgs that its forward pass does not read.
FAMILY_FIELDS = {
    "llama": {"not_read": {"model_type"}},
    "ministral3": {"not_read": {"model_type"}},
    "gemma2": {"not_read": {"model_type"}},
    "gemma3": {"not_read": {"model_type", "max_position_embeddings"}},
    "gemma3n": {"not_read": {"model_type", "max_position_embeddings", "rope_scaling"}},
    "gemma4": {
        "not_read": {
            "model_type",
            "pad_token_id",
            "partial_rotary_factor",
            "global_partial_rotary_factor",
        }
    },
}

LLAMA_VOCAB = 512
GEMMA_VOCAB = 592
SMALL_VOCAB = 320  # of families whose fixtures have no tokenizer


def llama(text):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": LLAMA_VOCAB, **text}


def gemma_text(text):
    return {"model_type": "gemma4_text", "vocab_size": GEMMA_VOCAB, **text}


def gemma_wrapped(text):
    """mlx-lm takes the vocabulary's size from the outer object, published text_configs have their own."""
    return {
        "architectures": ["Gemma4ForConditionalGeneration"],
        "model_type": "gemma4",
        "vocab_size": GEMMA_VOCAB,
        "eos_token_id": [1, 6],
        "text_config": gemma_text(text),
    }


# Llama 3.x's shape: scaled RoPE, heads wider than hidden / heads, biases everywhere, a head of its own.
LLAMA_A = llama(
    {
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rms_norm_eps": 0.05,
        "max_position_embeddings": 320,
        "attention_bias": True,
        "mlp_bias": True,
        "rope_theta": 500.0,
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 5.0,
            "low_freq_factor": 2.0,
            "high_freq_factor": 8.0,
            "original_max_position_embeddings": 64,
        },
        "tie_word_embeddings": False,
        "eos_token_id": [499, 505],
    }
)

# What mlx-lm's Llama also knows: sliding layers, neighbouring pairs rotated by RoPE, linear scaling, defaults left out.
LLAMA_B = llama(
    {
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "rms_norm_eps": 0.02,
        "max_position_embeddings": 256,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "sliding_attention"],
        "sliding_window": 8,
        "rope_theta": 700.0,
        "rope_traditional": True,
        "rope_scaling": {"type": "linear", "factor": 2.5},
        "tie_word_embeddings": True,
        "eos_token_id": 505,
    }
)

# E2B's shape: per-layer inputs, shared keys and values, double-wide MLPs there, p-RoPE.
GEMMA_A = gemma_text(
    {
        "hidden_size": 32,
        "num_hidden_layers": 6,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "global_head_dim": 32,
        "rms_norm_eps": 0.03,
        "vocab_size_per_layer_input": 600,
        "hidden_size_per_layer_input": 16,
        "num_kv_shared_layers": 2,
        "use_double_wide_mlp": True,
        "layer_types": [
            "sliding_attention",
            "full_attention",
            "sliding_attention",
            "sliding_attention",
            "sliding_attention",
            "full_attention",
        ],
        "sliding_window": 16,
        "max_position_embeddings": 384,
        "rope_parameters": {
            "full_attention": {
                "rope_type": "proportional",
                "rope_theta": 3000.0,
                "partial_rotary_factor": 0.5,
                "factor": 1.5,
            },
            "sliding_attention": {"rope_type": "default", "rope_theta": 200.0},
        },
        "final_logit_softcapping": 14.0,
        "tie_word_embeddings": True,
        "eos_token_id": [1, 6],
    }
)

# 31B's shape, in the layout of MLX's converted checkpoints: wrapped, values that are the keys, fewer global heads.
GEMMA_B = gemma_wrapped(
    {
        "hidden_size": 32,
        "num_hidden_layers": 5,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "num_global_key_value_heads": 1,
        "attention_k_eq_v": True,
        "head_dim": 16,
        "global_head_dim": 32,
        "rms_norm_eps": 0.02,
        "hidden_size_per_layer_input": 0,
        "num_kv_shared_layers": 2,
        "use_double_wide_mlp": False,
        "layer_types": [
            "full_attention",
            "sliding_attention",
            "sliding_attention",
            "full_attention",
            "sliding_attention",
        ],
        "sliding_window": 8,
        "max_position_embeddings": 288,
        "rope_parameters": {
            "full_attention": {"rope_type": "proportional", "rope_theta": 900.0, "partial_rotary_factor": 0.25},
            "sliding_attention": {"rope_type": "default", "rope_theta": 90.0, "partial_rotary_factor": 1.0},
        },
        "final_logit_softcapping": 20.0,
        "tie_word_embeddings": False,
    }
)

# In Hugging Face's own layout, with as many fields left out or null as the family allows.
GEMMA_C = gemma_wrapped(
    {
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "head_dim": 16,
        "global_head_dim": None,
        "rms_norm_eps": 0.04,
        "hidden_size_per_layer_input": 0,
        "num_kv_shared_layers": 0,
        "sliding_window": 8,
        "sliding_window_pattern": 3,
        "rope_traditional": True,
        "final_logit_softcapping": None,
    }
)

# 26B-A4B's shape: experts beside each MLP, values that are the keys in full layers.
GEMMA_D = gemma_wrapped(
    {
        "vocab_size": SMALL_VOCAB,
        "hidden_size": 64,
        "num_hidden_layers": 3,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "num_global_key_value_heads": 1,
        "attention_k_eq_v": True,
        "head_dim": 16,
        "global_head_dim": 32,
        "rms_norm_eps": 0.02,
        "hidden_size_per_layer_input": 0,
        "num_kv_shared_layers": 0,
        "enable_moe_block": True,
        "num_experts": 5,
        "top_k_experts": 3,
        "moe_intermediate_size": 64,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
        "sliding_window": 16,
        "max_position_embeddings": 288,
        "rope_parameters": {
            "full_attention": {"rope_type": "proportional", "rope_theta": 900.0, "partial_rotary_factor": 0.25},
            "sliding_attention": {"rope_type": "default", "rope_theta": 90.0},
        },
        "final_logit_softcapping": 20.0,
        "tie_word_embeddings": True,
    }
)
GEMMA_D["vocab_size"] = SMALL_VOCAB

# Mistral is Llama to mlx-lm: heads of their own size, a sliding window that is not read without layer_types, YaRN.
MISTRAL_A = {
    "architectures": ["MistralForCausalLM"],
    "model_type": "mistral",
    "vocab_size": SMALL_VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "rms_norm_eps": 0.02,
    "max_position_embeddings": 256,
    "sliding_window": 8,
    "rope_theta": 800.0,
    "rope_scaling": {
        "type": "yarn",
        "factor": 4.0,
        "original_max_position_embeddings": 64,
        "beta_fast": 4,
        "beta_slow": 0.5,
        "mscale": 1.5,
        "mscale_all_dim": 0.5,
    },
    "tie_word_embeddings": False,
    "eos_token_id": [499, 505],
}

# Devstral 2's shape and wrapper: queries that grow with their position, which sliding layers cannot hide.
MISTRAL_B = {
    "architectures": ["Mistral3ForConditionalGeneration"],
    "model_type": "mistral3",
    "text_config": {
        "model_type": "ministral3",
        "vocab_size": SMALL_VOCAB,
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "rms_norm_eps": 0.03,
        "max_position_embeddings": 288,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
        "sliding_window": 8,
        "rope_parameters": {
            "rope_type": "yarn",
            "rope_theta": 500.0,
            "factor": 3.0,
            "original_max_position_embeddings": 6,
            "llama_4_scaling_beta": 0.4,
            "mscale": 1.0,
            "mscale_all_dim": 1.0,
        },
        "tie_word_embeddings": False,
    },
}

# LongRoPE, with a factor for each pair of dimensions.
LLAMA_C = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": SMALL_VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "intermediate_size": 64,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 0.03,
    "max_position_embeddings": 256,
    "rope_theta": 500.0,
    "rope_scaling": {
        "type": "longrope",
        "short_factor": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        "long_factor": [1.0, 1.1, 1.3, 1.7, 2.5, 4.0, 6.0, 9.0],
        "original_max_position_embeddings": 64,
    },
    "tie_word_embeddings": True,
    "eos_token_id": [499, 505],
}

# Wide enough for groups of 128; it is there for its quantizations alone.
LLAMA_D = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": SMALL_VOCAB,
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 0.02,
    "max_position_embeddings": 256,
    "rope_theta": 500.0,
    "tie_word_embeddings": False,
    "eos_token_id": [499, 505],
}

# Soft caps on scores and logits, and a sliding window that mlx-lm does not read.
GEMMA2_A = {
    "architectures": ["Gemma2ForCausalLM"],
    "model_type": "gemma2",
    "vocab_size": SMALL_VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "rms_norm_eps": 0.03,
    "max_position_embeddings": 256,
    "rope_theta": 300.0,
    "rope_traditional": True,
    "attn_logit_softcapping": 4.0,
    "final_logit_softcapping": 17.0,
    "query_pre_attn_scalar": 12,
    "sliding_window": 8,
    "eos_token_id": [1, 6],
}

# 1B's shape, all fields of mlx-lm's given.
GEMMA3_A = {
    "architectures": ["Gemma3ForCausalLM"],
    "model_type": "gemma3_text",
    "vocab_size": SMALL_VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 5,
    "intermediate_size": 64,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 32,
    "rms_norm_eps": 0.03,
    "max_position_embeddings": 320,
    "rope_theta": 3000.0,
    "rope_local_base_freq": 200.0,
    "query_pre_attn_scalar": 20,
    "sliding_window": 16,
    "sliding_window_pattern": 2,
    "tie_word_embeddings": True,
    "eos_token_id": [1, 6],
}

# 4B's shape and wrapper: linear scaling in full layers, the pattern of six, a head of its own.
GEMMA3_B = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "vocab_size": SMALL_VOCAB,
    "eos_token_id": [1, 6],
    "text_config": {
        "model_type": "gemma3_text",
        "vocab_size": SMALL_VOCAB,
        "hidden_size": 32,
        "num_hidden_layers": 7,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rms_norm_eps": 0.04,
        "max_position_embeddings": 288,
        "rope_theta": 900.0,
        "rope_scaling": {"rope_type": "linear", "factor": 2.0},
        "query_pre_attn_scalar": 9,
        "sliding_window": 8,
        "tie_word_embeddings": False,
    },
}

# E2B's parts: three streams, MLPs of several widths and sparsities, tokens beyond the per-layer table, shared keys.
GEMMA3N_A = {
    "architectures": ["Gemma3nForConditionalGeneration"],
    "model_type": "gemma3n",
    "eos_token_id": [1, 6],
    "text_config": {
        "model_type": "gemma3n_text",
        "vocab_size": SMALL_VOCAB,
        "hidden_size": 32,
        "num_hidden_layers": 5,
        "intermediate_size": [64, 64, 96, 64, 64],
        "activation_sparsity_pattern": [0.7, 0.0, 0.4, 0.0, 0.6],
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rms_norm_eps": 0.03,
        "max_position_embeddings": 288,
        "layer_types": [
            "sliding_attention",
            "full_attention",
            "sliding_attention",
            "sliding_attention",
            "full_attention",
        ],
        "num_kv_shared_layers": 2,
        "sliding_window": 8,
        "rope_theta": 900.0,
        "rope_local_base_freq": 90.0,
        "vocab_size_per_layer_input": 300,
        "hidden_size_per_layer_input": 16,
        "altup_num_inputs": 3,
        "altup_active_idx": 1,
        "altup_coef_clip": 0.5,
        "altup_correct_scale": True,
        "laurel_rank": 8,
        "final_logit_softcapping": 18.0,
        "tie_word_embeddings": True,
    },
}

# How large weights are drawn, by a part of the tensor's name; 1 otherwise.
LLAMA_SCALES = {"embed_tokens": 0.6, "lm_head": 0.6, "q_proj": 1.5, "k_proj": 1.5}
LLAMA_TIED_SCALES = {"embed_tokens": 0.6, "v_proj": 1.6, "o_proj": 1.6, "down_proj": 1.6, "q_proj": 1.5, "k_proj": 1.5}
GEMMA_SCALES = {
    "embed_tokens_per_layer": 0.3,
    "embed_tokens": 0.25,
    "lm_head": 0.6,
    "q_norm": 0.7,
    "k_norm": 0.7,
    "post_attention_layernorm": 1.5,
    "post_feedforward_layernorm": 1.5,
    "model.norm": 2.5,
}

GEMMA3_SCALES = {
    "embed_tokens": 0.1,
    "q_norm": 1.3,
    "k_norm": 1.3,
    "q_proj": 1.5,
    "k_proj": 1.5,
    "post_attention_layernorm": 1.5,
    "post_feedforward_layernorm": 1.5,
    "model.norm": 8.0,
}

GEMMA_GENERATION = {"do_sample": True, "temperature": 1.0, "top_k": 64, "top_p": 0.95, "eos_token_id": [1, 6]}
LLAMA_GENERATION = {"do_sample": True, "temperature": 0.6, "top_p": 0.9, "eos_token_id": [499, 505]}

CHECKPOINTS = [
    {
        "name": "llama-a",
        "family": "llama",
        "config": LLAMA_A,
        "text": LLAMA_A,
        "scales": LLAMA_SCALES,
        "generation": LLAMA_GENERATION,
        "tokenizer": "llama3-tiny",
        "lengths": [11, 16, 48],
        "seed": 1001,
        "variants": [
            {"dtype": mx.float32},
            {"suffix": "-f16", "dtype": mx.float16},
            {"suffix": "-4bit", "dtype": mx.float32, "bits": 4},
        ],
    },
    {
        "name": "gemma4-a",
        "family": "gemma4",
        "config": {"architectures": ["Gemma4ForCausalLM"], **GEMMA_A},
        "text": GEMMA_A,
        "scales": GEMMA_SCALES,
        "generation": GEMMA_GENERATION,
        "tokenizer": "gemma4-tiny",
        "lengths": [11, 16, 48],
        "seed": 2001,
        "variants": [
            {"dtype": mx.float32},
            {"suffix": "-4bit", "dtype": mx.float32, "bits": 4},
        ],
    },
    {
        "name": "llama-b",
        "family": "llama",
        "config": LLAMA_B,
        "text": LLAMA_B,
        "scales": LLAMA_TIED_SCALES,
        "generation": LLAMA_GENERATION,
        "tokenizer": "llama3-tiny",
        "lengths": [5, 8, 24],
        "seed": 3010,
        "variants": [
            {"dtype": mx.float32, "shards": 2},
            {"suffix": "-8bit", "dtype": mx.float32, "bits": 8},
        ],
    },
    {
        "name": "gemma4-b",
        "family": "gemma4",
        "config": GEMMA_B,
        "text": GEMMA_B["text_config"],
        "scales": {**GEMMA_SCALES, "model.norm": 1.2},
        "generation": GEMMA_GENERATION,
        "tokenizer": "gemma4-tiny",
        "lengths": [5, 8, 24],
        "seed": 4000,
        "layout": "mlx-wrapped",
        "extra": {
            "vision_tower.encoder.layers.0.self_attn.k_proj.weight": (8, 8),
            "vision_tower.patch_embedder.input_proj.weight": (8, 12),
            "audio_tower.layers.0.norm.weight": (8,),
            "embed_vision.embedding_projection.weight": (32, 8),
            "language_model.model.layers.3.self_attn.k_proj.weight": (32, 32),
            "language_model.model.layers.3.self_attn.k_norm.weight": (32,),
            "language_model.model.layers.4.self_attn.v_proj.weight": (32, 32),
        },
        "variants": [
            {"dtype": mx.bfloat16, "shards": 2},
            {
                "suffix": "-mixed",
                "dtype": mx.bfloat16,
                "bits": 4,
                "overrides": {"embed_tokens": 8, "layers.0.mlp": 8, "layers.2.self_attn.q_proj": False},
            },
        ],
    },
    {
        "name": "gemma4-c",
        "family": "gemma4",
        "config": GEMMA_C,
        "text": GEMMA_C["text_config"],
        "scales": GEMMA_SCALES,
        "generation": GEMMA_GENERATION,
        "tokenizer": "gemma4-tiny",
        "lengths": [5, 8, 24],
        "seed": 5062,
        "layout": "hf-wrapped",
        "extra": {
            "model.vision_tower.encoder.layers.0.self_attn.k_proj.weight": (8, 8),
            "model.embed_vision.embedding_projection.weight": (32, 8),
        },
        "variants": [{"dtype": mx.bfloat16}],
    },
    {
        "name": "gemma3n-a",
        "family": "gemma3n",
        "config": GEMMA3N_A,
        "text": GEMMA3N_A["text_config"],
        "scales": {
            "embed_tokens_per_layer": 0.3,
            "embed_tokens": 0.12,
            "post_attention_layernorm": 1.5,
            "post_feedforward_layernorm": 1.5,
            "language_model.norm": 5.0,
        },
        "generation": GEMMA_GENERATION,
        "lengths": [5, 8, 24],
        "seed": 13000,
        "extra": {
            "model.vision_tower.timm_model.conv_stem.conv.weight": (8, 8),
            "model.audio_tower.conformer.0.norm.weight": (8,),
            "model.embed_vision.embedding_projection.weight": (32, 8),
            "model.embed_audio.embedding.weight": (8, 8),
        },
        "variants": [
            {"dtype": mx.bfloat16},
            {"suffix": "-4bit", "dtype": mx.float32, "bits": 4},
        ],
    },
    {
        "name": "gemma4-d",
        "family": "gemma4",
        "config": GEMMA_D,
        "text": GEMMA_D["text_config"],
        "scales": {**GEMMA_SCALES, "router.proj": 2.0, "embed_tokens": 0.12, "model.norm": 4.0},
        "generation": GEMMA_GENERATION,
        "lengths": [11, 16, 40],
        "seed": 12000,
        "layout": "hf-wrapped",
        "extra": {"model.vision_tower.encoder.layers.0.self_attn.k_proj.weight": (8, 8)},
        "variants": [
            {"dtype": mx.bfloat16},
            {
                "suffix": "-4bit",
                "dtype": mx.bfloat16,
                "bits": 4,
                "group_size": 64,
                "layout": "mlx-wrapped",
                "overrides": {"router.proj": 8},
            },
        ],
    },
    {
        "name": "mistral-a",
        "family": "llama",
        "config": MISTRAL_A,
        "text": MISTRAL_A,
        "scales": LLAMA_SCALES,
        "generation": LLAMA_GENERATION,
        "lengths": [5, 8, 24],
        "seed": 9000,
        "variants": [{"dtype": mx.float16}],
    },
    {
        "name": "mistral-b",
        "family": "ministral3",
        "config": MISTRAL_B,
        "text": MISTRAL_B["text_config"],
        "scales": LLAMA_SCALES,
        "generation": LLAMA_GENERATION,
        "lengths": [5, 8, 24],
        "seed": 10000,
        "layout": "mlx-wrapped",
        "extra": {
            "vision_tower.transformer.layers.0.attention.k_proj.weight": (8, 8),
            "multi_modal_projector.linear_1.weight": (8, 8),
        },
        "variants": [{"dtype": mx.bfloat16}],
    },
    {
        "name": "llama-c",
        "family": "llama",
        "config": LLAMA_C,
        "text": LLAMA_C,
        "scales": LLAMA_TIED_SCALES,
        "generation": LLAMA_GENERATION,
        "lengths": [11, 16, 32],
        "seed": 11000,
        "variants": [{"dtype": mx.bfloat16}],
    },
    {
        "name": "llama-d",
        "family": "llama",
        "config": LLAMA_D,
        "text": LLAMA_D,
        "scales": LLAMA_SCALES,
        "generation": LLAMA_GENERATION,
        "lengths": [5, 8, 16],
        "seed": 14000,
        "variants": [
            {"suffix": "-2bit", "dtype": mx.float32, "bits": 2, "group_size": 64},
            {"suffix": "-4bit-128", "dtype": mx.float32, "bits": 4, "group_size": 128},
            {"suffix": "-mxfp4", "dtype": mx.bfloat16, "bits": 4, "mode": "mxfp4"},
            {"suffix": "-mxfp8", "dtype": mx.bfloat16, "bits": 8, "mode": "mxfp8"},
            {"suffix": "-nvfp4", "dtype": mx.bfloat16, "bits": 4, "group_size": 16, "mode": "nvfp4"},
        ],
    },
    {
        "name": "gemma2-a",
        "family": "gemma2",
        "config": GEMMA2_A,
        "text": GEMMA2_A,
        "scales": GEMMA3_SCALES,
        "norms_beyond_one": True,
        "generation": GEMMA_GENERATION,
        "lengths": [5, 8, 24],
        "seed": 6000,
        "variants": [
            {"dtype": mx.bfloat16},
            {"suffix": "-3bit", "dtype": mx.float32, "bits": 3},
        ],
    },
    {
        "name": "gemma3-a",
        "family": "gemma3",
        "config": GEMMA3_A,
        "text": GEMMA3_A,
        "scales": GEMMA3_SCALES,
        "norms_beyond_one": True,
        "generation": GEMMA_GENERATION,
        "lengths": [11, 16, 48],
        "seed": 7000,
        "variants": [
            {"dtype": mx.float32},
            {"suffix": "-5bit", "dtype": mx.float32, "bits": 5},
        ],
    },
    {
        "name": "gemma3-b",
        "family": "gemma3",
        "config": GEMMA3_B,
        "text": GEMMA3_B["text_config"],
        "scales": {**GEMMA3_SCALES, "lm_head": 0.6, "model.norm": 1.2},
        "norms_beyond_one": True,
        "generation": GEMMA_GENERATION,
        "lengths": [5, 8, 24],
        "seed": 8000,
        "layout": "mlx-wrapped",
        "extra": {
            "vision_tower.vision_model.encoder.layers.0.self_attn.k_proj.weight": (8, 8),
            "vision_tower.vision_model.post_layernorm.weight": (8,),
            "multi_modal_projector.mm_input_projection_weight": (8, 32),
            "multi_modal_projector.mm_soft_emb_norm.weight": (8,),
        },
        "variants": [
            {"dtype": mx.bfloat16, "shards": 2},
            {"suffix": "-6bit", "dtype": mx.bfloat16, "bits": 6},
        ],
    },
]
