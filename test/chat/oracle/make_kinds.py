"""Writes test/chat/golden/kinds.json: small models under many normalizers, pre-tokenizers and decoders, and what `tokenizers` makes of texts.

Run in the repository: python test/chat/oracle/make_kinds.py                       (needs PyPI `tokenizers`)
Other texts and combinations, for TETHER_KINDS=FILE npx vitest run test/chat/tokenizer-kinds.test.ts:
python test/chat/oracle/make_kinds.py --seed 7 --cases 300 --texts 200 FILE
"""

import argparse
import json
import pathlib
import random

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUT = ROOT / "test/chat/golden/kinds.json"
CORPUS = (ROOT / "test/chat/oracle/make_fixtures.py").read_text(encoding="utf8")
PARTS = """the lamp Read  WRITE don't I'll 12 3456 ٣ Ⅷ ² ½ ... !? — “q” « _x_ a_b fooBar HTTPServer Σας ΟΔΟΣ İstanbul é e\u0301 ﬁ Å ﾊﾟ
你好，世界。 こんにちは 한국어 привет МИР 🙂 👩‍👧 🇩🇪 <unk> ▁ ▁▁ Ġ $1 $& \\ \u200b \ufeff \u0085 \u00a0 \u3000 \u2028 \ufb01 \u1e9e\u0323 q\u0307\u0323 \u0899 \u32ff \x00 \x1c \x7f ÿ þ \U000105c9""".split(" ")
SPACES = [" ", "  ", "\n", "\t", "\r\n", "", "", "   ", "\n\n"]
BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
NAMES = {"removed": "Removed", "isolated": "Isolated", "merged_with_previous": "MergedWithPrevious",
         "merged_with_next": "MergedWithNext", "contiguous": "Contiguous"}  # fmt: skip
PATTERNS = [{"String": " "}, {"String": "e"}, {"String": "th"}, {"String": "▁"}, {"String": "."}, {"Regex": r"\s+"}, {"Regex": r"\p{N}{1,3}"},
            {"Regex": r"(?=[A-Z])"}, {"Regex": r"[a-z]*"}, {"Regex": r"\d"}, {"Regex": r"\p{L}+|\s+(?!\S)"}, {"Regex": r"$|^"},
            {"Regex": r"(?i:'s|'ll)|[^\r\n\p{L}\p{N}]?\p{L}+"}, {"Regex": "[一-龥]+"}]  # fmt: skip

EMPTY = [r"(?=[A-Z])", r"[a-z]*", r"$|^"]


def text(chance):
    return "".join(chance.choice(PARTS) + chance.choice(SPACES) for _ in range(chance.randrange(9)))


def trained(tokenizer, trainer):
    tokenizer.train_from_iterator(CORPUS.splitlines(), trainer)
    return json.loads(tokenizer.to_str())["model"]


def make_models():
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.Metaspace()
    alphabet = [chr(c) for c in range(32, 127)] + list("▁é你好привет\n")
    chars = trained(plain, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, limit_alphabet=115, special_tokens=["<unk>"], show_progress=False))
    byte = Tokenizer(models.BPE())
    byte.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    full = trained(byte, trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    full["vocab"] = {"<unk>": 0} | {token: i + 1 for token, i in full["vocab"].items()}
    missing = {"Ã", "ÿ", "Ĉ", "ð", "À"}
    holes = [token for token in full["vocab"] if not missing & set(token)]
    sparse = full | {"vocab": {t: i for i, t in enumerate(holes)}}
    sparse["merges"] = [m for m in full["merges"] if all(t in sparse["vocab"] for t in [*m, "".join(m)])]
    bytes_of = {f"<0x{i:02X}>": len(chars["vocab"]) + i for i in range(256)}
    uni = Tokenizer(models.Unigram())
    uni.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram = trained(uni, trainers.UnigramTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False))
    return {
        "chars": chars | {"unk_token": "<unk>", "fuse_unk": False},
        "fused": chars | {"unk_token": "<unk>", "fuse_unk": True, "dropout": 0.0},
        "silent": chars | {"unk_token": None},
        "fallback": chars | {"vocab": chars["vocab"] | bytes_of, "byte_fallback": True, "unk_token": "<unk>", "fuse_unk": True},
        "whole": chars | {"ignore_merges": True, "unk_token": "<unk>"},
        "bytes": full,
        "sparse": sparse,
        "sparse-unk": sparse | {"unk_token": "<unk>"},
        "sparse-whole": sparse | {"ignore_merges": True},
        "unigram": unigram,
        "unigram-bytes": unigram | {"vocab": unigram["vocab"] + [[token, 0.0] for token in bytes_of], "byte_fallback": True},
    }


