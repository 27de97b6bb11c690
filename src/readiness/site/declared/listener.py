"""A TLS service as its clients reach it."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from readiness.site.declared.common import ClientCertificate, Ip, Port
from readiness.site.declared.identity import ANONYMOUS, named_in
from readiness.site.declared.section import Section
from readiness.site.written import At, Name, Text, UrlPath, Written, distinct, known, wrong

if TYPE_CHECKING:
    from readiness.site.environment import Environment

Status = Annotated[int, Field(ge=200, le=499)]
_OK = 200


class PlainHttp(Written):
    """The plain-HTTP twin of an HTTPS listener, which only redirects."""

    port: Port = 80
    paths: Annotated[tuple[UrlPath, ...], Field(min_length=1)] = ("/",)


class PortalPage(Section):
    """A page that users ask for, and how it is answered at every address of its listener."""

    CALLED: ClassVar[str] = "page of a listener"
    TOLD_BY: ClassVar[str] = "path"

    listener: Name = Field(description="The HTTPS listener that users ask.")
    # What changes something is not among them: it would be asked in every run, at every address.
    method: Literal["GET", "HEAD", "OPTIONS"] = "GET"
    path: UrlPath = Field(description="`{NAME}` in it stands for the id of that identity.")
    who: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        default=(ANONYMOUS,),
        alias="as",
        description="Who asks: anonymous, and names of identities (from tier touch on).",
    )
    status: Status | None = Field(default=None, description="The same as `expect` with one entry.")
    expect: tuple[Status, ...] = Field(
        default=(), description="The statuses of a right answer; 200 unless said."
    )
    contains: Text | None = Field(
        default=None,
        description="What the body holds when it is right; of a redirect (3xx), its Location.",
    )
    cache: Text | None = Field(
        default=None,
        description="The directives of Cache-Control that it is answered with, in any order, as "
        "`public, max-age=3600`; what needs a login is asked about by itself.",
    )

    @property
    def told_by(self) -> str:
        """Listener and path, and what else is not as usual."""
        method = f"{self.method} " if self.method != "GET" else ""
        people = f" as {', '.join(self.who)}" if self.who != (ANONYMOUS,) else ""
        return f"{self.listener} {method}{self.path}{people}"

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses of a right answer."""
        return self.expect or (self.status or _OK,)

    @property
    def anybody(self) -> bool:
        """Whether it is a page that a browser asks for without signing in."""
        return self.method == "GET" and ANONYMOUS in self.who

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("name", self.who, ("as",))
        distinct("status", [str(one) for one in self.expect], ("expect",))
        if self.status is not None and self.expect:
            raise wrong("either status or expect", ("status",), "both")
        if self.contains is None and not self.expect:
            raise wrong("what the page contains, or the statuses to expect")
        if self.cache is not None and not self.anybody:
            raise wrong("a page that anybody asks for by GET", ("cache",), self.told_by)
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its listener is declared, and so is everybody whom it names."""
        site.require_https(self.listener, (*at, "listener"))
        if self.who != (ANONYMOUS,) or self.method != "GET":
            asked = [one.listener for one in site.access]
            known("listener of `access`, through which it is asked", self.listener, asked, at)
        for index, name in enumerate(self.who):
            if name != ANONYMOUS:
                site.require_identity(name, (*at, "as", index))
        for name in named_in(self.path):
            site.require_identity(name, (*at, "path"))


class AcmeChallenge(Section):
    """A file that always lies where the answers to a listener's HTTP-01 challenges are put."""

    CALLED: ClassVar[str] = "file of a listener"
    TOLD_BY: ClassVar[str] = "path"

    listener: Name = Field(
        description="The HTTPS listener whose certificate is renewed over HTTP-01."
    )
    # A token is base64url (RFC 8555, 8.3), and servers may answer for nothing else there.
    path: Annotated[
        str, StringConstraints(pattern=r"^/\.well-known/acme-challenge/[A-Za-z0-9_-]+$")
    ] = Field(description="The file as an authority asks for it, under every name of the listener.")
    content: Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$")] = Field(
        description="What the file says: one line, and no more than that."
    )

    @property
    def told_by(self) -> str:
        """Listener and path."""
        return f"{self.listener} {self.path}"

    def fits(self, site: "Environment", at: At) -> None:
        """Its listener is declared, and is asked over plain HTTP by a name."""
        at = (*at, "listener")
        site.require_https(self.listener, at)
        listener = site.listener(self.listener)
        # What an authority asks over HTTP is a name, and no wildcard (RFC 8555, 7.1.3).
        named = any(not name.startswith("*.") for name in listener.names)
        if listener.plain_http is None or not named:
            raise wrong("a listener with plain_http and names", at, f"'{self.listener}'")


class Listener(Section):
    """One TLS service as clients reach it, on each machine and shared address that offers it."""

    CALLED: ClassVar[str] = "listener"

    name: Name
    protocol: Literal["https", "postgresql", "tls"]
    port: Port
    machines: tuple[Name, ...] = ()
    shared_addresses: tuple[Ip, ...] = Field(default=(), description="Addresses that move (VIP).")
    names: tuple[Text, ...] = Field(default=(), description="Names every certificate must carry.")
    own_name: bool = Field(default=False, description="Each node's certificate carries its name.")
    names_only: bool = Field(
        default=False,
        description="Every client asks for a name (SNI): what others are presented is not judged.",
    )
    authority: Name
    tls_profile: Literal["modern", "intermediate", "old"] = Field(
        default="intermediate", description="Which of Mozilla's profiles it has to comply with."
    )
    client_certificate: ClientCertificate | None = None
    plain_http: PlainHttp | None = None
    path: UrlPath = "/"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not (self.machines or self.shared_addresses):
            raise wrong("at least one entry in machines or shared_addresses")
        if not (self.names or self.own_name):
            raise wrong("at least one entry in names, or own_name: true")
        if self.plain_http and self.protocol != "https":
            raise wrong("plain_http only beside protocol: https", ("plain_http",))
        distinct("machine", self.machines, ("machines",))
        distinct("shared address", self.shared_addresses, ("shared_addresses",))
        distinct("name", self.names, ("names",))
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its machines and its authority are declared."""
        site.require_machines(self.machines, (*at, "machines"))
        site.require_authority(self.authority, (*at, "authority"))
