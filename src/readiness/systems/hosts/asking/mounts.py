"""Which file system a folder lies on, as the kernel of its machine says to everybody.

A symbolic link inside a folder that we may not enter is not followed.
"""

from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.probes.ssh import ObserveSession
from readiness.systems.hosts.reading.mounts import Storage, mounts_below, read_mount

MOUNTS: Final = "cat /proc/mounts"


def storage(session: ObserveSession, path: str) -> Storage:
    """What a folder of a machine lies on; raises ProbeError."""
    if not path.startswith("/"):
        raise NotUnderstood(f"{session.where}: expected the path of a folder, found {path!r}")
    answer = session.run(MOUNTS, remember=False)
    if answer.exit_code != 0:
        raise NotUnderstood(f"{session.where}: {MOUNTS}: {answer.complaint}")
    text = answer.stdout.decode("utf-8", "replace")
    return Storage(read_mount(text, path, where=session.where), mounts_below(text, path))
