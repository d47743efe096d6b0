"""Prompts for the scripted model, as test/support/play.ts makes them, and what both clients' tests check with."""

import json
import time
import urllib.request

BASH = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}


def play(*answers):
    return "Play: " + json.dumps(answers, ensure_ascii=False)


def call(name, **arguments):
    return {"call": name, "input": arguments}


def endless():
    """An answer that takes a minute, a few words at a time."""
    return play([{"text": "kettle harbor lantern " * 500, "pace": 0.2}])


def until_idle(url, key):
    """Waits until the server works on nothing; fails after five seconds."""
    request = urllib.request.Request(url + "/status", headers={"authorization": "Bearer " + key})
    end = time.monotonic() + 5
    while True:
        with urllib.request.urlopen(request) as answer:
            status = json.load(answer)
        if status["live"] == 0:
            return
        assert time.monotonic() < end, f"still at work: {status}"
        time.sleep(0.05)


def raises(kind, act):
    """The error of this kind that `act` raises."""
    try:
        act()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised")
