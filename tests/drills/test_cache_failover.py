"""The cache's failover drill against three real Redis with Sentinels, on addresses of loopback.

The cut is played by holding the processes of one machine: all else is as at a site.
"""

import runpy
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from engine import ENVIRONMENT
from local_servers import free_port, program, scratch, started, wait_until
from pki import Hierarchy

from readiness.drills import cache_failover, cache_writer
from readiness.drills.cache_failover import CacheFailoverDrill, CacheTrial
from readiness.drills.cache_view import CacheView
from readiness.drills.permit import Permit
from readiness.evidence.claim import CURRENT, Found
from readiness.measure.operation import Outcome, read_ledger
from readiness.model.errors import NotRun, OverPrivileged, ProbeError
from readiness.model.words import Case, Tier
from readiness.running.fixtures import CacheDrilled
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.systems.redis.declared import CacheCluster, cache_nodes, caches

SUITE = runpy.run_path(str(Path(__file__).parents[2] / "suites/failover/test_cache_failover.py"))
ADDRESSES: Final = {f"cache{n}": f"127.0.0.{n + 1}" for n in (1, 2, 3)}
PASSWORD: Final = "of-these-tests-only"
LOOKS: Final = "+ping +info +role +command +acl|whoami +acl|users +acl|dryrun"
PERMIT = Permit("run", Case("CACHE-013", "sessions"), Tier.DISRUPT)
Record = list[dict[str, Any]]
SITE: Final = """\
caches:
  - name: sessions
    members: [cache1, cache2, cache3]
    port: {redis}
    authority: own
    login: {{user: looker, password: "file:password"}}
    lag_bytes: 1 MiB
    lag_time: 10 s
    sentinel:
      machines: [cache1, cache2, cache3]
      port: {sentinel}
      watches: sessions
      quorum: 2
      down_after: 1 s
      login: {{user: looker, password: "file:password"}}
    failover:
      login: {{user: driller, password: "file:password"}}
      recovery_time: 20 s
      expiry: 60 s
      baseline: 4 s
"""


@dataclass
class Trio:
    """Three machines of a cache, and the environment that declares them."""

    site: Environment
    processes: dict[str, list[subprocess.Popen[bytes]]] = field(default_factory=dict)

    @property
    def cluster(self) -> CacheCluster:
        """The one cache."""
        (one,) = caches(self.site)
        return one

    def view(self) -> CacheView:
        """The cache as the drill sees it."""
        pem = self.site.path(self.site.authorities["own"]).read_bytes()
        connections: Any = SimpleNamespace(site=self.site, authority_pem=lambda _: pem)
        return CacheView(connections, self.cluster)

    def let_go(self) -> None:
        """Let every machine go on."""
        for name in ADDRESSES:
            self.hold(name, signal.SIGCONT)

    def hold(self, machine: str, number: signal.Signals) -> None:
        """Stop a machine's processes, or let them go on."""
        for one in self.processes[machine]:
            one.send_signal(number)


@contextmanager
def trio(authority: Hierarchy, rights: str = "~readiness:* +get +set +del") -> Iterator[Trio]:
    """Run them until each follows one master and every Sentinel knows."""
    server = program("redis-server", package="redis-server")
    ports = {"redis": free_port(), "sentinel": free_port()}
    with scratch() as folder, ExitStack() as everything:
        leaf = authority.leaf(*ADDRESSES, *ADDRESSES.values())
        leaf.write(folder / "server.pem", *leaf.above)
        found = Trio(_declared(folder, authority, ports))
        for name, address in ADDRESSES.items():
            for kind, text in _texts(folder, address, ports, rights).items():
                file, log = folder / f"{name}-{kind}.conf", folder / f"{name}-{kind}.log"
                file.write_text(text)
                argv = [server, str(file), *(["--sentinel"] if kind == "sentinel" else [])]
                process = everything.enter_context(started(argv, log=log))
                found.processes.setdefault(name, []).append(process)
        everything.callback(found.let_go)
        view = found.view()
        wait_until(lambda: not view.why_not_whole(), "the cache is whole")
        yield found


