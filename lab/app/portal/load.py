"""Fills the portal's tables once: ``python -m portal.load < KEY``.

Runs at the first bootstrap after the migrations, inside one transaction under an advisory lock:
whoever comes second finds the data and leaves it alone. With ``--wait`` it does nothing but wait
until the database of PORTAL_DATABASE takes writes.
"""

import os
import sys
import time
from collections.abc import Iterable

import psycopg
from psycopg import Connection, OperationalError

from . import generate
from .passwords import account_password, hash_password

DEADLINE_SECONDS = 120
LOCK = 360
OWNER = "portal_owner"

PEOPLE_COLUMNS = (
    "email, role, first_name, last_name, phone, birth_date, ssn, ethnicity, privacy_level,"
    " password_hash"
)


def load(connection: Connection, key: bytes) -> bool:
    """Make the rows unless they are there; tell whether this call made them."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        connection.execute(f"SET LOCAL ROLE {OWNER}")
        found = connection.execute("SELECT EXISTS (SELECT FROM users)").fetchone()
        if found and found[0]:
            return False
        staff = [*generate.staff(), generate.canary_advisor()]
        fill(connection, staff, [*generate.students(), *generate.canary_students()], key)
        return True


def fill(
    connection: Connection,
    staff: list[generate.Person],
    students: list[generate.Student],
    key: bytes,
) -> None:
    """Make the rows of these people and of the catalogue, as the owner of the tables."""
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute(f"SET LOCAL ROLE {OWNER}")
    _copy_people(connection, [*staff, *(each.person for each in students)], key)
    _copy_students(connection, students)
    _copy_courses(connection, generate.courses())
    _copy_records(connection, students)


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
    if sys.argv[1:] == ["--wait"]:
        connect().close()
        return
    if len(sys.argv) != 1:
        raise SystemExit("usage: python -m portal.load [--wait] < ACCOUNTS-KEY")
    key = sys.stdin.buffer.read().strip()
    if not key:
        raise SystemExit("no key on standard input; without it passwords could be guessed")
    with connect() as connection:
        made = load(connection, key)
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


def _copy_records(connection: Connection, people: list[generate.Student]) -> None:
    query = "SELECT campus_id, user_id FROM student"
    ids: dict[str, int] = dict(connection.execute(query).fetchall())
    enrollments = "COPY course_enrollments (student_id, course_code, term, grade) FROM STDIN"
    transactions = "COPY account_transactions (student_id, term, kind, amount) FROM STDIN"
    with connection.cursor().copy(enrollments) as copy:
        for one in generate.enrollments(people):
            copy.write_row((ids[one.campus_id], one.course, one.term, one.grade))
    with connection.cursor().copy(transactions) as copy:
        for entry in generate.transactions(people):
            copy.write_row((ids[entry.campus_id], entry.term, entry.kind, entry.amount))


if __name__ == "__main__":
    main()
