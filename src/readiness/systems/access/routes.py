"""Routes of an application: what they are called, and as which paths they are asked."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from readiness.site.declared.identity import named_in
from readiness.systems.access.declared import ANY_ROLE, Access

READS: Final = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing (RFC 9110, 9.2.1)."""
# What belongs to nobody, by the type and format that a document gives a parameter.
_NOBODY: Final = {
    "integer": "2147483646",
    "number": "2147483646",
    "boolean": "false",
    "uuid": "00000000-0000-4000-8000-00000000c0de",
    "date": "1970-01-01",
    "date-time": "1970-01-01T00:00:00Z",
}
_STRING: Final = "readiness-canary"
_PARAMETER: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Parameter:
    """One parameter that has to be given."""

    name: str
    kind: str = "string"
    """Its type, or the format that says more."""
    choices: tuple[str, ...] = ()

    @property
    def nobody(self) -> str:
        """A value that belongs to nobody; where there is a choice, the first one."""
        return self.choices[0] if self.choices else _NOBODY.get(self.kind, _STRING)


@dataclass(frozen=True)
class Route:
    """One method of one path template."""

    method: str
    path: str
    parameters: tuple[Parameter, ...] = ()
    """Those of the path, in its order."""
    query: tuple[Parameter, ...] = ()
    safe: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.method} {self.path}"

    @property
    def asked(self) -> bool:
        """Whether it may be asked: who reads, and who was declared to be harmless."""
        return self.safe or self.method in READS

    @property
    def given(self) -> tuple[Parameter, ...]:
        """Everything that it is asked with."""
        return (*self.parameters, *self.query)

    def lacks(self, access: Access) -> tuple[str, ...]:
        """Its parameters that nobody gave a value."""
        return tuple(
            one.name for one in self.given if one.name not in access.values and not one.choices
        )

    def owners(self, access: Access) -> tuple[str, ...]:
        """The identities whose ids it is asked with."""
        found = (access.owners.get(one.name) for one in self.given)
        return tuple(dict.fromkeys(one for one in found if one is not None))

    def target(self, access: Access, ids: Mapping[str, str]) -> str:
        """The path with its query as it goes over the wire."""
        values = {one.name: _value(one, access, ids) for one in self.given}
        path = _PARAMETER.sub(lambda found: quote(values[found[1]], safe=""), self.path)
        path = quote(path, safe="/%:@!$&'()*+,;=-._~")
        query = "&".join(
            f"{quote(one.name)}={quote(values[one.name], safe='')}" for one in self.query
        )
        return f"{path}?{query}" if query else path


def _value(parameter: Parameter, access: Access, ids: Mapping[str, str]) -> str:
    declared = access.values.get(parameter.name)
    if declared is None:
        return parameter.nobody
    return ids[named_in(declared)[0]] if named_in(declared) else declared


def route_of(method: str, path: str, *, safe: bool = False) -> Route:
    """A route that is known by its path alone; its query is taken as it stands."""
    before, _, query = path.partition("?")
    given = tuple(Parameter(one) for one in _PARAMETER.findall(before))
    if not query:
        return Route(method, before, given, safe=safe)
    asked = tuple(Parameter(name) for name in re.findall(r"(?:^|&)([^=&]+)=?", query))
    return Route(method, before, given, asked, safe=safe)


def matches(route: Route, entries: Iterable[str]) -> bool:
    """Whether one of these entries, as `public` and `roles` have them, is about the route."""
    return any(_matches(route, one) for one in entries)


def _matches(route: Route, entry: str) -> bool:
    method, _, path = entry.rpartition(" ")
    if method and method != route.method:
        return False
    wanted, has = _bare(path), _bare(route.path)
    return has.startswith(wanted[:-1]) if wanted.endswith("*") else has == wanted


def _bare(path: str) -> str:
    """What parameters are called makes no other route."""
    return _PARAMETER.sub("{}", path)


def may(access: Access, role: str, route: Route) -> bool:
    """Whether a role may ask a route; anything may be asked where no roles are declared."""
    if not access.roles:
        return True
    return matches(route, (*access.roles.get(role, ()), *access.roles.get(ANY_ROLE, ())))


def decided(access: Access, route: Route) -> bool:
    """Whether anybody said which roles may ask a route."""
    return any(matches(route, entries) for entries in access.roles.values())
