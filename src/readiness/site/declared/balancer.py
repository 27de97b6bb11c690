"""Load balancers and the servers behind them."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from readiness.site.declared.common import Login, Port
from readiness.site.declared.section import Section
from readiness.site.written import At, HeaderName, Name, Text, UrlPath, Written, distinct, wrong

if TYPE_CHECKING:
    from readiness.site.environment import Environment


class BalancerStatus(Written):
    """HAProxy's statistics on every balancer; without an authority they are asked over HTTP."""

    port: Port
    path: UrlPath = "/;csv"
    authority: Name | None = None
    login: Login | None = None


class Page(Written):
    """A page that only a working application gives, and how it says which machine answered."""

    path: UrlPath
    contains: Text = Field(description="What the body holds when it is right.")
    served_by: HeaderName = Field(description="Response header with the machine's name, set by it.")


class OtherBackend(Written):
    """Servers of the same HAProxy that users of this listener do not ask, or only for one thing."""

    backend: Text = Field(description="HAProxy's name of the servers together.")
    servers: Annotated[tuple[Name, ...], Field(min_length=1)]
    server_port: Port


class Balancer(Section):
    """What spreads requests over servers, on some machines: HAProxy, or anything that is asked."""

    CALLED: ClassVar[str] = "balancer"

    name: Name
    machines: Annotated[tuple[Name, ...], Field(min_length=1)]
    listener: Name = Field(description="The HTTPS listener that users ask.")
    kind: Literal["haproxy", "observed"] = Field(
        default="haproxy",
        description="`observed`: nginx, an appliance, a cloud's: only its page is asked for, "
        "until every server has answered. Which servers it has besides nobody knows then.",
    )
    status: BalancerStatus | None = None
    backend: Text | Literal[""] = Field(
        default="", description="HAProxy's name of the servers together."
    )
    servers: Annotated[tuple[Name, ...], Field(min_length=1)]
    server_port: Port
    others: tuple[OtherBackend, ...] = Field(
        default=(), description="Every other backend with servers that these machines have."
    )
    page: Page
    holders: tuple[Name, ...] = Field(
        default=(),
        description="Machines that may hold the listener's shared addresses, where they are not the"
        " balancer's own: routers or directors in front of it.",
    )
    moved_by: Literal["keepalived", "other"] | None = Field(
        default=None,
        description="What moves the shared addresses between these machines when one fails.",
    )

    @property
    def may_hold(self) -> tuple[str, ...]:
        """The machines that may hold its listener's shared addresses."""
        return self.holders or self.machines

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("machine", self.machines, ("machines",))
        distinct("machine", self.servers, ("servers",))
        distinct("machine", self.holders, ("holders",))
        self._of_its_kind()
        return self

    def _of_its_kind(self) -> None:
        """Statistics are HAProxy's own."""
        for key in ("status", "backend", "others"):
            given = bool(getattr(self, key))
            if given and self.kind == "observed":
                raise wrong(f"no `{key}` beside kind: observed", (key,))
            if not given and self.kind == "haproxy" and key != "others":
                raise wrong(f"`{key}` of HAProxy, or kind: observed", (), f"no `{key}`")

    def fits(self, site: "Environment", at: At) -> None:
        """Its machines, its listener and its authority are declared."""
        site.require_machines(self.machines, (*at, "machines"))
        site.require_machines(self.servers, (*at, "servers"))
        site.require_machines(self.holders, (*at, "holders"))
        for index, other in enumerate(self.others):
            site.require_machines(other.servers, (*at, "others", index, "servers"))
        site.require_https(self.listener, (*at, "listener"))
        authority = self.status.authority if self.status else None
        if authority is not None:
            site.require_authority(authority, (*at, "status", "authority"))
