"""Makes the tiny random checkpoints of test/fixtures/checkpoints and, with mlx-lm, what they must compute.

Every tensor's values are exact in float32, bfloat16 and float16, so that one golden holds for every copy of a
checkpoint in another dtype. Run it with the packages of requirements.txt, from any folder. Names of checkpoints as arguments make only those.
"""

import dataclasses
import json
import re
import shutil
import sys
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import mlx_lm
import numpy as np
from families import CHECKPOINTS, FAMILY_FIELDS
from mlx.utils import tree_flatten
from mlx_lm.generate import generate_step
from mlx_lm.models import gemma2, gemma3_text, gemma3n, gemma4_text, llama, ministral3
from mlx_lm.models.cache import QuantizedKVCache, make_prompt_cache
from mlx_lm.utils import load_model, quantize_model, save_config, save_model

FIXTURES = Path(__file__).parents[1] / "fixtures"
OUT = FIXTURES / "checkpoints"
GOLDENS = OUT / "goldens"

MODULES = {
    "llama": llama,
    "ministral3": ministral3,
    "gemma2": gemma2,
    "gemma3": gemma3_text,
    "gemma3n": gemma3n,
    "gemma4": gemma4_text,
}

GREEDY_TOKENS = 64
MIN_MARGIN = 5e-3
MIN_SPREAD = 2.5
MIN_DISTINCT = 16
MAX_CHUNK_ERROR = 2e-4

NOTE = (
    "Computed by mlx-lm in float32: stored weights (or quantization scales) of another dtype were converted first. "
    "One whole pass; every prefix and the pass token by token through mlx-lm's caches agree within `chunkError`."
)


def exact(values):
    """Rounds to what float32, bfloat16 and float16 all hold: at most 8 significant bits, multiples of 2^-20."""
    values = np.round(values.astype(np.float64) * 2**20) / 2**20
    mantissa, exponent = np.frexp(values)
    rounded = np.ldexp(np.round(mantissa * 256) / 256, exponent)
    for dtype in (mx.bfloat16, mx.float16):
        again = np.array(mx.array(rounded.astype(np.float32)).astype(dtype).astype(mx.float32))
        assert (again == rounded).all()
    return rounded.astype(np.float32)


def draw(name, shape, spec, random):
    """Weights of a size that spreads the logits and makes each part of the model matter."""
    scales = spec["scales"]
    kind = next((key for key in scales if key in name), None)
    if name.endswith("layer_scalar"):
        return exact(random.uniform(0.6, 1.4, shape))
    if name.endswith("bias"):
        return exact(random.normal(0, 0.3, shape))
    if len(shape) == 1:
        norm = scales.get(kind, 1.0) * (1 + 0.3 * random.normal(0, 1, shape))
        return exact(norm - 1 if spec.get("norms_beyond_one") else norm)
    if "embed_tokens" in name or "lm_head" in name:
        return exact(random.normal(0, scales[kind], shape))
    return exact(random.normal(0, scales.get(kind, 1.0) / np.sqrt(shape[-1]), shape))


def random_model(spec, seed):
    """A model of the family with weights drawn from `seed`, in float32."""
    module = MODULES[spec["family"]]
    args = spec["config"] if module is gemma3n else spec["text"]  # which has no model of the text alone
    model = module.Model(module.ModelArgs.from_dict(args))
    if spec["text"].get("tie_word_embeddings") and "lm_head" in model:
        model.sanitize({})  # Gemma 3's has a head until it sees weights without one
    random = np.random.default_rng(seed)
    weights = [
        (name, mx.array(draw(name, value.shape, spec, random)))
        for name, value in sorted(tree_flatten(model.parameters()))
    ]
    model.load_weights(weights)
    mx.eval(model.parameters())
    return model


def prompt_of(spec, seed):
    """Three windows of ids from all of the vocabulary, its last one included."""
    random = np.random.default_rng(seed + 1)
    ids = random.integers(0, spec["text"]["vocab_size"], spec["lengths"][-1])
    ids[3] = spec["text"]["vocab_size"] - 1
    return [int(id) for id in ids]


