"""Education records: what each route reads, and which roles may."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from . import audit
from .database import Pool
from .sessions import Session

#: Students see their own record only; these roles see everyone's.
MAY_READ_RECORDS = frozenset({"ADVISOR", "COUNSELOR", "Administrator", "Super_Administrator"})
MAY_READ_FINANCES = frozenset({"STAFF", "Administrator", "Super_Administrator"})
MAY_ADMINISTER = frozenset({"Administrator", "Super_Administrator"})
SEARCH_LIMIT = 25

Read = Callable[[Connection[DictRow], int], dict[str, Any] | None]

_PROFILE = """
SELECT u.id, u.first_name, u.last_name, u.email, u.phone, s.campus_id, s.gpa::float8 AS gpa,
       s.standing
FROM student s JOIN users u ON u.id = s.user_id WHERE u.id = %s
"""
_SUMMARY = """
SELECT s.user_id AS id, s.gpa::float8 AS gpa, s.standing,
       coalesce(sum(c.credits) FILTER (WHERE e.grade < 'F'), 0)::int AS credits_earned,
       count(e.id) FILTER (WHERE e.grade IS NULL)::int AS courses_in_progress
FROM student s LEFT JOIN course_enrollments e ON e.student_id = s.user_id
LEFT JOIN courses c ON c.code = e.course_code
WHERE s.user_id = %s GROUP BY s.user_id, s.gpa, s.standing
"""
_ENROLLMENTS = """
SELECT e.term, e.course_code AS course, c.title, c.credits, e.grade
FROM course_enrollments e JOIN courses c ON c.code = e.course_code
WHERE e.student_id = %s ORDER BY e.term, e.course_code
"""
_FINANCES = """
SELECT s.user_id AS id, coalesce(sum(t.amount), 0)::float8 AS balance,
       coalesce(-sum(t.amount) FILTER (WHERE t.kind = 'PAYMENT'), 0)::float8 AS paid,
       count(t.id)::int AS transactions
FROM student s LEFT JOIN account_transactions t ON t.student_id = s.user_id
WHERE s.user_id = %s GROUP BY s.user_id
"""
# The pattern is built from what was typed, so its own wildcards are taken literally.
_SEARCH = """
SELECT u.id, u.first_name, u.last_name, u.email, s.campus_id
FROM users u JOIN student s ON s.user_id = u.id
WHERE lower(u.last_name) LIKE
    replace(replace(replace(lower(%s), '\\', '\\\\'), '%%', '\\%%'), '_', '\\_') || '%%'
ORDER BY lower(u.last_name), u.id LIMIT %s
"""


@dataclass(frozen=True)
class Kind:
    """One kind of record: its category in the trail, who may read everyone's, and the reading."""

    category: str
    readers: frozenset[str]
    read: Read

    def allows(self, session: Session, student: int) -> bool:
        """Whether this session may read this student's."""
        return session.user_id == student or session.role in self.readers


def _row(query: str) -> Read:
    def read(connection: Connection[DictRow], student: int) -> dict[str, Any] | None:
        return connection.execute(query, [student]).fetchone()

    return read


def _list(name: str, query: str) -> Read:
    def read(connection: Connection[DictRow], student: int) -> dict[str, Any] | None:
        there = connection.execute("SELECT FROM student WHERE user_id = %s", [student]).rowcount
        if not there:
            return None
        return {"id": student, name: connection.execute(query, [student]).fetchall()}

    return read


PROFILE = Kind("profile", MAY_READ_RECORDS, _row(_PROFILE))
SUMMARY = Kind("academics", MAY_READ_RECORDS, _row(_SUMMARY))
TRANSCRIPT = Kind("academics", MAY_READ_RECORDS, _list("transcript", _ENROLLMENTS))
ENROLLMENTS = Kind("enrollments", MAY_READ_RECORDS, _list("enrollments", _ENROLLMENTS))
FINANCES = Kind("finances", MAY_READ_FINANCES, _row(_FINANCES))


def read(pool: Pool, kind: Kind, access: audit.Access, student: int) -> dict[str, Any] | None:
    """Read a student's record and leave its event, both or neither."""
    with pool.connection() as connection:
        found = kind.read(connection, student)
        outcome = "absent" if found is None else "granted"
        audit.record(connection, access, outcome, [student], sorted(found or ()))
    return found


def search(pool: Pool, access: audit.Access, begins: str) -> list[DictRow]:
    """Find students by the beginning of their last name; each one listed leaves an event."""
    with pool.connection() as connection:
        found = connection.execute(_SEARCH, [begins, SEARCH_LIMIT]).fetchall()
        outcome = "granted" if found else "absent"
        fields = sorted(found[0]) if found else []
        audit.record(connection, access, outcome, [row["id"] for row in found] or [None], fields)
    return found


def refuse(pool: Pool, access: audit.Access, student: int | None) -> None:
    """Leave the event of a refusal; it is committed before the refusal is said."""
    with pool.connection() as connection:
        audit.record(connection, access, "denied", [student])
