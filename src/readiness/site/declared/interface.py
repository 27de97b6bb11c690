"""Where a program answers over HTTP on a machine of the site, and as whom it is asked."""

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from readiness.site.declared.common import Login, Port
from readiness.site.written import At, Name, SecretReference, UrlPath, Written, wrong

if TYPE_CHECKING:
    from readiness.site.environment import Environment


class Interface(Written):
    """One HTTP interface: a machine, a port, and a login or a token where one is asked for."""

    machine: Name
    port: Port
    prefix: UrlPath | None = Field(
        default=None, description="What stands before each path, where a proxy gives it one."
    )
    authority: Name | None = Field(
        default=None, description="Who signs its certificate; without one it is asked in the clear."
    )
    login: Login | None = None
    token: SecretReference | None = Field(default=None, description="Sent as a bearer token.")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.login and self.token:
            raise wrong("a login or a token, not both", ("token",))
        return self

    def fits_interface(self, site: "Environment", at: At) -> None:
        """Refuse a machine or an authority that is not declared."""
        site.require_machine(self.machine, (*at, "machine"))
        if self.authority is not None:
            site.require_authority(self.authority, (*at, "authority"))
