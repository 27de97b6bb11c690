"""How an application records who read whose education record, and how that is tried."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from readiness.model.quantities import Duration
from readiness.model.words import Tier
from readiness.site.declared.common import Login
from readiness.site.declared.identity import Canary, SignIn
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    HeaderName,
    Name,
    Text,
    UrlPath,
    UsedBy,
    Written,
    known,
    wrong,
)

if TYPE_CHECKING:
    from readiness.site.environment import Environment

SqlName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=63)]
SUBJECT = "{subject}"


class Columns(Written):
    """The trail's columns; all but the last two are required of every event."""

    request: SqlName
    actor: SqlName
    actor_role: SqlName
    subject: SqlName
    time: SqlName
    purpose: SqlName
    outcome: SqlName
    route: SqlName | None = None
    login: SqlName | None = Field(default=None, description="The database login that wrote it.")


class Trail(Written):
    """Where events are found, and by whom."""

    database: Name
    db_schema: SqlName = Field(alias="schema")
    table: SqlName
    columns: Columns
    granted: Text
    denied: Text
    reader: Login = Field(description="A login that only reads.")
    deadline: Duration = Field(description="An event is visible this long after the answer.")
    clock_tolerance: Duration = 2.0


class AppendOnly(Written):
    """Who may do what with the trail, and who tries what nobody may."""

    owner: Text = Field(description="The role that owns the table; nobody logs in as it.")
    application: Text = Field(description="The role that the application logs in as.")
    members: tuple[Text, ...] = Field(
        default=(), description="Logins that may become the owner, migrations for one."
    )
    guards: Annotated[tuple[SqlName, ...], Field(min_length=1)]
    tester: Annotated[Login, UsedBy(Tier.TOUCH)] = Field(
        description="May SET ROLE to application and owner; tries, and always takes it back."
    )


class Access(Written):
    """A record and the purposes that the trail must hold for reading it."""

    path: Annotated[UrlPath, Field(description="Holds {subject} where the student's id goes.")]
    purpose: Text
    refused_purpose: Text
    route: Text | None = Field(default=None, description="What the trail's route column holds.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if SUBJECT not in self.path:
            raise wrong(f"a path with {SUBJECT}", ("path",), f"'{self.path}'")
        return self


class Audit(Section):
    """An application's audit trail of education records."""

    CALLED: ClassVar[str] = "audit trail"

    name: Name
    balancer: Name = Field(description="Through which every application machine is asked.")
    request_header: HeaderName = "X-Request-Id"
    sign_in: SignIn
    official: Canary = Field(description="May read the student.")
    subject: Canary = Field(description="Whose record is read; belongs to nobody.")
    stranger: Canary = Field(description="May not read the student.")
    record: Access
    trail: Trail
    append_only: AppendOnly

    def fits(self, site: "Environment", at: At) -> None:
        """Its balancer and its database are declared."""
        known("balancer", self.balancer, [one.name for one in site.balancers], (*at, "balancer"))
        for key in ("official", "subject", "stranger"):
            named = getattr(self, key).identity
            if named is not None:
                site.require_identity(named, (*at, key, "identity"))
        names = [one.name for one in site.databases]
        known("database", self.trail.database, names, (*at, "trail", "database"))
