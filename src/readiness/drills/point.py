"""The live database at one position of its WAL, and what a copy restored to it does not hold.

At a quiet moment a snapshot is exactly what lies before a position. A busy server may have none;
then a transaction can have its commit in the WAL before the position and not be seen by the
snapshot yet. The copy knows whether there is such a one. Only where there is, tables that differ
are compared once more without what it can have touched: by rows that are older than the snapshot
and that nobody changed, and the others that the snapshot sees one by one, where they lay. Of those
the copy may lack a few, which were being changed. What can't be compared so either is named, and
proves nothing.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from readiness.drills import content
from readiness.systems.postgres.asking import session as postgres_probe

QUIET_LIMIT: Final = 20.0
PAUSE: Final = 0.1
Ask = Callable[[str], Mapping[str, Any]]
"""Asks the copy a statement that gives one JSON object."""


@dataclass(frozen=True)
class Point:
    """The live database at one position of its WAL."""

    lsn: str
    held: content.Content
    earlier: content.Content  # sequences and definitions, read before the position
    question: str
    salt: str
    system_identifier: str
    moment: content.Moment | None  # None: nothing was under way


def read_point(session: postgres_probe.Session, *, quiet_limit: float = QUIET_LIMIT) -> Point:
    """Digests of the live database, and the position that they are true at.

    Raises:
        ProbeError: it could not be read.
    """
    for name, value in content.SETTINGS.items():
        values = {"name": name, "value": value}
        session.row("SELECT set_config(%(name)s, %(value)s, false)", values)
    salt = secrets.token_hex(16)
    _, sequences = content.names_of(session.plain(content.NAMES))
    earlier = _ask(session, content.question((), sequences, salt))
    deadline = time.monotonic() + quiet_limit
    while True:
        (before,) = session.row("SELECT pg_current_wal_insert_lsn()::text")
        # Whoever begins after this writes its commit after `before`; who has committed and still
        # waits for a standby is seen by no snapshot, and is here.
        (busy,) = session.row("SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL")
        with session.snapshot():
            # The position is read after the snapshot was taken: all that it sees lies before it.
            at, quiet, text = session.row(
                "SELECT pg_current_wal_insert_lsn()::text, "
                "pg_snapshot_xmin(s) = pg_snapshot_xmax(s), s::text FROM pg_current_snapshot() s"
            )
            exact = at == before and quiet and not busy
            if exact or time.monotonic() > deadline:
                moment = None if exact else content.Moment.parse(text)
                return _read(session, str(at), earlier, salt, moment)
        time.sleep(PAUSE)


def _read(
    session: postgres_probe.Session,
    at: str,
    earlier: content.Content,
    salt: str,
    moment: content.Moment | None,
) -> Point:
    names = content.names_of(session.plain(content.NAMES))
    question = content.question(*names, salt)
    found = _ask(session, question)
    if moment is not None:
        older = session.plain(content.older_question(names[0], salt, moment))
        found = replace(found, older=content.read_older(older, where=str(session.target)))
    (system,) = session.row("SELECT system_identifier::text FROM pg_control_system()")
    return Point(at, found, earlier, question, salt, str(system), moment)


def _ask(session: postgres_probe.Session, question: str) -> content.Content:
    # No parameters are given with it: a percent sign in it stands for itself.
    return content.read_content(session.plain(question), where=str(session.target))


def compared(point: Point, ask: Ask, *, where: str) -> content.Differences:
    """What the copy does not hold as the live database did.

    Raises:
        NotUnderstood: the copy's answers are unreadable.
    """
    held = content.read_content(ask(point.question), where=where)
    tables, sequences = content.names_of(ask(content.NAMES))
    held = content.Content(
        {**dict.fromkeys(tables, (0, "")), **held.tables},
        {**dict.fromkeys(sequences, content.SequenceState(0, 0, 0)), **held.sequences},
        held.objects,
    )
    found = content.differences(point.held, held, point.earlier)
    suspects = content.differing_tables(point.held, held)
    if point.moment is None or not suspects or not ask(point.moment.hidden)["committed"]:
        return found
    touched = {
        name: point.held.older[name].touched
        for name in suspects
        if name in held.tables and name in point.held.older
    }
    listed = {name: rows for name, rows in touched.items() if rows is not None}
    answer = ask(content.untouched_question(listed, point.salt, point.moment))
    return content.settled(found, point.held, held, content.read_untouched(answer, where=where))
