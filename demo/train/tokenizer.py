"""Trains the demo's tokenizer and writes it in the layout of Gemma's: demo/model/tokenizer.json."""

import json
import pathlib
import random

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

import data
import words as w
from prose import make_prose, manual

MODEL = pathlib.Path(__file__).resolve().parents[1] / "model"
SIZE = 3072
SPECIAL = """<pad> <eos> <bos> <unk> <mask> <|turn> <turn|> <|channel> <channel|> <|think|> <|tool> <tool|> <|tool_call>
<tool_call|> <|tool_response> <tool_response|> <|"|> <|image|> <image|> <|audio|> <audio|>""".split()
# A space is a token of its own. Otherwise a word would have different tokens after a space than without one, and
# copying would fail. The few merges with a space below save a tenth of a prompt's tokens.
SPLIT = r"[A-Za-z]+|[0-9]|▁+|\n+|[^A-Za-z0-9▁\n]"
PUNCTUATION = [",", ".", ":", ";", ")", '"', "`"]
SPACED = 44


def corpus(rng):
    prose = make_prose(rng, manual())
    for _ in range(3000):
        yield prose(1000)
    for _ in range(9000):
        for piece, _ in data.conversation(rng, lambda size: "", 0, 1):
            if isinstance(piece, str):
                yield piece


def main():
    rng = random.Random(7)
    texts = [text.replace(" ", "▁") for text in corpus(rng)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(SPLIT), "isolated")
    alphabet = [chr(c) for c in range(33, 127)] + ["▁", "\n", "\t"]
    room = SIZE - len(SPECIAL) - 256 - len(PUNCTUATION) - SPACED
    trainer = trainers.BpeTrainer(
        vocab_size=room, initial_alphabet=alphabet, limit_alphabet=len(alphabet), max_token_length=14, min_frequency=2,
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    trained = json.loads(tokenizer.to_str())["model"]

    counts = {}
    for text in texts:
        for word in text.split("▁"):
            counts[word] = counts.get(word, 0) + 1
    frequent = [x for x in sorted(w.COMMON, key=lambda x: -counts.get(x, 0)) if x in trained["vocab"]]
    frequent = list(dict.fromkeys(frequent))[:SPACED]

    tokens = list(SPECIAL) + [f"<0x{i:02X}>" for i in range(256)]
    tokens += [token for token, _ in sorted(trained["vocab"].items(), key=lambda item: item[1])]
    extra = [(mark, "▁") for mark in PUNCTUATION] + [("▁", word) for word in frequent]
    merges = [merge if isinstance(merge, list) else merge.split(" ") for merge in trained["merges"]]
    merges += [list(pair) for pair in extra]
    tokens += ["".join(pair) for pair in extra]
    vocab = {token: i for i, token in enumerate(tokens)}
    assert len(vocab) == len(tokens) <= SIZE, len(tokens)

    added = [
        {"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        for i, token in enumerate(SPECIAL)
    ]
    space = {"String": " "}
    result = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "Replace", "pattern": space, "content": "▁"},
        "pre_tokenizer": {"type": "Split", "pattern": space, "behavior": "MergedWithPrevious", "invert": False},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                {"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "<bos>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
            ],
        },
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": True, "byte_fallback": True, "ignore_merges": False, "vocab": vocab, "merges": merges,
        },
    }  # fmt: skip
    MODEL.mkdir(exist_ok=True)
    (MODEL / "tokenizer.json").write_text(json.dumps(result, ensure_ascii=False, indent=None) + "\n", encoding="utf8")
    config = {"tokenizer_class": "GemmaTokenizerFast", "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>", "clean_up_tokenization_spaces": False}
    (MODEL / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    check = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    print(len(vocab), "tokens;", check.encode("Say pineapple. The quick, `brown` fox: 31337 café", add_special_tokens=False).tokens)


if __name__ == "__main__":
    main()
