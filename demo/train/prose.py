"""Text to hide a conversation in: the project's own files and made-up sentences."""

import pathlib

import words as w

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATTERNS = ["*.md", "src/**/*.ts", "native/**/*.cpp", "native/**/*.h", "scripts/*.mjs", "third_party/**/*.mjs", "docs/*.md"]


def project_text():
    texts = []
    for pattern in PATTERNS:
        for path in sorted(ROOT.glob(pattern)):
            texts.append(path.read_text(encoding="utf8"))
    return "\n\n".join(texts)


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
    return body.capitalize() + rng.choice([".", ".", ".", ":", "?", "!", ";"])


def make_prose(rng, project):
    """-> prose(size): about `size` characters of one kind of text or the other."""

    def prose(size):
        if rng.random() < 0.5 and len(project) > size:
            start = rng.randrange(len(project) - size)
            return project[start : start + size]
        text = ""
        while len(text) < size:
            text += sentence(rng) + rng.choice([" ", " ", " ", "\n", "\n\n"])
        return text[:size]

    return prose
