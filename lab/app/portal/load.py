"""Creates the portal's tables and fills them once: ``python -m portal.load SCHEMA < KEY``.

Runs at the first bootstrap, inside one transaction under an advisory lock: whoever comes second
finds the data and leaves it alone. The database comes from PORTAL_DATABASE; it is waited for.
"""

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psycopg
from psycopg import Connection, OperationalError

from . import generate
from .passwords import account_password, hash_password

DEADLINE_SECONDS = 120
LOCK = 360

PEOPLE_COLUMNS = (
    "email, role, first_name, last_name, phone, birth_date, ssn, ethnicity, privacy_level,"
    " password_hash"
)


def load(connection: Connection, schema: str, key: bytes) -> bool:
    """Create tables and rows unless they are there; tell whether this call made them."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute(schema.encode())
        found = connection.execute("SELECT EXISTS (SELECT FROM users)").fetchone()
        if found and found[0]:
            return False
        students = list(generate.students())
        _copy_people(connection, [*generate.staff(), *(each.person for each in students)], key)
        _copy_students(connection, students)
        _copy_courses(connection, generate.courses())
        return True


def connect(deadline_seconds: float = DEADLINE_SECONDS) -> Connection:
    """Connect to a primary that takes writes, trying until the deadline (seconds from now)."""
    last: Exception | str = "no attempt was made"
    end = time.monotonic() + deadline_seconds
    while time.monotonic() < end:
        try:
            connection = psycopg.connect(os.environ["PORTAL_DATABASE"], connect_timeout=3)
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        except OperationalError as failure:
            last = failure
        else:
            connection.rollback()
            if row and not row[0]:
                return connection
            connection.close()
            last = "reached a standby, not the primary"
        time.sleep(0.5)
    message = f"no writable primary within {deadline_seconds:.0f} s: {last}"
    raise SystemExit(message)


def main() -> None:
    """Load the data of this lab, or say that it is there."""
    if len(sys.argv) != 2:  # noqa: PLR2004
        raise SystemExit("usage: python -m portal.load SCHEMA.sql < ACCOUNTS-KEY")
    schema, key = Path(sys.argv[1]).read_text(), sys.stdin.buffer.read().strip()
    if not key:
        raise SystemExit("no key on standard input; without it passwords could be guessed")
    with connect() as connection:
        made = load(connection, schema, key)
    print("portal data loaded" if made else "portal data was there already")


def _copy_people(connection: Connection, people: Iterable[generate.Person], key: bytes) -> None:
    with connection.cursor().copy(f"COPY users ({PEOPLE_COLUMNS}) FROM STDIN") as copy:
        for person in people:
            copy.write_row(
                (
                    person.email,
                    person.role,
                    person.first_name,
                    person.last_name,
                    person.phone,
                    person.birth_date,
                    person.ssn,
                    person.ethnicity,
                    person.privacy_level,
                    hash_password(account_password(key, person.email))
                    if person.activated
                    else None,
                )
            )


def _copy_students(connection: Connection, students: Iterable[generate.Student]) -> None:
    ids: dict[str, int] = dict(connection.execute("SELECT email, id FROM users").fetchall())
    statement = "COPY student (user_id, campus_id, gpa, standing) FROM STDIN"
    with connection.cursor().copy(statement) as copy:
        for student in students:
            copy.write_row(
                (ids[student.person.email], student.campus_id, student.gpa, student.standing)
            )


def _copy_courses(connection: Connection, courses: Iterable[generate.Course]) -> None:
    with connection.cursor().copy("COPY courses (code, title, credits) FROM STDIN") as copy:
        for course in courses:
            copy.write_row((course.code, course.title, course.credits))


if __name__ == "__main__":
    main()
