"""How a balancer's promises are tried: who is seen, what breaks a server, how one is drained."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from readiness.model.quantities import Duration
from readiness.model.words import Tier
from readiness.site.declared.balancer import Balancer
from readiness.site.declared.common import Ip
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    Command,
    Name,
    Text,
    UnitName,
    UrlPath,
    UsedBy,
    Word,
    Written,
    distinct,
    known,
    wrong,
)
from readiness.systems.token import Kind, by_id

if TYPE_CHECKING:
    from readiness.site.environment import Environment

SERVER: Final = "SERVER"
"""Stands in a declared command for the server that it is about."""
LEAST_LEFT: Final = 20.0
"""Seconds of a disturbance that are left, when users are right again at the latest."""


class Seen(Written):
    """A page on which the application tells whose request it saw: a JSON object."""

    path: UrlPath
    client: Text = Field(description="The key of the client's address in it.")
    ours: tuple[Ip, ...] = Field(
        default=(),
        description="Our addresses as the balancer sees them, where they are translated between.",
    )


class Way(Written):
    """One way in which a server is broken that a connection alone does not show."""

    name: Name
    begin: Command = Field(description="What breaks the server, on its machine, as root (sudo).")
    end: Command = Field(description="What makes it whole again, at any time, more than once.")


class SlowPage(Written):
    """A page that takes its time: long enough that a server is drained meanwhile."""

    path: UrlPath
    contains: Text = Field(description="What its body ends with or holds when it is whole.")
    takes: Duration


class Draining(Written):
    """How a server is drained, on each machine of the balancer, as root (sudo)."""

    begin: Command = Field(description=f"`{SERVER}` in it stands for the server's name.")
    end: Command
    slow: SlowPage


class Writes(Written):
    """Where an application keeps what it acknowledges.

    PUT of PATH/RUN/ID keeps a short text, GET of PATH/RUN answers all of a run as a JSON object.
    """

    path: UrlPath


class FailoverOf(Written):
    """How long users may be without service when something of it is lost, and what is lost."""

    unit: UnitName = Field(description="The unit whose every process is killed.")
    recovery_time: Duration
    cut: bool = Field(
        default=False, description="Whether the machine is cut off from the network, too."
    )


class BalancingDrill(Written):
    """What is disturbed, and how much users may notice."""

    within: Duration = Field(
        default=10.0, description="A broken server leaves rotation in this time, at most."
    )
    returns: Duration = Field(
        default=60.0, description="A server that is whole again serves again in this time."
    )
    breaking: tuple[Way, ...] = ()
    draining: Draining | None = None
    application: FailoverOf | None = None
    balancer: FailoverOf | None = None
    writes: Writes | None = Field(
        default=None, description="Without it nobody can tell whether what was acknowledged is kept"
    )
    called: dict[Name, Word] = Field(
        default_factory=dict, description="What the balancer calls a server, if not its machine."
    )
    trials: Annotated[int, Field(ge=1, le=59)] = Field(
        default=1, description="How often each is done; the policy says how many it wants."
    )
    baseline: Duration = Field(default=4.0, description="Undisturbed service before each trial.")
    expiry: Duration = Field(
        default=90.0, description="After this time a disturbance ends by itself on its machine."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("way", [one.name for one in self.breaking], ("breaking",), "name")
        for key, limit in self._limits().items():
            if limit + LEAST_LEFT > self.expiry:
                expected = f"at least {LEAST_LEFT:g} s less than expiry"
                raise wrong(expected, tuple(key.split(".")), f"{limit:g} s")
        return self

    def _limits(self) -> dict[str, float]:
        found = {"within": self.within}
        if self.draining:
            found["draining.slow.takes"] = self.draining.slow.takes
        for key in ("application", "balancer"):
            if part := getattr(self, key):
                found[f"{key}.recovery_time"] = part.recovery_time
        return found

    def name_of(self, server: str) -> str:
        """What the balancer calls the server on a machine."""
        return self.called.get(server, server)


class Balancing(Section):
    """How the promises of one balancer are tried."""

    CALLED: ClassVar[str] = "trials of a balancer"
    TOLD_BY: ClassVar[str] = "balancer"

    balancer: Name
    seen: Annotated[Seen | None, UsedBy(Tier.TOUCH)] = None
    drill: Annotated[BalancingDrill | None, UsedBy(Tier.DISRUPT)] = None

    def fits(self, site: "Environment", at: At) -> None:
        """The balancer is declared, and so is every server that has another name there."""
        names = [one.name for one in site.balancers]
        known("balancer", self.balancer, names, (*at, "balancer"))
        if self.drill and self.balancer in names:
            servers = site.balancer(self.balancer).servers
            for name in self.drill.called:
                known("server of that balancer", name, servers, (*at, "drill", "called", name))


class Sections(Written):
    """What the room declares in an environment."""

    balancing: tuple[Balancing, ...] = ()


@dataclass(frozen=True)
class Balanced:
    """One balancer, as what users lose when it is lost."""

    balancer: Balancer

    @property
    def id(self) -> str:
        """The balancer's name."""
        return self.balancer.name


def balancing_of(environment: "Environment", balancer: Balancer) -> Balancing | None:
    """How a balancer's promises are tried; None where nobody says."""
    found = (one for one in environment.balancing if one.balancer == balancer.name)
    return next(found, None)


def seen_of(environment: "Environment", balancer: Balancer) -> Seen | None:
    """The page on which its application tells whose request it saw."""
    found = balancing_of(environment, balancer)
    return found.seen if found else None


def drill_of(environment: "Environment", balancer: Balancer) -> BalancingDrill | None:
    """What is disturbed of it."""
    found = balancing_of(environment, balancer)
    return found.drill if found else None


def balanced(environment: "Environment") -> tuple[Balanced, ...]:
    """Every declared balancer."""
    return tuple(Balanced(one) for one in environment.balancers)


BALANCER: Final[Kind[Balanced]] = Kind("balancer", "balancers", by_id(balanced))
KINDS: Final = (BALANCER,)
