"""What the faults of the migrations share: the probe that most pipelines have."""

from lab.errors import LabError
from lab.scene import Scene

MACHINE = "spare"


def chain_is_whole(scene: Scene) -> str:
    """The probe that most pipelines have: one head, and every revision can be loaded.

    Raises:
        LabError: the tool is not content.
    """
    words = ("/opt/portal/bin/alembic", "-c", "migrations/alembic.ini", "heads")
    answer = scene.ask(MACHINE, "env", "--chdir=/opt/portal/app", *words)
    if answer.code:
        raise LabError(f"alembic heads ended with {answer.code}")
    return f"alembic heads: {answer.out.strip()}"
