"""Asks the central log of this machine, as its administrator."""

import json
import subprocess

STORE = "https://log1.lab.test:9200"
LOGIN = "/etc/opensearch/admin.curl"


def ask(path: str, *, method: str = "GET", body: str = "") -> str:
    """What it answers; raises CalledProcessError where it refuses."""
    words = ["curl", "--config", LOGIN, "--request", method, f"{STORE}{path}"]
    words += ["--data-binary", "@-"] if body else []
    done = subprocess.run(words, input=body, capture_output=True, text=True, check=True)
    return done.stdout


def indices(pattern: str) -> list[str]:
    """The names of the indices of a pattern."""
    found = json.loads(ask(f"/_cat/indices/{pattern}?format=json&h=index"))
    return sorted(one["index"] for one in found)
