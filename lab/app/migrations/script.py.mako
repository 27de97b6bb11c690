"""${message}."""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Make it."""
    op.execute("""""")


def downgrade() -> None:
    """Undo exactly that."""
    op.execute("""""")
