"""mlx-lm for engine.mjs: reads {"tokens", "decode"} from a line, writes times and greedy tokens."""

import argparse
import json
import sys
import time
from pathlib import Path

import mlx.core as mx
import mlx_lm
from mlx_lm.generate import generate_step
from mlx_lm.utils import load_model


def run(model, tokens, decode, step):
    """-> seconds until the first token, seconds for the others, and the tokens"""
    mx.clear_cache()
    answer, started, first = [], time.perf_counter(), None
    for token, _ in generate_step(mx.array(tokens), model, max_tokens=decode, prefill_step_size=step):
        answer.append(int(token))
        first = first or time.perf_counter()
    return {"prefillSeconds": first - started, "decodeSeconds": time.perf_counter() - first, "tokens": answer}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--float32", action="store_true", help="convert weights that are not quantized to float32")
    parser.add_argument("--step", type=int, default=2048, help="tokens of one prefill pass (mlx-lm's default: 2048)")
    args = parser.parse_args()
    model, _ = load_model(args.model)
    if args.float32:
        model.set_dtype(mx.float32)
        mx.eval(model.parameters())
    ready = {"version": mlx_lm.__version__, "device": str(mx.default_device())}
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(run(model, request["tokens"], request["decode"], args.step)), flush=True)


if __name__ == "__main__":
    main()
