"""A standby's access rules have a line that its next start does not survive."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.scene import Scene

LIST = "  pg_hba:\n"
LINE = f"{LIST}    - hostsll paws360 portal 198.18.2.0/24 scram-sha-256\n"
WRONG = "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL"


def apply(scene: Scene) -> None:
    """Misspell a line of its own rules; a reload keeps the old ones and says so in the log."""
    scene.change(scene["sync"], cluster.CONFIG, lambda text: text.replace(LIST, LINE))
    scene.service(scene["sync"], "reload", "patroni")


def took_effect(scene: Scene) -> str:
    """It stands in the server's file."""
    found = cluster.sql(scene, scene["sync"], WRONG)
    return f"{scene['sync']} can't read {found} of its rules" if found != "0" else ""


def undo(scene: Scene) -> None:
    """Take the line away."""
    cluster.restore_config(scene, scene["sync"])

    def reads_all() -> bool:
        return cluster.sql(scene, scene["sync"], WRONG) == "0"

    scene.wait(f"{scene['sync']} reads its rules", reads_all, 30)


FAULT = Fault(
    name="access-rule-that-ends-the-next-start",
    title="The synchronous standby's access rules have a misspelt line",
    why="A reload keeps the rules that run and says so in the log only; the next start ends with "
    "'could not load pg_hba.conf', in the middle of a failover.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-025": cluster.per_member(
            r'lines that it can.t read to be none, found pg_hba.conf line \d+: .*"hostsll"',
            "<sync>",
        )
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=patroni_lists_all,
)
