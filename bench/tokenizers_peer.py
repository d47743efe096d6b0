"""PyPI `tokenizers` for tokenizer.mjs: reads {"load": file} or {"encode": text} from a line, writes time and memory."""

import array
import json
import sys
import time
import zlib

from tokenizers import Tokenizer


def resident():
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * 4096 / 2**20
    except OSError:
        return 0.0


tokenizer = None
for line in sys.stdin:
    ask = json.loads(line)
    before, cpu, began = resident(), time.process_time(), time.perf_counter()
    if "load" in ask:
        tokenizer, encoded = Tokenizer.from_file(ask["load"]), None
    else:
        encoded = tokenizer.encode(ask["encode"], add_special_tokens=False)
    answer = {
        "ms": (time.perf_counter() - began) * 1000,
        "cpu": (time.process_time() - cpu) * 1000,
        "mb": resident() - before,
        "sum": encoded and zlib.crc32(array.array("i", encoded.ids).tobytes()),
    }
    print(json.dumps(answer), flush=True)
