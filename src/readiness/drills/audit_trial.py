"""Reads a canary student's record through every application machine, and looks for the events.

Synthetic accounts only. What is kept of each request is which machine answered, how many events it
left, which of their columns are wrong, and when they were seen: no id, no session, no value.
"""

import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from readiness.declared.audit import SUBJECT, Audit, Canary
from readiness.drills.permit import Permit
from readiness.environment import Environment
from readiness.errors import NotUnderstood, ReadinessError, Unreachable
from readiness.model import Tier
from readiness.probes.application import Answer, Application, Form, send, sign_in
from readiness.probes.audit_trail import Event

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
    seconds: float | None  # from the answer until the event was seen, at most; None: never


@dataclass(frozen=True)
class Trial:
    """What one machine answered and what that left in the trail."""

    machine: str
    reads: tuple[Audited, ...]
    own_reads: tuple[Audited, ...]
    refusals: tuple[Audited, ...]


@dataclass(frozen=True)
class _Asked:
    """One request that was answered."""

    kind: str
    who: Canary
    request: str
    answer: Answer


def application(environment: Environment, audit: Audit) -> Application:
    """The address that the balancer's users ask."""
    balancer = next(one for one in environment.balancers if one.name == audit.balancer)
    listener = environment.listener(balancer.listener)
    addresses = listener.shared_addresses or environment.machine(balancer.machines[0]).addresses
    return Application(
        name=listener.names[0],
        address=addresses[0],
        port=listener.port,
        ca_file=environment.path(environment.authorities[listener.authority]),
        served_by=balancer.page.served_by,
    )


def servers(environment: Environment, audit: Audit) -> tuple[str, ...]:
    """The application machines behind the balancer."""
    return next(one for one in environment.balancers if one.name == audit.balancer).servers


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

    def run(self) -> dict[str, Trial]:
        """Ask until each machine has answered, look for the events, and give each its own.

        Raises:
            ProbeError: an account can't sign in, or a machine never answers.
        """
        people = {one.login.user: one for one in self._people()}
        sessions: dict[str, dict[str, str]] = {}
        try:
            for user, canary in people.items():
                sessions[user] = self._sign_in(canary)
            asked = self._ask(sessions)
        finally:
            self._sign_out(sessions.values())
        seen = self._await(asked)
        self.requests = tuple(one.request for one in asked)
        return {name: self._trial(name, asked, seen) for name in self.wanted}

    def _people(self) -> tuple[Canary, ...]:
        return self.audit.official, self.audit.subject, self.audit.stranger

    def _sign_in(self, canary: Canary) -> dict[str, str]:
        form = self.audit.sign_in
        return sign_in(
            self.application,
            Form(
                path=form.path or "",
                user_field=form.user_field,
                password_field=form.password_field,
                token_field=form.token_field,
                token_header=form.token_header,
                module=self.environment.path(form.module) if form.module else None,
            ),
            canary.login.user,
            self.environment.secret(canary.login.password),
        )

    def _sign_out(self, sessions: Any) -> None:
        """End the sessions where that can be asked for; others end by themselves."""
        for headers in sessions if self.audit.sign_in.end_path else ():
            try:
                send(self.application, self.audit.sign_in.end_path or "", headers=headers, post={})
            except ReadinessError:
                continue

    def _ask(self, sessions: Mapping[str, Mapping[str, str]]) -> list[_Asked]:
        """Requests of all three people mixed, until each machine has answered enough of each."""
        wanted = {"reads": READS, "own_reads": REFUSALS, "refusals": REFUSALS}
        people = dict(zip(wanted, self._people(), strict=True))
        path = self.audit.record.path.replace(SUBJECT, self.audit.subject.id)

        def once(kind: str) -> _Asked:
            who, request = people[kind], str(uuid.uuid4())
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

    def _await(self, asked: Sequence[_Asked]) -> dict[str, tuple[float | None, list[Event]]]:
        """Look until the deadline has passed: a second event may come after the first.

        What is missing then is missing; the last look counts.
        """
        ids = [one.request for one in asked]
        end = max(one.answer.received for one in asked) + self.audit.trail.deadline
        first: dict[str, float] = {}
        while True:
            begun = time.time()
            found = self.find(ids)
            now = time.time()
            for event in found:
                first.setdefault(str(event.parts["request"]), now)
            if begun >= end:
                break
            missing = any(one not in first for one in ids)
            time.sleep(min(POLL if missing else max(end - now, POLL), max(end - now, 0.0) + 0.001))
        by_request = {
            one: [event for event in found if event.parts["request"] == one] for one in ids
        }
        return {one: (first.get(one), by_request[one]) for one in ids}

    def _trial(
        self,
        machine: str,
        asked: Sequence[_Asked],
        seen: Mapping[str, tuple[float | None, list[Event]]],
    ) -> Trial:
        def of(kind: str) -> tuple[Audited, ...]:
            return tuple(
                self._audited(one, *seen[one.request])
                for one in asked
                if one.kind == kind and one.answer.served_by == machine
            )

        return Trial(machine, of("reads"), of("own_reads"), of("refusals"))

    def _audited(self, one: _Asked, first: float | None, found: Sequence[Event]) -> Audited:
        if one.kind != "refusals" and one.answer.status != _OK:
            raise NotUnderstood(
                f"{self.audit.name}: {one.answer.served_by or 'a machine'} answered "
                f"{one.answer.status} to a read that is allowed"
            )
        wrong = {part for event in found for part in self._wrong(one, event)}
        values = {name for event in found for name in leaked(one.answer.body, event.row)}
        seconds = None if first is None else max(first - one.answer.received, 0.0)
        return Audited(
            one.answer.status, len(found), tuple(sorted(wrong)), tuple(sorted(values)), seconds
        )

    def _wrong(self, one: _Asked, event: Event) -> list[str]:
        """The parts of an event that are not as they must be."""
        record, trail = self.audit.record, self.audit.trail
        refused = one.kind == "refusals"
        purposes = {"reads": record.purpose, "refusals": record.refused_purpose}
        must: dict[str, str | None] = {
            "actor": one.who.id,
            "actor_role": one.who.role,
            "subject": self.audit.subject.id,
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
