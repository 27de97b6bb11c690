"""An index for the search over names: students with names that begin with what was typed."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the index."""
    op.execute("CREATE INDEX users_by_last_name ON users (lower(last_name) text_pattern_ops)")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX users_by_last_name")
