"""What a vantage point can open a TCP connection to: asked there, by a program sent over SSH.

Nothing is installed: `python3 -I -` reads the program from its standard input. A login that could
do harm is refused by what the program says about itself.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from readiness.model.errors import AccessDenied, NotUnderstood
from readiness.probes.ssh import ScanSession

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

    connections: int
    began: float  # seconds since 1970, by the vantage point's clock
    seconds: float
    towards: tuple[Towards, ...]


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


def program(asked: Asked) -> bytes:
    """The program with what it is to do, as a vantage point reads it."""
    text = files("readiness.probes").joinpath("scan_program.py").read_text()
    return f"{text}\n\nmain({asked.as_json()!r})\n".encode()


def ask(session: ScanSession, asked: Asked) -> Scan:
    """Scan from a vantage point.

    Raises:
        AccessDenied: the login could do harm; it is not used any more.
        ProbeError: it was not reached, has no Python, or did not answer everything.
    """
    answer = session.run(program(asked), timeout=asked.limit + 15)
    if answer.exit_code != 0:
        raise NotUnderstood(f"{session.where}: the scan failed: {answer.complaint}")
    return read(answer.text, asked, where=session.where)


def read(text: str, asked: Asked, *, where: str) -> Scan:
    """Read what the program printed; every cell that was asked must be in it, once."""
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
