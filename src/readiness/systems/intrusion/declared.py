"""The machines that defend themselves, the attack that is planted, and what has to follow."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from readiness.model.quantities import Duration
from readiness.model.words import Tier
from readiness.site.declared.common import Address, Ip, Port
from readiness.site.declared.firewall import ScanLogin
from readiness.site.declared.interface import Interface
from readiness.site.declared.machine import Machine
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    Command,
    Name,
    SystemUser,
    Text,
    UrlPath,
    UsedBy,
    Written,
    distinct,
    wrong,
)
from readiness.systems.token import Kind, by_id

if TYPE_CHECKING:
    from readiness.site.environment import Environment

# So long a drill may keep a source out, and the gate waiting.
LONGEST: Final = 600.0


class Source(Written):
    """A machine that the site gave for the attack; nothing else may use what it attacks from."""

    name: Name
    address: Ip = Field(description="Where the gate logs in: none of what it attacks from.")
    login: Annotated[ScanLogin, UsedBy(Tier.DISRUPT)]
    attacks_from: Annotated[tuple[Ip, ...], Field(min_length=1, max_length=4)] = Field(
        description="Addresses that are blocked for a while: one of each family."
    )


class Attack(Written):
    """What is done: log-ins that fail, or requests for what a scanner looks for."""

    kind: Literal["ssh-logins", "requests"]
    port: Port
    user: SystemUser = Field(
        default="readiness-nobody", description="Of log-ins: a user that no machine has."
    )
    paths: tuple[UrlPath, ...] = Field(
        default=(), description="Of requests: what is asked for by GET, one after the other."
    )
    most: Annotated[int, Field(ge=1, le=20)] = Field(
        default=6, description="So often from each address, at most; it ends once it is blocked."
    )

    @model_validator(mode="after")
    def _has_paths(self) -> Self:
        if (self.kind == "requests") != bool(self.paths):
            raise wrong("paths for requests, and none for log-ins", ("paths",))
        return self


class Door(Written):
    """One port of every machine that serves the source before, and not while it is blocked."""

    port: Port
    speaks: Literal["ssh", "http", "https"]

    @property
    def id(self) -> str:
        """Its port and protocol."""
        return f"{self.port}/{self.speaks}"


class Detection(Written):
    """How it is seen that a machine noticed: a line that names the source, and is new."""

    command: Command = Field(
        description="Run as the user that may disturb; it prints the newest lines of a log, or "
        "whom the detection knows."
    )
    contains: Text | None = Field(
        default=None, description="What such a line says besides: others may say why it is ignored."
    )
    within: Duration = Field(description="From the first attempt to the line, at most.")


class Block(Written):
    """What the block is meant to do to the source, and how it ends."""

    within: Duration = Field(description="From the first attempt until every door is closed.")
    holds: Duration = Field(description="It is watched for so long, and lasts at least that.")
    ends: Duration | None = Field(
        default=None, description="It has ended by itself so long after it began, at most."
    )
    lift: Command | None = Field(
        default=None,
        description="Lifts it on one machine, run as the user that may disturb; the blocked "
        "address stands behind it.",
    )

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.ends is None and self.lift is None:
            raise wrong("ends, lift, or both: a block that nobody ends is not planted", ("lift",))
        if self.ends is not None and not self.holds <= self.ends <= LONGEST:
            raise wrong("at least `holds`, and at most 10 min", ("ends",))
        if self.holds > LONGEST:
            raise wrong("at most 10 min", ("holds",))
        return self


class Alerted(Interface):
    """Where alerts arrive: a list of what came, as JSON; an entry of it names the source."""

    listed: UrlPath = Field(description="Where it lists what came.")
    within: Duration = Field(description="From the first attempt to the alert, at most.")
    names_machine: bool = Field(
        default=True, description="Whether an alert says which machine was attacked."
    )


class Intrusion(Section):
    """A planted attack that harms nobody, and what has to become of it on every machine."""

    CALLED: ClassVar[str] = "intrusion"

    machines: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="Each of them is attacked, and has to keep the source out."
    )
    source: Source
    attack: Annotated[Attack, UsedBy(Tier.DISRUPT)]
    doors: Annotated[tuple[Door, ...], Field(min_length=1, max_length=10)]
    detection: Detection
    block: Block
    alert: Alerted | None = None
    trials: Annotated[int, Field(ge=1, le=59)] = Field(
        default=1, description="How often it is planted; the policy says how many it wants."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("machine", self.machines, ("machines",))
        distinct("address", self.source.attacks_from, ("source", "attacks_from"))
        distinct("door", [one.id for one in self.doors], ("doors",), "port")
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Machines are declared; nobody of the site, and not the gate's way in, is blocked."""
        site.require_machines(self.machines, (*at, "machines"))
        ours = {_whole(one): each.name for each in site.machines for one in each.addresses}
        ours |= {_whole(one): "a shared address" for one in site.shared_addresses}
        ours[_whole(self.source.address)] = "where the gate logs in"
        for index, one in enumerate(self.source.attacks_from):
            here = (*at, "source", "attacks_from", index)
            if (whose := ours.get(_whole(one))) is not None:
                raise wrong("an address that nothing else uses", here, f"'{one}', {whose}")
        families = {Address(ip=one).family for one in self.source.attacks_from}
        for place, name in enumerate(self.machines):
            has = {Address(ip=one).family for one in site.machine(name).addresses}
            if lacking := sorted(has - families):
                expected = f"a machine without {', '.join(lacking)}, or a source that has it"
                raise wrong(expected, (*at, "machines", place), f"'{name}'")
        if self.alert is not None:
            self.alert.fits_interface(site, (*at, "alert"))


def _whole(address: str) -> str:
    """An address as it is written in one way only."""
    return ip_address(address).compressed


class Sections(Written):
    """What the room declares in an environment."""

    intrusion: Intrusion | None = None


@dataclass(frozen=True)
class Target:
    """One machine that is attacked."""

    intrusion: Intrusion
    machine: Machine

    @property
    def id(self) -> str:
        """The machine's name."""
        return self.machine.name


@dataclass(frozen=True)
class Attacker:
    """The machine that the attack comes from."""

    intrusion: Intrusion

    @property
    def id(self) -> str:
        """Its name."""
        return self.intrusion.source.name


def targets(environment: "Environment") -> tuple[Target, ...]:
    """Every machine that is attacked."""
    one = environment.intrusion
    return tuple(Target(one, environment.machine(name)) for name in one.machines) if one else ()


def attackers(environment: "Environment") -> tuple[Attacker, ...]:
    """Whom the attack comes from."""
    return (Attacker(environment.intrusion),) if environment.intrusion else ()


ATTACKED: Final[Kind[Target]] = Kind("attacked_machine", "intrusion", by_id(targets))
ATTACKER: Final[Kind[Attacker]] = Kind("attacker", "intrusion", by_id(attackers))
KINDS: Final = (ATTACKED, ATTACKER)
