"""Puts recorded answers to the checks again: no lab, no network, no pytest between.

What a run of the lab saw stands in `recorded/runs`. Here every check function is called with
the product's own clients, whose memory holds the recording and which ask nobody.
"""

import gzip
import importlib.util
import inspect
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, is_dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from readiness.catalogue.checks import expected_cases, gaps, load_catalogue
from readiness.evidence.claim import CURRENT, Answer, Claim, Found
from readiness.model.errors import NotRun, ProbeError, Unreachable
from readiness.model.words import Case, Json, Outcome, Tier
from readiness.running import fixtures
from readiness.session.clients import Clients
from readiness.session.look import Look
from readiness.site.environment import Environment
from readiness.site.kinds import subjects
from readiness.site.needs import Why
from readiness.systems.every import SOURCES, name_of
from readiness.systems.logs import reading as logs
from readiness.systems.patroni import reading as patroni
from readiness.systems.postgres.reading import archive as postgres_archive
from readiness.systems.postgres.reading import state as postgres_state
from readiness.systems.tls.reading.handshake import Handshake

ROOT: Final = Path(__file__).resolve().parents[1]
RUNS: Final = Path(__file__).parent / "recorded" / "runs"
VARIANTS: Final = Path(__file__).parent / "recorded" / "variants"
# Checks of what no lab has, so that none was seen red: the judge leaves their clauses unproven. The
# small site's dumps are not encrypted; BKP-017 is never asked anywhere.
UNSEEN: Final = frozenset({"BKP-015", "BKP-017"})
# The number of the first observation that a check notes itself, above those of every recording.
NOTED: Final = 1_000_000
# What each source of observations reads: the type that the recorded JSON is made into again.
READINGS: Final[Mapping[str, Any]] = {one.name: one.reading for one in SOURCES}


def _settings(reading: Json) -> Json:
    """A server's state, with settings that nobody asked for then."""
    unasked = {"wal_receiver_status_interval": "10", "wal_sender_timeout": "10000"}
    line = {"unit": "", "source": "default", "pending_restart": False}
    told = {name: {"name": name, "value": value, **line} for name, value in unasked.items()}
    # Under Patroni, as it is started in the lab.
    given = dict.fromkeys(postgres_state.GIVEN_BY_PATRONI, "0") | {"cluster_name": "paws360-db"}
    line = line | {"source": "command line"}
    told |= {name: {"name": name, "value": value, **line} for name, value in given.items()}
    return {**reading, "settings": told | reading["settings"]}


# What the central log of the lab's site would have answered: nothing of it was asked then.
_LOG_STATE: Final = {"room": 900, "largest": 1, "allocates": "all"}
_LOGS_KEPT: Final = {
    "gaps": {"log1": [], "web1": [], "web2": []},
    "part": 86400.0,
    "hidden": 0,
}
# What recordings lack that are older than the question, as the lab would have answered it
# (lab/roles/db: initdb --data-checksums, wal_sender_timeout 10s).
LACKING: Final[Mapping[Any, Callable[[Json], Json]]] = {
    postgres_archive.Archiving: lambda reading: {"data_checksums": True, **reading},
    postgres_state.ServerState: _settings,
    logs.LogState: lambda reading: {**_LOG_STATE, **reading},
    logs.LogsKept: lambda reading: {**_LOGS_KEPT, **reading},
    logs.LogDoor: lambda reading: {
        "known": {"admin": 401} if reading["stranger"] else {},
        **reading,
    },
    patroni.MemberStatus: lambda reading: {"clock": reading["dcs_last_seen"], **reading},
}


@dataclass(frozen=True)
class Recording:
    """What a run saw. `red` is CHECK|SUBJECT to the reason that it was red for."""

    environment: Environment
    facts: dict[str, str]
    red: dict[str, str]
    observations: tuple[Json, ...]
    # By the id of an observation: itself, so that the id stays its own, and its reading as typed.
    known: dict[int, tuple[Json, Any]] = field(default_factory=dict, compare=False)

    def without(self, number: int) -> "Recording":
        """The same with one observation missing."""
        left = (*self.observations[:number], *self.observations[number + 1 :])
        return replace(self, observations=left)

    def over(self, below: "Recording") -> "Recording":
        """With what another recording holds of the sources that this one does not."""
        mine = {one["source"] for one in self.observations}
        kept = [one for one in below.observations if one["source"] not in mine]
        return replace(self, observations=(*kept, *self.observations))

    def reading(self, number: int) -> Any:
        """What was seen, in its own type again; worked out once."""
        one = self.observations[number]
        if id(one) not in self.known:
            kind = READINGS[name_of(one["source"])]
            self.known[id(one)] = one, typed(kind, one["reading"])
        return self.known[id(one)][1]


