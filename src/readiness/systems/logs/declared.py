"""A central log as its owner describes it: where it is kept, who ships to it, and for how long."""

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from readiness.model.errors import NotRun
from readiness.model.quantities import Duration
from readiness.model.words import Tier
from readiness.site.declared.common import Login, Port
from readiness.site.declared.firewall import ScanLogin
from readiness.site.declared.machine import Machine
from readiness.site.declared.section import Section
from readiness.site.written import At, Name, UnitName, UsedBy, Written, distinct, wrong
from readiness.systems.token import Kind, by_id

if TYPE_CHECKING:
    from readiness.site.environment import Environment

# Nothing that would be another part of a path or of a query.
_PATTERN: Final = re.compile(r"[a-z0-9.][a-z0-9._*-]{0,119}")
_FIELD: Final = re.compile(r"[A-Za-z@_][A-Za-z0-9@._-]{0,119}")
SHORTEST: Final = 8  # characters: shorter values stand in other words by chance
LONGEST: Final = 200


def _pattern(value: str) -> str:
    """A name of indices, or a pattern of them."""
    if not _PATTERN.fullmatch(value):
        raise wrong("a pattern of indices, such as logs-*", (), f"'{value[:60]}'")
    return value


def _field(value: str) -> str:
    """The name of a field."""
    if not _FIELD.fullmatch(value):
        raise wrong("the name of a field, such as @timestamp", (), f"'{value[:60]}'")
    return value


def _canary(value: str) -> str:
    """A value that is long enough to be nobody else's."""
    if not SHORTEST <= len(value) <= LONGEST or not value.isprintable():
        expected = f"{SHORTEST} to {LONGEST} characters that can be printed"
        raise wrong(expected, (), f"{len(value)}")
    return value


Pattern = Annotated[str, AfterValidator(_pattern)]
FieldName = Annotated[str, AfterValidator(_field)]
CanaryValue = Annotated[str, AfterValidator(_canary)]
DAY: Final = 86400.0
MOST_LINES: Final = 10_000  # that one search finds (index.max_result_window)


class LogFields(Written):
    """What the store calls the parts of a line."""

    time: FieldName = "@timestamp"
    host: FieldName = "host"
    message: FieldName = "message"
    level: FieldName = "level"


class LineWriter(ScanLogin):
    """The system user that writes lines with `logger`; without a key the agent is asked."""


class Retention(Written):
    """How old lines become: at least and at most."""

    least: Duration = Field(description="Lines that are younger are all still there.")
    most: Duration = Field(description="Lines that are older are gone.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.least < DAY:
            raise wrong("at least 1 d", ("least",))
        if self.most < self.least:
            raise wrong("at least as long as `least`", ("most",))
        return self


class LogDrill(Written):
    """What is stopped while numbered lines are written, and how many of them."""

    collector: UnitName = Field(description="The unit that ships, on every machine that ships.")
    store: UnitName | None = Field(
        default=None, description="The unit of the store on its machines, where it is ours to stop."
    )
    lines: Annotated[int, Field(ge=20, le=MOST_LINES)] = Field(
        default=500, description="How many lines each machine writes."
    )
    trials: Annotated[int, Field(ge=1, le=10)] = Field(
        default=1, description="How often all of it is done; each collector's stop is one trial."
    )
    outage: Duration = Field(default=5.0, description="How long each of the two is stopped.")
    catch_up: Duration = Field(
        default=60.0, description="How long lines may take after that until they can be found."
    )


class LogStore(Section):
    """One central log, on one machine or on several."""

    CALLED: ClassVar[str] = "central log"

    name: Name
    kind: Literal["opensearch", "elasticsearch"] = "opensearch"
    members: Annotated[tuple[Name, ...], Field(min_length=1)]
    port: Port = 9200
    authority: Name
    indices: Pattern
    fields: LogFields = LogFields()
    login: Login = Field(description="A user that reads lines, and can't change any.")
    writer: Annotated[Login | None, UsedBy(Tier.TOUCH)] = Field(
        default=None, description="As whom the collectors ship; it adds lines, and no more."
    )
    ships: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="The machines whose lines it keeps."
    )
    lines: Annotated[LineWriter | None, UsedBy(Tier.TOUCH)] = Field(
        default=None, description="Who writes a line with `logger` on every machine that ships."
    )
    searchable: Duration = Field(description="How soon a line can be found.")
    silent: Duration = Field(description="How old a machine's newest line may be.")
    clock: Duration = Field(
        default=60.0, description="How far a line's time may be from the time it was written."
    )
    copies: Annotated[int, Field(ge=1, le=10)] = Field(
        default=1, description="How often a line may be kept: 1 where it is kept exactly once."
    )
    retention: Retention
    began: dict[Name, date] = Field(
        default={},
        description="Since when a machine ships, or does so again, where `least` reaches further "
        "back.",
    )
    never: tuple[CanaryValue, ...] = Field(
        default=(), description="Values of synthetic people, which must be in no line."
    )
    drill: Annotated[LogDrill | None, UsedBy(Tier.DISRUPT)] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("machine", self.members, ("members",))
        distinct("machine", self.ships, ("ships",))
        distinct("value", self.never, ("never",))
        if self.drill is not None and self.drill.lines * self.copies > MOST_LINES:
            raise wrong(f"at most {MOST_LINES // self.copies}", ("drill", "lines"))
        if self.writer is not None and self.writer.user == self.login.user:
            raise wrong("another user than the one that reads", ("writer", "user"))
        for name in self.began:
            if name not in self.ships:
                raise wrong("one of `ships`", ("began", name))
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its machines and its authority are declared."""
        site.require_machines(self.members, (*at, "members"))
        site.require_machines(self.ships, (*at, "ships"))
        site.require_authority(self.authority, (*at, "authority"))


class Sections(Written):
    """What the room declares in an environment."""

    logs: tuple[LogStore, ...] = ()


@dataclass(frozen=True)
class Logs:
    """One central log with every node that is declared for it."""

    store: LogStore
    nodes: tuple["LogNode", ...]

    @property
    def id(self) -> str:
        """The central log's name."""
        return self.store.name


