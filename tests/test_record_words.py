"""Whose mistake it is: a record with other words is the file's, what breaks in judging is ours."""

import json
from pathlib import Path
from typing import NoReturn

import pytest
from engine import Engine, Site
from msgspec.structs import fields
from stories import Bad, Story

from readiness.evidence.record import START, digest, now, read_record
from readiness.evidence.record_words import WORDS
from readiness.evidence.steps import STEPS
from readiness.model.errors import UsageError
from readiness.model.words import Json
from readiness.running import finish
from readiness.running.finish import judge_records, judge_runs

# One claim of a line of several, and a case that leaves a claim in a line of its own.
HELD = {"name": "n", "observed": 1, "relation": "==", "limit": 1}
RED = {"TLS-001|portal/edge1/v4": Bad()}


def rewritten(folder: Path, kind: str, key: str, value: object = None) -> Path:
    """The run with one key of its first event of a kind gone or changed, its chain whole again."""
    path, previous, lines, done = folder / "record.jsonl", START, [], False
    for line in path.read_text().splitlines():
        event: Json = json.loads(line)
        if event["kind"] == kind and not done:
            done = True
            if value is None:
                del event[key]
            else:
                event[key] = value
        text = json.dumps(event | {"prev": previous}, separators=(",", ":"))
        previous = digest(text.encode())
        lines.append(text)
    assert done
    path.write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        (kind, one.name, None)
        for kind in ("run-opened", "plan", "claim", "claims", "phase")
        for one in fields({**WORDS, **STEPS}[kind])
        if one.required
    ]
    + [
        ("claim", "answer", "perhaps"),
        ("claims", "answer", "no"),
        ("claims", "rests_on", ["seven"]),
        ("claims", "claims", [{"name": "n", "observed": 1, "relation": "=="}]),
        ("claims", "claims", [HELD | {"until": "2026-11-30T12:00:00"}]),
        ("case-ended", "passed", ["call"]),
        ("claim", "rests_on", ["seven"]),
        ("claim", "until", "soon"),
        ("phase", "result", "fine"),
        ("plan", "tier", "gentle"),
        ("case-started", "at", "yesterday"),
        ("identity", "members", [{"part": "ssh"}]),
        ("run-opened", "environment", {"name": "campus", "schema": 1}),
        ("run-opened", "drift_looks", [[3]]),
        ("run-opened", "drift_looks", [[1.5, 4]]),
        ("run-opened", "drift_looks", [[4, 1]]),
        ("run-opened", "drift_looks", [[True, 4]]),
        ("run-opened", "own", []),
        ("run-opened", "earlier", [{"number": "1", "run": "r", "verdict": "GO", "tier": "load"}]),
        ("claim", "rests_on", [True]),
        ("claim", "until", "2026-11-30T12:00:00"),
        ("claim", "at", "2026-11-30T12:00:00"),
        ("claim", "mono", True),
        ("phase", "declare", 3),
    ],
)
def test_c6_other_words_are_the_files_mistake(
    tmp_path: Path, kind: str, key: str, value: object
) -> None:
    """File and key are named; the chain is whole, so it is no damage."""
    Story(tmp_path, bad=RED).write()
    with pytest.raises(UsageError) as caught:
        judge_runs([rewritten(tmp_path, kind, key, value)], None)
    assert "record.jsonl" in str(caught.value)
    assert key in str(caught.value)


def test_what_is_unusual_and_no_mistake_is_read(tmp_path: Path) -> None:
    """Numbers that are large or infinite, keys of a later version, moments of other zones."""
    Story(tmp_path, bad=RED).write()
    changes: list[tuple[str, str, object]] = [
        ("claim", "observed", float("nan")),
        ("claim", "limit", 10**40),
        ("claim", "rests_on", [10**40]),
        ("claim", "until", "2126-11-30T12:00:00+05:30"),
        ("claim", "of_a_later_version", {"a": [None]}),
        ("claims", "rests_on", [10**40]),
        ("claims", "claims", [HELD | {"observed": float("nan"), "limit": 10**40}]),
        ("claims", "claims", [HELD | {"until": "2126-11-30T12:00:00+05:30", "later": 1}]),
        ("phase", "seconds", float("inf")),
    ]
    for kind, key, value in changes:
        judge_runs([rewritten(tmp_path, kind, key, value)], None)


@pytest.mark.parametrize("error", [KeyError, TypeError, ValueError, AttributeError])
def test_c6_what_breaks_in_judging_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """It is no UsageError: nobody's file is to blame for it."""
    Story(tmp_path).write()

    def broken(*_: object, **__: object) -> NoReturn:
        raise error("ours")

    monkeypatch.setattr(finish, "judge", broken)
    with pytest.raises(error, match="ours"):
        judge_records([read_record(tmp_path)], None, at=now())


def test_c6_judge_ends_with_64_for_the_file(engine: Engine, site: Site) -> None:
    """On the command line: one line that names file and key, and exit 64."""
    site.describe()
    assert engine.gate(site).code == 0
    ended = engine.cli(site, "judge", rewritten(site.runs()[-1], "claims", "answer"))
    assert ended.code == 64
    assert "answer: event" in ended.line