def whole(model, ids):
    if isinstance(model, gemma3n.Model):
        # Without a cache mlx-lm's Gemma 3n shares no keys and values.
        return np.array(model(mx.array([ids]), cache=make_prompt_cache(model)).astype(mx.float32))[0]
    return np.array(model(mx.array([ids])).astype(mx.float32))[0]


def stepwise(model, ids):
    """The same through mlx-lm's caches: a third of the prompt at once, then token by token."""
    cache = make_prompt_cache(model)
    first = len(ids) // 3
    rows = [np.array(model(mx.array([ids[:first]]), cache=cache))[0]]
    for id in ids[first:]:
        rows.append(np.array(model(mx.array([[id]]), cache=cache))[0])
    return np.concatenate(rows)


def kept_in_bits(model, ids, bits, group_size):
    """The whole pass over keys and values that mlx-lm quantizes from the first token on."""
    cache = [QuantizedKVCache(group_size=group_size, bits=bits) for _ in model.layers]
    return np.array(model(mx.array([ids]), cache=cache).astype(mx.float32))[0]


def greedy(model, ids):
    """-> the continuation, and the smallest distance between the two best logits of its steps."""
    tokens, margin = [], np.inf
    steps = generate_step(mx.array(ids), model, max_tokens=GREEDY_TOKENS, sampler=lambda x: mx.argmax(x, axis=-1))
    for token, logprobs in steps:
        second, first = np.sort(np.array(logprobs))[-2:]
        tokens.append(int(token))
        margin = min(margin, float(first - second))
    again = whole(model, ids + tokens)[len(ids) - 1 : -1]
    assert again.argmax(-1).tolist() == tokens, "generation and the whole pass disagree"
    return tokens, margin


def golden(model, ids, lengths):
    """-> (facts, logits), or a string that says why these weights are not good enough."""
    logits = whole(model, ids)
    if logits.std() < MIN_SPREAD:
        return f"logits spread only {logits.std():.2f}"
    error = max(
        [np.abs(stepwise(model, ids) - logits).max()]
        + [np.abs(whole(model, ids[:length]) - logits[:length]).max() for length in lengths]
    )
    if error > MAX_CHUNK_ERROR:
        return f"chunks differ from the whole by {error:.1e}"
    generations = []
    for length in lengths:
        tokens, margin = greedy(model, ids[:length])
        if margin < MIN_MARGIN:
            return f"two best logits only {margin:.1e} apart"
        if len(set(tokens)) < MIN_DISTINCT:
            return f"only {len(set(tokens))} distinct tokens"
        generations.append({"promptLength": length, "tokens": tokens, "minMargin": round(margin, 6)})
    shifted = logits - logits.max(-1, keepdims=True)
    logprobs = shifted - np.log(np.exp(shifted.astype(np.float64)).sum(-1, keepdims=True))
    facts = {
        "prompt": ids,
        "promptLengths": lengths,
        "vocabSize": logits.shape[1],
        "spread": round(float(logits.std()), 3),
        "chunkError": float(f"{error:.1e}"),
        "logprobs": [0.0] + [round(float(logprobs[i - 1, ids[i]]), 6) for i in range(1, len(ids))],
        "greedy": generations,
    }
    return facts, logits


def own_dtype(folder, ids, logits):
    """How far mlx-lm's logits are from float32's where it computes in half precision: root mean square, by token."""
    model, _ = load_model(Path(folder))
    tensors = dict(tree_flatten(model.parameters()))
    halves = [name for name, value in tensors.items() if value.dtype in (mx.bfloat16, mx.float16)]
    # MLX's CPU multiplies plain experts in float32 only.
    if not halves or any("switch_glu" in name and f"{name[:-6]}scales" not in tensors for name in tensors):
        return {}
    apart = np.sqrt(np.mean(np.square(whole(model, ids) - logits, dtype=np.float64), axis=1))
    return {"ownDtypeError": [float(f"{error:.3g}") for error in apart]}


