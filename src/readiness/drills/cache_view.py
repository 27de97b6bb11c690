"""A cache as a drill sees it: asked anew each time, every node and every Sentinel."""

from collections.abc import Iterator
from typing import Final

from readiness.drills.cache_writer import Reached, Server
from readiness.model.errors import NotRun, NotUnderstood, OverPrivileged, ProbeError
from readiness.systems.asker import Connections
from readiness.systems.redis.asking import state, target
from readiness.systems.redis.asking.login import HARMLESS, may_run
from readiness.systems.redis.asking.resp import RespTarget
from readiness.systems.redis.declared import Cache, CacheCluster, Sentinels
from readiness.systems.redis.reading import RedisState

WRITES: Final = frozenset({"get", "set", "del", "mget", "expire", "exists", "ttl"})
"""What the drill's user may run besides what harms nobody."""
SOON: Final = 2.0
"""Seconds for a node to say whether it is the master while a failover goes on."""
FOREIGN: Final = "not-of-the-drill"
"""A key that no drill writes."""


class CacheView:
    """One cache, whose nodes answer as the observing user is told."""

    def __init__(self, connections: Connections, cluster: CacheCluster) -> None:
        self._connections, self._cluster = connections, cluster
        self.cache: Cache = cluster.cache
        self.watch: Sentinels = cluster.watch

    def states(self) -> dict[str, RedisState | ProbeError]:
        """What each node says of itself, or why it says nothing, by its machine."""
        login = self.cache.login
        password = self._connections.site.secret(login.password)
        found: dict[str, RedisState | ProbeError] = {}
        for node in self._cluster.nodes:
            address = node.machine.addresses[0]
            where = target(self._connections, node, address, self.cache.port)
            try:
                found[node.machine.name] = state(where, login.user, password)
            except ProbeError as error:
                found[node.machine.name] = error
        return found

    def said(self) -> dict[str, str]:
        """The machine of the master as each Sentinel says, or why it says none, by its machine."""
        found: dict[str, str] = {}
        for one in self._sentinels():
            alone = Reached(self._nodes(), [one], self.watch.watches, "")
            try:
                found[one.target.host] = alone.master(5.0).target.host
            except ProbeError as error:
                found[one.target.host] = str(error)
        return found

    def master(self) -> str:
        """The machine of the one master.

        Raises:
            NotUnderstood: there is none that everybody agrees on.
        """
        found = self.master_or_none()
        if found is None:
            raise NotUnderstood(f"{self.cache.name}: no master that all agree on")
        return found

    def master_or_none(self) -> str | None:
        """The machine of the one master, as it says itself and every Sentinel does."""
        masters = [name for name, one in self._answered() if one.role == "master"]
        if len(masters) != 1 or set(self.said().values()) != {masters[0]}:
            return None
        return masters[0]

    def promoted(self, *, instead_of: str) -> str:
        """Another node that is a master by now, as a Sentinel says too; empty while there is none.

        Who is cut off is not asked: waiting for it would hide when the others had agreed.
        """
        named = set(self.said().values()) - {instead_of}
        for one in self._nodes():
            if one.target.host in named and self._is_master(one):
                return one.target.host
        return ""

    def _is_master(self, one: Server) -> bool:
        try:
            with one.talk(SOON) as talk:
                return "role:master" in str(talk.require("INFO", "replication")).split()
        except ProbeError:
            return False

    def following(self, master: str) -> tuple[str, ...]:
        """The nodes that follow this master, with their link up and nothing left to copy."""
        return tuple(name for name, one in self._answered() if self._follows(one, master))

    def why_not_whole(self) -> str:
        """Why it is not one master with all its replicas in step; empty when it is."""
        states = self.states()
        silent = [f"{name}: {one}" for name, one in states.items() if isinstance(one, ProbeError)]
        if silent:
            return "; ".join(silent)
        master = self.master_or_none()
        if master is None:
            masters = [n for n, one in self._answered() if one.role == "master"]
            return f"masters are {masters or 'none'}, Sentinels say {self.said()}"
        behind = [n for n in states if n != master and n not in self.following(master)]
        if behind:
            return f"{', '.join(behind)} follow {master} not yet"
        good = [one for one in self._state(master).followers if one.state == "online"]
        if len(good) < len(states) - 1:
            return f"{master} knows of {len(good)} replicas that are online"
        return ""

    def reached(self) -> Reached:
        """The cache as the drill's clients reach it.

        Raises:
            NotRun: no failover drill is declared.
            OverPrivileged: the drill's user could do more than write its own keys.
            ProbeError: it can't be found out what that user may do.
        """
        if self.cache.failover is None:
            raise NotRun(f"{self.cache.name}: no failover drill is declared")
        self._refuse_much()
        return Reached(
            self._writing(), list(self._sentinels()), self.watch.watches, self.cache.failover.prefix
        )

    def _refuse_much(self) -> None:
        """Every node has users of its own, so each is asked."""
        drill = self.cache.failover
        assert drill is not None  # noqa: S101 - who asks has looked
        for one in self._nodes():
            with one.talk(12.0) as talk:
                more = sorted(may_run(talk, drill.login.user) - HARMLESS - WRITES)
                foreign = talk.call("ACL", "DRYRUN", drill.login.user, "SET", FOREIGN, "1") == "OK"
            if more or foreign:
                what = ", ".join(more[:5]) or "set any key"
                raise OverPrivileged(
                    f"{one.target}: the user {drill.login.user} could do harm and is refused: "
                    f"{what}; give it ~{drill.prefix}* with get, set and del only"
                )

    def _answered(self) -> list[tuple[str, RedisState]]:
        return [(n, one) for n, one in self.states().items() if isinstance(one, RedisState)]

    def _state(self, name: str) -> RedisState:
        found = self.states()[name]
        if isinstance(found, ProbeError):
            raise found
        return found

    def _follows(self, one: RedisState, master: str) -> bool:
        link, site = one.link, self._connections.site
        if link is None or one.role == "master":
            return False
        name = site.server(link.address, link.port, self.cache.port)
        return name == master and link.status == "up" and not link.syncing and not one.loading

    def _nodes(self) -> list[Server]:
        """Each Redis, as the observing user."""
        login = self.cache.login
        password = self._connections.site.secret(login.password)
        return [Server(one, login.user, password) for one in self._targets()]

    def _writing(self) -> list[Server]:
        """Each Redis, as the drill's user."""
        drill = self.cache.failover
        assert drill is not None  # noqa: S101 - who asks has looked
        password = self._connections.site.secret(drill.login.password)
        return [Server(one, drill.login.user, password) for one in self._targets()]

    def _targets(self) -> Iterator[RespTarget]:
        for node in self._cluster.nodes:
            address = node.machine.addresses[0]
            yield target(self._connections, node, address, self.cache.port)

    def _sentinels(self) -> Iterator[Server]:
        login = self.watch.login
        password = self._connections.site.secret(login.password)
        for node in self._cluster.sentinels:
            address = node.machine.addresses[0]
            where = target(self._connections, node, address, self.watch.port)
            yield Server(where, login.user, password)
