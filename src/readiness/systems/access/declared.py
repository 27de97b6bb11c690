"""The routes of an application, who may ask which, and with which synthetic values it is tried."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from readiness.site.declared.identity import named_in
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    FileReference,
    Name,
    RouteName,
    Text,
    UrlPath,
    Written,
    distinct,
    wrong,
)
from readiness.systems.token import Kind, by_id

if TYPE_CHECKING:
    from readiness.site.environment import Environment
    from readiness.site.subjects import Endpoint

Method = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"]
ParameterName = Annotated[str, StringConstraints(pattern=r"^[^{}\x00-\x20]+$", max_length=100)]
# Goes into a request as it is: a synthetic value has no need of more.
Value = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]*[!-~])?$", max_length=200)]
ANY_ROLE: Final = "*"
"""Stands among `roles` for whoever signed in."""
_POLITE: Final = 20.0
"""Requests a second: a handful of people's browsing, which no application notices."""


class DeclaredRoute(Written):
    """One route, beside those of the document or instead of what it says."""

    method: Method = "GET"
    path: UrlPath = Field(description="Parameters stand in braces: /students/{id}.")
    safe: bool = Field(
        default=False,
        description="Asking it without a body changes nothing, so that other methods than GET, "
        "HEAD and OPTIONS may be tried.",
    )


class Access(Section):
    """Who may ask which routes of a listener's application."""

    CALLED: ClassVar[str] = "listener"
    TOLD_BY: ClassVar[str] = "listener"

    listener: Name
    openapi: FileReference | None = Field(
        default=None, description="OpenAPI 3 or Swagger 2, JSON or YAML, in one file."
    )
    routes: tuple[DeclaredRoute, ...] = ()
    public: tuple[RouteName, ...] = Field(
        default=(),
        description="What anybody may ask; a `*` at the end stands for whatever follows.",
    )
    roles: dict[Text, tuple[RouteName, ...]] = Field(
        default_factory=dict,
        description="Which role may ask which routes, written as `public`; the role `*` stands for "
        "whoever signed in.",
    )
    values: dict[ParameterName, Value] = Field(
        default_factory=dict,
        description="What stands for a parameter; `{NAME}` is the id of that identity, which owns "
        "what is asked for. Without one it is a value that belongs to nobody.",
    )
    sign_in_pages: tuple[Text, ...] = Field(
        default=(), description="Where a redirect sends who is not signed in: paths or addresses."
    )
    rate: Annotated[float, Field(gt=0, le=1000)] = Field(
        default=_POLITE, description="Requests a second, at most, at all addresses together."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.openapi is None and not self.routes:
            raise wrong("a document (openapi), routes, or both", ("openapi",))
        told = [f"{one.method} {one.path}" for one in self.routes]
        distinct("route", told, ("routes",), "path")
        distinct("entry", self.public, ("public",))
        for role, entries in self.roles.items():
            distinct("entry", entries, ("roles", role))
        for name, value in self.values.items():
            if named_in(value) and value != f"{{{named_in(value)[0]}}}":
                raise wrong("one {NAME} and nothing beside it", ("values", name), f"'{value}'")
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its listener is declared, and so is whoever owns a value."""
        site.require_https(self.listener, (*at, "listener"))
        for name, value in self.values.items():
            for owner in named_in(value):
                site.require_identity(owner, (*at, "values", name))

    @property
    def owners(self) -> Mapping[str, str]:
        """The identity that owns the value of a parameter, by the parameter."""
        return {name: named_in(value)[0] for name, value in self.values.items() if named_in(value)}


class Sections(Written):
    """What the room declares in an environment."""

    access: tuple[Access, ...] = Field(
        default=(), description="Which routes an application has, and who may ask them."
    )


@dataclass(frozen=True)
class AccessAddress:
    """One application at one address of its listener."""

    access: Access
    endpoint: "Endpoint"

    @property
    def id(self) -> str:
        """The listener at that address."""
        return self.endpoint.id


def access_addresses(environment: "Environment") -> tuple[AccessAddress, ...]:
    """Every application whose routes are declared, at every address."""
    from readiness.site.subjects import web_endpoints  # noqa: PLC0415 - it knows this room

    return tuple(
        AccessAddress(access, one)
        for access in environment.access
        for one in web_endpoints(environment)
        if one.listener.name == access.listener
    )


ACCESS_ADDRESS: Final = Kind("access_address", "access", by_id(access_addresses))
KINDS: Final = (ACCESS_ADDRESS,)
