"""Verifies an evidence bundle offline, against a key that the verifier brings."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from readiness.bundle.export import RECORDS, predicate_of, read_policy
from readiness.bundle.statement import (
    FILE,
    Entry,
    NotSigned,
    entries_of,
    entry_of,
    read_signed,
    trusted_key,
)
from readiness.evidence.record import read_record
from readiness.model.errors import ReadinessError, UsageError
from readiness.model.words import Json
from readiness.render import safe_document
from readiness.running.finish import judge_records

PROVES_NOT: Final = (
    "that the system looked at is the one you mean: compare the identities in verdict.json",
    "that whoever holds the key ran the tool honestly, or on a machine that was",
    "that no other run was made: ask for the environment's log of runs",
    "when it was signed: the times are those of the machine that made it",
)


@dataclass(frozen=True)
class Verified:
    """What verifying found: `problems` is empty when everything is as it was signed."""

    statement: Json
    problems: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 as signed, 1 altered, 2 could not be judged again."""
        return 1 if self.problems else 2 if self.doubts else 0


def verify(folder: Path, trust: Path) -> Verified:
    """Compare a bundle with what the trusted key signed, and judge its records again.

    Raises:
        UsageError: no bundle, no key, a key out of the bundle, or one that did not sign it.
    """
    if not (folder / FILE).is_file():
        raise UsageError("no bundle here", file=str(folder), expected=f"a folder with {FILE}")
    if folder.resolve() in trust.resolve().parents:
        raise UsageError(
            "a bundle's own key proves nothing",
            file=str(trust),
            key="--trust",
            expected="a key that you had before, from elsewhere",
        )
    key = trusted_key(trust)
    try:
        statement = read_signed((folder / FILE).read_bytes(), key, name=str(folder / FILE))
    except NotSigned as error:
        return Verified({}, (str(error),), ())
    problems = tuple(_differences(folder, entries_of(statement)))
    if problems:
        return Verified(statement, problems, ())
    return Verified(statement, *_judged_again(folder, statement))


def _differences(folder: Path, signed: dict[str, Entry]) -> Iterator[str]:
    found = dict(_walk(folder))
    for name, kind in sorted(found.items()):
        if name not in signed and name != FILE:
            yield f"{name}: was added ({kind})"
    for name, entry in signed.items():
        if name not in found:
            yield f"{name}: is missing"
        elif found[name] != "file":
            yield f"{name}: was replaced by a {found[name]}"
        elif (now := entry_of(folder, name)) != entry:
            yield f"{name}: {_how(folder, now, entry)}"


def _how(folder: Path, now: Entry, signed: Entry) -> str:
    if now.size >= signed.size:
        return "was altered"
    cut = f"was altered or cut off: {now.size} of {signed.size} bytes"
    if not now.name.startswith(f"{RECORDS}/"):
        return cut
    try:
        events = len(read_record(folder / now.name).events)
    except ReadinessError as error:
        return f"{cut}; {error}"
    return f"was cut off after {events} whole events: {now.size} of {signed.size} bytes"


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    """Every name in the bundle with what it is; links are not followed."""
    for place, folders, files in os.walk(folder):
        here = Path(place)
        for name in (*folders, *files):
            path = here / name
            if path.is_symlink():
                yield str(path.relative_to(folder)), "link"
            elif path.is_dir():
                if not any(path.iterdir()):
                    yield str(path.relative_to(folder)), "empty folder"
            else:
                yield str(path.relative_to(folder)), "file" if path.is_file() else "special file"


def _judged_again(folder: Path, statement: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Problems and doubts from judging the same records under the same policy at the same time."""
    predicate = statement["predicate"]
    try:
        # Every record that is there, whichever of them the statement says were judged.
        records = [read_record(path) for path in sorted((folder / RECORDS).iterdir())]
        at = datetime.fromisoformat(predicate["judgedAt"])
        verdict = judge_records(records, read_policy(folder), at=at)
        again = json.loads(safe_document(verdict).model_dump_json(by_alias=True))
        written = json.loads((folder / "verdict.json").read_text())
        said = predicate_of(verdict) | {"policySha256": (written["policy"] or {}).get("sha256")}
    except (ReadinessError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return (), (f"this version can't judge its records again: {error}",)
    signed = {key: value for key, value in predicate.items() if key != "sizes"}
    lies = sorted(key for key in said.keys() | signed.keys() if said.get(key) != signed.get(key))
    if lies:
        return (), (f"judged again by this version, its statement differs in {', '.join(lies)}",)
    for one in (again, written):
        # The policy's own file is not in the bundle, what it says is.
        one["policy"] = one["policy"] and one["policy"] | {"sha256": None}
    names = again.keys() | written.keys()
    keys = sorted(name for name in names if again.get(name) != written.get(name))
    if not keys:
        return (), ()
    return (), (f"judged again by this version, its verdict differs in {', '.join(keys)}",)
