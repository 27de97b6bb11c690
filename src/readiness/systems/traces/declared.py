"""Distributed tracing as its owner describes it: what a request passes, and where that is found."""

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from readiness.model.quantities import Duration
from readiness.site.declared.common import Port
from readiness.site.declared.interface import Interface
from readiness.site.declared.machine import Machine
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    HeaderName,
    Name,
    Text,
    UnitName,
    UrlPath,
    Written,
    distinct,
    wrong,
)
from readiness.systems.logs.declared import CanaryValue
from readiness.systems.token import Kind, by_id

if TYPE_CHECKING:
    from readiness.site.environment import Environment

# Nothing that a shell or a pattern would take for more than a file's name.
_FILE: Final = re.compile(r"/(?:[A-Za-z0-9@+=:,_-][A-Za-z0-9@+=:,._-]*/)*[A-Za-z0-9@+=:,._-]+")
# What a name of an attribute has; it becomes a part of a query.
_KEY: Final = r"^[A-Za-z][A-Za-z0-9._-]{0,119}$"
SURE: Final = 1e-4
"""The chance at most with which a sampler that keeps nothing, or all, could pass for another."""
MOST_REQUESTS: Final = 2000
MOST_FOUND: Final = 400
"""Traces at most that one search is expected to bring, so that its answer stays within bounds."""


def _file(value: str) -> str:
    """An absolute path without blanks, quotes and wildcards."""
    if not _FILE.fullmatch(value) or "/../" in value:
        raise wrong("the absolute path of a file, without blanks and wildcards", (), value[:60])
    return value


LogFile = Annotated[str, AfterValidator(_file)]
AttributeKey = Annotated[str, StringConstraints(pattern=_KEY)]
HeaderText = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]{0,198}[!-~])?$")]
Ratio = Annotated[float, Field(ge=0, le=1)]


