"""Writes test/chat/golden/tokenizers.json: strings and token lists, and what `tokenizers` encodes and decodes them to; and fuzz.json, the
checksums of the ids that it gives for a sample of the fuzzer's texts.

Run in the repository: python test/chat/oracle/make_goldens.py   (needs PyPI `tokenizers`)
"""

import array
import json
import pathlib
import random
import subprocess
import zlib

from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[3]
NAMES = ["gemma4-tiny", "llama3-tiny", "llama2-tiny", "mistral7b-tiny"]
FILES = {name: f"test/fixtures/tokenizers/{name}/tokenizer.json" for name in NAMES}
TEXTS = [
    "", " ", "  ", "   ", "a", " a", "a ", " a ", "\n", "\n\n", "\n\n\n\n\n\n\n", "\r\n", "a\r\nb\r\n\r\nc", "\t", "\t\t\tx",
    " " * 17, " " * 200, "\n" * 70, "x" * 300, "x" * 33 + " " * 33 + "y", "a\n b\n  c\n   d", "  \n  \n", "end   ", "a  b   c    d",
    "Hello, world!", "Hello,world!Hello", "I'll we're DON'T it'S you'D I'VE 'tis 's", "'\u017f 'S 's \u017fs K \u212a", "tether Promise<string[]>",
    "1", "12", "123", "1234", "1234567890", "3.14159", "1,000,000", "0x1F", "2026-11-24T12:34:56Z", "٣٤٥ Ⅷ ½ ² ௧௨",
    "naïve café Übung smörgåsbord", "cafe\u0301 a\u0308\u0323 \u0301", "ﬁ ﬂ ﬀ Å Å Ω Ω", "Привет, мир! Это тест.", "你好,世界。今天天气很好。",
    "こんにちは、世界。カタカナ ひらがな 漢字", "안녕하세요 세계", "שלום עולם", "مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดีชาวโลก", "ქართული ენა", "Ελληνικά",
    "🙂", "🙂🙂", "a🙂b", "👩\u200d👩\u200d👧\u200d👦", "🏳️\u200d🌈 👍🏽 🇩🇪 ❤️", "𝔘𝔫𝔦 𠀀𠀁", "\U0010ffff \uffff \ufffd \ufeff", "\ufeffBOM first",
    "\x00", "a\x00b", "\x01\x02\x1b[31mred\x1b[0m\x7f", "\u200b\u200d\u2060", "\u00a0\u3000\u2009\u2028\u2029\u0085x", "\x0b\x0c\x1c\x1d\x1e\x1f",
    "▁", "▁▁", "a▁b ▁ c", "Ġ ĊĠ", "<0x41> <0x0A> <0xZZ>", "\u2019s \u201cquoted\u201d \u2014 \u2026",
    "<bos>", "<eos>x<pad>", "<unk>", "<|turn>user\nhi<turn|>\n", '<|tool_call>call:Bash{command:<|"|>ls<|"|>}<tool_call|>', "<|turn><|turn>",
    "<|turn", "|turn>", "<<|turn>>", "<start_of_turn>user\nhi<end_of_turn>\n", "<unused0> <unused12> <unused99>", "[multimodal]<mask>",
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>", " <|eot_id|> ", "<|eot_id|", "<|reserved_special_token_0|>",
    "<table><tr><td>1</td></tr></table>", "<h1>x</h1><s>y</s>", "</table >",
    "def f(x):\n    return x  # why\n\n\nclass A:\n\tpass\n", 'const a = {"b": [1, 2, null], c: `d${e}`};\n', "#!/bin/sh\nset -e\nls -la | grep '^d' && echo $?\n",
    "SELECT * FROM t WHERE a <> 'b''c';", "int main(void) { return 0; }\r\n", "<?xml version=\"1.0\"?>\n<a b='c'/>\n", "fn main() { println!(\"{:?}\", 1..=2); }",
    "C:\\Users\\me\\file.txt \\n \\u2603 \\\"", "https://example.org/a/b?c=d&e=%20#f", "a@b.example; x=1;;y", "$ git commit -m 'x' --no-verify",
    "{\"type\":\"object\",\"properties\":{\"file_path\":{\"type\":\"string\"}}}", "| a | b |\n|---|---|\n| 1 | 2 |", "- [ ] todo\n- [x] done\n",
    "```python\nprint('hi')\n```", "Exit code 2\nls: cannot access 'x': No such file or directory", "     1\timport os\n     2\t\n     3\tprint(1)",
    "ab" * 200, "\u0e01\u0e33" * 20, "🙂" * 20, "é" * 50, "e\u0301" * 20, "a\n" * 40, " \n" * 30, "\t \t \n", ". . . . .", "....", "!!!???", "-----", "=" * 80,
    "The quick brown fox jumps over the lazy dog. " * 4,
]  # fmt: skip


def lists(rng, size):
    """Token lists: mostly low ids, where bytes and control tokens are, and some that do not exist."""
    made = [[], [size], [size - 1]]
    for _ in range(120):
        made.append([rng.randrange(rng.choice([40, 300, 600, size])) % size for _ in range(rng.randrange(1, 12))])
    return made


def main():
    result = {"texts": TEXTS, "tokenizers": {}}
    for name, path in FILES.items():
        tokenizer = Tokenizer.from_file(str(ROOT / path))
        tokens = lists(random.Random(7), tokenizer.get_vocab_size())
        result["tokenizers"][name] = {
            "file": path,
            "ids": [encoded.ids for encoded in tokenizer.encode_batch(TEXTS, add_special_tokens=False)],
            "tokens": tokens,
            "decoded": tokenizer.decode_batch(tokens, skip_special_tokens=False),
        }
    out = ROOT / "test/chat/golden/tokenizers.json"
    out.parent.mkdir(exist_ok=True)
    lines = ["{", f'"texts":{json.dumps(TEXTS, ensure_ascii=True)},', '"tokenizers":{']
    for i, (name, golden) in enumerate(result["tokenizers"].items()):
        text = json.dumps(golden, ensure_ascii=True, separators=(",", ":"))
        lines.append(f'"{name}":{text}{"," if i + 1 < len(FILES) else ""}')
    out.write_text("\n".join([*lines, "}}"]) + "\n")
    print(len(TEXTS), "texts,", out.stat().st_size, "bytes")
    fuzz(out.with_name("fuzz.json"))


def fuzz(out):
    """Texts of fuzz-texts.mjs, and the crc32 of each one's ids as little-endian int32."""
    texts = json.loads(subprocess.run(["node", "test/chat/oracle/fuzz-sample.mjs"], capture_output=True, check=True, cwd=ROOT).stdout)
    result = {"texts": texts, "sums": {}}
    for name, path in FILES.items():
        encoded = Tokenizer.from_file(str(ROOT / path)).encode_batch(texts, add_special_tokens=False)
        result["sums"][name] = [zlib.crc32(array.array("i", one.ids).tobytes()) for one in encoded]
    out.write_text(json.dumps(result, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(len(texts), "texts,", out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
