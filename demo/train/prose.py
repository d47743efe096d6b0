"""Text around a conversation: the manual and source that come with Python, and generated sentences."""

import argparse
import inspect
import json.decoder
import subprocess
from pydoc_data.topics import topics

import words as w


def manual():
    """The language reference of `help()` and the source of three modules, of Python 3.11.7 and under its licence."""
    modules = [inspect.getsource(module) for module in (argparse, json.decoder, subprocess)]
    return "\n\n".join([*(topics[name] for name in sorted(topics)), *modules])


def sentence(rng):
    kind = rng.random()
    body = " ".join(rng.choice(w.COMMON) for _ in range(rng.randint(4, 16)))
    if kind < 0.1:
        return f"- `{w.word(rng)}`: {body}."
    if kind < 0.15:
        return f"# {body.capitalize()}\n"
    if kind < 0.2:
        return f" - {w.plain_word(rng)} ({w.path(rng)}): {body}"
    if kind < 0.25:
        return f'{body.capitalize()} "{w.word(rng)}" {w.plain_word(rng)}.'
    if kind < 0.28:
        return f"<{w.name(rng)}>{body}</{w.name(rng)}>"
    if kind < 0.31:
        return f"- {w.name(rng)}:{w.name(rng)}: {body.capitalize()}. {w.path(rng)}"
    return body.capitalize() + rng.choice([".", ".", ".", ":", "?", "!", ";"])


def make_prose(rng, manual):
    """-> prose(size): about `size` characters from the manual or of generated sentences."""

    def prose(size):
        if rng.random() < 0.5 and len(manual) > size:
            start = rng.randrange(len(manual) - size)
            return manual[start : start + size]
        text = ""
        while len(text) < size:
            text += sentence(rng) + rng.choice([" ", " ", " ", "\n", "\n\n"])
        return text[:size]

    return prose
