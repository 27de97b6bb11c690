"""What *is*: one environment, described by its owner in one YAML file.

Frozen, strict, unknown keys refused; an Environment that exists is consistent. Secrets are
references (`file:PATH`, `env:NAME`), relative paths count from the file that names them.
"""

import ipaddress
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    WithJsonSchema,
    model_validator,
)

from readiness.errors import UsageError
from readiness.model import Tier
from readiness.quantities import Duration, Size, in_words
from readiness.written import (
    ClauseId,
    FileReference,
    HeaderName,
    KeyReference,
    Name,
    PortName,
    SecretReference,
    SystemUser,
    Text,
    UnitName,
    UrlPath,
    Written,
    distinct,
    known,
    wrong,
)

Port = Annotated[int, Field(ge=1, le=65535)]
Percent = Annotated[float, Field(gt=0, lt=100)]


class Address(Written):
    """One IP address and its family."""

    ip: str

    @property
    def family(self) -> Literal["v4", "v6"]:
        """`v4` or `v6`."""
        return "v4" if ipaddress.ip_address(self.ip).version == 4 else "v6"  # noqa: PLR2004


def _ip(value: str) -> str:
    """The address in its canonical form, so that one address has one spelling."""
    try:
        return str(ipaddress.ip_address("" if "%" in value else value))
    except ValueError:
        raise wrong("an IPv4 or IPv6 address", (), f"'{value}'") from None


Ip = Annotated[
    str,
    AfterValidator(_ip),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}),
]


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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("service", self.services, ("services",))
        distinct("port", self.listens or (), ("listens",))
        return self


class ClientCertificate(Written):
    """A certificate and key that this client presents."""

    certificate: FileReference
    key: KeyReference


class PlainHttp(Written):
    """The plain-HTTP twin of an HTTPS listener, which only redirects."""

    port: Port = 80
    paths: Annotated[tuple[UrlPath, ...], Field(min_length=1)] = ("/",)


class Listener(Written):
    """One TLS service as clients reach it, on each machine and shared address that offers it."""

    name: Name
    protocol: Literal["https", "postgresql", "tls"]
    port: Port
    machines: tuple[Name, ...] = ()
    shared_addresses: tuple[Ip, ...] = Field(default=(), description="Addresses that move (VIP).")
    names: tuple[Text, ...] = Field(default=(), description="Names every certificate must carry.")
    own_name: bool = Field(default=False, description="Each node's certificate carries its name.")
    authority: Name
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


class Login(Written):
    """A user and where its secret is."""

    user: Text
    password: SecretReference


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
    local_user: SystemUser = Field(
        description="System user on a member that logs in over the socket."
    )
    pooled: PooledClient
    trials: Annotated[int, Field(ge=1, le=59)] = 3
    expiry: Duration = Field(description="After this the cut undoes itself on the target.")
    baseline: Duration = 5.0


class Database(Written):
    """One replicated PostgreSQL cluster."""

    name: Name
    database: Text
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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("member", self.members, ("members",))
        distinct("member", self.consensus.members, ("consensus", "members"))
        if self.failover:
            distinct("machine", self.failover.pooled.machines, ("failover", "pooled", "machines"))
        standbys = len(self.members) - 1
        if self.synchronous_standbys > standbys:
            found = str(self.synchronous_standbys)
            expected = f"at most {standbys}, one member being the primary"
            raise wrong(expected, ("synchronous_standbys",), found)
        return self


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


class Balancer(Written):
    """HAProxy on some machines, in front of the same servers."""

    name: Name
    machines: Annotated[tuple[Name, ...], Field(min_length=1)]
    listener: Name = Field(description="The HTTPS listener that users ask.")
    status: BalancerStatus
    backend: Text = Field(description="HAProxy's name of the servers together.")
    servers: Annotated[tuple[Name, ...], Field(min_length=1)]
    server_port: Port
    page: Page

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("machine", self.machines, ("machines",))
        distinct("machine", self.servers, ("servers",))
        return self


class SshLogin(Written):
    """A system user and its private key; without a key the agent is asked."""

    user: SystemUser
    key: KeyReference | None = None


class Ssh(Written):
    """How machines are reached over SSH; ssh_config, agent and ProxyJump are honoured."""

    known_hosts: FileReference
    config: FileReference | None = None
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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("tier", self.tiers, ("tiers",))
        return self


class NotApplicable(Written):
    """A clause that does not apply here, with who says so and until when."""

    clause: ClauseId
    reason: Text
    approver: Text
    expires: date


