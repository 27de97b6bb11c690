"""A PostgreSQL database: its members, what promotes a standby, and how that is tried."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from readiness.model.quantities import Duration, Size, in_words
from readiness.model.words import Tier
from readiness.site.declared.common import ClientCertificate, Login, Port
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    FileReference,
    Name,
    SystemUser,
    Text,
    UsedBy,
    Written,
    distinct,
    wrong,
)

if TYPE_CHECKING:
    from readiness.site.environment import Environment


class DatabaseLogins(Written):
    """Who looks, and who writes synthetic rows."""

    observe: Login
    touch: Annotated[Login | None, UsedBy(Tier.TOUCH)] = None


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
    clients: Annotated[tuple[Login, ...], UsedBy(Tier.TOUCH)] = Field(
        default=(), description="The application's own logins: the sessions kept for it are asked."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("client", [one.user for one in self.clients], ("clients",), "user")
        return self


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
    experiments: tuple[Name, ...] = Field(
        default=("primary-cut-off",),
        description="What is disturbed: experiments that come with readiness, each `trials` times.",
    )
    own_experiments: Annotated[tuple[FileReference, ...], UsedBy(Tier.DISRUPT)] = Field(
        default=(), description="Experiments of the site itself, files of the same kind."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("experiment", self.experiments, ("experiments",))
        distinct("experiment", self.own_experiments, ("own_experiments",))
        if not self.experiments and not self.own_experiments:
            raise wrong("at least one experiment", ("experiments",), "none")
        return self


class ApplicationRole(Written):
    """A role that the application logs in as, whose rights are looked at."""

    user: Text
    owns_tables: bool = Field(
        default=False,
        description="It runs the migrations as well, and owns what they made: whoever takes the "
        "application over can change every table, and what guards it.",
    )


class ReplicationLogin(Written):
    """The program on every member that tries to begin replication anew."""

    user: SystemUser = Field(
        description="System user of the servers: the observing user may run the program as it."
    )


class Database(Section):
    """One PostgreSQL database: a single server, or a primary with its standbys."""

    CALLED: ClassVar[str] = "database"

    name: Name
    database: Text
    members: Annotated[tuple[Name, ...], Field(min_length=1)]
    port: Port = 5432
    authority: Name | Literal[""] = Field(
        default="",
        description="Who vouches for the members' certificates, under the machines' names. Without "
        "one, `through` or `tls: none` says how they are asked.",
    )
    through: Literal["ssh"] | None = Field(
        default=None,
        description="`ssh`: members listen for their own machine only, and are asked over a "
        "forwarded connection to it (AllowTcpForwarding local).",
    )
    tls: Literal["none"] | None = Field(
        default=None,
        description="`none`: members are asked without it; a password is sent as proof "
        "(SCRAM) only. A network that is crossed like this is a finding.",
    )
    synchronous_standbys: Annotated[int, Field(ge=0)] = 1
    # What a standby receives in seconds on a slow network; a primary alone has none.
    lag_bytes: Size = 16 * 1024 * 1024
    lag_time: Duration = 10.0
    logins: DatabaseLogins
    automation: Literal["none"] | None = Field(
        default=None,
        description="`none`: nothing promotes a standby by itself. What does is declared instead.",
    )
    patroni: Patroni | None = None
    consensus: ConsensusStore | None = None
    touch_schema: Name | None = Field(
        default=None,
        description="A schema that the touch login owns, where no failover drill names one.",
    )
    replication_login: ReplicationLogin | None = None
    application: tuple[ApplicationRole, ...] = Field(
        default=(), description="The roles that the application logs in as; all of them."
    )
    failover: FailoverDrill | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("member", self.members, ("members",))
        distinct("role", [one.user for one in self.application], ("application",), "user")
        self._automated_or_not()
        self._reached_one_way()
        if self.failover and self.touch_schema not in {None, self.failover.db_schema}:
            expected = f"'{self.failover.db_schema}', where the failover drill writes"
            raise wrong(expected, ("touch_schema",), f"'{self.touch_schema}'")
        if self.failover:
            distinct("machine", self.failover.pooled.machines, ("failover", "pooled", "machines"))
        standbys = len(self.members) - 1
        # One member alone is a finding and no slip: its checks say what would not take over.
        if self.synchronous_standbys > max(standbys, 1):
            found = str(self.synchronous_standbys)
            expected = f"at most {standbys}, one member being the primary"
            raise wrong(expected, ("synchronous_standbys",), found)
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its machines and authorities are declared, and a cut outlasts what it measures."""
        site.require_machines(self.members, (*at, "members"))
        if self.authority:
            site.require_authority(self.authority, (*at, "authority"))
        if self.through and not site.ssh:
            raise wrong("`ssh`, over which it is asked", (*at, "through"), "no `ssh`")
        if self.patroni is not None:
            place = (*at, "patroni", "authority")
            site.require_authority(self.patroni.authority, place)
        if self.consensus is not None:
            store, place = self.consensus, (*at, "consensus")
            site.require_machines(store.members, (*place, "members"))
            site.require_authority(store.authority, (*place, "authority"))
        drill = self.failover
        if drill is None:
            return
        site.require_machines(drill.pooled.machines, (*at, "failover", "pooled", "machines"))
        if drill.expiry <= site.objectives.database_recovery_time:
            expected = "longer than objectives.database_recovery_time, or the cut may heal first"
            raise wrong(expected, (*at, "failover", "expiry"), in_words(drill.expiry))

    @property
    def rows_schema(self) -> str | None:
        """The schema of the touch login that synthetic rows and leases go to."""
        return self.failover.db_schema if self.failover else self.touch_schema

    def _reached_one_way(self) -> None:
        given = [one for one in ("authority", "through", "tls") if getattr(self, one)]
        if len(given) != 1:
            ways = "one of authority: NAME (or system), through: ssh, tls: none"
            raise wrong(ways, (given[1],) if given else (), " and ".join(given) or "none")
        for key, used in (("failover", self.failover), ("logins", self.logins.touch)):
            if used:
                self.require_authority((key,))

    def require_authority(self, at: At) -> None:
        """Refuse a part that logs in over the network by itself, and only where TLS is verified."""
        if not self.authority:
            expected = "a database with `authority`: this logs in where TLS is verified"
            raise wrong(expected, at, f"`{'through' if self.through else 'tls'}`")

    def _automated_or_not(self) -> None:
        if self.automation and self.patroni:
            raise wrong("no `patroni` beside automation: none", ("patroni",))
        if self.consensus is None:
            return
        # The store is the automation's own: a store that nothing leans on shows nothing.
        if self.patroni is None:
            raise wrong("the `patroni` that leans on this store", ("consensus",))
        distinct("member", self.consensus.members, ("consensus", "members"))
