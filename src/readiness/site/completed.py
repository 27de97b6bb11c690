"""Completes what an environment file leaves to be found out, before it is validated.

A machine may be declared by its name in the DNS alone: the addresses behind it are asked for in
each run, and stand in the record as if they were declared. `authority: system` stands for the file
that this machine keeps its own authorities in.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from readiness.model.errors import ProbeError, UsageError
from readiness.site.names import resolve_all
from readiness.site.trust import SYSTEM, system_store

MOST_ADDRESSES: Final = 8
"""A machine has one or two addresses in each of a few networks; a network of others has dozens."""

Refuse = Callable[[tuple[str | int, ...], str, str, str], UsageError]
"""Makes the refusal of a place of the file, out of problem, expectation and what was found."""


def complete(data: Any, refuse: Refuse, known: Mapping[str, Sequence[str]] | None = None) -> None:
    """Add the addresses behind names and the system's authorities to what a file says.

    Args:
        data: the file's mapping, not validated yet; what has another shape is left as it is.
        refuse: makes a refusal at a place of the file.
        known: addresses that were found earlier in the same run, by the machine's name.

    Raises:
        UsageError: a name leads nowhere or to too many addresses; this system keeps no authorities.
    """
    if any(_mentions_system(data)) and SYSTEM not in data.get("authorities", {}):
        data["authorities"] = {**data.get("authorities", {}), SYSTEM: f"file:{system_store()}"}
    named = list(_named_machines(data))
    asked = {host for _, one, host in named if one.get("name") not in (known or {})}
    found = resolve_all(asked)
    for index, one, host in named:
        answer = (known or {}).get(str(one.get("name"))) or found[host]
        at = ("machines", index, "host")
        if isinstance(answer, ProbeError):
            raise refuse(at, "leads nowhere", "a name with an address", str(answer))
        if len(answer) > MOST_ADDRESSES:
            many = f"{len(answer)} addresses"
            raise refuse(at, "is no one machine", f"at most {MOST_ADDRESSES} addresses", many)
        one["addresses"] = sorted(answer)


def _named_machines(data: Any) -> Iterator[tuple[int, dict[str, Any], str]]:
    """The machines of which only a name in the DNS is declared, with their places."""
    machines = data.get("machines")
    for index, one in enumerate(machines if isinstance(machines, list) else ()):
        if isinstance(one, dict) and "addresses" not in one and isinstance(one.get("host"), str):
            yield index, one, one["host"]


def _mentions_system(value: Any) -> Iterator[bool]:
    """Whether an `authority` is the system's, somewhere in the file."""
    if isinstance(value, dict):
        yield value.get("authority") == SYSTEM
        for one in value.values():
            yield from _mentions_system(one)
    elif isinstance(value, list):
        for one in value:
            yield from _mentions_system(one)