class Environment(Written):
    """A live environment."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    kind: Literal["production", "staging", "rehearsal"]
    release: str = ""
    identity: FileReference | None = None
    own_checks: FileReference | None = Field(
        default=None, description="What the site adds: criteria and checks of its own."
    )
    zones: Annotated[tuple[Name, ...], Field(min_length=1)]
    looks_from: Name
    permissions: Permissions = Permissions()
    ssh: Ssh | None = None
    authorities: dict[Name, FileReference] = Field(default_factory=dict)
    machines: Annotated[tuple[Machine, ...], Field(min_length=1)]
    listeners: tuple[Listener, ...] = ()
    databases: tuple[Database, ...] = ()
    balancers: tuple[Balancer, ...] = ()
    objectives: Objectives
    not_applicable: tuple[NotApplicable, ...] = ()

    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("zone", self.zones, ("zones",))
        for what, key in (
            ("machine", "machines"),
            ("listener", "listeners"),
            ("database", "databases"),
            ("balancer", "balancers"),
        ):
            _named_once(what, key, getattr(self, key))
        clauses = [entry.clause for entry in self.not_applicable]
        distinct("clause", clauses, ("not_applicable",), "clause")
        known("zone", self.looks_from, self.zones, ("looks_from",))
        self._machines_consistent()
        for index, listener in enumerate(self.listeners):
            self._listener_consistent(listener, ("listeners", index))
        for index, database in enumerate(self.databases):
            self._database_consistent(database, ("databases", index))
        for index, balancer in enumerate(self.balancers):
            self._balancer_consistent(balancer, ("balancers", index))
        return self

    def _machines_consistent(self) -> None:
        owners: dict[str, str] = {}
        for index, machine in enumerate(self.machines):
            known("zone", machine.zone, self.zones, ("machines", index, "zone"))
            for place, address in enumerate(machine.addresses):
                if address in owners:
                    found = f"{address} again (already at {owners[address]})"
                    at = ("machines", index, "addresses", place)
                    raise wrong("each address once", at, found)
                owners[address] = machine.name

    def _listener_consistent(self, listener: Listener, at: tuple[str | int, ...]) -> None:
        self._all_known(listener.machines, (*at, "machines"))
        known("authority", listener.authority, self.authorities, (*at, "authority"))

    def _database_consistent(self, database: Database, at: tuple[str | int, ...]) -> None:
        self._all_known(database.members, (*at, "members"))
        self._all_known(database.consensus.members, (*at, "consensus", "members"))
        for key in ((), ("patroni",), ("consensus",)):
            part = getattr(database, key[0]) if key else database
            known("authority", part.authority, self.authorities, (*at, *key, "authority"))
        drill = database.failover
        if drill is None:
            return
        self._all_known(drill.pooled.machines, (*at, "failover", "pooled", "machines"))
        if drill.expiry <= self.objectives.database_recovery_time:
            expected = "longer than objectives.database_recovery_time, or the cut may heal first"
            raise wrong(expected, (*at, "failover", "expiry"), in_words(drill.expiry))

    def _balancer_consistent(self, balancer: Balancer, at: tuple[str | int, ...]) -> None:
        self._all_known(balancer.machines, (*at, "machines"))
        self._all_known(balancer.servers, (*at, "servers"))
        web = [one.name for one in self.listeners if one.protocol == "https"]
        known("HTTPS listener", balancer.listener, web, (*at, "listener"))
        if balancer.status.authority is not None:
            authority = balancer.status.authority
            known("authority", authority, self.authorities, (*at, "status", "authority"))

    def _all_known(self, names: Sequence[str], at: tuple[str | int, ...]) -> None:
        machines = [machine.name for machine in self.machines]
        for index, name in enumerate(names):
            known("machine", name, machines, (*at, index))

    def machine(self, name: str) -> Machine:
        """The machine of that name."""
        return next(machine for machine in self.machines if machine.name == name)

    def database(self, name: str) -> Database:
        """The database of that name."""
        return next(database for database in self.databases if database.name == name)

    def listener(self, name: str) -> Listener:
        """The listener of that name."""
        return next(listener for listener in self.listeners if listener.name == name)

    def located(self, folder: Path) -> Self:
        """The same environment, with relative references counted from that folder."""
        self._folder = folder
        return self

    def path(self, reference: str) -> Path:
        """The file behind a `file:` reference."""
        kind, _, rest = reference.partition(":")
        if kind != "file":
            raise UsageError("must be a file", expected="file:PATH", found=reference)
        try:
            return (self._folder / Path(rest).expanduser()).absolute()
        except RuntimeError:
            raise UsageError("names no user's home folder", key=reference) from None

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


def _named_once(
    what: str, key: str, entries: Sequence[Machine | Listener | Database | Balancer]
) -> None:
    distinct(what, [entry.name for entry in entries], (key,), "name")