def splits():
    some = [{"type": "Split", "pattern": p, "behavior": NAMES[b], "invert": i} for p in PATTERNS for b in BEHAVIORS for i in (False, True)]
    some += [{"type": "Digits", "individual_digits": i} for i in (False, True)] * 4
    some += [{"type": "Punctuation", "behavior": NAMES[b]} for b in BEHAVIORS]
    some += [{"type": "Whitespace"}, {"type": "WhitespaceSplit"}, {"type": "CharDelimiterSplit", "delimiter": "e"}] * 2
    some += [{"type": "Metaspace", "replacement": "▁", "prepend_scheme": s, "split": p} for s in ("always", "first", "never") for p in (True, False)]
    return some


def byte_levels():
    return [{"type": "ByteLevel", "add_prefix_space": a, "trim_offsets": True, "use_regex": r} for a in (False, True) for r in (False, True)]


def normalizers():
    some = [{"type": t} for t in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents")]
    some += [{"type": "Strip", "strip_left": a, "strip_right": b} for a in (False, True) for b in (False, True)]
    some += [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]
    # Where a pattern matches nothing, the reference's own replacing is not to be relied on.
    some += [{"type": "Replace", "pattern": p, "content": c} for p in PATTERNS if p.get("Regex") not in EMPTY for c in ("$&", "")]
    return some


def decoders():
    replace = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    whole = [replace, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]
    return [None, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}, {"type": "Sequence", "decoders": whole},
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": True},
            {"type": "Sequence", "decoders": whole[:3]}, {"type": "Replace", "pattern": {"Regex": "[a-z]*"}, "content": "$&"}]  # fmt: skip


def sequence(kind, field, steps):
    return None if not steps else steps[0] if len(steps) == 1 else {"type": kind, field: steps}


def combination(chance, model):
    steps = [chance.choice(splits()) for _ in range(chance.choice([0, 1, 1, 2, 3]))]
    decoder = chance.choice(decoders())
    if "bytes" == model or model.startswith("sparse"):
        steps.insert(len(steps) if chance.random() < 0.8 else chance.randrange(len(steps) + 1), chance.choice(byte_levels()))
        decoder = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    changes = [chance.choice(normalizers()) for _ in range(chance.choice([0, 0, 1, 2]))]
    return {
        "normalizer": sequence("Sequence", "normalizers", changes),
        "pre_tokenizer": sequence("Sequence", "pretokenizers", steps),
        "decoder": decoder,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file", nargs="?", type=pathlib.Path, default=OUT)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--texts", type=int, default=8)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    made = make_models()
    names = list(made)
    cases = []
    panics = 0
    while len(cases) < args.cases:
        model = names[len(cases) % len(names)]
        file = {"version": "1.0", "added_tokens": [], **combination(chance, model)}
        texts = [text(chance) for _ in range(args.texts)]
        try:
            tokenizer = Tokenizer.from_str(json.dumps(file | {"model": made[model]}))
            ids = [tokenizer.encode(one, add_special_tokens=False).ids for one in texts]
            decoded = [tokenizer.decode(list_, skip_special_tokens=False) for list_ in ids]
        except BaseException as error:  # a panic of its own: there is nothing to compare with
            if isinstance(error, KeyboardInterrupt):
                raise
            panics += 1
            continue
        cases.append({"model": model, "file": file, "texts": texts, "ids": ids, "decoded": decoded})
    with open(args.file, "w", encoding="utf8") as out:
        models_text = ",\n".join(f"{json.dumps(n)}: {json.dumps(m, ensure_ascii=False)}" for n, m in made.items())
        cases_text = ",\n".join(json.dumps(case) for case in cases)
        out.write(f'{{"models": {{\n{models_text}\n}}, "cases": [\n{cases_text}\n]}}\n')
    print(len(cases), "cases,", sum(len(case["texts"]) for case in cases), "texts,", panics, "left out")


if __name__ == "__main__":
    main()
