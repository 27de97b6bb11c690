"""The runs that somebody accepted as a baseline: an append-only log in the environment's state."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from readiness.evidence import durable
from readiness.evidence.locking import appending
from readiness.evidence.record import Record, now, stamp
from readiness.model.errors import StateError, UsageError

SCHEMA: Final = 1
FILE: Final = "accepted.jsonl"


@dataclass(frozen=True)
class Acceptance:
    """Who accepted a run, when and why. `head` is the SHA-256 of the record's last line."""

    run: str
    number: int
    head: str
    path: Path
    verdict: str
    by: str
    because: str
    at: str


def accept(state: Path, record: Record, verdict: str, *, by: str, because: str) -> Acceptance:
    """Enter a run, durably.

    Raises:
        UsageError: a name or a reason is missing, or the run did not come to its end.
        StateError: the log can't be written.
    """
    for key, text in (("--by", by), ("--because", because)):
        if not text.strip():
            raise UsageError("is empty", key=key, expected="a text")
    closing, sessions = record.first("run-closed"), list(record.of("session-finished"))
    ended = closing is not None and closing["how"] == "finished" and not record.torn
    if not ended or not sessions or any(one["interrupted"] for one in sessions):
        raise UsageError(
            "did not come to its end", file=str(record.path), expected="a finished run"
        )
    if only := (record.first("plan") or {}).get("only"):
        raise UsageError(
            "looked at a selection only",
            file=str(record.path),
            key="--only",
            expected="a run of everything: what was never seen can't get worse",
            found=", ".join(only),
        )
    opening = record.opening
    fields = {
        "event": "accept",
        "schema": SCHEMA,
        "run": opening["run"],
        "number": opening["number"],
        "head": record.head,
        # `latest` leads elsewhere after the next run.
        "path": str(record.path.resolve()),
        "verdict": verdict,
        "by": by.strip(),
        "because": because.strip(),
        "at": stamp(now()),
    }
    with appending(state / FILE) as descriptor:
        durable.append_object(descriptor, fields, name=state / FILE)
    return _acceptance(fields)


def acceptances(state: Path) -> tuple[Acceptance, ...]:
    """All of them, the oldest first."""
    return tuple(
        _acceptance(durable.read_object(state / FILE, line))
        for line in durable.read_lines(state / FILE)
        if not line.torn
    )


def acceptance_of(state: Path, record: Record) -> Acceptance:
    """The newest acceptance of a run.

    Raises:
        UsageError: nobody accepted it.
    """
    for one in reversed(acceptances(state)):
        if one.head == record.head:
            return one
    raise UsageError(
        "nobody accepted this run",
        file=str(record.path),
        expected=f"`readiness accept {record.path.parent} --by NAME --because REASON` before",
    )


def _acceptance(fields: dict[str, object]) -> Acceptance:
    known = json.loads(json.dumps(fields))
    missing = [key for key in Acceptance.__dataclass_fields__ if not known.get(key)]
    if missing or known.get("schema") != SCHEMA:
        raise StateError(f"{FILE}: an acceptance that this version can't read: {known}")
    return Acceptance(
        run=known["run"],
        number=known["number"],
        head=known["head"],
        path=Path(known["path"]),
        verdict=known["verdict"],
        by=known["by"],
        because=known["because"],
        at=known["at"],
    )
