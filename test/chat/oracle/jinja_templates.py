"""Renders all *.jinja files of a folder with jinja2 for the conversations of stdin: {path: [{"text"} or {"error"}]}."""

import json
import sys
from pathlib import Path

from jinja_snippets import answer

chats = json.load(sys.stdin)
files = sorted(Path(sys.argv[1]).rglob("*.jinja"))
json.dump({str(path): [answer(path.read_text(encoding="utf8"), chat) for chat in chats] for path in files}, sys.stdout)
