"""What of a PostgreSQL server works only until it, or whoever is connected to it, starts anew.

A server keeps what it read at its start: a setting that needs a restart waits, a file that can't be
read is passed over at a reload and ends the next start, and a login that has run out goes on as
long as its connection does. PostgreSQL 15: 54.17 (pg_hba_file_rules), 54.9 (pg_file_settings),
54.24 (pg_settings), 21.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from readiness.model.errors import NotUnderstood
from readiness.systems.marks import VOLATILE
from readiness.systems.postgres.reading import access_rules


@dataclass(frozen=True)
class Unread:
    """A line that the server can't read, or not use; `file` without its folder."""

    file: str
    line: int
    error: str


@dataclass(frozen=True)
class Login:
    """A role that somebody is connected as, or that this standby connects as."""

    role: str
    may_log_in: bool
    replicates: bool  # it is used for replication
    may_replicate: bool
    expires: float | None  # epoch seconds; None: its password never runs out
    password: bool | None = None  # whether a rule asks for one that can run out; None: unclear


@dataclass(frozen=True)
class Restart:
    """What a restart or a new connection would meet. Times in epoch seconds."""

    server_clock: Annotated[float, VOLATILE]
    pending: tuple[str, ...]  # settings that differ from what the next start would take
    lines: int  # settings that stand in files
    rules: int  # access rules that can be read
    unread: tuple[Unread, ...]
    logins: Annotated[tuple[Login, ...], VOLATILE]


def read(answer: Mapping[str, Any], *, where: str) -> Restart:
    """Read the server's answer."""
    try:
        rules = [access_rules.rule(row) for row in answer["access"] or ()]
        return Restart(
            server_clock=float(answer["server_clock"]),
            pending=tuple(answer["pending"] or ()),
            lines=int(answer["lines"]),
            rules=int(answer["rules"]),
            unread=tuple(
                Unread(str(row["file"] or "?"), int(row["line"] or 0), str(row["error"]))
                for row in answer["unread"] or ()
            ),
            logins=tuple(_login(row, rules) for row in answer["logins"] or ()),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotUnderstood(
            f"{where}: what a restart would meet is unreadable: {error!r}"
        ) from error


def _login(row: Mapping[str, Any], rules: Sequence[access_rules.Rule]) -> Login:
    """A role, and whether the rules of this server ask it for a password."""
    doors = [access_rules.Door(**one) for one in row["doors"]]
    known = {name: value for name, value in row.items() if name != "doors"}
    return Login(**known, password=access_rules.asks_for_password(rules, doors))
