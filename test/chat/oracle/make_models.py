"""Writes test/fixtures/tokenizers/{spm-bpe,spm-unigram,spm-gemma,tekken-tiny,tiktoken-tiny} and test/chat/golden/models.json: checkpoints
without a tokenizer.json, and what sentencepiece and tiktoken make of texts.

Run in the repository, after make_kinds.py: python test/chat/oracle/make_models.py   (needs PyPI `sentencepiece`, `tiktoken`, `tokenizers`)
With --file MODEL --texts N OUT it writes texts for another tokenizer.model or tekken.json.
"""

import argparse
import base64
import io
import json
import pathlib
import random

import sentencepiece
import tiktoken
from make_kinds import CORPUS, PARTS, ROOT, SPACES

FIXTURES = ROOT / "test/fixtures/tokenizers"
OUT = ROOT / "test/chat/golden/models.json"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEKKEN = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
COMMON = dict(bos_id=1, eos_id=2, unk_id=0, pad_id=-1, hard_vocab_limit=False, minloglevel=2, num_threads=1, max_sentence_length=100000)


def texts(count, seed, left_out=()):
    chance = random.Random(seed)
    made = ["", " ", "  a  b  ", "\n", *("".join(chance.choice(PARTS) + chance.choice(SPACES) for _ in range(chance.randrange(12))) for _ in range(count))]
    return [text for text in made if not any(part in text for part in left_out)]


def sentencepiece_model(name, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS.splitlines()), model_writer=model, **{**COMMON, **options})
    folder = FIXTURES / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    return folder / "tokenizer.model"


def ranks():
    model = json.loads((ROOT / "test/chat/golden/kinds.json").read_text(encoding="utf8"))["models"]["bytes"]
    codes = [b for b in range(256) if 0x20 < b < 0x7F or 0xA0 < b != 0xAD]
    alphabet = {chr(code): code for code in codes} | {chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in codes)}
    return [bytes(alphabet[c] for c in token) for token in list(model["vocab"])[1:]]


def write_tekken(tokens):
    folder = FIXTURES / "tekken-tiny"
    folder.mkdir(parents=True, exist_ok=True)
    vocab = [{"rank": i, "token_bytes": base64.b64encode(t).decode(), "token_str": None} for i, t in enumerate(tokens)]
    config = {"pattern": TEKKEN, "num_vocab_tokens": len(tokens), "default_vocab_size": len(tokens) - 5 + 20, "default_num_special_tokens": 20, "version": "v3"}
    (folder / "tekken.json").write_text(json.dumps({"config": config, "vocab": vocab}, separators=(",", ":")) + "\n")
    return tiktoken.Encoding("t", pat_str=TEKKEN, mergeable_ranks={t: i for i, t in enumerate(tokens[:-5])}, special_tokens={}), 20


def write_tiktoken(tokens):
    folder = FIXTURES / "tiktoken-tiny"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_text("".join(f"{base64.b64encode(t).decode()} {i}\n" for i, t in enumerate(tokens)))
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
    decoder = {str(len(tokens) + i): {"content": name, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True} for i, name in enumerate(names)}
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": decoder, "bos_token": names[0]}, indent=2) + "\n")
    return tiktoken.Encoding("t", pat_str=LLAMA3, mergeable_ranks={t: i for i, t in enumerate(tokens)}, special_tokens={}), 0


def answer_sentencepiece(file, some):
    processor = sentencepiece.SentencePieceProcessor(model_file=str(file))
    ids = [processor.encode(text) for text in some]
    return {"texts": some, "ids": ids, "decoded": [processor.decode(list_) for list_ in ids]}


def answer_ranks(encoding, first, some):
    raw = [encoding.encode(text, disallowed_special=()) for text in some]
    return {"texts": some, "ids": [[first + i for i in list_] for list_ in raw], "decoded": [encoding.decode(list_) for list_ in raw]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", nargs="?", type=pathlib.Path, default=OUT)
    parser.add_argument("--file", type=pathlib.Path)
    parser.add_argument("--texts", type=int, default=80)
    args = parser.parse_args()
    # SentencePiece's text form of these differs from what they are: it drops NUL and writes unknown ones as " ⁇ ".
    some = texts(args.texts, 5, ("<unk>", "\0"))
    if args.file and args.file.suffix == ".json":
        file = json.loads(args.file.read_text())
        size, first = file["config"]["default_vocab_size"], file["config"]["default_num_special_tokens"]
        mergeable = {base64.b64decode(t["token_bytes"]): t["rank"] for t in file["vocab"][: size - first]}
        encoding = tiktoken.Encoding("t", pat_str=file["config"]["pattern"], mergeable_ranks=mergeable, special_tokens={})
        answers = {"given": answer_ranks(encoding, first, some)}
    elif args.file:
        answers = {"given": answer_sentencepiece(args.file, some)}
    else:
        gemma = dict(user_defined_symbols=["<start>", "\n\n", "▁▁", "▁▁▁"], add_dummy_prefix=False)
        spm = {
            "spm-bpe": sentencepiece_model("spm-bpe", model_type="bpe", vocab_size=600, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
            "spm-gemma": sentencepiece_model("spm-gemma", model_type="bpe", vocab_size=620, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, **gemma),
            "spm-unigram": sentencepiece_model("spm-unigram", model_type="unigram", vocab_size=300, user_defined_symbols=["<start>", "fooBar"], normalization_rule_name="nfkc"),
        }
        answers = {name: answer_sentencepiece(file, some) for name, file in spm.items()}
        tokens = ranks()
        answers["tekken-tiny"] = answer_ranks(*write_tekken(tokens), some)
        answers["tiktoken-tiny"] = answer_ranks(*write_tiktoken(tokens), some)
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(answer)}" for name, answer in answers.items())
    args.out.write_text("{\n" + rows + "\n}\n")


if __name__ == "__main__":
    main()