def write_golden(name, facts, logits=None, logits_of=None):
    """One JSON with ids and, unless another checkpoint's are the same, logits: float32 little endian, row by row."""
    GOLDENS.mkdir(parents=True, exist_ok=True)
    head = {"checkpoint": name, "note": NOTE, "mlx_lm": mlx_lm.__version__, "mlx": mx.__version__, "dtype": "float32"}
    text = json.dumps({**head, "logits": f"{logits_of or name}.bin", **facts}, indent=1)
    (GOLDENS / f"{name}.json").write_text(compact(text) + "\n")
    if logits is not None:
        (GOLDENS / f"{name}.bin").write_bytes(logits.astype("<f4").tobytes())


def compact(text):
    """Puts lists of numbers on one line."""
    return re.sub(r"\[[-\d.,e\s]+\]", lambda match: " ".join(match[0].split()), text)


def files_of(model, spec, variant):
    """A model's tensors under the names that published checkpoints of its layout have."""
    tensors = dict(tree_flatten(model.parameters()))
    layout = variant.get("layout", spec.get("layout", "bare"))
    if layout == "mlx-wrapped":
        tensors = {f"language_model.{name}": value for name, value in tensors.items()}
    elif layout == "hf-wrapped":
        tensors = {name.replace("model.", "model.language_model.", 1): value for name, value in tensors.items()}
        tensors = with_fused_experts(tensors)
    return tensors


def with_fused_experts(tensors):
    """Hugging Face keeps the gate and up projections of Gemma 4's experts as one."""
    fused = {}
    for name, value in tensors.items():
        base, _, part = name.partition(".switch_glu.")
        if part == "gate_proj.weight":
            up = tensors[f"{base}.switch_glu.up_proj.weight"]
            fused[f"{base}.gate_up_proj"] = mx.concatenate([value, up], axis=-2)
        elif part == "down_proj.weight":
            fused[f"{base}.down_proj"] = value
        elif not part:
            fused[name] = value
    return fused


def extra_tensors(spec):
    """Tensors that a text engine must skip: other modalities, and projections of layers that share keys and values."""
    random = np.random.default_rng(99)
    return {name: mx.array(exact(random.normal(0, 1, shape))) for name, shape in spec.get("extra", {}).items()}


def write_folder(name, spec, tensors, config, shards):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = sorted(tensors)
    total = sum(value.nbytes for value in tensors.values())
    cuts, size = [[]], 0
    for tensor in names:
        if len(cuts) < shards and size >= total / shards:
            cuts.append([])
        cuts[-1].append(tensor)
        size += tensors[tensor].nbytes
    map = {}
    for i, cut in enumerate(cuts):
        file = "model.safetensors" if shards == 1 else f"model-{i + 1:05}-of-{shards:05}.safetensors"
        mx.save_safetensors(str(folder / file), {tensor: tensors[tensor] for tensor in cut}, {"format": "mlx"})
        map.update({tensor: file for tensor in cut})
    if shards > 1:
        index = {"metadata": {"total_size": total}, "weight_map": map}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    save_config(dict(config), folder / "config.json")
    (folder / "generation_config.json").write_text(json.dumps(spec["generation"], indent=2) + "\n")
    for file in sorted((FIXTURES / "tokenizers" / spec["tokenizer"]).iterdir() if "tokenizer" in spec else []):
        if file.suffix in (".json", ".jinja"):
            shutil.copy(file, folder / file.name)
    return folder


def loaded(folder):
    """The checkpoint as mlx-lm loads it, computing in float32."""
    model, _ = load_model(Path(folder))
    model.set_dtype(mx.float32)
    mx.eval(model.parameters())
    return model


def check_fields():
    """Ignoring a field must change a golden: one checkpoint has a value other than the default."""
    for family, module in MODULES.items():
        texts = [spec["text"] for spec in CHECKPOINTS if spec["family"] == family]
        for field in dataclasses.fields(getattr(module, "TextConfig", module.ModelArgs)):
            if field.name in FAMILY_FIELDS[family]["not_read"]:
                continue
            given = [text[field.name] for text in texts if field.name in text]
            assert given, f"no {family} checkpoint has {field.name}"
            if field.default is not dataclasses.MISSING:
                assert any(value != field.default for value in given), f"{family}: {field.name} is always its default"


