"""A simulated cluster of three members: its automation, its machines over SSH, its databases.

The drills' own code runs against it, down to what it sends. Every call that it makes is counted,
and the n-th can be made to fail: `Failure` says how. Time is simulated too, so that a trial of
minutes is over at once, and nothing in it depends on the machine that tests.
"""

import hashlib
import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Self

import psycopg
import pytest
from engine import ENVIRONMENT

from readiness.drills import actions, cluster, failover, writers
from readiness.drills.cluster import ClusterView
from readiness.drills.disturbance import SYSTEMCTL
from readiness.drills.permit import Permit
from readiness.evidence.undo import UndoJournal, play_pending
from readiness.measure.operation import Op, Outcome, encode
from readiness.model.errors import TimedOut, Unreachable
from readiness.model.words import Case, Tier
from readiness.session.run import Run
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.site.subjects import Cluster, Member, clusters
from readiness.systems.answer import Answer
from readiness.systems.etcd import asking as etcd_asking
from readiness.systems.patroni import asking
from readiness.systems.patroni import reading as patroni

TTL: Final = 5.0
PROMOTION: Final = 6.0
CADENCE: Final = 0.5
REJOIN: Final = 3.0
MEMBERS: Final = ("db1", "db2", "db3")
SERVER: Final = "patroni.service"
STORE: Final = "etcd.service"
TAGS: Final = patroni.Tags(False, None, False, False, False, {})
DATABASE: Final = """\
zones: [all]
ssh:
  known_hosts: file:hosts
  observe: {user: looker}
  disrupt: {user: driller}
databases:
  - name: db
    database: app
    members: [db1, db2, db3]
    authority: own
    lag_bytes: 1 MiB
    lag_time: 5 s
    logins:
      observe: {user: looker, password: "file:password"}
      touch: {user: toucher, password: "file:password"}
    patroni: {authority: own}
    consensus: {members: [db1, db2, db3], authority: own}
    failover:
      schema: readiness
      local_user: driller
      pooled: {machines: [box], port: 6432}
      trials: 1
      expiry: 60 s
      baseline: 6 s
"""


class Limit(BaseException):
    """What ends a check from outside, when it took too long: nothing may catch it."""


@dataclass(frozen=True)
class Failure:
    """How the n-th call fails: before it does anything, or after, so that only its answer is lost.

    `ending` None stands for what the edge itself raises: a time-out, a lost connection.
    """

    call: int
    after: bool = False
    ending: BaseException | None = None


@dataclass
class Machine:
    """One member's machine."""

    tables: set[str] = field(default_factory=set)
    timers: dict[str, tuple[float, str]] = field(default_factory=dict)
    writers: dict[str, tuple[float, str]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)

    @property
    def away(self) -> bool:
        """Whether nobody reaches its database: it is cut off, or the server is down."""
        return bool(self.tables) or SERVER in self.down


