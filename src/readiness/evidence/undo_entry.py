"""One undo entry: what it holds, how it is made, and how a journal's line is read back."""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

from readiness.model.clock import Clock, Instant
from readiness.model.errors import StateError

SCHEMA: Final = 1
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SECRET = re.compile(
    r"pass(word|wd|phrase)|secret|token|credential|private.?key|api.?key", re.IGNORECASE
)


@dataclass(frozen=True)
class UndoEntry:
    """What it takes to undo one disturbing action, without the program that did it."""

    schema: int
    id: str
    run: str
    environment: str
    environment_file: str
    action: str
    """The registered name of the action that undoes, such as `firewall.remove-table`."""
    arguments: Mapping[str, Any]
    """A JSON object; a secret stands in it only as a `file:` or `env:` reference."""
    target: str
    written: str
    """Wall clock, ISO 8601 in UTC."""
    expires: str | None
    """When the target heals by itself; None: never."""
    proof: str
    """What will be seen once it is undone, in words."""

    @classmethod
    def prepare(
        cls,
        *,
        run: str,
        environment: str,
        environment_file: str,
        action: str,
        arguments: Mapping[str, Any],
        target: str,
        proof: str,
        expires_in: timedelta | None = None,
    ) -> Self:
        """Make a new entry with an id of its own, written now.

        Raises:
            ValueError: the run cannot name a file, or an argument looks like a secret.
        """
        if not _RUN.fullmatch(run):
            raise ValueError(f"run: expected letters, digits, dots and dashes, found {run!r}")
        for key in _bare_secrets(arguments):
            raise ValueError(
                f"{action}: argument {key!r} looks like a secret; refer to it by file:"
            )
        now = Clock().now()
        return cls(
            schema=SCHEMA,
            id=uuid.uuid4().hex,
            run=run,
            environment=environment,
            environment_file=environment_file,
            action=action,
            arguments=dict(arguments),
            target=target,
            written=now.utc,
            expires=None if expires_in is None else _later(now, expires_in).utc,
            proof=proof,
        )


def read_entry(fields: Mapping[str, Any], where: str) -> UndoEntry:
    """Return the entry in a journal's line.

    Fields of later versions are left aside. Of an entry that cannot be understood whole but can
    be played, everything that only explains may be missing.

    Raises:
        StateError: what it takes to play the entry is not there; the message starts with where.
    """
    wanted = {"schema": int, "id": str, "action": str, "arguments": dict}
    for key, kind in wanted.items():
        if type(fields.get(key)) is not kind:
            found = fields.get(key)
            raise StateError(f"{where}: {key}: expected {kind.__name__}, found {found!r}")
    expires = fields.get("expires")
    return UndoEntry(
        schema=fields["schema"],
        id=fields["id"],
        run=str(fields.get("run", "")),
        environment=str(fields.get("environment", "")),
        environment_file=str(fields.get("environment_file", "")),
        action=fields["action"],
        arguments=fields["arguments"],
        target=str(fields.get("target", "")),
        written=str(fields.get("written", "")),
        expires=None if expires is None else str(expires),
        proof=str(fields.get("proof", "")),
    )


def unreadable_entry(where: str, problem: str) -> UndoEntry:
    """Return a stand-in for a damaged line, so that what it owed is reported like an entry."""
    return UndoEntry(
        schema=0,
        id=where,
        run="",
        environment="",
        environment_file="",
        action="unreadable",
        arguments={},
        target=where,
        written="",
        expires=None,
        proof=problem,
    )


def _later(now: Instant, span: timedelta) -> Instant:
    added = round(span / timedelta(microseconds=1)) * 1000
    return Instant(wall=now.wall + added, steady=now.steady + added, boot_id=now.boot_id)


def _bare_secrets(value: Any) -> Iterator[str]:
    """Yield the keys, at any depth, that sound secret and hold text other than a reference."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if _SECRET.search(str(key)) and not _is_reference(inner):
                yield str(key)
            yield from _bare_secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _bare_secrets(inner)


def _is_reference(value: Any) -> bool:
    return not isinstance(value, str) or value.startswith(("file:", "env:"))
