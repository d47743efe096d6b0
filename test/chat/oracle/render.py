"""Answers for the differential tests: reads {"template", "contexts"} from stdin, writes what jinja2 renders.

The environment is the one that Hugging Face's `transformers` gives to chat templates.
"""

import json
import sys

from jinja2.sandbox import ImmutableSandboxedEnvironment

ask = json.load(sys.stdin)
environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
template = environment.from_string(open(ask["template"], encoding="utf8").read())
json.dump([template.render(**context) for context in ask["contexts"]], sys.stdout)
