"""What a vantage point is asked to connect to, and the reading of what became of it."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from readiness.model.errors import AccessDenied, NotUnderstood
from readiness.systems.firewall.segmentation import Segmentation, Vantage
from readiness.systems.marks import BOUNDED, VOLATILE

STATES: Final = ("open", "refused", "filtered", "unreachable", "unsent")
ROUNDS: Final = 3
AT_ONCE: Final = 200
# The kernel sends a lost SYN again after one second; patience covers that one and its answer.
PATIENCE: Final = 2.5  # seconds
LIMIT: Final = 60.0  # seconds for everything that one vantage point does


@dataclass(frozen=True)
class Known:
    """A port that is declared open, and what became of it before, during and after the scan."""

    port: int
    states: tuple[str, ...]


@dataclass(frozen=True)
class Towards:
    """What became of one address's ports. `source` is where we came from, empty without a route."""

    address: str
    source: str
    known: tuple[Known, ...]
    others: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Scan:
    """What one vantage point could connect to."""

    connections: Annotated[int, BOUNDED]
    began: Annotated[float, VOLATILE]  # seconds since 1970, by the vantage point's clock
    seconds: Annotated[float, VOLATILE]
    towards: Annotated[tuple[Towards, ...], BOUNDED]


@dataclass(frozen=True)
class Asked:
    """What a vantage point is to try: address to ports declared open, and to all the others."""

    known: Mapping[str, tuple[int, ...]]
    others: Mapping[str, tuple[int, ...]]
    rate: int
    limit: float = LIMIT
    patience: float = PATIENCE

    @property
    def connections(self) -> int:
        """How many connections that takes."""
        return ROUNDS * _count(self.known) + _count(self.others)

    @property
    def addresses(self) -> list[str]:
        """Every address, each once."""
        return list(dict.fromkeys([*self.known, *self.others]))

    def as_json(self) -> str:
        """For the program."""
        return json.dumps(
            {
                "known": {address: list(ports) for address, ports in self.known.items()},
                "others": {address: list(ports) for address, ports in self.others.items()},
                "addresses": self.addresses,
                "rate": self.rate,
                "limit": self.limit,
                "patience": self.patience,
                "at_once": AT_ONCE,
            }
        )


def _count(cells: Mapping[str, tuple[int, ...]]) -> int:
    return sum(len(ports) for ports in cells.values())


def question(declared: Segmentation, vantage: Vantage, ports: frozenset[int]) -> Asked:
    """What a vantage point is to try at every address that is not its own."""
    known: dict[str, tuple[int, ...]] = {}
    others: dict[str, tuple[int, ...]] = {}
    for target in declared.targets:
        if target.address in vantage.addresses:
            continue
        may_be_open = declared.may_be_open(vantage, target)
        known[target.address] = tuple(sorted(may_be_open))
        others[target.address] = tuple(sorted(ports - may_be_open))
    return Asked(known, others, declared.firewall.rate)


def read(text: str, asked: Asked, *, where: str) -> Scan:
    """Read what the program printed; every cell that was asked must be in it, once.

    Raises:
        AccessDenied: the login could do harm; it is not used any more.
        NotUnderstood: it is no such answer, or something is missing or comes twice.
    """
    try:
        found: dict[str, Any] = json.loads(text)
        _harmless(found, where)
        known, others = _known(found["known"]), _others(found["others"])
        towards = tuple(
            Towards(
                address=address,
                source=str(found["sources"][address]),
                known=tuple(known.get(address, ())),
                others={state: tuple(sorted(p)) for state, p in others.get(address, {}).items()},
            )
            for address in asked.addresses
        )
        scan = Scan(asked.connections, float(found["began"]), float(found["seconds"]), towards)
    except (ValueError, KeyError, TypeError) as error:
        raise NotUnderstood(f"{where}: the scan's answer is unreadable: {error!r}") from error
    _complete(scan, asked, where)
    return scan


def _harmless(found: Mapping[str, Any], where: str) -> None:
    if found["uid"] == 0 or int(found["capabilities"], 16):
        raise AccessDenied(
            f"{where}: the scanning login is privileged and is refused: user id {found['uid']}, "
            f"capabilities {found['capabilities']}; give an ordinary user"
        )


def _known(cells: list[list[Any]]) -> Mapping[str, list[Known]]:
    by_address: defaultdict[str, list[Known]] = defaultdict(list)
    for address, port, *states in cells:
        if len(states) != ROUNDS or not set(states) <= set(STATES):
            raise ValueError(f"{address} {port}: {states}")
        by_address[address].append(Known(int(port), tuple(states)))
    return by_address


def _others(cells: list[list[Any]]) -> Mapping[str, Mapping[str, list[int]]]:
    by_address: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for address, port, state in cells:
        if state not in STATES:
            raise ValueError(f"{address} {port}: {state}")
        by_address[address][state].append(int(port))
    return by_address


def _complete(scan: Scan, asked: Asked, where: str) -> None:
    """Nothing that was asked may be missing, and nothing come twice."""
    for one in scan.towards:
        for wanted, given in (
            (asked.known.get(one.address, ()), [each.port for each in one.known]),
            (asked.others.get(one.address, ()), [p for some in one.others.values() for p in some]),
        ):
            if sorted(wanted) != sorted(given):
                raise NotUnderstood(
                    f"{where}: the scan of {one.address} says nothing about "
                    f"{sorted(set(wanted) - set(given))} or something twice"
                )
