"""Copies a checkpoint in float32, the dtype in which MLX computes fastest on a CPU: float32.py FROM TO."""

import json
import shutil
import sys
from pathlib import Path

import mlx.core as mx


def main():
    source, target = map(Path, sys.argv[1:])
    target.mkdir(parents=True)
    for file in source.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, target)
            continue
        tensors = {name: tensor.astype(mx.float32) for name, tensor in mx.load(str(file)).items()}
        mx.save_safetensors(str(target / file.name), tensors, metadata={"format": "pt"})
    config = json.loads((target / "config.json").read_text())
    config.update(dtype="float32", torch_dtype="float32")
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
