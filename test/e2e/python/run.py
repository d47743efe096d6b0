"""Runs the tests of a file against a server: python run.py FILE URL KEY. Prints a line of JSON for each."""

import importlib.util
import json
import sys
import time
import traceback

SCRIPT, URL, KEY = sys.argv[1:]


def load(path):
    spec = importlib.util.spec_from_file_location("tests", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    tests = {name[5:]: value for name, value in vars(load(SCRIPT)).items() if name.startswith("test_")}
    for name, test in tests.items():
        started = time.monotonic()
        try:
            test(URL, KEY)
            error = None
        except Exception:
            error = traceback.format_exc()
        print(json.dumps({"name": name, "seconds": time.monotonic() - started, "error": error}), flush=True)


main()