class Simulated:
    """The cluster and everything that a drill may call."""

    def __init__(self, environment: Environment, failure: Failure | None) -> None:
        self.environment, self.failure = environment, failure
        self.now = 1000.0
        self.calls: list[str] = []
        self.failed = ""
        self.machines = {name: Machine() for name in MEMBERS}
        self.leaders: list[tuple[float, str]] = [(0.0, "db1")]
        self.cut_at: float | None = None
        self.cut_leader = ""
        self.mended_at: float | None = None
        self.cuts: list[tuple[int, int | None]] = []
        self.rows: dict[str, list[tuple[str, str, str]]] = {}
        self.lease = ""
        self.never_follows: set[str] = set()
        self.noticed_after = 0.0

    # Calls and time

    @contextmanager
    def call(self, what: str, broken: BaseException) -> Iterator[None]:
        """One call: it takes a moment, and fails if it is the one that shall."""
        self.calls.append(what)
        self.sleep(0.01)
        mine = self.failure if self.failure and self.failure.call == len(self.calls) else None
        error = None if mine is None else mine.ending or broken
        if mine and error:
            self.failed = what
            if not mine.after:
                raise error
        yield
        if error is not None:
            raise error

    def monotonic(self) -> float:
        """Now."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass: timers on machines end, a standby is promoted."""
        self.now += seconds
        for name, machine in self.machines.items():
            for unit, (due, table) in list(machine.timers.items()):
                if due <= self.now:
                    del machine.timers[unit]
                    self._open(name, table)
        leader = self.leaders[-1][1]
        cut = self.cut_at is not None and self.machines[leader].away
        if cut and self.cut_at is not None and self.now >= self.cut_at + PROMOTION:
            self.leaders.append((self.now, next(one for one in MEMBERS if one != leader)))

    def leader_at(self, moment: float) -> str | None:
        """Who acknowledged writes then; nobody from a cut until the promotion."""
        leader = [name for since, name in self.leaders if since <= moment][-1]
        if self.cut_at is None or moment < self.cut_at or leader != self.cut_leader:
            return leader
        return leader if self.mended_at is not None and moment > self.mended_at else None

    def _open(self, name: str, what: str) -> None:
        """A cut is taken back, or a unit started."""
        for standing in (self.machines[name].tables, self.machines[name].down):
            if what in standing:
                standing.discard(what)
                self.mended_at = self.now
                self.cuts[-1] = (self.cuts[-1][0], len(self.calls))

    def _broken(self, standing: set[str], what: str) -> None:
        """A machine is cut off, or a unit of it stopped; only the former, and a server, matter."""
        standing.add(what)
        if what != STORE:
            self.cut_at, self.mended_at = self.now, None
            self.cut_leader = self.leaders[-1][1]
        self.cuts.append((len(self.calls), None))

    # The automation

    def view(self, target: Any) -> patroni.ClusterView:
        """GET /cluster of one member."""
        with self.call(f"rest {target.name}", Unreachable(f"{target.name}: no answer")):
            if self.machines[target.name].away:
                raise Unreachable(f"{target.name}: no answer")
            leader = self._leader_told()
            members = tuple(self._member(name, leader) for name in MEMBERS)
        return patroni.ClusterView("db", False, members, None)

    def _leader_told(self) -> str:
        """The leader that the automation tells of: some time after it leads."""
        told = [one for since, one in self.leaders if since + self.noticed_after <= self.now]
        return told[-1] if told else self.leaders[0][1]

    def _member(self, name: str, leader: str) -> patroni.ClusterMember:
        back = self.mended_at is None or self.now > self.mended_at + REJOIN
        away = self.machines[name].away or not back or name in self.never_follows
        late = name != leader and len(self.leaders) > 1 and away
        role = "leader" if name == leader else "replica" if late else "sync_standby"
        state = "running" if name == leader else "stopped" if late else "streaming"
        return patroni.ClusterMember(
            name, role, state, name, 5432, "", len(self.leaders), 0, 0, 0, False, TAGS
        )

    def store(self, target: Any) -> SimpleNamespace:
        """Maintenance.Status of one member of the consensus store."""
        with self.call(f"store {target.name}", Unreachable(f"{target.name}: no answer")):
            if STORE in self.machines[target.name].down:
                raise Unreachable(f"{target.name}: no answer")
        leader = next(name for name in MEMBERS if STORE not in self.machines[name].down)
        return SimpleNamespace(leader_id=leader, leads=leader == target.name)

    # Machines

    def drill(self, target: Any) -> "Session":
        """A session that may disturb."""
        return Session(self, target.name)

    # Databases

    def connect(self, **told: Any) -> "Connection":
        """A session with one member."""
        name = str(told["host"])
        with self.call(f"connect {name}", psycopg.OperationalError("timeout expired")):
            if self.machines[name].away:
                raise psycopg.OperationalError("timeout expired")
        return Connection(self, name)

    @contextmanager
    def writing(self, ledger: Path, *, run: str, table: Any, **told: Any) -> Iterator[None]:
        """The writer process: on time, and truthful about what it was told."""
        begun = self.now
        try:
            yield
        finally:
            ops = [
                self._op(client, number, begun + number * client.cadence, run)
                for client in told["clients"]
                for number in range(int((self.now - begun) / client.cadence))
            ]
            with ledger.open("x") as file:
                file.writelines(encode(op) + "\n" for op in ops)
            stored = self.rows.get(str(table), [])
            stored += [(run, op.id, op.payload) for op in ops if op.outcome is Outcome.OK]

    def _op(self, client: Any, number: int, at: float, run: str) -> Op:
        payload = hashlib.sha256(f"{run}/{client.name}/{number}".encode()).hexdigest()
        leader = self.leader_at(at)
        outcome = Outcome.OK if leader else Outcome.FAIL
        address = self.environment.machine(leader).addresses[0] if leader else None
        return Op(client.name, number, at, at, at + 0.005, outcome, payload, backend=address)

    @property
    def left_behind(self) -> dict[str, object]:
        """What is not as it was before the drill."""
        found: dict[str, object] = {"rows": sorted(self.rows)} if self.rows else {}
        for name, one in self.machines.items():
            standing = dict.fromkeys([*one.tables, *one.down])
            left = {**one.timers, **one.writers, **one.files, **standing}
            if left:
                found[name] = sorted(left)
        return found


