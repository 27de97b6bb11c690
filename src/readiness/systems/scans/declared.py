"""Where a scanner's report lies, what it has to have scanned, and how much it may have found."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from readiness.model.quantities import Duration
from readiness.site.declared.section import Section
from readiness.site.written import At, FileReference, Name, Written, distinct, known
from readiness.systems.token import Kind, by_id

if TYPE_CHECKING:
    from readiness.site.declared.listener import Listener
    from readiness.site.environment import Environment

WEEK: Final = 7 * 86400.0
Format = Literal["sarif", "nuclei", "zap"]
Count = Annotated[int, Field(ge=0, le=10_000)]


class Limits(Written):
    """The most findings of each severity that are accepted; a critical or high one never is."""

    medium: Count = 0
    low: Count | None = Field(default=None, description="Without it, any number.")


class Scan(Section):
    """One report that a scanner writes again and again, on the gate's machine."""

    CALLED: ClassVar[str] = "scan"

    name: Name
    format: Format
    report: FileReference
    listeners: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="What it has to have scanned."
    )
    oldest: Duration = Field(default=WEEK, description="How long after its end a report counts.")
    most: Limits = Limits()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("listener", self.listeners, ("listeners",))
        return self

    @property
    def id(self) -> str:
        """Its name."""
        return self.name

    def fits(self, site: "Environment", at: At) -> None:
        """What it has to have scanned is declared."""
        names = [one.name for one in site.listeners]
        for index, name in enumerate(self.listeners):
            known("listener", name, names, (*at, "listeners", index))


@dataclass(frozen=True)
class Entry:
    """How one listener is called by whoever scans it: hosts, and the port behind each."""

    listener: str
    places: frozenset[str]


def entries(site: "Environment", names: tuple[str, ...]) -> tuple[Entry, ...]:
    """The listeners of these names as a scanner may call them: by name, or by an address."""
    return tuple(
        Entry(one.name, frozenset(_places(site, one)))
        for one in site.listeners
        if one.name in names
    )


def _places(site: "Environment", listener: "Listener") -> list[str]:
    hosts = [name for name in listener.names if not name.startswith("*.")]
    hosts += [str(address) for address in listener.shared_addresses]
    for machine in site.machines:
        if machine.name in listener.machines:
            hosts += [machine.name, *map(str, machine.addresses)]
    return [f"{host.lower()}:{listener.port}" for host in hosts]


class Sections(Written):
    """What the room declares in an environment."""

    scans: tuple[Scan, ...] = Field(
        default=(), description="Reports of scanners, and how much they may have found."
    )


SCAN: Final[Kind[Scan]] = Kind("scan", "scans", by_id(lambda environment: environment.scans))
KINDS: Final = (SCAN,)
