"""Writes a trained state as a checkpoint in Hugging Face's layout: python export.py STATE.pt|random FOLDER"""

import json
import pathlib
import shutil
import sys

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

import model as m

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "model"
STOPS = ["<turn|>", "<|tool_response>", "<eos>"]


def tensors(state):
    def attention_and_mlp(i, from_block):
        out = {}
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            out[f"model.layers.{i}.self_attn.{name}.weight"] = state[f"blocks.{from_block}.{name}"]
        for name in ("q_norm", "k_norm"):
            out[f"model.layers.{i}.self_attn.{name}.weight"] = state[f"blocks.{from_block}.{name}"]
        for name in ("gate_proj", "up_proj", "down_proj"):
            out[f"model.layers.{i}.mlp.{name}.weight"] = state[f"blocks.{from_block}.{name}"]
        for name in ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"):
            out[f"model.layers.{i}.{name}.weight"] = state[f"blocks.{from_block}.{name}"]
        out[f"model.layers.{i}.layer_scalar"] = torch.ones(1)
        return out

    result = {"model.embed_tokens.weight": state["embed"], "model.norm.weight": state["norm"]}
    for i in range(m.LAYERS):
        result |= attention_and_mlp(i, i)
    # Hugging Face's Gemma 4 must end in a full-attention layer. This one adds nothing: its outputs are scaled by zero.
    result |= attention_and_mlp(m.LAYERS, m.LAYERS - 1)
    for name in ("post_attention_layernorm", "post_feedforward_layernorm"):
        result[f"model.layers.{m.LAYERS}.{name}.weight"] = torch.zeros(m.HIDDEN)
    return {name: tensor.to(torch.bfloat16).contiguous().clone() for name, tensor in result.items()}


def main():
    source, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(SOURCE / "tokenizer.json"))
    vocab = tokenizer.get_vocab_size()
    if source == "random":
        torch.manual_seed(0)
        state = m.Demo(vocab).state_dict()
    else:
        state = torch.load(source)
    config = {
        "architectures": ["Gemma4ForCausalLM"],
        "model_type": "gemma4_text",
        "hidden_size": m.HIDDEN,
        "num_hidden_layers": m.LAYERS + 1,
        "intermediate_size": m.MLP,
        "num_attention_heads": m.HEADS,
        "num_key_value_heads": m.KV_HEADS,
        "head_dim": m.HEAD_DIM,
        "global_head_dim": m.HEAD_DIM,
        "num_global_key_value_heads": m.KV_HEADS,
        "attention_k_eq_v": False,
        "attention_bias": False,
        "num_kv_shared_layers": 0,
        "use_double_wide_mlp": False,
        "hidden_size_per_layer_input": 0,
        "vocab_size_per_layer_input": vocab,
        "enable_moe_block": False,
        "hidden_activation": "gelu_pytorch_tanh",
        "sliding_window": m.WINDOW,
        "layer_types": ["sliding_attention"] * m.LAYERS + ["full_attention"],
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": m.THETA},
            "full_attention": {"rope_type": "proportional", "rope_theta": 1000000.0, "partial_rotary_factor": 0.25},
        },
        "rms_norm_eps": m.EPS,
        "final_logit_softcapping": m.SOFTCAP,
        "tie_word_embeddings": True,
        "max_position_embeddings": 131072,
        "vocab_size": vocab,
        "bos_token_id": tokenizer.token_to_id("<bos>"),
        "eos_token_id": tokenizer.token_to_id("<eos>"),
        "pad_token_id": tokenizer.token_to_id("<pad>"),
        "dtype": "bfloat16",
    }
    generation = {
        "bos_token_id": tokenizer.token_to_id("<bos>"),
        "eos_token_id": [tokenizer.token_to_id(token) for token in STOPS],
        "pad_token_id": tokenizer.token_to_id("<pad>"),
        "do_sample": False,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if folder.resolve() != SOURCE:
            shutil.copy(SOURCE / name, folder / name)
    save_file(tensors(state), folder / "model.safetensors", metadata={"format": "mlx"})
    size = (folder / "model.safetensors").stat().st_size
    print(f"{folder}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
