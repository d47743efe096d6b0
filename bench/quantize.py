"""Quantizes a checkpoint with mlx-lm, like those of mlx-community: quantize.py FROM TO [--bits 4] [--group-size 64]."""

import argparse
import json
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.utils import load_model, quantize_model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--bits", type=int, default=4)
    parser.add_argument("--group-size", type=int, default=64)
    args = parser.parse_args()
    model, config = load_model(args.source)
    model, config = quantize_model(model, config, args.group_size, args.bits)
    args.target.mkdir(parents=True, exist_ok=True)
    mx.save_safetensors(str(args.target / "model.safetensors"), dict(tree_flatten(model.parameters())))
    (args.target / "config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
