"""The application's migrations on a restored copy: up, down, up, and what it holds each time.

They run as the role that migrates in earnest, over the copy's own socket and without a network:
whatever a tool's configuration names, it can't reach the live database. What a tool prints is not
kept, since errors of a database quote rows; the class of its error is.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from readiness.drills import content
from readiness.drills.copy import Copy, CopyFailed
from readiness.model.errors import ProbeError
from readiness.site.declared.backup import Migrations
from readiness.systems.answer import Answer

# A dotted name at the start of a line is the class of an error, in Python's words and in Java's.
_ERROR: Final = re.compile(r"^(?:Caused by: )?([A-Za-z_]\w*(?:\.\w+)+):", re.MULTILINE)


@dataclass(frozen=True)
class Migrated:
    """What three migrations did. Differences are None where it did not come that far."""

    problems: tuple[str, ...]  # at most one: nothing runs after it
    pending: bool | None  # whether the first up changed anything: the release is not live yet
    recorded: bool | None  # whether the tool's own table changed at down
    undone: tuple[str, ...] | None  # what down changed besides
    before_and_after_down: tuple[str, ...] | None  # how down is not what was before the first up
    first_and_second_up: tuple[str, ...] | None  # how the second up is not the first


def migrated(copy: Copy, database: str, role: str, declared: Migrations) -> Migrated:
    """Run them on a copy that nobody else uses; `role` reads all of it."""
    salt = secrets.token_hex(16)
    states: list[content.Content] = []
    problems: tuple[str, ...] = ()
    try:
        states.append(_state(copy, database, role, salt))
        for name, argv in _commands(declared):
            _ended_well(name, copy.migrate(database, declared, argv))
            states.append(_state(copy, database, role, salt))
    except (ProbeError, CopyFailed) as error:
        problems = (str(error),)
    return _compared(states, declared.bookkeeping, problems)


def _commands(declared: Migrations) -> tuple[tuple[str, Sequence[str]], ...]:
    return (
        ("the first up", declared.up),
        ("down", declared.down),
        ("the second up", declared.up),
    )


def _ended_well(name: str, answer: Answer) -> None:
    if answer.exit_code:
        raise CopyFailed(f"{name} ended with {answer.exit_code} ({_errors(answer)})")


def _errors(answer: Answer) -> str:
    named = dict.fromkeys(_ERROR.findall(answer.stderr.decode("utf-8", "replace")))
    return ", ".join(named) or "it names no error"


def _state(copy: Copy, database: str, role: str, salt: str) -> content.Content:
    names = content.names_of(copy.ask(database, content.NAMES, role))
    answer = copy.ask(database, content.question(*names, salt), role)
    return content.read_content(answer, where=f"the copy on {copy.session.name}")


def _compared(
    states: list[content.Content], bookkeeping: str, problems: tuple[str, ...]
) -> Migrated:
    reached: list[content.Content | None] = [None] * 4
    reached[: len(states)] = states
    restored, up, down, again = reached

    def between(one: content.Content | None, other: content.Content | None) -> tuple[str, ...]:
        if one is None or other is None:
            return ()
        return content.differences(one.without(bookkeeping), other.without(bookkeeping)).named

    pending = None if up is None else bool(between(restored, up))
    return Migrated(
        problems=problems,
        pending=pending,
        recorded=None
        if up is None or down is None
        else up.tables.get(bookkeeping) != down.tables.get(bookkeeping),
        undone=None if down is None else between(up, down),
        before_and_after_down=between(restored, down) if down is not None and pending else None,
        first_and_second_up=None if again is None else between(up, again),
    )
