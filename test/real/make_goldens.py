"""Makes test/real/golden: what mlx-lm computes in float32 with the small real models of scripts/real_models.py.

Run it with the packages of test/goldens/requirements.txt, from any folder, after a change of english.txt, of the questions
below or of mlx-lm. Models that are missing are made first. Names of models as arguments make only those.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import mlx.core as mx
import mlx_lm
import numpy as np
from mlx_lm.generate import BatchGenerator
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import dequantize_model, load_model
from transformers import AutoTokenizer

HERE = Path(__file__).parent
SCRIPTS = HERE.parents[1] / "scripts"
sys.path.insert(0, str(SCRIPTS))
from real_models import cache  # noqa: E402

GREEDY_TOKENS = 64
TEXT_TOKENS = 4096

# Gemma is a base model, so it continues the texts; SmolLM2 answers them.
PROMPTS = {
    "smollm2-135m": [
        "What is the capital of France?",
        "Write a short poem about the sea.",
        "Explain to a child why the sky is blue.",
        "How do I boil an egg?",
        "List five animals that live in Africa.",
        "Who wrote Romeo and Juliet?",
        "Write a function in Python that adds two numbers.",
        "What is 17 + 25?",
        "Translate to French: Good morning, my friend.",
        "Give me three ideas for a birthday present.",
        "What does the word 'photosynthesis' mean?",
        "Tell me a story about a fox and a crow.",
        'Correct this sentence: "She go to school every days."',
        "Which is heavier, a kilogram of iron or a kilogram of feathers?",
        "Write an email that asks for a day off.",
        "What happened in 1969?",
        "Name the planets of the solar system in order.",
        '{"name": "Ada", "born": 1815}\n\nWhat is the name in this JSON?',
        "Summarize: The river rose in the night, and by morning the bridge was gone. Nobody was hurt.",
        "Hello! ¿Cómo estás? 你好 🙂",
    ],
    "gemma3-270m": [
        "The capital of France is",
        "Once upon a time, in a village by the sea,",
        "def fibonacci(n):\n",
        "The three laws of motion are:\n1.",
        "To boil an egg, first",
        "Water is made of hydrogen and",
        'import json\n\nwith open("settings.json") as file:\n',
        "Dear Sir or Madam,\n\nI am writing to",
        "She opened the letter and read it twice. It said",
        "2, 4, 8, 16, 32,",
        "La capitale de l'Italie est",
        "Die drei größten Städte Deutschlands sind",
        "Shopping list:\n- bread\n- milk\n-",
        "Q: Which planet is the largest?\nA:",
        "<html>\n<head>\n<title>",
        "The history of the steam engine begins",
        "SELECT name, price FROM products WHERE",
        "In conclusion, the results of this experiment show",
        "The dog barked because",
        "日本の首都は",
    ],
}


def folder_of(name, bits):
    """The model's folder, made if it is missing."""
    folder = cache() / (name if bits == 16 else f"{name}-{bits}bit")
    if not folder.exists():
        command = [sys.executable, str(SCRIPTS / "real_models.py"), name, str(folder)]
        quantized = [] if bits == 16 else ["--bits", str(bits)]
        subprocess.run(command + quantized, check=True, env={**os.environ, "TETHER_ORACLE_PYTHON": sys.executable})
    return folder


def loaded(folder):
    """In float32; quantized weights are unpacked with scales that were converted first, which rounds nothing."""
    model, _ = load_model(folder)
    model.set_dtype(mx.float32)
    model = dequantize_model(model)
    mx.eval(model.parameters())
    return model


def greedy(model, prompts):
    """-> of each prompt the continuation, end tokens or not, and how far apart the two best logits of each step are"""
    generator = BatchGenerator(model, prefill_batch_size=len(prompts), stream=mx.default_stream(mx.cpu))
    uids = generator.insert(prompts, [GREEDY_TOKENS] * len(prompts))
    answers = {uid: [] for uid in uids}
    while responses := generator.next_generated():
        for response in responses:
            answers[response.uid].append(int(response.token))
    generator.close()
    return [checked(model, prompt, answers[uid]) for prompt, uid in zip(prompts, uids)]


def checked(model, prompt, tokens):
    """A pass over each prompt alone and its whole continuation chooses the same tokens."""
    rows = logits(model, model.model(mx.array([prompt + tokens]))[:, len(prompt) - 1 : -1])
    second, first = np.partition(rows, -2)[:, -2:].T
    margins = first - second
    differs = (rows.argmax(-1) != tokens) & (margins > 1e-4)
    assert not differs.any(), f"steps {np.flatnonzero(differs)} of {prompt} differ, {margins[differs]} apart"
    return {"tokens": tokens, "margins": [round(float(margin), 5) for margin in margins]}


def logits(model, states):
    return np.array(model.model.embed_tokens.as_linear(states))[0].astype(np.float64)


def perplexity(model, ids):
    """Of all tokens but the first, read in parts through mlx-lm's caches."""
    cache, total = make_prompt_cache(model), 0.0
    for start in range(0, len(ids) - 1, 256):
        end = min(start + 256, len(ids) - 1)
        rows = logits(model, model.model(mx.array([ids[start:end]]), cache=cache))
        top = rows.max(-1)
        right = rows[np.arange(end - start), ids[start + 1 : end + 1]]
        total += float((right - top - np.log(np.exp(rows - top[:, None]).sum(-1))).sum())
    return float(np.exp(-total / (len(ids) - 1)))


def make(name):
    tokenizer = AutoTokenizer.from_pretrained(folder_of(name, 16))
    prompts = []
    for text in PROMPTS[name]:
        if tokenizer.chat_template:
            chat = [{"role": "user", "content": text}]
            ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
        else:
            ids = tokenizer.encode(text)
        prompts.append({"text": text, "ids": ids})
    text = tokenizer.encode((HERE / "english.txt").read_text(encoding="utf-8"))[:TEXT_TOKENS]
    results = {}
    for bits in (16, 8, 4):
        model = loaded(folder_of(name, bits))
        score = perplexity(model, text)
        print(f"{name}, {bits} bits: perplexity {score:.5f}", flush=True)
        results[str(bits)] = {
            "perplexity": round(score, 5),
            "greedy": greedy(model, [prompt["ids"] for prompt in prompts]),
        }
        write(name, {"text_tokens": len(text), "prompts": prompts, "bits": results})


def write(name, facts):
    """With lists of numbers on one line."""
    note = "Computed by mlx-lm in float32; made by test/real/make_goldens.py."
    head = {"note": note, "mlx_lm": mlx_lm.__version__, "mlx": mx.__version__}
    text = json.dumps({**head, **facts}, indent=1)
    (HERE / "golden").mkdir(exist_ok=True)
    lines = re.sub(r"\[[-\d.,e\s]+\]", lambda match: " ".join(match[0].split()), text)
    (HERE / "golden" / f"{name}.json").write_text(lines + "\n")


if __name__ == "__main__":
    mx.set_default_device(mx.cpu)
    for wanted in sys.argv[1:] or PROMPTS:
        make(wanted)
