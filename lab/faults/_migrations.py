"""What the faults of the migrations share: the newest revision on the machine for restores."""

from lab import cluster
from lab.errors import LabError
from lab.scene import Scene

MACHINE = "spare"
SUBJECT = "paws360-db"
DATABASE = "paws360"
VERSIONS = "/opt/portal/app/migrations/versions"
NEWEST = f"{VERSIONS}/0006_subjects_of_courses.py"
CHECKS = ("MIG-001", "MIG-002")
AGAIN = "differences between the first up and the second to be none, found "


def put_back(scene: Scene) -> None:
    """The revision as the release has it."""
    scene.put_back(MACHINE, NEWEST)


def says(scene: Scene, text: str) -> str:
    """That the newest revision holds a text, where it does."""
    return f"{NEWEST} on {MACHINE}: {text}" if text in scene.read(MACHINE, NEWEST) else ""


def live(scene: Scene, statement: str) -> str:
    """What somebody types into the live database; who leads is asked each time."""
    return cluster.sql(scene, cluster.leads(scene), statement, database=DATABASE)


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
