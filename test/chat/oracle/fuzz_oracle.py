"""Answers for fuzz.mjs. First line in: {"file"}, and out: {"prefix"}, the ids before every text; then, line by line, {"texts", "tokens"} and out, for each, checksums.

A text's is the crc32 of its ids as little-endian int32 (without the post-processor's additions), a token list's that of its
decoded UTF-8. Half a surrogate pair is U+FFFD to the tokenizer, as it is to every UTF-8 writer.
"""

import array
import json
import sys
import zlib

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(json.loads(sys.stdin.readline())["file"])
print(json.dumps({"prefix": tokenizer.encode("", add_special_tokens=True).ids}), flush=True)


def whole(text):
    try:
        text.encode("utf8")
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


for line in sys.stdin:
    ask = json.loads(line)
    encoded = tokenizer.encode_batch_fast([whole(text) for text in ask["texts"]], add_special_tokens=False)
    answer = {
        "texts": [zlib.crc32(array.array("i", one.ids).tobytes()) for one in encoded],
        "tokens": [
            zlib.crc32(text.encode("utf8")) for text in tokenizer.decode_batch(ask["tokens"], skip_special_tokens=False)
        ],
    }
    if ask.get("full"):
        answer["ids"] = [one.ids for one in encoded]
        answer["decoded"] = tokenizer.decode_batch(ask["tokens"], skip_special_tokens=False)
    print(json.dumps(answer), flush=True)
