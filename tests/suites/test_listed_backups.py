"""Listed backups end to end: a real PostgreSQL, pg_dump and gpg, asked over a real sshd."""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dumped import AGE, ELSEWHERE, ENCRYPTED, ENVIRONMENT, HOUR, POINT, SCHEDULE, WAL, Dumped
from engine import Engine, Site
from local_postgres import PASSWORDS, postgres_alone
from pki import Hierarchy
from replay import Asking, really

from readiness.drills.listed import require_listed_backup
from readiness.model.errors import NotRun
from readiness.model.words import Case, Outcome
from readiness.session.clients import Clients
from readiness.site.documents import load_environment
from readiness.site.subjects import clusters
from readiness.systems.backup_list.reading import Lying, Places
from readiness.systems.hosts.reading.mounts import Mount
from readiness.systems.hosts.reading.timer import Timer

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, which is what is tested


@pytest.mark.parametrize("name", [AGE, SCHEDULE, ENCRYPTED, ELSEWHERE, POINT])
def test_nightly_dumps_elsewhere_are_green(healthy: Dumped, name: str) -> None:
    """Encrypted ones, each as big as those before, seen where they lie."""
    result = healthy.check(name)
    assert result.outcome is Outcome.PASSED, result


def test_a_list_says_nothing_of_wal(healthy: Dumped) -> None:
    """Never green."""
    assert healthy.check(WAL).outcome is Outcome.NOT_RUN


def older(site: Dumped) -> None:
    """The newest dump is three days old."""
    for hours in (120, 96, 72):
        site.dump(hours)


def empty(site: Dumped) -> None:
    """The newest dump has no byte."""
    older_ones(site)
    path = site.folder / "vault/now.dump"
    path.write_bytes(b"")
    site.tell(path, "vault")


def older_ones(site: Dumped) -> None:
    """Two dumps that are well."""
    for hours in (50, 27):
        site.dump(hours)