def load(name: str, folder: Path = RUNS) -> Recording:
    """The recording of that name."""
    found = json.loads(gzip.decompress((folder / f"{name}.json.gz").read_bytes()))
    environment = Environment.model_validate_json(json.dumps(found["environment"]))
    return Recording(environment, found["facts"], found["red"], tuple(found["observations"]))


def altered(
    recording: Recording, source: str, change: Callable[[Any], object], *, of: str = ""
) -> Recording:
    """A recording in which everybody of a source, or those whose id ends so, answered otherwise."""
    seen = deepcopy(recording.observations)
    for one in seen:
        if one["source"] == source and one["subject"].endswith(of):
            change(one["reading"])
    return replace(recording, observations=seen, known={})


class Memory(Look):
    """A look that remembers a recording and asks nobody. `used` are the observations handed out."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(SimpleNamespace(case=None, writer=self, on_disturbance=[]))  # type: ignore[arg-type]
        self.recording = recording
        self.used: set[int] = set()
        self.noted: list[Json] = []
        self.recorded = {
            (one["subject"], one["source"]): number
            for number, one in enumerate(recording.observations)
        }

    def write(self, _kind: str, **data: object) -> int:
        """Stand in for the record: a number of its own for what a check notes itself."""
        self.noted.append(data)
        return NOTED + len(self.noted) - 1

    def knows(self, subject: str, source: str) -> bool:
        """Nothing is fetched ahead."""
        return True

    def at(self, subject: str, source: str, ask: Callable[[], Any]) -> Found[Any]:
        """What was recorded, in its own type again."""
        if source == "patroni-status" and source not in {name for _, name in self.recorded}:
            whole = self.at(subject, "patroni", ask)  # an older recording: a part of that answer
            return Found(whole.reading.status, subject, whole.number)
        if (subject, source) not in self.recorded:
            raise Unreachable(f"{subject}: nothing was recorded of {source}")
        number = self.recorded[(subject, source)]
        self.used.add(number)
        return Found(self.recording.reading(number), subject, number)


def typed(kind: Any, value: Any) -> Any:
    """A recorded JSON value as the type that the probe read it as."""
    parts = get_args(kind)
    if value is None or kind is Any:
        return value
    if kind is Handshake and "by_name" not in value:
        value = value | {"by_name": _never_asked(value)}
    if kind in LACKING:
        value = LACKING[kind](value)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{name: typed(hints[name], entry) for name, entry in value.items()})
    if get_origin(kind) in {UnionType, Union}:
        return typed(next(part for part in parts if part is not type(None)), value)
    if isinstance(value, list):
        return (get_origin(kind) or kind)(typed(parts[0], entry) for entry in value)
    if isinstance(value, dict):
        return {name: typed(parts[1] if parts else Any, entry) for name, entry in value.items()}
    return datetime.fromisoformat(value) if kind is datetime else value


def _never_asked(handshake: Json) -> list[Json]:
    """What recordings lack that are older than the question, as the lab would have answered it.

    Its servers had one certificate. Without this no such case is green: nothing is no answer.
    """
    names = [*handshake["name_matches"]][1:]
    return [{"name": name, "answer": "presented", "reason": ""} for name in [*names, None]]


_hints: Final = cache(get_type_hints)


class Silent(Clients):
    """The product's clients, which have no file to read and nobody to ask."""

    def authority(self, name: str) -> Path:
        """No certificate: nobody is asked for TLS."""
        return Path(os.devnull)


@dataclass
class Result:
    """How a case ended, and by which claims."""

    case: Case
    outcome: Outcome
    reason: str
    claims: list[Claim] = field(default_factory=list)
    used: frozenset[int] = frozenset()
    noted: tuple[Json, ...] = ()

    def claim(self, claim: Claim, *, until: datetime | None) -> None:
        """Keep a claim, as the record would."""
        self.claims.append(claim)


