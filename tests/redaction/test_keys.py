"""Sensitive fields are known by name, however a name is written, and harmless ones stay visible."""

import pytest

from readiness.evidence.redaction.keys import Kind, classify


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("password PGPASSWORD userPassword db.password DB_PASSWORD X-Password pwd", Kind.SECRET),
        ("token X-Session-Token accessToken api_key apiKey AWS_SECRET_ACCESS_KEY", Kind.SECRET),
        ("password_hash tokenValue PAWS360_SESSION session-id JSESSIONID", Kind.SECRET),
        ("Authorization Proxy-Authorization Set-Cookie cookies", Kind.HEADER),
        ("ssn SSN studentSsn student_id campusId phone home_phone emplid", Kind.NUMBER),
        ("dob dateOfBirth birth_date BIRTHDATE", Kind.DATE),
        ("gpa cumulativeGPA finalGrade", Kind.GRADE),
        ("first_name lastName displayName surname student", Kind.NAME),
        ("email e-mail contactEmail ethnicity homeAddress", Kind.PERSONAL),
        ("name address", Kind.LOOSE),
    ],
)
def test_sensitive_names(names: str, kind: Kind) -> None:
    """Camel case, snake case, dashes, dots and prefixes don't matter."""
    assert {name: classify(name) for name in names.split()} == dict.fromkeys(names.split(), kind)


@pytest.mark.parametrize(
    "name",
    [
        "hostname", "filename", "password_encryption", "token_ttl", "secret_name", "PWD", "key_id",
        "public_key", "sessions", "digest", "monkey", "upgrade", "tcp_syncookies", "students",
        "gender_neutral", "passed", "max_connections",
    ],
)  # fmt: skip
def test_harmless_names(name: str) -> None:
    """What only contains a sensitive word isn't sensitive."""
    assert classify(name) is None
