"""The newest revision's downgrade levels values that its upgrade does not bring back."""

from lab.faults import Fault
from lab.faults import _migrations as migrations
from lab.scene import Scene

LEVELLED = '    op.execute("UPDATE courses SET credits = 3 WHERE credits > 3")\n'


def apply(scene: Scene) -> None:
    """Add the statement to downgrade."""
    scene.change(migrations.MACHINE, migrations.NEWEST, lambda text: text + LEVELLED)


def took_effect(scene: Scene) -> str:
    """The revision on the machine says so."""
    return migrations.says(scene, LEVELLED)


FAULT = Fault(
    name="down-loses-values",
    title="Up, down and up succeed, and courses have other credits than before",
    why="A clean-up was put into the way back, where nobody looks at rows.",
    kind="migrations",
    shape="false-green",
    tier="load",
    only=migrations.CHECKS,
    reddens={
        "MIG-002": {
            migrations.SUBJECT: rf"{migrations.AGAIN}.*tables: public\.courses \(other rows\)"
        }
    },
    apply=apply,
    took_effect=took_effect,
    undo=migrations.put_back,
    naive=migrations.chain_is_whole,
)