class Session:
    """What a member's machine does when it is told to."""

    def __init__(self, site: Simulated, name: str) -> None:
        self.site, self.name, self.machine = site, name, site.machines[name]

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 60) -> Answer:
        """Run one program."""
        words = [word for word in argv if word not in {"sudo", "-n"}]
        line = shlex.join(words)
        with self.site.call(f"ssh {self.name} {line}", TimedOut(f"{self.name}: no end in time")):
            code, said = self._do(words, stdin.decode())
        return Answer(code, said.encode(), b"")

    def _do(self, words: list[str], given: str) -> tuple[int, str]:
        program = Path(words[0]).name
        if program == "nft":
            return self._nft(words[1:], given)
        if program in {"mkdir", "cat", "rm"}:
            return self._files(program, words[1:])
        if program == "systemctl" or SYSTEMCTL in words[-1]:
            return self._units(words[-1].split()[-2:] if program == "bash" else words[1:])
        if program in {"bash", "pgrep", "pkill"}:
            return 0, self._processes(program, words[-1], given)
        if program == "systemd-run":
            after, unit = (word.partition("=")[2] for word in words[1:3])
            self.machine.timers[f"{unit}.timer"] = (self.site.now + float(after), words[-1])
        said = {"printenv": "192.0.2.1 5000 192.0.2.2 22", "date": f"{self.site.now + 5000:.9f}"}
        return 0, said.get(program, "")

    def _units(self, words: list[str]) -> tuple[int, str]:
        verb, unit = words
        machine = self.machine
        if verb == "is-active":
            runs = unit in machine.timers if unit.endswith(".timer") else unit not in machine.down
            return (0, "active") if runs else (3, "inactive")
        if verb == "start":
            self.site._open(self.name, unit)
        elif machine.timers.pop(unit, None) is None and not unit.endswith(".timer"):
            self.site._broken(machine.down, unit)
        return 0, ""

    def _files(self, program: str, words: list[str]) -> tuple[int, str]:
        files = self.machine.files
        if program == "cat":
            return 0, files.get(words[0], "")
        if program == "mkdir":
            if words[-1] in files:
                return 1, "File exists"
            files[words[-1]] = words[1]
        else:
            for one in [one for one in files if one.startswith(tuple(words[1:]))]:
                del files[one]
        return 0, ""

    def _processes(self, program: str, word: str, given: str) -> str:
        if program == "bash":
            name = word.partition('"$script" ')[2].split()[0]
            self.machine.writers[name] = (self.site.now, given)
            return ""
        found = [one for one in self.machine.writers if one in word]
        if program == "pkill":
            for name in found:
                self._end(name)
        return "".join(f"1 {one}\n" for one in found)

    def _nft(self, words: list[str], given: str) -> tuple[int, str]:
        site = self.site
        match words:
            case ["-f", "-"]:
                site._broken(self.machine.tables, given.split()[2])
            case ["delete", "table", "inet", name]:
                site._open(self.name, name)
        return 0, "".join(f"table inet {one}\n" for one in self.machine.tables)

    def _end(self, name: str) -> None:
        """The local writer ends; its log and its rows tell of each half second."""
        begun, script = self.machine.writers.pop(name)
        (run,) = set(re.findall(r"VALUES \('([^']+)', 'local'", script))
        (table,) = set(re.findall(r'INSERT INTO \\"(\w+)\\".\\"(\w+)\\" ', script))
        # Once the table is dropped nothing is stored any more.
        stored = self.site.rows.get(".".join(table), [])
        lines = []
        for number in range(int((self.site.now - begun) / CADENCE)):
            at = begun + number * CADENCE
            acknowledged = self.site.leader_at(at) == self.name
            code = 0 if acknowledged else 1
            lines.append(f"{number} {at + 5000:.6f} {at + 5000.05:.6f} {code} \n")
            if acknowledged:
                payload = hashlib.sha256(f"{run}/local/{number}".encode()).hexdigest()
                stored.append((run, f"local/{number}", payload))
        self.machine.files[actions.log_of(name)] = "".join(lines)


