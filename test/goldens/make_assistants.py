"""Makes tiny random assistants for the checkpoint gemma4-a and, with mlx-vlm, what they must draft.

Run it with mlx-vlm 0.7.10, from any folder, after make_checkpoints.py.
"""

import json
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten
from mlx_vlm.models.gemma4.config import TextConfig
from mlx_vlm.models.gemma4.language import LanguageModel
from mlx_vlm.speculative.drafters.gemma4_assistant import Model, ModelConfig

FIXTURES = Path(__file__).parents[1] / "fixtures"
TARGET = FIXTURES / "checkpoints" / "gemma4-a"
OUT = FIXTURES / "assistants"
STEPS = 6
# At the length of the window itself mlx-vlm sees one token more.
LENGTHS = [5, 9, 15, 17, 30, 47]
# Where two tokens are closer than this, rounding decides.
MIN_MARGIN = 1e-3

ASSISTANTS = {
    "plain": {},
    "clustered": {
        "use_ordered_embeddings": True,
        "num_centroids": 37,
        "centroid_intermediate_top_k": 5,
    },
}


def exact(values):
    """What float16 holds too, so that a small file is enough."""
    return values.astype(np.float16)


def weights_of(model, random):
    weights = {}
    for name, value in tree_flatten(model.parameters()):
        if name.endswith("token_ordering"):
            weights[name] = random.permutation(value.shape[0]).astype(np.int64)
        elif name.endswith("layer_scalar"):
            weights[name] = exact(random.uniform(0.6, 1.4, value.shape))
        elif value.ndim == 1:
            weights[name] = exact(1 + 0.3 * random.normal(0, 1, value.shape))
        else:
            weights[name] = exact(random.normal(0, 1 / np.sqrt(value.shape[-1]), value.shape))
    return weights


def target():
    config = json.loads((TARGET / "config.json").read_text())
    model = LanguageModel(TextConfig.from_dict(config))
    weights = mx.load(str(TARGET / "model.safetensors"))
    model.load_weights([(name, value.astype(mx.float32)) for name, value in weights.items()])
    mx.eval(model.parameters())
    return config, model


def drafts(language, assistant, prompt, known):
    """What follows `known` by the assistant, and how far each token was ahead of the next one."""
    cache = language.make_cache()
    sink, shared = [], {}
    language(mx.array([prompt]), cache=cache, hidden_sink=sink, shared_kv_sink=shared)
    hidden = language.speculative_draft_hidden(sink[-1])[:, -1:, :]
    offset = len(prompt)
    assistant.reset(language)
    # Of a sliding layer the last window alone, as its cache would hold.
    window = assistant.config.text_config.sliding_window
    shared["sliding_attention"] = tuple(part[..., -window:, :] for part in shared["sliding_attention"])
    assistant.set_shared_kv(shared, offset, position=offset - 1, kv_valid_len=offset)
    margins = []

    def greedy(logits):
        best = mx.sort(logits[0, -1])[-2:].tolist()
        margins.append(best[1] - best[0])
        return mx.argmax(logits[:, -1:, :], axis=-1).astype(mx.int32)

    tokens = assistant.draft_block(known, hidden, None, STEPS + 1, greedy)
    return tokens[0].tolist(), min(margins)


def main():
    target_config, language = target()
    text = {
        "model_type": "gemma4_text",
        "hidden_size": 24,
        "num_hidden_layers": 3,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
        "intermediate_size": 40,
        "hidden_size_per_layer_input": 0,
        "num_kv_shared_layers": 3,
        "use_double_wide_mlp": False,
        **{
            name: target_config[name]
            for name in [
                *("global_head_dim", "head_dim", "max_position_embeddings", "num_attention_heads"),
                *("num_key_value_heads", "rms_norm_eps", "rope_parameters", "sliding_window", "vocab_size"),
            ]
        },
    }
    for seed, (name, fields) in enumerate(ASSISTANTS.items(), 21):
        config = {
            "model_type": "gemma4_assistant",
            "backbone_hidden_size": target_config["hidden_size"],
            "tie_word_embeddings": True,
            **fields,
            "text_config": text,
        }
        random = np.random.default_rng(seed)
        assistant = Model(ModelConfig.from_dict(config))
        weights = {key: mx.array(value) for key, value in weights_of(assistant, random).items()}
        loaded = {key: value.astype(mx.float32) if value.dtype == mx.float16 else value for key, value in weights.items()}
        assistant.load_weights(list(assistant.sanitize(loaded).items()))
        cases = []
        for length in LENGTHS:
            while True:
                prompt = random.integers(0, text["vocab_size"], length).tolist()
                known = int(random.integers(0, text["vocab_size"]))
                tokens, margin = drafts(language, assistant, prompt, known)
                if margin >= MIN_MARGIN and len(set(tokens)) > 2:
                    break
            cases.append({"tokens": [*prompt, known], "drafts": tokens})
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config, indent=4) + "\n")
        mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
        (folder / "drafts.json").write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
