"""What the faults of the backups share: the repository, a fresh start, and who is in a hurry."""

import json
import time
from typing import Any

from lab import cluster
from lab.errors import LabError
from lab.scene import Facts, Scene

MACHINE = "backup1"
SUBJECT = "paws360-backup"
STANZA = "paws360"
REPOSITORY = "/var/lib/pgbackrest"
CONFIG = "/etc/pgbackrest/pgbackrest.conf"
LIMIT = 120.0
WHOLE = 24  # digits of the name of a whole segment
# One change with its record, then the next segment: what was written is complete and must go.
SWITCH = f"{cluster.WRITE}; SELECT pg_walfile_name(pg_switch_wal())"

COPY = "/var/lib/lab-faults-copy"
INTO_MEMORY = f"""set -e
mountpoint -q "$1" && exit 0
rm -rf {COPY} && cp -a "$1" {COPY}
mount -t tmpfs -o mode=0750,size=512m tmpfs "$1"
cp -a {COPY}/. "$1"/ && rm -rf {COPY}
"""
OUT_OF_MEMORY = f'rm -rf {COPY}; ! mountpoint -q "$1" || umount -l "$1"'


def pgbackrest(scene: Scene, *words: str, machine: str = MACHINE) -> str:
    """Run pgBackRest as the user that owns the repository."""
    run = ("runuser", "-u", "postgres", "--", "pgbackrest", f"--stanza={STANZA}", *words)
    return scene.run(machine, *run, limit=LIMIT)


def full_backup(scene: Scene) -> None:
    """A full backup; older ones go."""
    words = ("runuser", "-u", "postgres", "--", "take-backup", "--repo1-retention-full=1")
    scene.run(MACHINE, *words, limit=LIMIT)


def moved_into_memory(scene: Scene, folder: str) -> None:
    """Lay a file system in memory over a folder, with what the folder holds."""
    scene.run(MACHINE, "sh", "-c", INTO_MEMORY, "fault", folder)


def moved_back(scene: Scene, folder: str) -> None:
    """The folder as it was: what was written meanwhile is gone."""
    scene.run(MACHINE, "sh", "-c", OUT_OF_MEMORY, "fault", folder)


def kind_of(scene: Scene, folder: str) -> str:
    """The kind of file system that a folder lies on, as the kernel says."""
    return scene.looking().run(MACHINE, "stat", "--file-system", "--format=%T", folder).strip()


def emptied(scene: Scene) -> None:
    """Throw everything in the repository away."""
    scene.shell(MACHINE, f"find {REPOSITORY} -mindepth 1 -delete")


def anew(scene: Scene) -> None:
    """Begin the repository anew, as it is configured: the healthy state, whatever was before."""
    scene.put_back(MACHINE, CONFIG)
    emptied(scene)
    scene.service(MACHINE, "restart", "pgbackrest")
    full_backup(scene)


def healed(scene: Scene) -> None:
    """A full backup from which on nothing is missing, and an archiver that is content."""
    scene.put_back(MACHINE, CONFIG)
    scene.service(MACHINE, "restart", "pgbackrest")
    full_backup(scene)


def newest(scene: Scene) -> dict[str, Any]:
    """The newest backup as the repository tells it.

    Raises:
        LabError: there is none.
    """
    (found,) = json.loads(pgbackrest(scene.looking(), "--output=json", "info"))
    if not found["backup"]:
        raise LabError(f"the repository holds no backup: {found['status']['message']}")
    return dict(found["backup"][-1])


def recent_backup(scene: Scene) -> str:
    """The probe of somebody in a hurry: `pgbackrest info` is ok and its newest backup young."""
    (found,) = json.loads(pgbackrest(scene.looking(), "--output=json", "info"))
    last = newest(scene)
    young = time.time() - last["timestamp"]["stop"] < 86400  # noqa: PLR2004 - a day
    if found["status"]["code"] or last["error"] or not young:
        raise LabError(f"pgbackrest info: {found['status']['message']}, {last['label']}")
    return f"pgbackrest info: {found['status']['message']}, {last['label']} is less than a day old"


def archiver(scene: Scene, primary: str) -> dict[str, str]:
    """pg_stat_archiver: the last segment, and whether the last attempt failed."""
    query = (
        "SELECT last_archived_wal, coalesce(last_failed_time > last_archived_time, false) "
        "FROM pg_stat_archiver"
    )
    last, failing = cluster.sql(scene.looking(), primary, query).split("|")
    return {"last": last, "failing": failing}


def archiver_is_content(scene: Scene) -> str:
    """The probe that most monitoring has: the archiver's last attempt went well."""
    seen = archiver(scene, scene["primary"])
    if seen["failing"] != "f" or not seen["last"]:
        raise LabError(f"pg_stat_archiver: {seen}")
    return f"pg_stat_archiver: {seen['last']} archived, no failure since"


def completed_segment(scene: Scene) -> str:
    """Complete the primary's current segment of WAL; its name."""
    return cluster.sql(scene, scene["primary"], SWITCH).splitlines()[-1]


def archived_in_repository(scene: Scene, segment: str) -> bool:
    """Whether a segment lies in the repository."""
    script = f"find {REPOSITORY}/archive -name '{segment}-*' -size +0 | grep -c ."
    return scene.looking().ask(MACHINE, "sh", "-c", script).out.strip() not in {"", "0"}


def archived_numbers(scene: Scene) -> list[int]:
    """The numbers of the archived segments, of whichever timeline, in order."""
    found = scene.looking().shell(
        MACHINE, f"find {REPOSITORY}/archive -name '0*-*' -printf '%f\\n'"
    )
    names = [line[:WHOLE] for line in found.split()]
    # 256 segments of 16 MiB are in each of the middle part's files.
    return sorted({int(name[8:16], 16) * 256 + int(name[16:], 16) for name in names})


def survey(scene: Scene) -> Facts:
    """Who has which part, and the archive settings as they should be."""
    parameters = cluster.dynamic(scene)["postgresql"]["parameters"]
    return {**cluster.survey(scene), "archiver": str(parameters["archive_command"])}


def set_parameter(scene: Scene, name: str, value: Any) -> None:
    """Change a parameter of every member through Patroni."""
    cluster.set_dynamic(scene, {"postgresql": {"parameters": {name: value}}})


def cluster_made(scene: Scene, folder: str) -> None:
    """A database cluster of its own, empty and stopped."""
    words = ("/usr/lib/postgresql/15/bin/initdb", "-D", folder, "--no-sync")
    scene.shell(MACHINE, f"rm -rf {folder}")
    scene.run(MACHINE, "runuser", "-u", "postgres", "--", *words, limit=LIMIT)
