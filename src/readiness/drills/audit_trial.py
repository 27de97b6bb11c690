"""Reads a canary student's record through every application machine, and looks for the events.

Synthetic accounts only. What is kept of each request is which machine answered, how many events it
left, which of their columns are wrong, and when they were seen: no id, no session, no value.
"""

import hashlib
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Self

from readiness.drills.accounts import signed_in, signed_out
from readiness.drills.permit import Permit
from readiness.measure.measurement import Measurement
from readiness.model.errors import NotUnderstood, ReadinessError, Unreachable
from readiness.model.words import Tier
from readiness.probes.application import Answer, Application, send
from readiness.site.declared.audit import SUBJECT, Audit
from readiness.site.declared.identity import Account
from readiness.site.environment import Environment
from readiness.systems.audit.reading import Event

# A machine may run several processes, and one that keeps what it read must be asked again.
READS: Final = 5
REFUSALS: Final = 3
PATIENCE: Final = 6
"""Rounds at most, for each machine and answer wanted."""
AT_ONCE: Final = 4
POLL: Final = 0.1  # seconds
_LONG: Final = 6  # characters that a value has at least to be recognised in a row
_OK: Final = 200

Find = Callable[[Sequence[str]], tuple[Event, ...]]


@dataclass(frozen=True)
class Audited:
    """One request and what the trail holds of it."""

    status: int
    events: int
    wrong: tuple[str, ...]  # parts of the events that are missing or not as they must be
    values: tuple[str, ...]  # fields of the answer whose value stands in an event
    after: tuple[float, float] | None  # seconds from answer to event, at least and at most


@dataclass(frozen=True)
class Trial:
    """What one machine answered and what that left in the trail."""

    machine: str
    reads: tuple[Audited, ...]
    own_reads: tuple[Audited, ...]
    refusals: tuple[Audited, ...]

    @property
    def requests(self) -> tuple[Audited, ...]:
        """Every request that it answered."""
        return (*self.reads, *self.own_reads, *self.refusals)

    @property
    def slowest(self) -> Measurement:
        """Seconds until the last of the events that were seen; unknown where none was."""
        spans = [one.after for one in self.requests if one.after is not None]
        return Measurement(
            name="time until the last event was visible",
            value=max((most for _, most in spans), default=None),
            lower=max((least for least, _ in spans), default=None),
            upper=max((most for _, most in spans), default=None),
            unit="s",
            resolution=POLL,
            n=len(spans),
            digest=hashlib.sha256(json.dumps(spans).encode()).hexdigest(),
        )


@dataclass(frozen=True)
class _Asked:
    """One request that was answered."""

    kind: str
    who: Account
    request: str
    answer: Answer


def application(environment: Environment, audit: Audit) -> Application:
    """The address that the balancer's users ask."""
    balancer = environment.balancer(audit.balancer)
    listener = environment.listener(balancer.listener)
    return Application(
        name=listener.names[0],
        address=environment.front(balancer),
        port=listener.port,
        ca_file=environment.path(environment.authorities[listener.authority]),
        served_by=balancer.page.served_by,
    )


def servers(environment: Environment, audit: Audit) -> tuple[str, ...]:
    """The application machines behind the balancer."""
    return environment.balancer(audit.balancer).servers


