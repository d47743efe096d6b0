"""Writes the small tokenizers of test/fixtures/tokenizers, built like those of Gemma, Llama 3, Llama 2 and Mistral 7B.

Run: python test/chat/oracle/make_fixtures.py   (needs PyPI `tokenizers`)
"""

import json
import pathlib

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

OUT = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "tokenizers"

PROSE = """
The lamp in the harbour office burns all night, because ships do not wait for the morning. Whoever is on watch writes
down the hour, the wind and the name of the ship, and when the watch ends the next one reads the list aloud. It is a
simple rule and it has never failed: what is written can be read again, and what was only said is gone by breakfast.

When you are asked to change a file, read the file first. Then write the change, run the tests, and say what happened.
If a command fails, show the error and do not guess. There is a tool for each of these: Read, Write, Edit, Bash, Grep.
I will look at the files in this folder. The command printed: hello world. Done. I wrote the file to /tmp/notes.txt.
Please list the files here and tell me what they are. Can you find the bug in the parser and fix it for me? Thank you!

Once the snow was gone the miller opened the gate, and the water came down with the noise of forty wagons. He had
wanted to mend the wheel before that, but the carpenter was ill, and the carpenter's son was afraid of the height.
So the wheel turned as it was, with two boards missing, and ground the corn a little slower than in other years.
"""

CODE = """
export async function readLines(path: string, limit = 100): Promise<string[]> {
  const text = await readFile(path, 'utf8')
  return text.split('\\n').slice(0, limit)
}

def total(items):
    result = 0
    for item in items:
        if item is not None:
            result += item["price"] * item["count"]
    return result

{"name": "Bash", "parameters": {"command": "ls -la /home/user", "description": "List files"}}
{"type": "object", "properties": {"file_path": {"type": "string"}, "content": {"type": "string"}}, "required": ["file_path"]}
call:Read{file_path:, response:Read{value:, declaration:Write{description: thought
$ git status && npm test -- --run | tail -n 20
for (let i = 0; i < 10; i += 1) { console.log(`line ${i}: ${rows[i]?.name ?? 'none'}`) }
"""

OTHER = """
Für die Übung genügt ein kleines Beispiel. Où est la bibliothèque? El niño comió una manzana. Привет, мир! Это тест.
こんにちは、世界。你好,世界。これはテストです。안녕하세요. 🙂 🚀 — “quoted” … 10 € 5 £
"""

GEMMA_CONTROL = """<pad> <eos> <bos> <unk> <mask> <|turn> <turn|> <|channel> <channel|> <|think|> <|tool> <tool|> <|tool_call>
<tool_call|> <|tool_response> <tool_response|> <|"|> <|image> <|image|> <image|> <|audio> <|audio|> <audio|>""".split()
# As in the real files: part of the vocabulary and found first, but not special.
GEMMA_PLAIN = ["\n\n", "\n\n\n", "▁▁", "▁▁▁", "▁▁▁▁", "\t\t", "<table>", "</table>", "<unused0>", "<unused12>"]
LLAMA_CONTROL = """<|begin_of_text|> <|end_of_text|> <|reserved_special_token_0|> <|finetune_right_pad_id|> <|start_header_id|>
<|end_header_id|> <|eom_id|> <|eot_id|> <|python_tag|>""".split()
LLAMA_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def added(token, at, special=True):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": at, "content": token, **flags, "special": special}


