"""Writes prompts.json: 60 requests whose words, paths, commands and outputs training never saw (see demo/README.md)."""

import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "train"))
import words as training

WORDS = """pineapple walrus saxophone marzipan tundra cobalt lighthouse origami quokka zeppelin nutmeg barnacle sycamore
paprika gondola kestrel obsidian truffle bramble anvil tortoise lullaby pancake cinnamon trombone hedgehog""".split()
ODD = "Xylophone zorblat qwxv7 snow_goose 40961 tick-tock NIMBUS blorptang grumbo9 lemur.fox".split()
FOLDERS = "/tmp/parcel /home/ines/attic /srv/pottery /tmp/tether-x9Qb2 workshop /opt/lantern-kit".split()
FILES = "invoice.txt recipe.md skyline.json rehearsal.log puzzle.py walrus.csv orchard.txt memo7.md".split()
TEXTS = ["marzipan", "seven brave otters", "meet at noon", "tundra 42", "kestrel lullaby", "all is well", "zorblat", "x9 y8"]
SAY = ["Say {}.", "Say {}", "Please say {}.", "Repeat after me: {}", "Reply with the word {}.", "Say the word {}.", "Just say {}.",
       "Can you say {}?"]  # fmt: skip
RUN = ["Run `{}`", "Run {}", "Run the command `{}`.", "Please run `{}` with Bash.", "Use the Bash tool to run: {}", "Execute {}"]
READ = ["Read {}", "Read the file {}.", "What is in {}?", "Please read {} and tell me what it says."]
WRITE = ['Write "{t}" to {p}', "Create a file {p} with the content {t}", "Write {t} to the file {p}.", "Save `{t}` to {p}"]
OTHER = ["Which animal is the tallest?", "Explain how a pendulum clock works.", "Fix the flaky login test.", "What is the capital of Portugal?",
         "Refactor the parser into smaller functions.", "Tell me a riddle.", "How do I bake sourdough?", "Why is the sky blue?"]
DEMO = "I am tether's demo model. I can only say a word, run a command, read a file or write one."


def commands(rng):
    path = lambda: f"{rng.choice(FOLDERS)}/{rng.choice(FILES)}"
    pick = lambda: rng.choice(WORDS + ODD)
    return [
        f"echo {pick()}", f"echo '{pick()} {pick()}'", f"echo {pick()} | wc -c", f"ls {rng.choice(FOLDERS)}", f"cat {path()}",
        f"wc -l {path()}", f"mkdir -p {rng.choice(FOLDERS)}/{pick()}", f"touch {path()}", f"grep {pick()} {path()}",
        f"head -n 17 {path()}", f"echo {pick()} > {path()}", "git stash list", f"python3 {rng.choice(FILES)}", f"printf {pick()}",
    ]  # fmt: skip


def main():
    rng = random.Random(20261124)
    known = {word.lower() for word in training.COMMON + training.NOUNS}
    overlap = known & {word.lower() for word in WORDS + ODD}
    assert not overlap, overlap
    prompts = []

    def add(kind, text, expect, turns=None):
        prompts.append({"kind": kind, "prompt": text, **({"turns": turns} if turns else {}), "expect": expect})

    for i, word in enumerate(WORDS[:10] + ODD[:6]):
        add("say", SAY[i % len(SAY)].format(word), {"text": word})
    for i, command in enumerate(commands(rng)):
        add("run", RUN[i % len(RUN)].format(command), {"tool": "Bash", "input": {"command": command}})
    for i in range(8):
        path = f"{FOLDERS[i % 6]}/{FILES[i]}"
        add("read", READ[i % 4].format(path), {"tool": "Read", "input": {"file_path": path}})
    for i in range(8):
        path, text = f"{FOLDERS[(i + 3) % 6]}/{FILES[7 - i]}", TEXTS[i]
        add("write", WRITE[i % 4].format(t=text, p=path), {"tool": "Write", "input": {"content": text, "file_path": path}})
    for text in OTHER:
        add("other", text, {"text": DEMO})
    results = [
        ("Bash", {"command": "echo nutmeg", "description": "Run echo"}, "nutmeg", False, "The command printed: nutmeg"),
        ("Bash", {"command": "ls /srv/pottery", "description": "Run ls"},
         "Exit code 2\nls: cannot access '/srv/pottery': No such file or directory", True,
         "The command failed: ls: cannot access '/srv/pottery': No such file or directory"),
        ("Bash", {"command": "touch memo7.md", "description": "Run touch"}, "(Bash completed with no output)", False,
         "The command printed nothing."),
        ("Read", {"file_path": "/tmp/parcel/memo7.md"}, "1\tseven brave otters\n2\t", False, "The file says: seven brave otters"),
        ("Write", {"content": "all is well", "file_path": "/tmp/parcel/orchard.txt"},
         "File created successfully at: /tmp/parcel/orchard.txt (file state is current in your context — no need to Read it back)",
         False, "Done. I wrote /tmp/parcel/orchard.txt."),
        ("Bash", {"command": "echo lighthouse | wc -c", "description": "Run echo"}, "11", False, "The command printed: 11"),
    ]  # fmt: skip
    asks = ["Run `echo nutmeg`", "Run ls /srv/pottery", "Run `touch memo7.md`", "Read /tmp/parcel/memo7.md",
            'Write "all is well" to /tmp/parcel/orchard.txt', "Run `echo lighthouse | wc -c`"]  # fmt: skip
    for ask, (name, given, output, is_error, said) in zip(asks, results):
        turn = {"name": name, "input": given, "output": output, "is_error": is_error}
        add("result", ask, {"text": said}, [turn])
    path = pathlib.Path(__file__).with_name("prompts.json")
    path.write_text(json.dumps(prompts, indent=2, ensure_ascii=False) + "\n", encoding="utf8")
    print(len(prompts))


if __name__ == "__main__":
    main()
