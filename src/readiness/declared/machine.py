"""One machine of a site, as its owner describes it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from readiness.declared.common import Ip
from readiness.written import Name, PortName, UnitName, Written, distinct


class Machine(Written):
    """One machine of the site."""

    name: Name
    zone: Name
    role: Name
    addresses: Annotated[tuple[Ip, ...], Field(min_length=1)]
    services: tuple[UnitName, ...] = ()
    listens: tuple[PortName, ...] | None = Field(
        default=None, description="Ports that others may reach, like 443/tcp; all of them."
    )
    ssh: bool = Field(default=True, description="Whether the gate may look at it over SSH.")

    @property
    def id(self) -> str:
        """Its name, by which it is the subject of a fact."""
        return self.name

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("service", self.services, ("services",))
        distinct("port", self.listens or (), ("listens",))
        return self
