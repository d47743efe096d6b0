"""Records what jinja2 renders for the snippets of golden/jinja.jsonl, in transformers' environment.

    python test/chat/oracle/jinja_snippets.py

needs `pip install jinja2 transformers`. A new snippet is a line with its "source" alone.
"""

import json
from datetime import datetime
from pathlib import Path

from transformers.utils import chat_template_utils

GOLDEN = Path(__file__).parent.parent / "golden"


class FixedDate(datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26, 15, 4, 5)


chat_template_utils.datetime = FixedDate


def answer(source, variables):
    try:
        return {"text": chat_template_utils._compile_jinja_template(source).render(**variables)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    variables = json.loads((GOLDEN / "jinja-variables.json").read_text(encoding="utf8"))
    path = GOLDEN / "jinja.jsonl"
    # Not splitlines(): it would split at U+2028 inside a text.
    sources = [json.loads(line)["source"] for line in path.read_text(encoding="utf8").strip().split("\n")]
    lines = [json.dumps({"source": source, **answer(source, variables)}, ensure_ascii=False) for source in sources]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
