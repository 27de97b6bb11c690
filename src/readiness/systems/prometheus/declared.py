"""The servers of a site that collect metrics, what they must scrape, keep and raise alerts of."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Self

from pydantic import Field, StringConstraints, model_validator

from readiness.model.quantities import Duration
from readiness.site.declared.common import Port
from readiness.site.declared.interface import Interface
from readiness.site.declared.machine import Machine
from readiness.site.declared.section import Section
from readiness.site.written import At, Name, Text, Written, distinct, wrong
from readiness.systems.token import Kind, by_id

if TYPE_CHECKING:
    from readiness.site.environment import Environment

MetricName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$")]


class PrometheusServer(Interface):
    """One Prometheus."""

    port: Port = 9090
    began: date | None = Field(
        default=None, description="Since when it collects, where that is no whole retention ago."
    )


class Job(Written):
    """One job of Prometheus, and what it has to scrape."""

    job: Text
    machines: tuple[Name, ...] = Field(
        default=(), description="Without it, every machine; those of `off` are left out."
    )
    off: tuple[Name, ...] = Field(
        default=(), description="Machines that are meant to be down or not scraped."
    )
    metric: MetricName = Field(description="What each of its targets must export.")


class Probes(Written):
    """The job that asks for the site's pages from outside, through a blackbox exporter."""

    job: Text
    prober: Interface = Field(description="The blackbox exporter; it is no part of what it asks.")
    pages: Annotated[tuple[WebAddress, ...], Field(min_length=1)] = Field(
        description="What it asks for, as its targets say; an address of each family."
    )
    wrong: WebAddress = Field(
        description="A page of the site that answers and is not the right one: it must be refused."
    )


class Availability(Written):
    """How much of the time the site was there, by what Prometheus has kept."""

    expression: Text = Field(description="A number from 0 (down) to 1 (up), or nothing: unknown.")
    step: Duration = Field(
        default=300.0, description="How long each value counts; 11,000 steps are the most."
    )


class Metrics(Section):
    """What collects metrics, and what it must do."""

    CALLED: ClassVar[str] = "metrics"

    servers: Annotated[tuple[PrometheusServer, ...], Field(min_length=1)]
    jobs: Annotated[tuple[Job, ...], Field(min_length=1)]
    retention: Duration
    clock_tolerance: Duration = 2.0
    probes: Probes | None = None
    availability: Availability | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("server", [one.machine for one in self.servers], ("servers",), "machine")
        distinct("job", [one.job for one in self.jobs], ("jobs",), "job")
        for index, one in enumerate(self.jobs):
            distinct("machine", one.machines, ("jobs", index, "machines"))
            if both := set(one.machines) & set(one.off):
                found = f"'{min(both)}' in `machines`, too"
                raise wrong("machines that are not scraped", ("jobs", index, "off"), found)
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its machines and authorities are declared, and a window fits the answers' bounds."""
        for index, server in enumerate(self.servers):
            server.fits_interface(site, (*at, "servers", index))
        for index, job in enumerate(self.jobs):
            site.require_machines(job.machines, (*at, "jobs", index, "machines"))
            site.require_machines(job.off, (*at, "jobs", index, "off"))
        if self.probes:
            self.probes.prober.fits_interface(site, (*at, "probes", "prober"))
        if self.availability:
            steps = site.objectives.availability_window / self.availability.step
            if steps > MOST_STEPS:
                expected = f"at most {MOST_STEPS} steps in availability_window"
                raise wrong(expected, (*at, "availability", "step"), f"{steps:.0f}")


# Prometheus refuses a range of more (resolution of 11,000 points per timeseries).
MOST_STEPS: Final = 11_000


class Sections(Written):
    """What the room declares in an environment."""

    metrics: Metrics | None = None


@dataclass(frozen=True)
class Prometheus:
    """One Prometheus with what all of them are declared to do."""

    metrics: Metrics
    server: PrometheusServer
    machine: Machine

    @property
    def id(self) -> str:
        """Its machine and what it is."""
        return f"{self.machine.name}/prometheus"


def servers(environment: "Environment") -> tuple[Prometheus, ...]:
    """Every declared Prometheus."""
    metrics = environment.metrics
    return tuple(
        Prometheus(metrics, one, environment.machine(one.machine))
        for one in (metrics.servers if metrics else ())
        if metrics
    )


def expected(environment: "Environment", job: Job) -> tuple[Machine, ...]:
    """The machines that a job has to scrape: each that it names, or all but those that are off."""
    return tuple(
        one
        for one in environment.machines
        if one.name not in job.off and (not job.machines or one.name in job.machines)
    )


PROMETHEUS: Final[Kind[Prometheus]] = Kind("prometheus", "metrics", by_id(servers))
KINDS: Final = (PROMETHEUS,)