class HopLog(Written):
    """Where the log is in which a machine tells of a request: one of the two."""

    file: LogFile | None = Field(default=None, description="A file that our login may read.")
    unit: UnitName | None = Field(default=None, description="A unit whose lines the journal has.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.unit is None):
            raise wrong("either file or unit")
        return self


class Hop(Written):
    """One step of the way from the edge to the database, and the span that it leaves."""

    service: Text = Field(description="What its spans have as `service.name`.")
    machines: tuple[Name, ...] = Field(
        default=(), description="Where it runs; of a step within a service, such as a query, none."
    )
    served_by: HeaderName | None = Field(
        default=None, description="The response header in which it names its machine."
    )
    spans: bool = Field(
        default=True, description="False: it makes no span of its own, and hands the context on."
    )
    kind: Literal["server", "client", "internal", "producer", "consumer"] | None = None
    attribute: AttributeKey | None = Field(
        default=None, description="An attribute that only its span has, as `db.system`."
    )
    log: HopLog | None = Field(
        default=None, description="Where each of its machines logs requests, with the trace's id."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("machine", self.machines, ("machines",))
        if self.served_by and not self.machines:
            raise wrong("`machines`, one of which it names", ("served_by",), "no `machines`")
        if self.log and not self.machines:
            raise wrong("`machines`, on which it is", ("log",), "no `machines`")
        return self


class CanaryRequest(Written):
    """The request that is sent: it reads, and changes nothing."""

    path: UrlPath
    headers: dict[HeaderName, HeaderText] = Field(
        default_factory=dict, description="Headers that it needs; synthetic values, no secrets."
    )
    fails: UrlPath | None = Field(
        default=None, description="A path that is answered with 500 or more by design."
    )

    @model_validator(mode="after")
    def _ours(self) -> Self:
        for name in self.headers:
            if name.lower() in {*CONTEXT, "user-agent", "host", "cookie", "authorization"}:
                raise wrong("another header than those that we send", ("headers", name), name)
        return self


CONTEXT: Final = ("traceparent", "tracestate", "b3")


class Sampling(Written):
    """How many of the requests whose context says nothing are kept."""

    share: Ratio = Field(description="1 where every trace is kept.")
    requests: Annotated[int, Field(ge=10, le=MOST_REQUESTS)] = Field(
        default=60, description="How many are sent through each edge to find out."
    )
    attribute: AttributeKey = Field(
        default="user_agent.original",
        description="The attribute of the first span that has the User-Agent of a request.",
    )

    @model_validator(mode="after")
    def _enough(self) -> Self:
        """With fewer requests a sampler that keeps nothing, or all, can't be told from this one."""
        if 0 < self.share < 1:
            rarer = max(self.share, 1 - self.share)
            least = math.ceil(math.log(SURE) / math.log(rarer))
            if self.requests < least:
                raise wrong(f"at least {least} for this share", ("requests",), f"{self.requests}")
        if self.requests * self.share > MOST_FOUND:
            most = int(MOST_FOUND / self.share)
            raise wrong(f"at most {most} for this share", ("requests",), f"{self.requests}")
        return self


class TraceStore(Interface):
    """One server that is asked for traces."""

    port: Port = 16686


class Tracing(Section):
    """What requests pass, what they leave, and where that is found."""

    CALLED: ClassVar[str] = "tracing"

    name: Name
    kind: Literal["jaeger"] = "jaeger"
    stores: Annotated[tuple[TraceStore, ...], Field(min_length=1)] = Field(
        description="Every server that somebody may ask for a trace; each has to find it."
    )
    listener: Name = Field(description="The HTTPS listener that users ask, on the first machines.")
    propagation: Literal["w3c", "b3"] = Field(
        default="w3c", description="The header of the context: traceparent, or b3 in one header."
    )
    hops: Annotated[tuple[Hop, ...], Field(min_length=2)] = Field(
        description="From the edge to the database, in order."
    )
    canary: CanaryRequest
    sampling: Sampling
    host: AttributeKey = Field(
        default="host.name", description="The attribute that has the name of a span's machine."
    )
    deadline: Duration = Field(description="How soon a whole trace is found after its request.")
    silent: Duration = Field(description="How old a machine's newest trace may be.")
    clock: Duration = Field(
        default=1.0, description="How far the clocks of two machines may be apart."
    )
    never: tuple[CanaryValue, ...] = Field(
        default=(), description="Values of synthetic people, which must be in no span."
    )

    @property
    def edge(self) -> Hop:
        """What users reach."""
        return self.hops[0]

    @property
    def server(self) -> Hop:
        """The step that names its machine in the answer."""
        return next(one for one in self.hops if one.served_by)

    @property
    def made(self) -> tuple[Hop, ...]:
        """The steps that leave a span."""
        return tuple(one for one in self.hops if one.spans)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("store", [one.machine for one in self.stores], ("stores",), "machine")
        distinct("value", self.never, ("never",))
        if not self.edge.machines:
            raise wrong("the machines that users reach", ("hops", 0, "machines"), "none")
        naming = [place for place, one in enumerate(self.hops) if one.served_by]
        if len(naming) != 1 or naming == [0]:
            found = f"{len(naming)}" if naming != [0] else "it in the first"
            raise wrong("`served_by` in exactly one step behind the first", ("hops",), found)
        if len(self.made) < 2:  # noqa: PLR2004 - from one end to another
            raise wrong("at least two steps that leave a span", ("hops",), f"{len(self.made)}")
        if not (self.server.spans and self.hops[-1].spans):
            raise wrong("a span of the step with `served_by`, and of the last", ("hops",))
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its machines, stores and authorities are declared, and its listener is on the edges."""
        for index, store in enumerate(self.stores):
            store.fits_interface(site, (*at, "stores", index))
        for index, hop in enumerate(self.hops):
            site.require_machines(hop.machines, (*at, "hops", index, "machines"))
        site.require_https(self.listener, (*at, "listener"))
        here = site.listener(self.listener).machines
        if {*here} != {*self.edge.machines}:
            expected = f"the machines of the listener {self.listener}: {', '.join(here) or 'none'}"
            raise wrong(expected, (*at, "hops", 0, "machines"), ", ".join(self.edge.machines))


class Sections(Written):
    """What the room declares in an environment."""

    tracing: tuple[Tracing, ...] = ()


@dataclass(frozen=True)
class StoreOfTraces:
    """One server that is asked for the traces of one tracing."""

    tracing: Tracing
    store: TraceStore
    machine: Machine

    @property
    def id(self) -> str:
        """The tracing, and the server."""
        return f"{self.tracing.name}/{self.machine.name}"


@dataclass(frozen=True)
class TracePath:
    """One way of a request: through one edge to one server."""

    tracing: Tracing
    edge: Machine
    server: Machine

    @property
    def id(self) -> str:
        """The tracing, the edge, and the server."""
        return f"{self.tracing.name} through {self.edge.name} to {self.server.name}"


@dataclass(frozen=True)
class TraceEdge:
    """One machine that begins traces."""

    tracing: Tracing
    machine: Machine

    @property
    def id(self) -> str:
        """The tracing, and the machine."""
        return f"{self.tracing.name} from {self.machine.name}"


@dataclass(frozen=True)
class TraceLog:
    """The log of one machine that requests pass."""

    tracing: Tracing
    hop: Hop
    machine: Machine

    @property
    def id(self) -> str:
        """The tracing, the service and the machine."""
        return f"{self.tracing.name} log of {self.hop.service} on {self.machine.name}"


def stores(environment: "Environment") -> tuple[StoreOfTraces, ...]:
    """Every declared server that is asked for traces."""
    return tuple(
        StoreOfTraces(one, store, environment.machine(store.machine))
        for one in environment.tracing
        for store in one.stores
    )


def paths(environment: "Environment") -> tuple[TracePath, ...]:
    """Every way of a request: each edge with each server."""
    return tuple(
        TracePath(one, environment.machine(edge), environment.machine(server))
        for one in environment.tracing
        for edge in one.edge.machines
        for server in one.server.machines
    )


def edges(environment: "Environment") -> tuple[TraceEdge, ...]:
    """Every machine that begins traces."""
    return tuple(
        TraceEdge(one, environment.machine(edge))
        for one in environment.tracing
        for edge in one.edge.machines
    )


def logs(environment: "Environment") -> tuple[TraceLog, ...]:
    """The log of every machine that a request passes, also where nobody said which one that is."""
    return tuple(
        TraceLog(one, hop, environment.machine(name))
        for one in environment.tracing
        for hop in (one.edge, one.server)
        for name in hop.machines
    )


STORE: Final[Kind[StoreOfTraces]] = Kind("trace_store", "tracing", by_id(stores))
PATH: Final[Kind[TracePath]] = Kind("trace_path", "tracing", by_id(paths))
EDGE: Final[Kind[TraceEdge]] = Kind("trace_edge", "tracing", by_id(edges))
LOG: Final[Kind[TraceLog]] = Kind("trace_log", "tracing", by_id(logs))
KINDS: Final = (STORE, PATH, EDGE, LOG)
