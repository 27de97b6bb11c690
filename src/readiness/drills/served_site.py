"""A balancer and its servers as a drill sees them: who is asked what, what can be disturbed."""

from collections.abc import Callable
from typing import Final

from readiness.drills.actions import drill_target
from readiness.drills.asked import question_to
from readiness.drills.commanded import Commanded
from readiness.drills.disturbance import Cut, Disturbance, Killed
from readiness.drills.permit import Permit
from readiness.drills.served_trial import UNKNOWN, Kind, Way
from readiness.drills.users import PATIENCE, Group
from readiness.model.errors import NotRun, NotUnderstood, ProbeError
from readiness.probes.ssh import DrillSession, Machines
from readiness.session.clients import Clients
from readiness.site.declared.balancer import Balancer
from readiness.site.subjects import SHARED, BalancerNode, Endpoint, endpoints
from readiness.systems.balancing.declared import SERVER, BalancingDrill, FailoverOf, drill_of
from readiness.systems.haproxy.asking import servers as servers_at
from readiness.systems.haproxy.asking import target
from readiness.systems.haproxy.reading import Server
from readiness.systems.hosts.reading import ADDRESSES
from readiness.systems.http.asking.pages import Question

SLOW_PATIENCE: Final = 15.0
"""Seconds beyond what a slow page takes until a user gives up."""
CUT_OFF: Final = "cut off"


