"""Writes src/chat/tokenizer/unicode-table.ts: the categories of all characters in the regular expressions of `tokenizers`.

Run in the repository: python test/chat/oracle/make_unicode.py   (needs PyPI `tokenizers`)
"""

import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers

OUT = pathlib.Path(__file__).resolve().parents[3] / "src/chat/tokenizer/unicode-table.ts"
# In the order of CATEGORIES in unicode.ts. Characters in none of them get the first letter, A.
CATEGORIES = [
    *[r"\p{Lu}", r"\p{Ll}", r"\p{Lt}", r"\p{Lm}", r"\p{Lo}", r"\p{M}", r"\p{Nd}", r"[\p{Nl}\p{No}]", r"\s"],
    *[r"\p{P}", r"\p{S}"],
]
CODES = [code for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def members(pattern):
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    kept = set()
    for start in range(0, len(CODES), 4096):
        for text, _ in split.pre_tokenize_str("".join(map(chr, CODES[start : start + 4096]))):
            kept.update(map(ord, text))
    return [code for code in CODES if code not in kept]


def word_characters():
    """The characters that may not stand beside an added token with single_word: \\w of another library, which differs from ours."""
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0}, merges=[]))
    tokenizer.add_tokens([AddedToken("QQ", single_word=True, normalized=False)])
    words = set()
    for start in range(0, len(CODES), 4096):
        block = CODES[start : start + 4096]
        encoded = tokenizer.encode("".join(f"\tQQ{chr(code)}" for code in block), add_special_tokens=False)
        alone = {begin // 4 for begin, _ in encoded.offsets}
        words.update(code for i, code in enumerate(block) if i not in alone)
    return words


def base36(number):
    return (base36(number // 36) if number >= 36 else "") + DIGITS[number % 36]


def main():
    letters = ["A"] * 0x110000
    for i, pattern in enumerate(CATEGORIES):
        for code in members(pattern):
            assert letters[code] == "A", f"U+{code:04X} is in two categories"
            letters[code] = "BCDEFGHIJKL"[i]
    runs = []
    for letter in letters:
        if runs and runs[-1][0] == letter:
            runs[-1][1] += 1
        else:
            runs.append([letter, 1])
    words = word_characters()
    edges = [code for code in range(0x110001) if (code in words) != (code - 1 in words)]
    steps = " ".join(base36(edge - before) for before, edge in zip([0, *edges], edges))
    text = "".join(letter + (base36(length) if length > 1 else "") for letter, length in runs)
    def listed(name, comment, text):
        lines = [f"  '{text[at : at + 110]}'" for at in range(0, len(text), 110)]
        return f"/** {comment} */\nexport const {name} = [\n" + ",\n".join(lines) + ",\n].join('')\n"

    OUT.write_text(
        "/** Made by test/chat/oracle/make_unicode.py: what kind of character each code point is to the reference. */\n\n"
        + listed("RUNS", "Runs of one category from U+0000 on: its letter and, if it is not 1, the length in base 36.", text)
        + "\n"
        + listed("WORD_STEPS", "Lengths in base 36 from U+0000 on, alternately of a run of characters outside words and of a run inside words.", steps)
    )
    print(len(runs), "runs,", len(text), "characters")


main()
