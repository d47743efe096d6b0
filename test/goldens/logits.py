"""Computes logits with mlx-lm for a running test: {"folder", "tokens", "kvBits"?, "kvGroup"?} on a line of stdin, {"logits": base64 of float32} or {"error"} on stdout."""

import base64
import json
import sys

import mlx.core as mx
import numpy as np
from make_checkpoints import kept_in_bits, loaded, whole

mx.set_default_device(mx.cpu)

for line in sys.stdin:
    request = json.loads(line)
    try:
        model, tokens = loaded(request["folder"]), request["tokens"]
        bits = request.get("kvBits")
        logits = kept_in_bits(model, tokens, bits, request["kvGroup"]) if bits else whole(model, tokens)
        answer = {"logits": base64.b64encode(logits.astype("<f4").tobytes()).decode()}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"[:500]}
    print(json.dumps(answer), flush=True)
