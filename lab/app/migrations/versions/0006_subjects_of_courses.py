"""Which subject a course is of, and how many take it each term."""

from alembic import op

revision = "0006"
down_revision = "0005"

# Worked out from the code, so that nothing is lost when it is dropped.
SUBJECT = """
ALTER TABLE courses ADD COLUMN subject text
    GENERATED ALWAYS AS (substring(code from '^[A-Z]+')) STORED;
CREATE INDEX courses_by_subject ON courses (subject);
"""
SIZES = """
CREATE VIEW course_sizes AS
    SELECT course_code, term, count(*) AS students FROM course_enrollments
    GROUP BY course_code, term;
GRANT SELECT ON course_sizes TO portal;
"""


def upgrade() -> None:
    """Add the column, its index and the view; the application reads them."""
    op.execute(SUBJECT)
    op.execute(SIZES)


def downgrade() -> None:
    """Drop them; nothing is in them that is not elsewhere."""
    op.execute("DROP VIEW course_sizes")
    op.execute("ALTER TABLE courses DROP COLUMN subject")
