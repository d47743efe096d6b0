"""Writes src/chat/tokenizer/character-table.ts: what `tokenizers` takes for numbers, punctuation and accents, and which
characters its normal forms do not know yet.

Run in the repository: python test/chat/oracle/make_characters.py   (needs PyPI `tokenizers`, and node with a recent Unicode)
"""

import json
import pathlib
import subprocess

from tokenizers import normalizers, pre_tokenizers

OUT = pathlib.Path(__file__).resolve().parents[3] / "src/chat/tokenizer/character-table.ts"
CODES = [code for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
FORMS = ["NFC", "NFD", "NFKC", "NFKD"]
# Decompositions, and the order of marks below and above, before and after.
FRAMES = [("a", "\u0301"), ("a", "\u0323"), ("a\u0301", "")]
NODE = """
const { forms, frames } = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const out = []
for (const form of forms) for (const [before, after] of frames) for (let code = 0; code < 0x110000; code += 1)
  if (code < 0xd800 || code > 0xdfff) out.push((before + String.fromCodePoint(code) + after).normalize(form))
for (const form of ['NFD']) for (let code = 0; code < 0x110000; code += 1)
  if (code < 0xd800 || code > 0xdfff) out.push(String.fromCodePoint(code).normalize(form))
console.log(JSON.stringify(out))
"""


def new_to_the_reference():
    """Characters that it leaves alone, and a newer Unicode decomposes, composes or reorders."""
    question = json.dumps({"forms": FORMS, "frames": FRAMES})
    newer = json.loads(subprocess.run(["node", "-e", NODE], input=question, capture_output=True, check=True, text=True).stdout)
    found, at = set(), 0
    for form in FORMS:
        normalizer = getattr(normalizers, form)()
        for before, after in FRAMES:
            for code in CODES:
                if normalizer.normalize_str(before + chr(code) + after) != newer[at]:
                    found.add(code)
                at += 1
    starts = {ord(newer[at + i][0]) for i, code in enumerate(CODES) if code in found and len(newer[at + i]) > 1}
    return found | starts


def base36(number):
    return (base36(number // 36) if number >= 36 else "") + DIGITS[number % 36]


def steps(members):
    edges = [code for code in range(0x110001) if (code in members) != (code - 1 in members)]
    return " ".join(base36(edge - before) for before, edge in zip([0, *edges], edges))


def cut_off(step):
    return {code for code in CODES if len(step.pre_tokenize_str(f"a{chr(code)}a")) == 3}


def main():
    accents = normalizers.StripAccents()
    tables = {
        "NUMERIC": ("Digits cuts at these.", cut_off(pre_tokenizers.Digits(individual_digits=True))),
        "PUNCTUATION": ("Punctuation cuts at these.", cut_off(pre_tokenizers.Punctuation("isolated"))),
        "ACCENTS": ("StripAccents removes these.", {c for c in CODES if accents.normalize_str(f"a{chr(c)}") == "a"}),
        "INERT": ("Normal forms leave these alone: they are newer than the reference.", new_to_the_reference()),
    }
    parts = [
        "/**\n * Made by test/chat/oracle/make_characters.py: sets of characters, as lengths in base 36 from U+0000 on,\n"
        " * alternately of a run of characters outside the set and of a run inside it.\n */\n"
    ]
    for name, (comment, members) in tables.items():
        text = steps(members)
        lines = ",\n".join(f"  '{text[at : at + 110]}'" for at in range(0, len(text), 110))
        parts.append(f"/** {comment} */\nexport const {name} = [\n{lines},\n].join('')\n")
        print(name, len(members))
    OUT.write_text("\n".join(parts))


main()