def _declared(folder: Path, authority: Hierarchy, ports: dict[str, int]) -> Environment:
    (folder / "root.pem").write_bytes(authority.root.pem)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o600)
    machines = "".join(
        f"  - {{name: {name}, zone: all, role: cache, addresses: [{address}]}}\n"
        for name, address in ADDRESSES.items()
    )
    text = ENVIRONMENT.replace("objectives:\n", f"{machines}objectives:\n") + SITE.format(**ports)
    (folder / "environment.yaml").write_text(text)
    return load_environment(folder / "environment.yaml")


def _texts(folder: Path, address: str, ports: dict[str, int], rights: str) -> dict[str, str]:
    tls = (
        f"bind {address}\nport 0\ntls-cert-file {folder}/server.pem\n"
        f"tls-key-file {folder}/server.pem\ntls-ca-cert-file {folder}/root.pem\n"
        f"tls-auth-clients no\ntls-replication yes\ndir {folder}\n"
        f"user looker on >{PASSWORD} {LOOKS}"
    )
    first = ADDRESSES["cache1"]
    follows = f"replicaof {first} {ports['redis']}\n" if address != first else ""
    sentinel = "+sentinel|masters"
    return {
        "redis": f"{tls}\nuser driller on >{PASSWORD} +ping +role {rights}\n"
        f'tls-port {ports["redis"]}\nsave ""\nrepl-diskless-sync-delay 0\n'
        f"dbfilename {address}.rdb\nreplica-announce-ip {address}\n{follows}",
        "sentinel": f"{tls} {sentinel}\ntls-port {ports['sentinel']}\n"
        f"sentinel announce-ip {address}\n"
        f"sentinel monitor sessions {first} {ports['redis']} 2\n"
        "sentinel down-after-milliseconds sessions 1000\n"
        "sentinel failover-timeout sessions 5000\n",
    }


class Held:
    """A cut that holds a machine's processes; it is in force at once, and over at once."""

    cluster: Trio
    seen_by: list[str]

    def __init__(self, *_: Any, machine: str, expiry: float) -> None:
        self.machine, self.expiry = machine, expiry
        self.sent: float | None = None
        self.seen: float | None = None
        self.mending: float | None = None
        self.mended: float | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it until the block ends."""
        self.seen_by.append(self.machine)
        self.sent = time.monotonic()
        self.cluster.hold(self.machine, signal.SIGSTOP)
        self.seen = time.monotonic()
        try:
            yield
        finally:
            self.mending = time.monotonic()
            self.cluster.hold(self.machine, signal.SIGCONT)
            self.mended = time.monotonic()

    def told(self) -> str:
        """What was done, in words."""
        return f"{self.machine} was held" if self.sent else ""


@pytest.fixture(scope="module")
def cluster(authority: Hierarchy) -> Iterator[Trio]:
    """A healthy cache."""
    with trio(authority) as one:
        yield one


@pytest.fixture
def held(cluster: Trio, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The machines that were cut off; times are short, since nothing here is far away."""

    class Cut(Held):
        pass

    Cut.cluster, Cut.seen_by = cluster, []
    machines = SimpleNamespace(drill=lambda _: None)

    @contextmanager
    def disturbing(_: Any) -> Iterator[Any]:
        yield machines

    monkeypatch.setattr(cache_failover, "Cut", Cut)
    monkeypatch.setattr(cache_failover, "disturbing", disturbing)
    monkeypatch.setattr(cache_failover, "drill_target", lambda *_: None)
    monkeypatch.setattr(cache_failover, "STABLE", 3.0)
    monkeypatch.setattr(cache_failover, "CONTROL", 2.0)
    # The machine that tests is as busy as can be.
    monkeypatch.setattr(cache_failover, "LATE", 1.0)
    monkeypatch.setattr(cache_failover, "LEAST_ACKNOWLEDGED", 15)
    return Cut.seen_by


def drilled(
    cluster: Trio, folder: Path, *, cuts: int = 1
) -> tuple[list[CacheTrial], list[dict[str, Any]]]:
    """The trials, and what went into the record."""
    record: Record = []

    def write(kind: str, **fields: Any) -> None:
        record.append({"kind": kind, **fields})

    run: Any = SimpleNamespace(
        id=f"run-{secrets.token_hex(3)}",
        folder=folder,
        environment=cluster.site,
        writer=SimpleNamespace(write=write),
    )
    view = cluster.view()
    drill = CacheFailoverDrill(run, PERMIT, view, view.reached())
    drill.drill = drill.drill.model_copy(update={"trials": cuts})
    return drill.trials(), record


