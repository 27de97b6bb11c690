"""One machine of a site, as its owner describes it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from readiness.site.declared.common import Ip, Port, canonical, is_address
from readiness.site.written import HostName, Name, PortName, Text, UnitName, Written, distinct


class Machine(Written):
    """One machine of the site."""

    name: Name
    zone: Name = "site"
    role: Name = "server"
    host: HostName | None = Field(
        default=None,
        description="Its name in the DNS: without `addresses` those behind it are asked for in "
        "each run.",
    )
    addresses: Annotated[tuple[Ip, ...], Field(min_length=1)]
    services: tuple[UnitName, ...] = ()
    listens: tuple[PortName, ...] | None = Field(
        default=None, description="Ports that others may reach, like 443/tcp; all of them."
    )
    names: tuple[Text, ...] = Field(
        default=(), description="Other names by which its neighbours know it; `name.any.domain` is."
    )
    ssh: bool = Field(default=True, description="Whether the gate may look at it over SSH.")
    ssh_port: Port | None = Field(
        default=None, description="Where its SSH server listens, unless ssh_config says it or 22."
    )

    @property
    def id(self) -> str:
        """Its name, by which it is the subject of a fact."""
        return self.name

    def known_as(self, text: str) -> bool:
        """Whether an address or a name that another program gives is this machine's.

        A whole domain name counts by its first label: names within a site are its own.
        """
        name = canonical(text).rstrip(".").lower()
        mine = {one.rstrip(".").lower() for one in (self.name, *self.names)}
        return (
            name in self.addresses
            or name in mine
            or (not is_address(name) and name.partition(".")[0] == self.name.lower())
        )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("service", self.services, ("services",))
        distinct("name", self.names, ("names",))
        distinct("port", self.listens or (), ("listens",))
        return self
