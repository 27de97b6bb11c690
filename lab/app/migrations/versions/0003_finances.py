"""What a student owes and has paid."""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE account_transactions (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    student_id     bigint NOT NULL REFERENCES student (user_id),
    term           text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('TUITION', 'FEE', 'PAYMENT', 'AID')),
    amount         numeric(10, 2) NOT NULL   -- what is owed is positive, what is paid negative
);
CREATE INDEX account_transactions_of_student ON account_transactions (student_id);
"""


def upgrade() -> None:
    """Make the table; the application reads it."""
    op.execute(TABLES)
    op.execute("GRANT SELECT ON account_transactions TO portal")


def downgrade() -> None:
    """Drop it; its rows go with it."""
    op.execute("DROP TABLE account_transactions")