class AuditTrial:
    """The trial of one audit trail; `find` looks for the events of some requests."""

    def __init__(self, environment: Environment, permit: Permit, audit: Audit, find: Find) -> None:
        permit.require(Tier.TOUCH)
        self.environment = environment
        self.audit = audit
        self.find = find
        self.application = application(environment, audit)
        self.wanted = servers(environment, audit)
        self.requests: tuple[str, ...] = ()
        self._subject = environment.account(audit.subject).id

    def run(self) -> dict[str, Trial]:
        """Ask until each machine has answered, look for the events, and give each its own.

        Raises:
            ProbeError: an account can't sign in, or a machine never answers.
        """
        people = {one.login.user: one for one in self._people()}
        sessions: dict[str, dict[str, str]] = {}
        with Watch(self.find) as watch:
            try:
                for user, canary in people.items():
                    sessions[user] = self._sign_in(canary)
                asked = self._ask(sessions, watch)
            finally:
                signed_out(self.application, self.audit.sign_in, sessions.values())
            last = max(one.answer.received for one in asked)
            watch.until(last + self.audit.trail.deadline)
        self.requests = tuple(one.request for one in asked)
        return {name: self._trial(name, asked, watch) for name in self.wanted}

    def _people(self) -> tuple[Account, ...]:
        audit = self.audit
        canaries = (audit.official, audit.subject, audit.stranger)
        return tuple(self.environment.account(one) for one in canaries)

    def _sign_in(self, canary: Account) -> dict[str, str]:
        return signed_in(self.environment, self.application, self.audit.sign_in, canary.login)

    def _ask(self, sessions: Mapping[str, Mapping[str, str]], watch: "Watch") -> list[_Asked]:
        """Requests of all three people mixed, until each machine has answered enough of each."""
        wanted = {"reads": READS, "own_reads": REFUSALS, "refusals": REFUSALS}
        people = dict(zip(wanted, self._people(), strict=True))
        path = self.audit.record.path.replace(SUBJECT, self._subject)

        def once(kind: str) -> _Asked:
            who, request = people[kind], watch.new_request()
            headers = {**sessions[who.login.user], self.audit.request_header: request}
            return _Asked(kind, who, request, send(self.application, path, headers=headers))

        asked: list[_Asked] = []
        for _ in range(PATIENCE * READS):
            missing = [
                kind
                for kind, least in wanted.items()
                for name in self.wanted
                if _count(asked, kind, name) < least
            ]
            if not missing:
                return asked
            with ThreadPoolExecutor(AT_ONCE) as pool:
                asked += pool.map(once, missing)
        raise Unreachable(f"{self.audit.name}: not every one of {', '.join(self.wanted)} answers")

    def _trial(self, machine: str, asked: Sequence[_Asked], watch: "Watch") -> Trial:
        def of(kind: str) -> tuple[Audited, ...]:
            return tuple(
                self._audited(one, watch)
                for one in asked
                if one.kind == kind and one.answer.served_by == machine
            )

        return Trial(machine, of("reads"), of("own_reads"), of("refusals"))

    def _audited(self, one: _Asked, watch: "Watch") -> Audited:
        found = watch.events(one.request)
        if one.kind != "refusals" and one.answer.status != _OK:
            raise NotUnderstood(
                f"{self.audit.name}: {one.answer.served_by or 'a machine'} answered "
                f"{one.answer.status} to a read that is allowed"
            )
        wrong = {part for event in found for part in self._wrong(one, event)}
        values = {name for event in found for name in leaked(one.answer.body, event.row)}
        return Audited(
            one.answer.status,
            len(found),
            tuple(sorted(wrong)),
            tuple(sorted(values)),
            watch.after(one.request, one.answer.received),
        )

    def _wrong(self, one: _Asked, event: Event) -> list[str]:
        """The parts of an event that are not as they must be."""
        record, trail = self.audit.record, self.audit.trail
        refused = one.kind == "refusals"
        purposes = {"reads": record.purpose, "refusals": record.refused_purpose}
        must: dict[str, str | None] = {
            "actor": one.who.id,
            "actor_role": one.who.role,
            "subject": self._subject,
            "outcome": trail.denied if refused else trail.granted,
            "purpose": purposes.get(one.kind),
            "route": record.route,
            "login": self.audit.append_only.application,
        }
        wrong = [
            part
            for part, value in must.items()
            if part in event.parts and _differs(value, event.parts[part])
        ]
        earliest = one.answer.sent - trail.clock_tolerance
        latest = one.answer.received + trail.clock_tolerance
        if event.time is None or not earliest <= event.time <= latest:
            wrong.append("time")
        return wrong


class Watch:
    """Looks for events all the time, from before the first request until the last deadline.

    A second event may come after the first, so the last look, begun after the deadline, counts.
    """

    def __init__(self, find: Find) -> None:
        self._find = find
        self._requests: list[str] = []
        self._unseen: dict[str, float] = {}  # when the last look began that did not have it
        self._seen: dict[str, float] = {}  # when the first look ended that had it
        self._found: tuple[Event, ...] = ()
        self._end: float | None = None
        self._failure: ReadinessError | None = None
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.until(0.0)

    def new_request(self) -> str:
        """An id for a request that is about to be made."""
        request = str(uuid.uuid4())
        self._requests.append(request)
        return request

    def until(self, end: float) -> None:
        """Go on looking until a look has begun at or after that time (seconds since the epoch).

        Raises:
            ProbeError: it could not be looked.
        """
        if self._end is None:
            self._end = end
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def events(self, request: str) -> list[Event]:
        """The events of a request as the last look had them."""
        return [one for one in self._found if one.parts["request"] == request]

    def after(self, request: str, received: float) -> tuple[float, float] | None:
        """Between which seconds after the answer its event became visible; None: never."""
        if request not in self._seen:
            return None
        least = max(self._unseen.get(request, received) - received, 0.0)
        return least, max(self._seen[request] - received, least)

    def _look(self) -> None:
        """Look, again and again."""
        while True:
            last, begun, ids = self._end, time.time(), tuple(self._requests)
            try:
                self._found = self._find(ids)
            except ReadinessError as error:
                self._failure = error
                return
            now, there = time.time(), {one.parts["request"] for one in self._found}
            for one in ids:
                if one in there:
                    self._seen.setdefault(one, now)
                else:
                    self._unseen[one] = begun
            if last is not None and begun >= last:
                return
            time.sleep(POLL)


def _differs(must: str | None, found: str | None) -> bool:
    """Whether a part is not as it must be; what may be anything must still be there."""
    return not (found or "").strip() if must is None else found != must


def _count(asked: Sequence[_Asked], kind: str, machine: str) -> int:
    return sum(one.kind == kind and one.answer.served_by == machine for one in asked)


def leaked(body: Any, row: str) -> set[str]:
    """The fields of an answer whose text stands in an event: names and purposes aside, none may."""
    found: set[str] = set()
    pending: list[tuple[str, Any]] = [("", body)]
    while pending:
        name, value = pending.pop()
        if isinstance(value, dict):
            pending += value.items()
        elif isinstance(value, list):
            pending += [(name, entry) for entry in value]
        elif isinstance(value, str) and len(value) >= _LONG and _stands(value, row):
            found.add(name)
    return found


def _stands(value: str, row: str) -> bool:
    """As a word of its own: `course` inside `courses_in_progress` is the name of a field."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", row) is not None