def cut_off(site: Dumped) -> None:
    """The newest dump was cut off, and the list says how long it is."""
    older_ones(site)
    path = site.dump(2)
    os.truncate(path, path.stat().st_size // 4)
    site.said.pop()
    site.tell(path, "vault")


def half_there(site: Dumped) -> None:
    """The newest dump is shorter than the list says."""
    older_ones(site)
    path = site.dump(2)
    moment = path.stat().st_mtime
    os.truncate(path, path.stat().st_size // 4)
    os.utime(path, (moment, moment))


def not_there(site: Dumped) -> None:
    """The newest dump is said to lie where nothing is."""
    older_ones(site)
    site.dump(2).unlink()


def older_one_gone(site: Dumped) -> None:
    """A dump that is still listed was removed."""
    path = site.dump(50)
    site.dump(26)
    site.dump(2)
    path.unlink()


def dangling(site: Dumped) -> None:
    """The newest dump is a link that leads nowhere."""
    older_ones(site)
    path = site.dump(2)
    path.unlink()
    path.symlink_to("/nowhere")


def called_young(site: Dumped) -> None:
    """The newest dump is said to be younger than its file."""
    older_ones(site)
    site.said[-1]["end"] = datetime.now(UTC).isoformat(timespec="seconds")


def none(_: Dumped) -> None:
    """There are no dumps at all."""


def only_increments(site: Dumped) -> None:
    """Nothing listed can be restored by itself."""
    site.dump(2)
    site.said[-1]["kind"] = "incremental"


def gap(site: Dumped) -> None:
    """Two nights are missing."""
    for hours in (98, 74, 2):
        site.dump(hours)


def readable(site: Dumped) -> None:
    """The newest dump is not encrypted though the list says so."""
    older_ones(site)
    site.dump(2, plain=True)


def said_plain(site: Dumped) -> None:
    """The list itself says that the newest is not encrypted."""
    older_ones(site)
    site.dump(2, plain=True)
    site.said[-1]["encrypted"] = False


def compressed(site: Dumped) -> None:
    """An older dump is compressed and no more."""
    older_ones(site)
    path = site.folder / "vault/old.gz"
    path.write_bytes(b"\x1f\x8b\x08" + bytes(1000))
    site.tell(path, "vault")


def same_machine(site: Dumped) -> None:
    """All dumps lie on the database's machine."""
    for hours in (50, 26, 2):
        site.dump(hours, on="box")


def copied_once(site: Dumped) -> None:
    """Only an old dump lies elsewhere."""
    site.dump(50)
    for hours in (26, 2):
        site.dump(hours, on="box")


def in_memory(site: Dumped) -> None:
    """The newest dump is a link into memory."""
    older_ones(site)
    path = site.dump(2)
    kept = MEMORY / site.folder.name
    kept.write_bytes(path.read_bytes())
    os.utime(kept, (path.stat().st_mtime,) * 2)
    path.unlink()
    path.symlink_to(kept)


@pytest.mark.parametrize(
    ("spoil", "name", "said"),
    [
        (older, AGE, "seconds since the end of vault:\\S+72.dump at most 93600, found 259"),
        (empty, AGE, "bytes of vault:\\S+now.dump at least 1, found 0"),
        (cut_off, AGE, "bytes of the newest, vault:\\S+2.dump, at least \\d+, found \\d+"),
        (half_there, AGE, "bytes of vault:\\S+2.dump to be \\d+, found"),
        (not_there, AGE, "what lies at vault:\\S+2.dump to be one of file, folder, found nothing"),
        (dangling, AGE, "what lies at vault:\\S+2.dump to be one of file, folder, found nothing"),
        (older_one_gone, AGE, "listed that are not there to be none, found vault:\\S+50.dump"),
        (called_young, AGE, "seconds that vault:\\S+27.dump is older than the list says"),
        (none, AGE, "whole backups listed at least 1, found 0"),
        (only_increments, AGE, "whole backups listed at least 1, found 0"),
        (gap, SCHEDULE, "longest seconds between two backups at most 93600, found 2592"),
        (not_there, SCHEDULE, "longest seconds between two backups at most 93600, found 97"),
        (none, SCHEDULE, "whole backups listed at least 1, found 0"),
        (readable, ENCRYPTED, "that anybody can read to be none, found vault:\\S+2.dump .pg_dump"),
        (compressed, ENCRYPTED, "that anybody can read to be none, found vault:\\S+old.gz .gzip"),
        (said_plain, ENCRYPTED, "listed as not encrypted to be none, found vault:\\S+2.dump"),
        (same_machine, ELSEWHERE, "machine that keeps box:\\S+2.dump to be none of box, found box"),
        (copied_once, ELSEWHERE, "machine that keeps box:\\S+2.dump to be none of box, found box"),
        (in_memory, ELSEWHERE, "file system at /dev/shm to be none of ramfs, tmpfs"),
        (none, POINT, "whole backups listed at least 1, found 0"),
    ],
)
def test_what_is_wrong_with_the_dumps_is_red(
    dumped: Dumped, spoil: Callable[[Dumped], None], name: str, said: str
) -> None:
    """Each defect by its own check, and the reason says where."""
    spoil(dumped)
    try:
        result = dumped.check(name)
    finally:
        (MEMORY / dumped.folder.name).unlink(missing_ok=True)
    assert result.outcome is Outcome.FAILED, result
    assert re.search(said, result.reason), result.reason


def test_an_interval_longer_than_the_promise_is_red(healthy: Dumped) -> None:
    """Without WAL what is written between two dumps is lost."""
    text = ENVIRONMENT.replace("recovery_point: 1 d", "recovery_point: 5 min")
    path = healthy.folder / "list.json"
    path.write_text(json.dumps(healthy.said))
    healthy.command(f"cat {path}")
    site = healthy.folder / "promised.yaml"
    site.write_text(text.format(user=healthy.ssh.user, folder=healthy.folder, more=""))
    (result,) = really(load_environment(site), [Case(POINT, "dumps")])
    assert result.outcome is Outcome.FAILED, result
    assert "at most 300, found 86400" in result.reason


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("yes", r"says more than 1048576 B"),
        ("exit 0", "expected JSON, found nothing"),
        ("""printf '[{"end": "2026'""", "expected JSON, found"),
        ("echo no repository >&2; exit 3", "ended with 3: no repository"),
        ("head -c 9999999 /dev/zero | tr '\\0' y >&2; exit 4", "ended with 4: y"),
        ("yes >&2", "ended with 141: y"),
        ("kill -9 $$", "ended with 137"),
    ],
)
@pytest.mark.parametrize("name", [AGE, SCHEDULE, POINT])
def test_a_command_that_lists_nothing_sensible_is_no_finding(
    dumped: Dumped, name: str, script: str, said: str
) -> None:
    """Neither red nor green, in one line."""
    dumped.command(script)
    result = dumped.check(name)
    assert result.outcome is Outcome.INCONCLUSIVE, result
    assert re.search(said, result.reason), result.reason
    assert "\n" not in result.reason


