"""What vantage points can connect to, and what that says of pairs of zones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic

from readiness.evidence.claim import Fact, Found, derive
from readiness.model.errors import NotRun, ReadinessError
from readiness.systems.firewall.reading.reachability import Reachability, worked_out
from readiness.systems.firewall.reading.scan import Scan
from readiness.systems.firewall.segmentation import Segmentation, Vantage, vantages
from readiness.systems.hosts.reading.network import Socket
from readiness.systems.token import AnySource, Ask, Kind, R, S, Source, by_id


@dataclass(frozen=True)
class ScanUser:
    """As whom a vantage point was logged in to, without any privilege."""

    user: str


def _says(found: ScanUser) -> str:
    return f"reached as {found.user} (an ordinary user, runs Python)"


VANTAGE_POINT: Final = Kind("vantage_point", "firewall", by_id(vantages))

SCAN: Final = Source[Vantage, Scan]("scan", VANTAGE_POINT, Scan)
"""What a vantage point can connect to, by a scan from all of them at once, where permitted."""

SCAN_LOGIN: Final = Source[Vantage, ScanUser]("scan-login", VANTAGE_POINT, ScanUser, says=_says)
"""Whether a vantage point could be scanned from; nothing is."""

SOURCES: Final[tuple[AnySource, ...]] = (SCAN, SCAN_LOGIN)


@dataclass(frozen=True)
class Answers(Generic[R]):
    """What everybody said, and why others said nothing, each by subject."""

    found: Mapping[str, Found[R]]
    missing: Mapping[str, ReadinessError]

    @property
    def readings(self) -> Mapping[str, R]:
        """What was read, by subject."""
        return {name: one.reading for name, one in self.found.items()}


def answers(ask: Ask, source: Source[S, R], everyone: Iterable[S]) -> Answers[R]:
    """Ask everybody; an answer that is missing leaves the others to be had."""
    found, missing = {}, {}
    for one in everyone:
        try:
            found[one.id] = ask(source, one)
        except ReadinessError as error:
            missing[one.id] = error
    return Answers(found, missing)


@dataclass(frozen=True)
class Seen:
    """What every vantage point found, and what listens on every machine that can be asked."""

    declared: Segmentation
    scans: Answers[Scan]
    listening: Answers[tuple[Socket, ...]]

    @property
    def reachability(self) -> Reachability:
        """What that says of pairs of zones."""
        missing = {name: str(error) for name, error in self.scans.missing.items()}
        return worked_out(self.declared, self.scans.readings, missing, self.listening.readings)

    @property
    def problems(self) -> tuple[ReadinessError, ...]:
        """Why it is not known of a machine on which ports it listens."""
        missing: dict[str, ReadinessError] = {
            one.name: NotRun(f"{one.name}: neither SSH nor its listening ports are declared")
            for one in self.declared.site.machines
            if not one.ssh and one.listens is None
        }
        missing |= self.listening.missing
        return tuple(
            missing[one.name] for one in self.declared.site.machines if one.name in missing
        )

    def fact(self, name: str, subject: str, value: Any) -> Fact[Any]:
        """A fact that rests on everything that was seen."""
        return derive(
            name, subject, value, *self.scans.found.values(), *self.listening.found.values()
        )
