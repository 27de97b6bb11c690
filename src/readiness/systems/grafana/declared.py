"""The dashboards that a site is watched by, and the servers that show them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Self

from pydantic import Field, StringConstraints, model_validator

from readiness.site.declared.common import Port
from readiness.site.declared.interface import Interface
from readiness.site.declared.machine import Machine
from readiness.site.declared.section import Section
from readiness.site.written import At, Text, Written, distinct, wrong
from readiness.systems.token import Kind, by_id

if TYPE_CHECKING:
    from readiness.site.environment import Environment

# What Grafana takes for a uid.
Uid = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class GrafanaServer(Interface):
    """One Grafana; its token may read dashboards and data sources."""

    port: Port = 3000


class Board(Written):
    """One dashboard."""

    uid: Uid
    may_be_empty: tuple[Text, ...] = Field(
        default=(), description="Titles of panels that show nothing while all is well, or no metric"
    )


class Dashboards(Section):
    """The servers, each of which shows every dashboard."""

    CALLED: ClassVar[str] = "dashboards"

    servers: Annotated[tuple[GrafanaServer, ...], Field(min_length=1)]
    boards: Annotated[tuple[Board, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("server", [one.machine for one in self.servers], ("servers",), "machine")
        distinct("dashboard", [one.uid for one in self.boards], ("boards",), "uid")
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Machines and authorities are declared, and there is somebody to ask for data."""
        if site.metrics is None:
            raise wrong("`metrics`, which the panels ask, beside `dashboards`", at)
        for index, one in enumerate(self.servers):
            one.fits_interface(site, (*at, "servers", index))


class Sections(Written):
    """What the room declares in an environment."""

    dashboards: Dashboards | None = None


@dataclass(frozen=True)
class Dashboard:
    """One dashboard on one server."""

    board: Board
    server: GrafanaServer
    machine: Machine

    @property
    def id(self) -> str:
        """What it is called, and where."""
        return f"{self.board.uid}/{self.machine.name}"


def dashboards(environment: "Environment") -> tuple[Dashboard, ...]:
    """Every declared dashboard on every server."""
    found = environment.dashboards
    return tuple(
        Dashboard(board, server, environment.machine(server.machine))
        for server in (found.servers if found else ())
        for board in (found.boards if found else ())
    )


DASHBOARD: Final[Kind[Dashboard]] = Kind("dashboard", "dashboards", by_id(dashboards))
KINDS: Final = (DASHBOARD,)
