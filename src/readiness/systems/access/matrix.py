"""Who has to be served which route, and who has to be refused: roles and owners by routes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from readiness.site.declared.identity import Identity
from readiness.systems.access.declared import Access
from readiness.systems.access.routes import READS, Route, decided, may


@dataclass(frozen=True)
class Asked:
    """One identity that asks for one route."""

    route: Route
    who: Identity

    @property
    def name(self) -> str:
        """The route, and who asks for it."""
        return f"{self.route.name} (as {self.who.name})"


@dataclass(frozen=True)
class Part:
    """What is asked for one purpose, and of which routes it can't be, in words."""

    asked: list[Asked] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Rights:
    """An application's guarded routes that read, with those who may ask them."""

    access: Access
    identities: Sequence[Identity]
    routes: Sequence[Route]

    def _reading(self) -> Iterator[Route]:
        return (one for one in self.routes if one.method in READS)

    def right(self) -> Part:
        """Each route by somebody who may: a refusal by what answers nobody proves nothing."""
        part = Part()
        for route in self._reading():
            who = self._allowed(route)
            if who is None:
                part.lacking.append(f"{route.name}: no identity may ask it")
            else:
                part.asked.append(Asked(route, who))
        return part

    def _allowed(self, route: Route) -> Identity | None:
        """Whose it is, where they may; anybody else who may."""
        owners = route.owners(self.access)
        allowed = [one for one in self.identities if may(self.access, one.role, route)]
        own = [one for one in allowed if owners == (one.name,)]
        return next(iter([*own, *allowed]), None)

    def wrong_role(self) -> Part:
        """Each route by one identity of every role that may not ask it."""
        part = Part()
        for route in self._reading():
            if not decided(self.access, route):
                part.lacking.append(f"{route.name}: which roles may ask it is not declared")
                continue
            of_role = {one.role: one for one in reversed(self.identities)}
            part.asked.extend(
                Asked(route, one)
                for role, one in of_role.items()
                if not may(self.access, role, route)
            )
        return part

    def wrong_object(self) -> Part:
        """Each route of somebody's own by another of the same role."""
        part = Part()
        people = {one.name: one for one in self.identities}
        for route in self._reading():
            for owner in (people[one] for one in route.owners(self.access)):
                if not may(self.access, owner.role, route):
                    continue
                others = [one for one in self.identities if one.role == owner.role and one != owner]
                if others:
                    part.asked.append(Asked(route, others[0]))
                else:
                    part.lacking.append(f"{route.name}: no other identity is {owner.role}")
        return part