def test_a_command_that_hangs_is_given_up(dumped: Dumped, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the limit; it is not waited for."""
    monkeypatch.setattr("readiness.systems.backup_list.asking.LIMIT", 0.5)
    dumped.command("exec sleep 30")
    result = dumped.check(AGE)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "no end of" in result.reason


def test_what_lies_where_nobody_looks_is_stated(dumped: Dumped) -> None:
    """A bucket may hold what the list says: nobody saw it, and that is told."""
    end = datetime.now(UTC).isoformat(timespec="seconds")
    one = {"end": end, "bytes": 5, "encrypted": True, "kind": "snapshot"}
    dumped.said = [{**one, "place": f"s3://bucket/{n}"} for n in range(3)]
    for name in (AGE, SCHEDULE, ENCRYPTED, ELSEWHERE):
        result = dumped.check(name)
        assert result.outcome is Outcome.INCONCLUSIVE, result
        assert "stated only: nobody could look there" in result.reason


def test_the_first_dump_has_nothing_to_be_measured_by(dumped: Dumped) -> None:
    """Unless its least size is declared."""
    size = dumped.dump(2).stat().st_size
    assert dumped.check(AGE).outcome is Outcome.INCONCLUSIVE
    dumped.more = f"    smallest: {size} B\n"
    assert dumped.check(AGE).outcome is Outcome.PASSED
    dumped.more = f"    smallest: {size + 1} B\n"
    assert dumped.check(AGE).outcome is Outcome.FAILED


def timer(**changed: object) -> Timer:
    """One that ran two hours ago and elapses in 22."""
    now = datetime.now(UTC).timestamp()
    told: dict[str, Any] = {
        "load": "loaded",
        "active": "active",
        "enabled": "enabled",
        "next": now + 22 * HOUR,
        "last": now - 2 * HOUR - 30,
        "service": "dump.service",
        "result": "success",
        "service_state": "inactive",
    }
    return Timer(**told | changed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"active": "inactive"}, "dump.timer active"),
        ({"enabled": "disabled"}, "dump.timer enabled"),
        ({"next": None}, "timer due again"),
        ({"result": "exit-code"}, "last end of dump.service"),
        ({"last": datetime.now(UTC).timestamp() - HOUR}, "to the last dump.timer"),
    ],
)
def test_a_declared_timer_is_looked_at(
    healthy: Dumped, changed: dict[str, object], said: str
) -> None:
    """It is on, will elapse again, and left a dump when it last did."""
    healthy.more, healthy.timer = "    timer: dump.timer\n", timer(**changed)
    result = healthy.check(SCHEDULE)
    assert result.outcome is (Outcome.FAILED if said else Outcome.PASSED), result
    assert said in result.reason


def test_the_script_of_the_papers_lists_what_lies_there(healthy: Dumped) -> None:
    """As printed in docs/operations.md, but for the folder and what encrypts."""
    paper = (Path(__file__).parents[2] / "docs/operations.md").read_text()
    (script,) = re.findall(r"```sh\n(#!/bin/sh\n# Lists the dumps.*?)```", paper, re.DOTALL)
    folder = healthy.folder / "vault"
    healthy.command(script.replace("/srv/dumps", str(folder)).replace(".age", ".dump"))
    for name in (AGE, SCHEDULE, ENCRYPTED, ELSEWHERE, POINT):
        assert healthy.check(name).outcome is Outcome.PASSED, name
    for one in folder.iterdir():
        one.unlink()
    result = healthy.check(AGE)
    assert "whole backups listed at least 1, found 0" in result.reason


PROVEN = tuple(f"ops.backup/{one}" for one in ("age", "schedule-met", "encrypted", "off-host-copy"))


@pytest.mark.parametrize(
    ("on", "kind", "source", "outcome", "said"),
    [
        ("box", "nfs4", "vault:/export", Outcome.PASSED, ""),
        ("box", "cifs", "//198.18.9.2/dumps", Outcome.PASSED, ""),
        ("box", "ext4", "/dev/sdb1", Outcome.FAILED, "none of box, found box"),
        ("vault", "nfs", "box:/export", Outcome.FAILED, "none of box, found box"),
        ("vault", "nfs", "198.18.9.1:/export", Outcome.FAILED, "none of box, found box"),
        ("box", "nfs4", "nas:/export", Outcome.INCONCLUSIVE, "stated only"),
        ("box", "ceph", "mon1:/", Outcome.INCONCLUSIVE, "stated only"),
        ("vault", "tmpfs", "tmpfs", Outcome.FAILED, "file system at /mnt"),
    ],
)
def test_a_backup_lies_on_the_machine_whose_disk_it_is(
    healthy: Dumped, on: str, kind: str, source: str, outcome: Outcome, said: str
) -> None:
    """Whatever machine it was looked at on; of a share only its source tells."""
    mount = Mount(source, "/mnt", kind)
    healthy.places = Places(
        tuple(
            Lying(one["place"], on, "file", one["bytes"], moment(one), "OpenPGP", mount)
            for one in healthy.said
        )
    )
    result = healthy.check(ELSEWHERE)
    assert result.outcome is outcome, result
    assert said in result.reason


def moment(one: dict[str, Any]) -> float:
    """When a listed backup ended."""
    return datetime.fromisoformat(one["end"]).timestamp()


RESTIC = ("config", "keys/1", "snapshots/1", "data/00/1")


def test_a_folder_is_known_by_its_tools_files(dumped: Dumped) -> None:
    """A repository of restic's is encrypted, and as young as its newest snapshot."""
    repository = dumped.folder / "vault/restic"
    for name in RESTIC:
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_bytes(bytes(range(256)))
    now = datetime.now(UTC).timestamp()
    for hours in (25, 1):
        end = datetime.fromtimestamp(now - hours * HOUR, UTC).isoformat()
        one = {"end": end, "bytes": 1000, "place": f"vault:{repository}", "encrypted": True}
        dumped.said.append(one | {"kind": "snapshot"})
    for name in (AGE, SCHEDULE, ENCRYPTED, ELSEWHERE):
        result = dumped.check(name)
        assert result.outcome is Outcome.PASSED, result
    os.utime(repository / "snapshots", (now - 30 * HOUR,) * 2)
    result = dumped.check(AGE)
    assert result.outcome is Outcome.FAILED, result
    assert "is older than the list says" in result.reason
    os.utime(repository / "snapshots")
    (repository / "config").unlink()
    for name in (AGE, SCHEDULE, ENCRYPTED):
        result = dumped.check(name)
        assert result.outcome is Outcome.INCONCLUSIVE, result


@dataclass
class Gated:
    """The site with its database, which is looked at by whole gates."""

    dumped: Dumped
    site: Site
    engine: Engine

    def gate(self, *required: str) -> tuple[int, dict[str, str], str]:
        """Exit code, clauses by name, and what the terminal said."""
        (self.dumped.folder / "list.json").write_text(json.dumps(self.dumped.said))
        self.site.requiring(*required)
        ended = self.engine.gate(self.site, LOOKER=PASSWORDS["looker"])
        assert self.site.runs(), ended.text
        clauses = {
            one.id: one.status for part in self.site.judged().criteria for one in part.clauses
        }
        return ended.code, clauses, " ".join(ended.text.split())


@pytest.fixture
def gated(engine: Engine, healthy: Dumped, authority: Hierarchy) -> Iterator[Gated]:
    """Pinned, the database at an address that only it has: `ip` is played, too."""
    with postgres_alone(authority, "box") as server:
        site = Site(healthy.folder)
        text = ENVIRONMENT.replace("name: small", "name: mini\nidentity: file:identity.json")
        text = text.replace("198.18.9.1", "127.0.0.1")
        text = text.replace("authority: own\n", f"authority: own\n    port: {server.port}\n", 1)
        written = text.format(user=healthy.ssh.user, folder=healthy.folder, more=healthy.more)
        site.environment.write_text(written)
        (healthy.folder / "root.pem").write_bytes(authority.root.pem)
        healthy.command(f"cat {healthy.folder}/list.json")
        words = ("doctor", "--env", site.environment, "--write-identity")
        ended = engine.cli(site, *words, LOOKER=PASSWORDS["looker"])
        assert (healthy.folder / "identity.json").exists(), ended.text
        yield Gated(healthy, site, engine)


def test_a_small_site_gets_a_go_on_what_was_seen(gated: Gated) -> None:
    """The gate itself: GO on four clauses, never on WAL, and a plain dump is a NO-GO."""
    code, clauses, said = gated.gate(*PROVEN)
    assert {one: clauses[one] for one in PROVEN} == dict.fromkeys(PROVEN, "held"), said
    assert code == 0, said
    wal = "ops.backup/wal-continuous"
    code, clauses, said = gated.gate(*PROVEN, wal)
    assert (code, clauses[wal]) == (2, "not-run"), said
    assert "`backups` of `kind: pgbackrest` of the database records" in said
    gated.dumped.dump(1, plain=True)
    code, clauses, said = gated.gate(*PROVEN)
    assert (code, clauses["ops.backup/encrypted"]) == (1, "failed"), said
    assert "backups that anybody can read" in said


@pytest.mark.parametrize(("hours", "begins"), [((50, 26, 2), True), ((74, 50), False), ((), False)])
def test_no_drill_begins_without_a_recent_backup_that_was_seen(
    dumped: Dumped, hours: tuple[float, ...], *, begins: bool
) -> None:
    """What the list says alone lets nobody cut anything off."""
    for one in hours:
        dumped.dump(one)
    dumped.tell(dumped.folder / "root.pem", "vault", end=datetime.now(UTC).isoformat())
    (dumped.folder / "list.json").write_text(json.dumps(dumped.said))
    dumped.command(f"cat {dumped.folder}/list.json")
    environment = dumped.environment
    run: Any = SimpleNamespace(environment=environment, case=None, on_disturbance=[])
    look = Asking(environment, run)
    with closing(Clients(run)) as clients:
        clients.look = look
        (cluster,) = clusters(environment)
        with nullcontext() if begins else pytest.raises(NotRun, match="nothing was cut off"):
            require_listed_backup(clients, cluster)
