"""Reads {"file", "texts"} from stdin, writes the ids that `tokenizers` gives; run with the Python that real_models.py made."""

import json
import sys

from tokenizers import Tokenizer

ask = json.load(sys.stdin)
tokenizer = Tokenizer.from_file(ask["file"])
json.dump([tokenizer.encode(text, add_special_tokens=False).ids for text in ask["texts"]], sys.stdout)
