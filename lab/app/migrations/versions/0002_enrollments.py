"""Which student takes which course in which term, and with what grade."""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE course_enrollments (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    student_id     bigint NOT NULL REFERENCES student (user_id),
    course_code    text NOT NULL REFERENCES courses (code),
    term           text NOT NULL CHECK (term ~ '^[0-9]{4}-(FALL|SPRING)$'),
    grade          text CHECK (grade IN ('A', 'B', 'C', 'D', 'F')),  -- null: not graded yet
    UNIQUE (student_id, course_code, term)
);
"""


def upgrade() -> None:
    """Make the table; the application reads it."""
    op.execute(TABLES)
    op.execute("GRANT SELECT ON course_enrollments TO portal")


def downgrade() -> None:
    """Drop it; its rows go with it."""
    op.execute("DROP TABLE course_enrollments")
