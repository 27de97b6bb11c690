"""Recordings: what the product saw in a run, small enough to keep, to be put to the checks again.

A check is then tried without a lab: green on the recording of the healthy lab, and red, for the
reason that the fault declares, on the recording under the fault. Of a run under a fault only
the sources are kept on which its red cases rest, of every subject: a check asks all of a cluster
before it says which of them it goes by. Of a run under a healthy variant it is those of the checks
that it tempts. What is in a record has been through the redactor.
"""

import gzip
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from lab.home import LAB, REPOSITORY
from lab.product import Looked
from lab.scene import Facts

FOLDER = REPOSITORY / "tests/recorded/runs"
VARIANTS = REPOSITORY / "tests/recorded/variants"
HEALTHY = "healthy"


def kept_in(site: str, *, variants: bool = False) -> Path:
    """Where the recordings of a site are: those of faults and of the healthy site, or variants'."""
    folder = VARIANTS if variants else FOLDER
    return folder if site == LAB else folder.parent / site / folder.name


def save(
    looked: Looked,
    name: str,
    facts: Facts,
    folder: Path | None = None,
    *,
    site: str = LAB,
    green: Collection[str] = (),
    cases: Collection[tuple[str, str]] | None = None,
) -> Path:
    """Keep what a run saw under a name: of the healthy lab all, else what its red cases need.

    `green` names checks whose sources are kept besides: those that a healthy variant tempts.
    `cases` are the red ones that count, where several faults were in force: those of the one whose
    recording it is.
    """
    lines = (looked.folder / "record.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    mine = [case for case in looked.red if cases is None or case.key in cases]
    red = {f"{case.check}|{case.subject}": case.reason for case in mine}
    seen = {event["n"]: event for event in events if event["kind"] == "observation"}
    wanted = {
        seen[number]["source"]
        for event in events
        if event["kind"] in {"claim", "claims"}
        and (name == HEALTHY or event["case"] in red or event["case"].split("|")[0] in green)
        for number in event["rests_on"]
        if number in seen
    }
    # A red case may have asked for more than its claims rest on, and asks for it again.
    wanted |= {event["source"] for event in seen.values() if event.get("case") in red}
    recording = {
        "environment": events[0]["environment"],
        "facts": facts,
        "red": red,
        "observations": [
            {key: event[key] for key in ("subject", "source", "reading")}
            for event in seen.values()
            if event["source"] in wanted
        ],
    }
    folder = folder or kept_in(site, variants=bool(green))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json.gz"
    _write(path, recording)
    return path


def _write(path: Path, recording: dict[str, Any]) -> None:
    """The same recording gives the same file: no time and no name are in its header."""
    text = json.dumps(recording, sort_keys=True, separators=(",", ":"))
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(gzip.compress(text.encode(), mtime=0))
    draft.replace(path)