class Connection:
    """A session with one member, which knows the statements of drills."""

    def __init__(self, site: Simulated, name: str) -> None:
        self.site, self.name = site, name
        self.info = SimpleNamespace(host=name)

    def close(self) -> None:
        """Nothing is left of it."""

    def execute(self, query: Any, parameters: Sequence[Any] = ()) -> "Rows":
        """Run one statement."""
        text = query if isinstance(query, str) else query.as_string(None)
        what = f"sql {self.name} {text.split('(')[0][:60]}"
        with self.site.call(what, psycopg.OperationalError("server closed the connection")):
            return Rows(self._answer(text, parameters))

    def _answer(self, text: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        site = self.site
        if "pg_is_in_recovery" in text:
            return [(site.leaders[-1][1] != self.name,)]
        if "set_config" in text:
            return [("",)]
        if '"lease"' in text or "to_regclass" in text:
            return self._lease(text.split(maxsplit=1)[0], parameters)
        (schema, table), *_ = re.findall(r'"(\w+)"\."(\w+)"', text)
        name = f"{schema}.{table}"
        if text.startswith("CREATE TABLE"):
            assert name not in site.rows, "a table is made exclusively"
            site.rows[name] = []
        elif text.startswith("DROP TABLE"):
            site.rows.pop(name, None)
        elif text.startswith("INSERT"):
            site.rows[name].append((parameters[0], f"{parameters[1]}/0", ""))
        elif self.name not in site.never_follows:
            found = site.rows.get(name, [])
            return [(key, payload) for run, key, payload in found if run == parameters[0]]
        return []

    def _lease(self, verb: str, told: Any) -> list[tuple[Any, ...]]:
        """The one row of the lease's table: who holds it."""
        site = self.site
        if verb == "INSERT" and site.lease in {"", *told["ours"]}:
            site.lease = told["run"]
            return [(True,)]
        if verb == "DELETE" and site.lease in told[0]:
            site.lease = ""
        # Who holds it, or that there is such a table.
        return [(site.lease, "another machine", "noon")] if verb == "SELECT" else []


class Rows(list[tuple[Any, ...]]):
    """The answer to a statement."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        return self[0] if self else None


class Machines:
    """Connections to machines of the simulated cluster."""

    site: Simulated

    def __init__(self, *_: object) -> None:
        self.drill: Callable[[Any], Session] = self.site.drill

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""


class Serial:
    """A pool that asks one after the other, so that the n-th call is always the same."""

    def __init__(self, _: int) -> None:
        self.map = map

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing runs."""


@dataclass
class Record:
    """What a run wrote, in memory."""

    events: list[dict[str, Any]] = field(default_factory=list)

    def write(self, kind: str, **fields: Any) -> int:
        """Keep an event."""
        self.events.append({"kind": kind, **fields})
        return len(self.events)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind."""
        return [one for one in self.events if one["kind"] == kind]


def environment(folder: Path) -> Environment:
    """A site with one database of three members."""
    for name in ("root.pem", "hosts", "password"):
        (folder / name).write_text("x")
    machines = "".join(
        f"  - {{name: {name}, zone: all, role: db, addresses: [192.0.2.1{name[-1]}]}}\n"
        for name in MEMBERS
    )
    head, _, rest = ENVIRONMENT.partition("objectives:")
    text = head + machines + "objectives:" + rest.replace("60 s", "20 s")
    path = folder / "environment.yaml"
    path.write_text(text + DATABASE.replace("zones: [all]\n", ""))
    return load_environment(path)


class Drilled:
    """One failover drill on a simulated cluster, and everything that it left."""

    def __init__(self, folder: Path, site: Environment, failure: Failure | None = None) -> None:
        self.site = Simulated(site, failure)
        self.record = Record()
        self.run = Run(
            id="20260101T000000Z-mini-ab12",
            number=7,
            folder=folder,
            environment_file=folder.parent / "environment.yaml",
            environment=site,
            policy=None,
            plan=None,  # type: ignore[arg-type]
            writer=self.record,  # type: ignore[arg-type]
            state=folder,
            journal=UndoJournal(folder / "undo"),
        )
        self.trials: list[Any] = []
        self.error: BaseException | None = None

    def patch(self, patch: pytest.MonkeyPatch) -> Self:
        """Put the simulated cluster where the drills' code calls the real one."""
        site = self.site
        patch.setattr(time, "monotonic", site.monotonic)
        patch.setattr(time, "sleep", site.sleep)
        patch.setattr(psycopg, "connect", site.connect)
        patch.setattr(asking, "cluster", site.view)
        patch.setattr(etcd_asking, "status", site.store)
        patch.setattr(asking, "config", lambda _: SimpleNamespace(ttl=TTL))
        patch.setattr(writers, "writing", site.writing)
        # Fewer rows than in earnest, in the same time.
        patch.setattr(writers, "CADENCE", CADENCE)
        patch.setattr(failover, "LEAST_ACKNOWLEDGED", 10)
        patch.setattr(cluster, "ThreadPoolExecutor", Serial)
        patch.setattr(Machines, "site", site, raising=False)
        patch.setattr(actions, "Machines", Machines)
        return self

    def drill(self) -> Self:
        """Do it, and keep how it ended."""
        (one,) = clusters(self.run.environment)
        look = SimpleNamespace(forget=lambda: None)
        view = ClusterView(SimpleNamespace(site=self.run.environment, look=look), one)  # type: ignore[arg-type]
        permit = Permit(self.run.id, Case("PG-020", "db"), Tier.DISRUPT)
        try:
            self.trials = failover.FailoverDrill(self.run, permit, one.database, view).trials()
        except BaseException as error:  # noqa: BLE001 - a test looks at each
            self.error = error
        self.site.failure = None
        return self

    def play(self) -> list[Any]:
        """What the end of the run undoes."""
        return play_pending(self.run.journal, self.run.environment)

    @property
    def told(self) -> str:
        """Every step that the record tells of."""
        return "\n".join(str(one["text"]) for one in self.record.of("step"))


__all__ = ["Cluster", "Drilled", "Failure", "Limit", "Member", "Simulated", "environment"]
