"""The portal's synthetic people: enough of them, the same each time, and nobody real."""

import re
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.app.portal import generate
from lab.app.portal.passwords import account_password, hash_password, verify_password


def everyone() -> list[generate.Person]:
    """All people of the default seed."""
    return list(chain(generate.staff(), (each.person for each in generate.students())))


def test_same_seed_gives_the_same_students() -> None:
    """Two labs of one seed hold the same rows; another seed gives others."""
    assert list(generate.students(50)) == list(generate.students(50))
    assert list(generate.students(50)) != list(generate.students(50, seed=1))


def test_there_are_at_least_two_thousand_students() -> None:
    """The issue asks for 2,000; each has an address and a campus number of their own."""
    students = list(generate.students())
    assert len(students) >= 2000
    assert len({each.person.email for each in students}) == len(students)
    assert len({each.campus_id for each in students}) == len(students)


def test_nobody_is_real() -> None:
    """Addresses, numbers and telephone lines come from ranges that belong to nobody."""
    for person in everyone():
        assert person.email.endswith("@example.test")
        assert re.fullmatch(r"9\d\d-\d\d-\d{4}", person.ssn)
        assert re.fullmatch(r"\+1-414-555-01\d\d", person.phone)


def test_records_fit_the_schema() -> None:
    """Grade points lie in 0 to 4 and standing follows from them."""
    for student in generate.students():
        points = float(student.gpa)
        assert 0 <= points <= 4
        assert student.standing in {"GOOD", "PROBATION", "SUSPENDED"}
        assert (student.standing == "GOOD") == (points >= 2.0)


def test_every_role_has_an_account() -> None:
    """One activated member of staff per role, so that checks can log in as any of them."""
    roles = {person.role for person in generate.staff() if person.activated}
    assert roles == set(generate.STAFF_ROLES)
    assert {person.role for person in everyone()} == {"STUDENT", *roles}


def test_account_passwords_differ_by_person_and_lab() -> None:
    """Knowing one account's password tells nothing about another's, or about another lab's."""
    ours = {account_password(b"lab one", person.email) for person in everyone()}
    assert len(ours) == len(everyone())
    assert account_password(b"lab two", "student00001@example.test") not in ours


@settings(max_examples=10)
@given(st.text(), st.text())
def test_only_the_same_password_verifies(password: str, other: str) -> None:
    """A hash accepts its own password, refuses another, and never repeats."""
    stored = hash_password(password)
    assert verify_password(password, stored)
    assert verify_password(other, stored) == (other == password)
    assert hash_password(password) != stored