def judged(cluster: Trio, trials: list[CacheTrial], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the three checks claim of these trials."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    found = [Found(one, "sessions", 0) for one in trials]
    drill = CacheDrilled(found[0], tuple(found[1:]))

    def confidence(*_: Any) -> None:
        """Say nothing."""

    try:
        SUITE["test_takes_over_in_time"](cluster.cluster, lambda _: drill, confidence)
        SUITE["test_nothing_is_lost"](cluster.cluster, lambda _: drill, confidence)
        for node in cache_nodes(cluster.site):
            SUITE["test_follows_afterwards"](node, lambda _: drill, cluster.site, confidence)
    finally:
        CURRENT.reset(token)
    return said


def test_two_masters_are_lost_and_nothing_else(
    cluster: Trio, held: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control and two cuts; each time another node takes over, and every node follows it."""
    trials, record = drilled(cluster, tmp_path, cuts=2)
    assert [one.problem for one in trials] == ["", "", ""]
    assert held == [trials[1].victim, trials[2].victim]
    assert trials[2].victim == trials[1].promoted != trials[1].victim
    for one in trials[1:]:
        assert set(one.following) == set(ADDRESSES) - {one.promoted}
        assert one.outage.lower is not None
        assert one.outage.lower > 0.5
        assert one.cut_seconds > 0
    assert judged(cluster, trials, monkeypatch)
    assert record[-1]["kind"] == "restored"
    assert len([one for one in record if one["kind"] == "drill"]) == 3
    ledgers = [read_ledger(path) for path in sorted(tmp_path.glob("ledger-*"))]
    assert len(ledgers) == 3
    assert all(any(op.outcome is Outcome.OK for op in one.ops) for one in ledgers)


def test_what_was_lost_is_red(
    cluster: Trio, held: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that are gone from the new master, although they were acknowledged."""
    read = cache_writer.stored

    def without_some(server: Any, keys: Any) -> list[tuple[str, str]]:
        return read(server, keys)[5:]

    calls: list[int] = []

    def stored(server: Any, keys: Any) -> list[tuple[str, str]]:
        calls.append(1)
        return without_some(server, keys) if len(calls) > 1 else read(server, keys)

    monkeypatch.setattr(cache_failover, "stored", stored)
    trials, _ = drilled(cluster, tmp_path)
    assert trials[0].problem == ""
    with pytest.raises(AssertionError):
        judged(cluster, trials, monkeypatch)
    assert trials[1].lost.value == 5


def test_nobody_who_takes_over_is_red_and_is_not_tried_again(
    cluster: Trio, held: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outage has no end while the master is away, and the trial says whom it waited for."""
    monkeypatch.setattr(cache_failover, "PROMOTION_LIMIT", 3.0)
    monkeypatch.setattr(CacheView, "promoted", lambda *_, **__: "")
    trials, _ = drilled(cluster, tmp_path)
    assert trials[1].promoted == ""
    assert trials[1].following == ()
    with pytest.raises(AssertionError):
        judged(cluster, trials, monkeypatch)


def test_a_drill_user_that_may_do_more_is_refused(authority: Hierarchy) -> None:
    """Any key, or a command that throws all of them away."""
    for rights in ("~* +get +set", "~readiness:* +set +flushall"):
        with trio(authority, rights) as one, pytest.raises(OverPrivileged, match="could do harm"):
            one.view().reached()


def test_without_a_drill_nothing_is_cut(cluster: Trio) -> None:
    """The section is optional, and so is the drill."""
    (cache,) = cluster.site.caches
    bare = cache.model_copy(update={"failover": None})
    view = cluster.view()
    view.cache = bare
    with pytest.raises(NotRun, match="no failover drill is declared"):
        view.reached()


def test_a_cache_that_is_not_whole_is_left_alone(
    cluster: Trio, held: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is disturbed where a replica is away already."""
    monkeypatch.setattr(cache_failover, "REJOIN_LIMIT", 1.0)
    master = cluster.view().master()
    away = next(name for name in ADDRESSES if name != master)
    cluster.hold(away, signal.SIGSTOP)
    try:
        with pytest.raises(ProbeError, match=away):
            drilled(cluster, tmp_path)
    finally:
        cluster.hold(away, signal.SIGCONT)
    assert held == []