def tokenizer_fits(spec):
    if "tokenizer" not in spec:
        return
    file = json.loads((FIXTURES / "tokenizers" / spec["tokenizer"] / "tokenizer.json").read_text())
    ids = list(file["model"]["vocab"].values()) + [token["id"] for token in file["added_tokens"]]
    assert max(ids) < spec["text"]["vocab_size"], f"{spec['tokenizer']} needs a vocab_size above {max(ids)}"


def quantized(spec, variant, seed):
    """Quantizes as mlx_lm.convert does: `overrides` is name -> bits, or false for a layer that stays whole."""
    model = random_model(spec, seed)
    model.set_dtype(variant["dtype"])
    group = variant.get("group_size", 32)

    def predicate(path, module):
        for part, bits in variant.get("overrides", {}).items():
            if part in path:
                return bits and {"group_size": group, "bits": bits}
        return True

    mode = variant.get("mode", "affine")
    model, config = quantize_model(model, spec["config"], group, variant["bits"], mode=mode, quant_predicate=predicate)
    settings = config["quantization"]
    for path, module in model.named_modules():
        if any(part in path and bits is False for part, bits in variant.get("overrides", {}).items()):
            if isinstance(module, (nn.Linear, nn.Embedding)):
                settings[path] = False
    if variant.get("layout", spec.get("layout")) == "mlx-wrapped":
        head = ("group_size", "bits", "mode")
        settings = {key if key in head else f"language_model.{key}": value for key, value in settings.items()}
    config["quantization"] = settings
    return model, config


def make(spec):
    """Tries seeds until the checkpoint and all of its variants make a good golden."""
    tokenizer_fits(spec)
    for seed in range(spec["seed"], spec["seed"] + 200):
        ids = prompt_of(spec, seed)
        result = golden(random_model(spec, seed), ids, spec["lengths"])
        if isinstance(result, str):
            print(f"{spec['name']} seed {seed}: {result}")
            continue
        if write(spec, seed, ids):
            return
    raise SystemExit(f"{spec['name']}: no seed is good enough")


def write(spec, seed, ids):
    model = random_model(spec, seed)
    base = None
    for variant in spec["variants"]:
        name = spec["name"] + variant.get("suffix", "")
        if "bits" in variant:
            chosen, config = quantized(spec, variant, seed)
            tensors = files_of(chosen, spec, variant)
        else:
            config = spec["config"]
            tensors = {**files_of(model, spec, variant), **extra_tensors(spec)}
            tensors = {key: value.astype(variant["dtype"]) for key, value in tensors.items()}
        folder = write_folder(name, spec, tensors, config, variant.get("shards", 1))
        result = golden(loaded(folder), ids, spec["lengths"])
        if isinstance(result, str):
            print(f"{name} seed {seed}: {result}")
            return False
        facts, logits = result
        facts.update(own_dtype(folder, ids, logits))
        print(f"{name} seed {seed}: spread {facts['spread']}, {size(folder)} bytes")
        if "bits" in variant or base is None:
            write_golden(name, facts, logits)
        else:
            # Another dtype of the same weights, all of which are exact in it.
            assert (logits == base).all()
            write_golden(name, facts, logits_of=spec["name"])
        if "bits" not in variant:
            base = logits
    return True


def write_kv_goldens(name, group_size):
    """The logits of a checkpoint's golden prompt with keys and values in 8 and in 4 bits."""
    ids = json.loads((GOLDENS / f"{name}.json").read_text())["prompt"]
    for bits in (8, 4):
        logits = kept_in_bits(loaded(OUT / name), ids, bits, group_size)
        (GOLDENS / f"{name}-kv{bits}.bin").write_bytes(logits.astype("<f4").tobytes())


def size(folder):
    return sum(file.stat().st_size for file in folder.iterdir())


if __name__ == "__main__":
    mx.set_default_device(mx.cpu)
    check_fields()
    wanted = sys.argv[1:] or [spec["name"] for spec in CHECKPOINTS]
    if not sys.argv[1:]:
        shutil.rmtree(OUT, ignore_errors=True)
    for spec in CHECKPOINTS:
        if spec["name"] in wanted:
            make(spec)
    write_kv_goldens("llama-d-4bit-128", 32)
    print(f"{sum(file.stat().st_size for file in OUT.rglob('*') if file.is_file())} bytes in all")
