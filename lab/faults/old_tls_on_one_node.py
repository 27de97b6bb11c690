"""One standby's PostgreSQL accepts TLS 1.0 and 1.1."""

from lab import cluster
from lab.defects import at, every
from lab.errors import LabError
from lab.faults import Fault
from lab.scene import Scene

SETTINGS = {"ssl_min_protocol_version": "TLSv1", "ssl_ciphers": "ALL:@SECLEVEL=0"}
ASK = (
    'openssl s_client -starttls postgres -connect "$1:5432" -cipher ALL:@SECLEVEL=0 $2 '
    "</dev/null 2>/dev/null | sed -n 's/^New, \\(TLSv[0-9.]*\\),.*/\\1/p'"
)


def spoken(scene: Scene, name: str, *version: str) -> str:
    """What version a node's PostgreSQL speaks with a client that offers this one."""
    said = scene.shell("mon1", ASK, name, *(version or ("",))).split()
    return said[0] if said else ""


def apply(scene: Scene) -> None:
    """Lower the standby's own settings."""
    for name, value in SETTINGS.items():
        cluster.alter_system(scene, scene["async"], name, value)


def took_effect(scene: Scene) -> str:
    """A client that offers TLS 1.0 only is served."""
    said = spoken(scene, scene["async"], "-tls1")
    return f"{scene['async']}:5432 speaks {said}" if said == "TLSv1.0" else ""


def undo(scene: Scene) -> None:
    """Take the settings back."""
    for name in SETTINGS:
        cluster.alter_system(scene, scene["async"], name, None)


def naive(scene: Scene) -> str:
    """A client of today speaks TLS 1.3 with that very node."""
    said = spoken(scene, scene["async"])
    if said != "TLSv1.3":
        raise LabError(f"{scene['async']}:5432 speaks {said or 'nothing'}")
    return f"{scene['async']}:5432 speaks {said} with a client of today"


FAULT = Fault(
    name="old-tls-on-one-node",
    title="One standby's PostgreSQL accepts TLS 1.0 and 1.1",
    why="Lowered for an old client and never raised again; today's clients do not notice.",
    kind="tls",
    reddens={
        "TLS-004": every(
            at("postgresql", ["<async>"]), r"expected TLSv1 to be refused, found accepted"
        ),
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
