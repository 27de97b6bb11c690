"""The newest revision has an empty downgrade, and an upgrade that minds nothing."""

from lab.faults import Fault
from lab.faults import _migrations as migrations
from lab.scene import Scene

EMPTY = "    pass  # nobody takes a release back"


def apply(scene: Scene) -> None:
    """Make downgrade empty and upgrade repeatable."""

    def edit(text: str) -> str:
        kept, _, _ = text.partition('    op.execute("DROP VIEW')
        for old, new in (
            ("ADD COLUMN", "ADD COLUMN IF NOT EXISTS"),
            ("CREATE INDEX", "CREATE INDEX IF NOT EXISTS"),
            ("CREATE VIEW", "CREATE OR REPLACE VIEW"),
        ):
            kept = kept.replace(old, new)
        return f"{kept}{EMPTY}\n"

    scene.change(migrations.MACHINE, migrations.NEWEST, edit)


def took_effect(scene: Scene) -> str:
    """The revision on the machine says so."""
    return migrations.says(scene, EMPTY)


FAULT = Fault(
    name="down-does-nothing",
    title="Taking the release back ends with 0 and takes nothing back",
    why="The tool wants a downgrade, so there is one; the pipeline only looks at the exit code.",
    kind="migrations",
    shape="false-green",
    tier="load",
    only=migrations.CHECKS,
    reddens={"MIG-001": {migrations.SUBJECT: r"what else down changed at least 1, found 0"}},
    apply=apply,
    took_effect=took_effect,
    undo=migrations.put_back,
    naive=migrations.chain_is_whole,
)