class Served:
    """One balancer of a site."""

    def __init__(self, clients: Clients, balancer: Balancer) -> None:
        found = drill_of(clients.site, balancer)
        if found is None:
            raise NotRun(f"{balancer.name}: no drill is declared")
        self.clients, self.site, self.balancer = clients, clients.site, balancer
        self.drill: BalancingDrill = found
        self.places = tuple(
            one
            for one in endpoints(self.site)
            if one.listener.name == balancer.listener and one.node in {*balancer.machines, SHARED}
        )
        self.shared = tuple(one for one in self.places if one.node == SHARED)

    def groups(self, way: Way, token: str) -> list[Group]:
        """Users of every address; where a balancer is lost, of those that move."""
        places = self.shared if way.kind is Kind.BALANCER_LOST else self.places
        page = self.balancer.page
        found = [
            Group(one.id, self._question(one, page.path), contains=page.contains) for one in places
        ]
        if self.drill.writes:
            path = f"{self.drill.writes.path.rstrip('/')}/{token}"
            found += [
                Group(f"writes at {one.id}", self._question(one, path), writes=path)
                for one in self.shared or self.places
            ]
        return found

    def notes(self, token: str) -> list[tuple[Question, str]]:
        """Where what was written is read again: at the first address that answers."""
        if not self.drill.writes:
            return []
        path = f"{self.drill.writes.path.rstrip('/')}/{token}"
        return [(self._question(one, path), path) for one in self.shared or self.places]

    def slow_groups(self) -> dict[str, list[Group]]:
        """Users of a slow page, by the machine of the balancer that they ask."""
        draining = self.drill.draining
        if draining is None:
            return {}
        slow = draining.slow
        found: dict[str, list[Group]] = {name: [] for name in self.balancer.machines}
        for one in self.places:
            if one.node in found:
                question = self._question(one, slow.path, slow.takes + SLOW_PATIENCE)
                found[one.node].append(Group(f"slow at {one.id}", question, contains=slow.contains))
        return found

    def _question(self, place: Endpoint, path: str, patience: float = PATIENCE) -> Question:
        return question_to(self.clients, place, path, patience)

    def limit(self, way: Way) -> float:
        """Seconds in which users must be right again, as declared."""
        part = {
            Kind.SERVER_LOST: self.drill.application,
            Kind.BALANCER_LOST: self.drill.balancer,
        }.get(way.kind)
        return part.recovery_time if part else self.drill.within

    def disturbances(
        self,
        way: Way,
        permit: Permit,
        machines: Machines,
        first: Callable[[str], None],
    ) -> list[Disturbance]:
        """What is done in a trial, in order; `first` is called for a machine right before."""
        if way.kind is Kind.DRAINED:
            return [self._drain(one, way, permit, machines, first) for one in self._front]
        session = machines.drill(drill_target(self.site, way.victim))
        run, expiry = self.clients.run, self.drill.expiry
        if way.kind is Kind.BROKEN:
            known = next(one for one in self.drill.breaking if one.name == way.name)
            return [
                Commanded(
                    run,
                    permit,
                    session,
                    machine=way.victim,
                    expiry=expiry,
                    commands=(known.begin, known.end),
                    what=f"broken ({known.name})",
                )
            ]
        if way.name == CUT_OFF:
            return [Cut(run, permit, session, machine=way.victim, expiry=expiry)]
        unit = self._part(way).unit
        return [Killed(run, permit, session, machine=way.victim, expiry=expiry, unit=unit)]

    @property
    def _front(self) -> tuple[str, ...]:
        return self.balancer.machines

    def _part(self, way: Way) -> FailoverOf:
        part = self.drill.balancer
        if way.kind is Kind.SERVER_LOST:
            part = self.drill.application
        if part is None:
            raise NotRun(f"{self.balancer.name}: nothing is declared that is lost")
        return part

    def _drain(
        self,
        machine: str,
        way: Way,
        permit: Permit,
        machines: Machines,
        first: Callable[[str], None],
    ) -> Disturbance:
        draining = self.drill.draining
        if draining is None:
            raise NotRun(f"{self.balancer.name}: it is not declared how a server is drained")
        name = self.drill.name_of(way.victim)
        begin, end = (
            tuple(name if word == SERVER else word for word in command)
            for command in (draining.begin, draining.end)
        )
        return Commanded(
            self.clients.run,
            permit,
            machines.drill(drill_target(self.site, machine)),
            machine=machine,
            expiry=self.drill.expiry,
            commands=(begin, end),
            what=f"told to drain {name}",
            first=lambda: first(machine),
        )

    def status_of(self, way: Way) -> dict[str, str]:
        """What each machine of the balancer says of the server; after UNKNOWN why nobody knows."""
        found: dict[str, str] = {}
        for name in self.balancer.machines if self.balancer.status else ():
            node = BalancerNode(self.balancer, self.site.machine(name))
            try:
                said = servers_at(target(self.site, node), node.status.path)
            except ProbeError as error:
                found[name] = f"{UNKNOWN}{error}"
                continue
            own = [one.status for one in said if self._is(one, way.victim)]
            found[name] = ", ".join(own) or f"{UNKNOWN}it names no such server"
        return found

    def _is(self, server: Server, machine: str) -> bool:
        if server.backend != self.balancer.backend:
            return False
        port = server.port or self.balancer.server_port
        known = self.site.server(server.address, port, self.balancer.server_port)
        return machine in (known, server.name) or server.name == self.drill.name_of(machine)

    def owners(self) -> dict[str, tuple[str, ...]]:
        """Who holds each shared address; who does not answer is named, for nobody knows of it."""
        self.clients.look.forget()
        held: dict[str, list[str]] = {one.address: [] for one in self.shared}
        for name in self.balancer.may_hold:
            try:
                found = self.clients.ask(ADDRESSES, self.site.machine(name)).reading
            except ProbeError as error:
                for names in held.values():
                    names.append(f"{name}? ({error})")
                continue
            for address in held.keys() & {*found}:
                held[address].append(name)
        return {address: tuple(names) for address, names in held.items()}

    def holder(self) -> str:
        """The machine that holds every shared address.

        Raises:
            NotUnderstood: no single machine does.
        """
        found = self.owners()
        names = {one for names in found.values() for one in names}
        if len(names) != 1 or not all(found.values()):
            raise NotUnderstood(f"{self.balancer.name}: no single machine holds {found}")
        return names.pop()


def takes_connections(served: Served, session: DrillSession, machine: str) -> str:
    """Why a look at the connection alone would see that a server is broken; empty if it would not.

    A server that takes no connection is broken in a way that every balancer sees.
    """
    address, port = served.site.machine(machine).addresses[0], served.balancer.server_port
    tried = session.run(["timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"])
    if not tried.exit_code:
        return ""
    return f"{machine} takes no connection on port {port}: that every balancer sees"
