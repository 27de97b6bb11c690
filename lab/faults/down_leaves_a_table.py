"""A release that is not live yet makes a table that its downgrade leaves behind."""

from lab.faults import Fault
from lab.faults import _migrations as migrations
from lab.scene import Scene

FILE = f"{migrations.VERSIONS}/0007_waiting_lists.py"
REVISION = '''"""Who waits for a place in a course."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table."""
    op.execute("CREATE TABLE IF NOT EXISTS waiting_lists (course_code text, student_id bigint)")
    op.execute("ALTER TABLE courses ADD COLUMN waits boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    """Forget about it."""
    op.execute("ALTER TABLE courses DROP COLUMN waits")
'''


def apply(scene: Scene) -> None:
    """Put the next revision on the machine."""
    scene.write(migrations.MACHINE, FILE, REVISION)


def took_effect(scene: Scene) -> str:
    """The tool takes it for the newest."""
    return said if "0007" in (said := migrations.chain_is_whole(scene)) else ""


def undo(scene: Scene) -> None:
    """Take it away."""
    scene.run(migrations.MACHINE, "rm", "-f", FILE)


FAULT = Fault(
    name="down-leaves-a-table",
    title="A release that goes up, down and up leaves a table behind when it is taken back",
    why="IF NOT EXISTS hides on the second way up what the way down forgot.",
    kind="migrations",
    shape="false-green",
    tier="load",
    only=migrations.CHECKS,
    reddens={
        "MIG-002": {
            migrations.SUBJECT: r"before the first up and after down to be none, "
            r"found .*public\.waiting_lists \(too many\)"
        }
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=migrations.chain_is_whole,
)