def template(bos, at):
    first, text, second = ({"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                           {"SpecialToken": {"id": bos, "type_id": 1}})  # fmt: skip
    return {
        "type": "TemplateProcessing",
        "single": [first, text],
        "pair": [first, text, second, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {bos: {"id": bos, "ids": [at], "tokens": [bos]}},
    }


def write(name, tokenizer, config):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
    (folder / "tokenizer.json").write_text(text + "\n", encoding="utf8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf8")
    made = Tokenizer.from_file(str(folder / "tokenizer.json"))
    print(name, made.get_vocab_size(), made.encode("Read the file, café 🙂", add_special_tokens=False).tokens)


def gemma():
    texts = [(PROSE + CODE + OTHER).replace(" ", "▁")]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"▁*[A-Za-z]+|[0-9]|▁+|\n|[^A-Za-z0-9▁\n]"), "isolated")
    alphabet = [chr(c) for c in range(33, 127)] + ["▁", "\n", "\t"] + list("äöüßéèñЯтеáこん你好世界▁")
    trainer = trainers.BpeTrainer(
        vocab_size=310, initial_alphabet=alphabet, limit_alphabet=len(set(alphabet)), min_frequency=2, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    trained = json.loads(tokenizer.to_str())["model"]
    learned = [token for token, _ in sorted(trained["vocab"].items(), key=lambda item: item[1])]
    tokens = list(dict.fromkeys(GEMMA_CONTROL + GEMMA_PLAIN + [f"<0x{i:02X}>" for i in range(256)] + learned))
    merges = [list(pair) if isinstance(pair, list) else pair.split(" ") for pair in trained["merges"]]
    runs = [["▁", "▁"], ["▁▁", "▁"], ["▁▁", "▁▁"], ["\n", "\n"], ["\n\n", "\n"], ["\t", "\t"]]
    merges = runs + [pair for pair in merges if pair not in runs]
    space = {"String": " "}
    vocab = {token: i for i, token in enumerate(tokens)}
    specials = [added(t, vocab[t], t != '<|"|>') for t in GEMMA_CONTROL]
    write(
        "gemma4-tiny",
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": sorted(specials + [added(t, vocab[t], False) for t in GEMMA_PLAIN], key=lambda t: t["id"]),
            "normalizer": {"type": "Replace", "pattern": space, "content": "▁"},
            "pre_tokenizer": {"type": "Split", "pattern": space, "behavior": "MergedWithPrevious", "invert": False},
            "post_processor": template("<bos>", vocab["<bos>"]),
            "decoder": {
                "type": "Sequence",
                "decoders": [
                    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
                ],
            },
            "model": {
                "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                "vocab": vocab, "merges": merges,
            },
        },
        {"tokenizer_class": "GemmaTokenizerFast", "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>",
         "unk_token": "<unk>", "clean_up_tokenization_spaces": False},
    )  # fmt: skip


def llama():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(LLAMA_SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=591, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), min_frequency=2, show_progress=False
    )
    tokenizer.train_from_iterator([PROSE + CODE + OTHER], trainer)
    result = json.loads(tokenizer.to_str())
    model = result["model"]
    # Merges as strings, the older of the two spellings; the Gemma fixture has pairs.
    model["merges"] = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    # In the vocabulary and yet not reachable by merges: what `ignore_merges` is for.
    for token in ["Ġtether", "ĠPromise<string[]>"]:
        model["vocab"][token] = len(model["vocab"])
    first = len(model["vocab"])
    result["added_tokens"] = [added(token, first + i) for i, token in enumerate(LLAMA_CONTROL)]
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
    result["post_processor"] = {"type": "Sequence", "processors": [byte_level, template(LLAMA_CONTROL[0], first)]}
    write(
        "llama3-tiny",
        result,
        {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>",
         "clean_up_tokenization_spaces": True},
    )  # fmt: skip


def sentencepiece(name, normalizer, pre_tokenizer):
    """As converted from SentencePiece: Gemma's vocabulary with other rules. A space is put before the text and removed from the answer."""
    tokenizer = json.loads((OUT / "gemma4-tiny" / "tokenizer.json").read_text(encoding="utf8"))
    rename = {"<bos>": "<s>", "<eos>": "</s>"}
    vocab = {rename.get(token, token): at for token, at in tokenizer["model"]["vocab"].items()}
    tokenizer["model"]["vocab"] = vocab
    tokenizer["model"]["merges"] = [" ".join(pair) for pair in tokenizer["model"]["merges"]]
    tokenizer["added_tokens"] = [added(token, vocab[token]) for token in ["<s>", "</s>", "<unk>"]]
    tokenizer["normalizer"], tokenizer["pre_tokenizer"] = normalizer, pre_tokenizer
    tokenizer["post_processor"] = template("<s>", vocab["<s>"])
    tokenizer["decoder"]["decoders"].append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    write(name, tokenizer, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"})


gemma()
llama()
space = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
sentencepiece("llama2-tiny", {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, space]}, None)
sentencepiece(
    "mistral7b-tiny", None, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
)