@dataclass(frozen=True)
class LogNode:
    """One machine of a central log."""

    store: LogStore
    machine: Machine

    @property
    def id(self) -> str:
        """The central log, and the machine."""
        return f"{self.store.name}/{self.machine.name}"


@dataclass(frozen=True)
class LogPort:
    """One machine of a central log at one address, as anybody meets it."""

    node: LogNode
    address: str

    @property
    def id(self) -> str:
        """The node and the address."""
        return f"{self.node.id} at {self.address}"


@dataclass(frozen=True)
class LogSource:
    """One machine, and the central log that keeps its lines; None where nobody declared one."""

    found_in: Logs | None
    machine: Machine

    @property
    def id(self) -> str:
        """The central log, and whose lines."""
        name = self.found_in.id if self.found_in else "no central log"
        return f"{name} of {self.machine.name}"

    @property
    def logs(self) -> Logs:
        """The central log.

        Raises:
            NotRun: nobody declared one.
        """
        if self.found_in is None:
            raise NotRun(f"{self.id} is declared", declare="`ships` of a central log")
        return self.found_in


def stores(environment: "Environment") -> tuple[Logs, ...]:
    """Every declared central log with its nodes."""
    return tuple(
        Logs(one, tuple(LogNode(one, environment.machine(name)) for name in one.members))
        for one in environment.logs
    )


def nodes(environment: "Environment") -> tuple[LogNode, ...]:
    """Every declared machine of every central log."""
    return tuple(node for one in stores(environment) for node in one.nodes)


def ports_of(node: LogNode) -> tuple[LogPort, ...]:
    """A node at each address of its machine."""
    return tuple(LogPort(node, address) for address in node.machine.addresses)


def ports(environment: "Environment") -> tuple[LogPort, ...]:
    """Every node of every central log at each address of its machine."""
    return tuple(port for node in nodes(environment) for port in ports_of(node))


def sources(environment: "Environment") -> tuple[LogSource, ...]:
    """Every machine with each central log that keeps its lines, where there is any at all.

    One that ships nowhere is among them: nobody can find what it said.
    """
    every = stores(environment)
    found = []
    for machine in environment.machines if every else ():
        here = [LogSource(one, machine) for one in every if machine.name in one.store.ships]
        found += here or [LogSource(None, machine)]
    return tuple(found)


LOGS: Final[Kind[Logs]] = Kind("logs", "logs", by_id(stores))
NODE: Final[Kind[LogNode]] = Kind("log_node", "logs", by_id(nodes))
PORT: Final[Kind[LogPort]] = Kind("log_port", "logs", by_id(ports))
SOURCE: Final[Kind[LogSource]] = Kind("log_source", "logs", by_id(sources))
KINDS: Final = (LOGS, NODE, PORT, SOURCE)
