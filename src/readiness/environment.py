"""What *is*: one environment, described by its owner in one YAML file.

Frozen, strict, unknown keys refused; an Environment that exists is consistent. Secrets are
references (`file:PATH`, `env:NAME`), relative paths count from the file that names them.
"""

import ipaddress
import os
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints, model_validator

from readiness.errors import UsageError
from readiness.model import Tier
from readiness.quantities import Duration, Size

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=63)]
Reference = Annotated[str, StringConstraints(pattern=r"^(file|env):.+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Percent = Annotated[float, Field(gt=0, lt=100)]


class Written(BaseModel):
    """Base of everything a person writes: strict, frozen, unknown keys refused."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Address(Written):
    """One IP address and its family."""

    ip: str

    @property
    def family(self) -> Literal["v4", "v6"]:
        """`v4` or `v6`."""
        return "v4" if ipaddress.ip_address(self.ip).version == 4 else "v6"  # noqa: PLR2004


def _ip(value: str) -> str:
    """Refuse what is not an IP address, with a sentence."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        message = f"an IPv4 or IPv6 address, not '{value}'"
        raise ValueError(message) from None
    return value


class Machine(Written):
    """One machine of the site."""

    name: Name
    zone: Name
    role: Name
    addresses: Annotated[tuple[str, ...], Field(min_length=1)]
    services: tuple[str, ...] = ()
    clock: bool = Field(default=True, description="Whether its clock must be synchronised.")
    ssh: bool = Field(default=True, description="Whether the gate may look at it over SSH.")

    @model_validator(mode="after")
    def _addresses_are_addresses(self) -> Self:
        for address in self.addresses:
            _ip(address)
        return self


class ClientCertificate(Written):
    """A certificate and key that this client presents."""

    certificate: Reference
    key: Reference


class PlainHttp(Written):
    """The plain-HTTP twin of an HTTPS listener, which only redirects."""

    port: Port = 80
    paths: tuple[str, ...] = ("/",)


class Listener(Written):
    """One TLS service as clients reach it, on each machine and shared address that offers it."""

    name: Name
    protocol: Literal["https", "postgresql", "tls"]
    port: Port
    machines: tuple[Name, ...] = ()
    shared_addresses: tuple[str, ...] = Field(default=(), description="Addresses that move (VIP).")
    names: tuple[str, ...] = Field(default=(), description="Names every certificate must carry.")
    own_name: bool = Field(default=False, description="Each node's certificate carries its name.")
    authority: Name
    client_certificate: ClientCertificate | None = None
    plain_http: PlainHttp | None = None
    path: str = "/"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for address in self.shared_addresses:
            _ip(address)
        if not (self.machines or self.shared_addresses):
            raise ValueError("at least one machine or shared address")
        if not (self.names or self.own_name):
            raise ValueError("at least one name, or own_name: true")
        return self


class Login(Written):
    """A user and where its secret is."""

    user: str
    password: Reference


class DatabaseLogins(Written):
    """Who looks, and who writes synthetic rows."""

    observe: Login
    touch: Login | None = None


class Patroni(Written):
    """The automation's REST interface on every member."""

    port: Port = 8008
    authority: Name


class ConsensusStore(Written):
    """The etcd members that the automation leans on."""

    members: Annotated[tuple[Name, ...], Field(min_length=1)]
    port: Port = 2379
    authority: Name
    client_certificate: ClientCertificate | None = None


class PooledClient(Written):
    """How applications reach the database: through poolers on these machines."""

    machines: Annotated[tuple[Name, ...], Field(min_length=1)]
    port: Port


class FailoverDrill(Written):
    """How a failover drill cuts the primary off and what it writes."""

    db_schema: Name = Field(alias="schema", description="A schema that the touch login owns.")
    local_user: str = Field(description="System user on a member that logs in over the socket.")
    pooled: PooledClient
    trials: Annotated[int, Field(ge=1, le=59)] = 3
    expiry: Duration = Field(description="After this the cut undoes itself on the target.")
    baseline: Duration = 5.0


class Database(Written):
    """One replicated PostgreSQL cluster."""

    name: Name
    database: str
    members: Annotated[tuple[Name, ...], Field(min_length=1)]
    port: Port = 5432
    authority: Name
    synchronous_standbys: Annotated[int, Field(ge=0)] = 1
    lag_bytes: Size
    lag_time: Duration
    logins: DatabaseLogins
    patroni: Patroni
    consensus: ConsensusStore
    failover: FailoverDrill | None = None


class SshLogin(Written):
    """A system user and its private key; without a key the agent is asked."""

    user: str
    key: Reference | None = None


class Ssh(Written):
    """How machines are reached over SSH; ssh_config, agent and ProxyJump are honoured."""

    known_hosts: Reference
    config: Reference | None = None
    observe: SshLogin
    disrupt: SshLogin | None = None


class Objectives(Written):
    """What the owner promised."""

    availability: Percent
    availability_window: Duration = 30 * 86400.0
    recovery_time: Duration
    recovery_point: Duration
    database_recovery_time: Duration
    certificate_notice: Duration = 14 * 86400.0


class Permissions(Written):
    """What this environment allows the gate to do."""

    tiers: tuple[Tier, ...] = (Tier.OBSERVE,)


class NotApplicable(Written):
    """A clause that does not apply here, with who says so and until when."""

    clause: str
    reason: Annotated[str, Field(min_length=1)]
    approver: Annotated[str, Field(min_length=1)]
    expires: date


class Environment(Written):
    """A live environment."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    kind: Literal["production", "staging", "rehearsal"]
    release: str = ""
    identity: Reference | None = None
    zones: Annotated[tuple[Name, ...], Field(min_length=1)]
    looks_from: Name
    permissions: Permissions = Permissions()
    ssh: Ssh | None = None
    authorities: dict[Name, Reference] = Field(default_factory=dict)
    machines: Annotated[tuple[Machine, ...], Field(min_length=1)]
    listeners: tuple[Listener, ...] = ()
    databases: tuple[Database, ...] = ()
    objectives: Objectives
    not_applicable: tuple[NotApplicable, ...] = ()

    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _unique("machine", [machine.name for machine in self.machines])
        _unique("listener", [listener.name for listener in self.listeners])
        _unique("database", [database.name for database in self.databases])
        _unique("address", [a for machine in self.machines for a in machine.addresses])
        _known("zone", self.zones, [self.looks_from, *(m.zone for m in self.machines)])
        names = [machine.name for machine in self.machines]
        _known("machine", names, [m for listener in self.listeners for m in listener.machines])
        for database in self.databases:
            pooled = database.failover.pooled.machines if database.failover else ()
            _known("machine", names, [*database.members, *database.consensus.members, *pooled])
        _known("authority", self.authorities, self._named_authorities())
        return self

    def _named_authorities(self) -> list[str]:
        named = [listener.authority for listener in self.listeners]
        for database in self.databases:
            parts = (database, database.patroni, database.consensus)
            named += [part.authority for part in parts]
        return named

    def machine(self, name: str) -> Machine:
        """The machine of that name."""
        return next(machine for machine in self.machines if machine.name == name)

    def database(self, name: str) -> Database:
        """The database of that name."""
        return next(database for database in self.databases if database.name == name)

    def located(self, folder: Path) -> Self:
        """The same environment, with relative references counted from that folder."""
        self._folder = folder
        return self

    def path(self, reference: str) -> Path:
        """The file behind a `file:` reference."""
        kind, _, rest = reference.partition(":")
        if kind != "file":
            raise UsageError("must be a file", expected="file:PATH", found=reference)
        return (self._folder / Path(rest).expanduser()).absolute()

    def secret(self, reference: str) -> str:
        """The secret behind a reference, without its final line break.

        Raises:
            UsageError: the file or variable is missing or unreadable.
        """
        kind, _, rest = reference.partition(":")
        if kind == "env":
            if rest not in os.environ:
                raise UsageError("is not set", key=reference)
            return os.environ[rest]
        try:
            return self.path(reference).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"can't be read ({error})", key=reference) from error


def _unique(what: str, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        message = f"each {what} once, found {', '.join(twice)} twice"
        raise ValueError(message)


def _known(what: str, known: object, used: list[str]) -> None:
    names = set(known)  # type: ignore[call-overload]
    missing = sorted(set(used) - names)
    if missing:
        message = f"a declared {what} (one of {', '.join(sorted(names))}), not {missing[0]}"
        raise ValueError(message)
