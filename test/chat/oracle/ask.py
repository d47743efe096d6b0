"""Answers for the differential tests: reads {"file", "texts", "tokens"} from stdin, writes what `tokenizers` encodes and decodes them to.

`texts` are encoded without the post-processor's additions, `tokens` (lists of ids) are decoded whole.
"""

import json
import sys

from tokenizers import Tokenizer

ask = json.load(sys.stdin)
tokenizer = Tokenizer.from_file(ask["file"])
json.dump(
    {
        "ids": [encoded.ids for encoded in tokenizer.encode_batch(ask["texts"], add_special_tokens=False)],
        "decoded": tokenizer.decode_batch(ask["tokens"], skip_special_tokens=False),
        "prefix": tokenizer.encode("", add_special_tokens=True).ids,
    },
    sys.stdout,
)
