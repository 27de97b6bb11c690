"""The database cluster as its members' automation sees it, asked anew each time.

The telemetry of a drill: it does not depend on what injects the fault, and every member is asked.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from readiness.model.errors import NotRun, ProbeError, TimedOut, Unreachable
from readiness.probes.rest import RestTarget
from readiness.session.clients import Clients
from readiness.site.subjects import Cluster, Member, backends
from readiness.systems.http.reading import ROTATION
from readiness.systems.patroni import asking as patroni_asking
from readiness.systems.patroni import reading as patroni

T = TypeVar("T")
TICK: Final = 0.5
_STREAMING: Final = ("streaming", "running")


class ClusterView:
    """Asks every member of one cluster."""

    def __init__(self, clients: Clients, cluster: Cluster) -> None:
        self.clients = clients
        self.database = cluster.database
        self.members: dict[str, Member] = {one.machine.name: one for one in cluster.members}
        config = self._ask_all(patroni_asking.config)
        known = [one.ttl for one in config.values() if one is not None and one.ttl]
        if not known:
            raise Unreachable(f"{cluster.id}: no member tells the automation's TTL")
        self.ttl = max(known)

    def _ask_all(self, ask: Callable[[RestTarget], T], but: str = "") -> dict[str, T | None]:
        """What every member answers now, one left out if told; None for one that does not."""
        asked = {name: one for name, one in self.members.items() if name != but}

        def one(member: Member) -> T | None:
            try:
                return ask(patroni_asking.target(self.clients.site, member))
            except ProbeError:
                return None

        with ThreadPoolExecutor(max(1, len(asked))) as pool:
            return dict(zip(asked, pool.map(one, asked.values()), strict=True))

    def leader(self) -> str:
        """The leader that all members agree on.

        Raises:
            Unreachable: they do not agree, or one does not answer.
        """
        seen = {name: self._leader_of(view) for name, view in self._views().items()}
        leaders = set(seen.values())
        if len(leaders) != 1 or None in leaders:
            raise Unreachable(f"{self.database.name}: members do not agree on a leader: {seen}")
        return str(leaders.pop())

    def leader_seen_by_others(self, victim: str) -> str | None:
        """The leader that every member but the victim agrees on, if they do.

        The victim is not asked: who waits for its answer notices a promotion seconds late.
        """
        seen = {self._leader_of(view) for view in self._views(but=victim).values()}
        return seen.pop() if len(seen) == 1 else None

    def pages(self) -> dict[str, str]:
        """What is wrong with what users get now, by backend and address; empty where nothing is."""
        self.clients.look.forget()
        found = {}
        for backend in backends(self.clients.site):
            for place in backend.endpoints:
                answers = self.clients.ask(ROTATION.of(backend), place).reading
                share = answers.of(backend.machine.name)
                silent = "" if share.answers else "no answer"
                wrong = answers.problem or share.problem or silent
                found[f"{backend.machine.name} at {place.id}"] = wrong
        return found

    def _views(self, but: str = "") -> dict[str, patroni.ClusterView | None]:
        return self._ask_all(patroni_asking.cluster, but)

    @staticmethod
    def _leader_of(view: patroni.ClusterView | None) -> str | None:
        leader = view.leader if view else None
        return leader.name if leader else None

    def why_not_steady(self) -> str:
        """What is missing to full redundancy as every member sees it; empty when nothing is."""
        views = self._views()
        for name, view in views.items():
            problem = "does not answer" if view is None else self._problem(view)
            if problem:
                return f"{name}: {problem}"
        leaders = {self._leader_of(view) for view in views.values()}
        return "" if len(leaders) == 1 else f"members see different leaders: {leaders}"

    def _problem(self, view: patroni.ClusterView) -> str:
        names = {member.name for member in view.members}
        leader = view.leader
        if view.paused:
            return "the automation is paused"
        if names != set(self.members):
            return f"members are {sorted(names)}"
        if leader is None or leader.state not in _STREAMING:
            return "there is no running leader"
        for member in view.members:
            if member.state not in _STREAMING or member.timeline != leader.timeline:
                return f"{member.name} is {member.state} on timeline {member.timeline}"
            if member is not leader and (member.behind is None or member.behind > self._lag_limit):
                return f"{member.name} lags by {member.behind} bytes"
        missing = self.database.synchronous_standbys - len(view.sync_standbys)
        return f"{missing} synchronous standbys are missing" if missing > 0 else ""

    @property
    def _lag_limit(self) -> int:
        return self.database.lag_bytes

    def wait_until_steady(self, limit: float) -> tuple[float, float]:
        """Wait until redundancy is full, seen twice in a row.

        Returns:
            When it became so on our monotonic clock: not before, not after.

        Raises:
            TimedOut: it is not within the limit.
        """
        since = until = time.monotonic()
        deadline = since + limit
        calm = 0
        while True:
            asked = time.monotonic()
            problem = self.why_not_steady()
            calm = 0 if problem else calm + 1
            if problem:
                since = asked
            elif calm == 1:
                until = time.monotonic()
            else:  # one look may fall between two states
                return since, until
            if time.monotonic() > deadline:
                raise TimedOut(f"{self.database.name}: not steady within {limit:g} s: {problem}")
            time.sleep(TICK)

    def proven_primary(self) -> str | None:
        """The one member that is not in recovery, every member asked; None when it is not one."""
        from readiness.drills.writers import touch_session  # noqa: PLC0415 - needs psycopg

        primaries = []
        for name in self.members:
            try:
                with touch_session(self.clients.site, self.database, name) as connection:
                    row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
            except (ProbeError, NotRun):
                return None
            if row == (False,):
                primaries.append(name)
        return primaries[0] if len(primaries) == 1 else None
