"""People, students, the course catalogue, and who is logged in."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE users (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email          text NOT NULL UNIQUE CHECK (email = lower(email)),
    role           text NOT NULL CHECK (role IN (
                       'STUDENT', 'PROFESSOR', 'TA', 'INSTRUCTOR', 'COUNSELOR', 'MENTOR', 'ADVISOR',
                       'FACULTY', 'STAFF', 'Administrator', 'Super_Administrator')),
    first_name     text NOT NULL,
    last_name      text NOT NULL,
    phone          text NOT NULL,
    birth_date     date NOT NULL,
    ssn            text NOT NULL,
    ethnicity      text NOT NULL,
    privacy_level  text NOT NULL CHECK (privacy_level IN (
                       'PUBLIC', 'DIRECTORY', 'RESTRICTED', 'CONFIDENTIAL')),
    password_hash  text,            -- null: the account was never activated, nobody can log in
    failed_logins  integer NOT NULL DEFAULT 0,
    locked_until   timestamptz
);

CREATE TABLE student (
    user_id        bigint PRIMARY KEY REFERENCES users (id),
    campus_id      text NOT NULL UNIQUE,
    gpa            numeric(3, 2) NOT NULL CHECK (gpa BETWEEN 0 AND 4),
    standing       text NOT NULL CHECK (standing IN ('GOOD', 'PROBATION', 'SUSPENDED'))
);

CREATE TABLE courses (
    code           text PRIMARY KEY,
    title          text NOT NULL,
    credits        integer NOT NULL CHECK (credits BETWEEN 1 AND 6)
);

CREATE TABLE authentication_sessions (
    token_hash     bytea PRIMARY KEY,   -- SHA-256 of the token; the token itself is never stored
    user_id        bigint NOT NULL REFERENCES users (id),
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz NOT NULL
);
CREATE INDEX authentication_sessions_of_user ON authentication_sessions (user_id, created_at);
"""

# The application owns nothing and changes only what its routes change.
RIGHTS = """
GRANT SELECT ON users, student, courses TO portal;
GRANT UPDATE (failed_logins, locked_until) ON users TO portal;
GRANT SELECT, INSERT, DELETE ON authentication_sessions TO portal;
"""


def upgrade() -> None:
    """Make the tables and say what the application may do with them."""
    op.execute(TABLES)
    op.execute(RIGHTS)


def downgrade() -> None:
    """Drop them; their rows go with them."""
    op.execute("DROP TABLE authentication_sessions, courses, student, users")
