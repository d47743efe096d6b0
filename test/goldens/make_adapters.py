"""Makes small random LoRA adapters for some checkpoints, as mlx-lm writes them, and with mlx-lm what they must compute.

Run it with the packages of requirements.txt, from any folder, after make_checkpoints.py.
"""

import json
import shutil

import mlx.core as mx
import mlx_lm
import numpy as np
from make_checkpoints import FIXTURES, OUT, compact, loaded, whole
from mlx.utils import tree_flatten, tree_map
from mlx_lm.tuner.utils import linear_to_lora_layers, load_adapters

ADAPTERS = FIXTURES / "adapters"
GREEDY_TOKENS = 24
MIN_MARGIN = 5e-3
KEYS = ["self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"]

# By the folder's name: the checkpoint that it is made for, others that it fits, and its settings.
SPECS = {
    "llama": {"base": "llama-a", "also": ["llama-a-4bit"], "layers": 2, "rank": 3, "scale": 2.5, "keys": KEYS},
    "mistral": {"base": "mistral-b", "layers": -1, "rank": 1, "scale": 3.0, "keys": KEYS[:2]},
    "gemma2": {"base": "gemma2-a", "layers": 1, "rank": 8, "scale": 1.0, "keys": None},
    "gemma3": {"base": "gemma3-b", "layers": 3, "rank": 4, "scale": 2.0, "keys": KEYS},
    "gemma3n": {"base": "gemma3n-a", "layers": 2, "rank": 4, "scale": 2.0, "keys": [*KEYS, "laurel.linear_left"]},
    "gemma4": {"base": "gemma4-c", "layers": 3, "rank": 4, "scale": 2.0, "keys": [*KEYS, "per_layer_input_gate"]},
}


def write_adapter(folder, spec, seed):
    random = np.random.default_rng(seed)
    model = loaded(OUT / spec["base"])
    parameters = {"rank": spec["rank"], "dropout": 0.0, "scale": spec["scale"]}
    if spec["keys"]:
        parameters["keys"] = spec["keys"]
    model.freeze()
    linear_to_lora_layers(model, spec["layers"], dict(parameters))

    def drawn(value):
        return mx.array(random.normal(0, value.shape[0] ** -0.5, value.shape).astype(np.float32))

    tensors = dict(tree_flatten(tree_map(drawn, model.trainable_parameters())))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mx.save_safetensors(str(folder / "adapters.safetensors"), tensors)
    config = {"fine_tune_type": "lora", "num_layers": spec["layers"], "lora_parameters": parameters}
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n")


def golden(base, folder, ids):
    """-> what it computes, or None where rounding would decide or the adapter changes little."""
    plain = whole(loaded(OUT / base), ids)
    model = load_adapters(loaded(OUT / base), str(folder))
    logits = whole(model, ids)
    shifted = logits - logits.max(-1, keepdims=True)
    logprobs = shifted - np.log(np.exp(shifted.astype(np.float64)).sum(-1, keepdims=True))
    tokens, margin = list(ids), np.inf
    for _ in range(GREEDY_TOKENS):
        last = whole(model, tokens)[-1]
        second, first = np.sort(last)[-2:]
        margin = min(margin, float(first - second))
        tokens.append(int(last.argmax()))
    if margin < MIN_MARGIN or np.abs(logits - plain).max() < 1:
        return None
    return {
        "prompt": ids,
        "logprobs": [0.0] + [round(float(logprobs[i - 1, ids[i]]), 6) for i in range(1, len(ids))],
        "lastLogits": [round(float(logit), 5) for logit in logits[-1]],
        "greedy": tokens[len(ids) :],
    }


def main():
    for number, (name, spec) in enumerate(SPECS.items()):
        folder = ADAPTERS / name
        bases = [spec["base"], *spec.get("also", [])]
        facts = json.loads((OUT / "goldens" / f"{spec['base']}.json").read_text())
        for seed in range(number * 100, number * 100 + 100):
            write_adapter(folder, spec, seed)
            goldens = {base: golden(base, folder, facts["prompt"][:40]) for base in bases}
            if all(goldens.values()):
                break
        else:
            raise SystemExit(f"no seed is good enough for {name}")
        text = json.dumps({"mlx_lm": mlx_lm.__version__, "mlx": mx.__version__, "bases": goldens}, indent=1)
        (folder / "golden.json").write_text(compact(text) + "\n")
        print(name, seed)


if __name__ == "__main__":
    mx.set_default_device(mx.cpu)
    main()