def cases(recording: Recording) -> Iterator[Case]:
    """Every case of the observe tier that the recorded environment has something to ask of."""
    catalogue = load_catalogue()
    lacking = gaps(catalogue, recording.environment)
    for case in expected_cases(catalogue, recording.environment):
        gap = lacking.get(case.key)
        nothing = gap is not None and gap.why is Why.UNDECLARED
        if catalogue[case.check].tier is Tier.OBSERVE and not nothing:
            yield case


def replay(recording: Recording, case: Case) -> Result:
    """Call the check's function with what was recorded."""
    return replay_all(recording, [case])[0]


def replay_all(recording: Recording, some: Iterable[Case]) -> list[Result]:
    """The same for several cases, with the same clients as in a run."""
    memory = Memory(recording)
    run = SimpleNamespace(
        environment=recording.environment, writer=memory, case=None, on_disturbance=[]
    )
    clients = Silent(run)  # type: ignore[arg-type]
    clients.look = memory
    try:
        return [_replay(clients, memory, case) for case in some]
    finally:
        clients.close()


class Asking(Look):
    """A look that asks whoever is declared, and keeps no record."""

    def __init__(self, environment: Environment, run: Any) -> None:
        run.writer = self
        super().__init__(run)
        self.recording = SimpleNamespace(environment=environment)
        self.used: set[int] = set()
        self.noted: list[Json] = []

    def write(self, _kind: str, **data: object) -> int:
        """Stand in for the record."""
        self.noted.append(data)
        return NOTED + len(self.noted) - 1


def really(
    environment: Environment, some: Iterable[Case], known: Mapping[tuple[str, str], object] = {}
) -> list[Result]:
    """How cases end on servers that are there; `known` is what nobody has to be asked for."""
    plan = SimpleNamespace(permissions=())
    run = SimpleNamespace(environment=environment, case=None, on_disturbance=[], plan=plan)
    look = Asking(environment, run)
    clients = Clients(run)  # type: ignore[arg-type]
    clients.look = look
    for (subject, source), answer in known.items():
        look.expect(subject, source, answer)
    try:
        return [_replay(clients, look, case) for case in some]
    finally:
        clients.close()


@cache
def whole(name: str) -> tuple[Result, ...]:
    """How every case ends on the recording of that name."""
    recording = load(name)
    return tuple(replay_all(recording, cases(recording)))


def _replay(clients: Clients, memory: Memory | Asking, case: Case) -> Result:
    memory.used, memory.noted = set(), []
    result = Result(case, Outcome.PASSED, "")
    token = CURRENT.set(result)
    try:
        _call(clients, memory, case)
    except AssertionError as error:
        result.outcome, result.reason = Outcome.FAILED, str(error)
    except ProbeError as error:
        result.outcome, result.reason = Outcome.INCONCLUSIVE, str(error)
    except NotRun as error:
        result.outcome, result.reason = Outcome.NOT_RUN, str(error)
    finally:
        CURRENT.reset(token)
    wrong = [one for one in result.claims if one.answer is not Answer.YES]
    if wrong:
        no = wrong[0].answer is Answer.NO
        result.outcome = Outcome.FAILED if no else Outcome.INCONCLUSIVE
        result.reason = str(wrong[0])
    elif result.outcome is Outcome.PASSED and not result.claims:
        result.outcome, result.reason = Outcome.ERROR, "it asserted nothing"
    result.used, result.noted = frozenset(memory.used), tuple(memory.noted)
    return result


def _call(clients: Clients, memory: Memory | Asking, case: Case) -> None:
    check, environment = load_catalogue()[case.check], memory.recording.environment
    function = _functions()[check.id]
    given: dict[str, Any] = {
        "site": environment,
        "objectives": environment.objectives,
        "look": memory,
        check.each: subjects(environment, check.each)[case.subject],
    }
    names = inspect.signature(function).parameters
    function(**{name: given.get(name) or _asker(clients, name) for name in names})


def _asker(clients: Clients, name: str) -> Any:
    """What the fixture of that name gives a check."""
    return inspect.unwrap(getattr(fixtures, name))(clients)


@cache
def _functions() -> dict[str, Callable[..., None]]:
    """Check to the function that its suite declares."""
    found = {}
    for check in load_catalogue().values():
        file, _, name = check.source.partition("::")
        found[check.id] = getattr(_module(ROOT / file), name)
    return found


@cache
def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"replayed_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
