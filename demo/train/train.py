"""Trains the demo model: python train.py OUT.pt [--start CHECKPOINT.pt] [--rate FACTOR] [--long STEPS] [--short STEPS] [--seed N]"""

import argparse
import multiprocessing
import pathlib
import random
import time

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import data
from encode import encode
from model import Demo
from prose import make_prose, manual

TOKENIZER = str(pathlib.Path(__file__).resolve().parents[1] / "model" / "tokenizer.json")


def sequence(rng, tokenizer, prose, length, noise):
    ids, learn = [], []
    first = True
    while len(ids) < length + 1:
        size = rng.randint(20, noise) if noise and first and rng.random() < 0.85 else 0
        more = encode(data.conversation(rng, prose, size, rng.randint(1, 3)), tokenizer)
        ids += more[0]
        learn += more[1]
        first = False
    return ids[: length + 1], learn[: length + 1]


def induction(rng, vocab, length):
    """Random spans, each repeated between delimiters: the model learns to copy from these first."""
    ids, learn = [], []
    marks = rng.sample(range(5, vocab), 2)
    while len(ids) < length + 1:
        span = [rng.randrange(277, vocab) for _ in range(rng.randint(2, 12))]
        gap = [rng.randrange(277, vocab) for _ in range(rng.randint(0, 6))]
        ids += [marks[0], *span, marks[1], *gap, marks[0], *span, marks[1]]
        learn += [False] * (len(span) + 2 + len(gap) + 1) + [True] * (len(span) + 1)
    return ids[: length + 1], learn[: length + 1]


def make_batch(job):
    """job: (seed, length, rows, share of induction rows) -> two lists of rows"""
    seed, length, rows, share = job
    rng = random.Random(seed)
    tokenizer = make_batch.__dict__.setdefault("tokenizer", Tokenizer.from_file(TOKENIZER))
    noise = make_batch.__dict__.setdefault("noise", manual())
    scale = length / 512
    made = []

    def prose(size):
        return make_prose(rng, noise)(max(8, int(size * scale)))

    for _ in range(rows):
        if rng.random() < share:
            made.append(induction(rng, tokenizer.get_vocab_size(), length))
        else:
            made.append(sequence(rng, tokenizer, prose, length, int(1100 * scale)))
    return [row[0] for row in made], [row[1] for row in made]


def orthogonal(g):
    """Newton-Schulz: the nearest matrix with equal singular values (Muon, Jordan 2024)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(5):
        m = x @ x.T
        x = a * x + (b * m + c * m @ m) @ x
    return x.T if tall else x


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--start")
    parser.add_argument("--short", type=int, default=1100)
    parser.add_argument("--long", type=int, default=1900)
    parser.add_argument("--rate", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    model = Demo(Tokenizer.from_file(TOKENIZER).get_vocab_size())
    if options.start:
        model.load_state_dict(torch.load(options.start))
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if p.ndim == 1 or p is model.embed]
    momenta = [torch.zeros_like(p) for p in matrices]
    adam = torch.optim.AdamW(others, lr=3e-3, betas=(0.9, 0.98), weight_decay=0.0)
    steps = options.short + options.long
    compiled = torch.compile(model)

    def job(step):
        short = step < options.short
        progress = step / max(1, 0.4 * steps)
        share = 0.1 if options.start else max(0.1, 0.5 * (1 - progress))
        return options.seed * 1_000_003 + step, *((128, 16) if short else (512, 5)), share

    started = time.time()
    with multiprocessing.Pool(1) as pool:
        for step, (ids, learn) in enumerate(pool.imap(make_batch, map(job, range(steps)))):
            warm = min(1.0, (step + 1) / 40)
            cosine = 0.04 + 0.96 * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * step / steps)).item())
            rate = options.rate * warm * cosine
            ids, learn = torch.tensor(ids), torch.tensor(learn)
            learn = learn[:, 1:]
            target = ids[:, 1:][learn]
            logits = model.logits(compiled(ids[:, :-1])[learn])
            loss = F.cross_entropy(logits, target)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            with torch.no_grad():
                for p, momentum in zip(matrices, momenta):
                    momentum.mul_(0.95).add_(p.grad)
                    update = orthogonal(p.grad + 0.95 * momentum) * max(1, p.shape[0] / p.shape[1]) ** 0.5
                    p.mul_(1 - 0.02 * rate * 0.02).add_(update, alpha=-0.02 * rate)
            for group in adam.param_groups:
                group["lr"] = 3e-3 * rate
            adam.step()
            model.zero_grad()
            if step % 50 == 0 or step == steps - 1:
                right = (logits.argmax(-1) == target).float().mean().item()
                print(f"step {step} loss {loss.item():.3f} right {right:.3f} {time.time() - started:.0f} s", flush=True)
            if step % 300 == 299 or step == steps - 1:
                torch.save(model.state_dict(), options.out)


if __name__ == "__main__":
    main()
