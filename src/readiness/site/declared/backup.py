"""Backups of a database: where they lie, how fresh they must be, where they are tried."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, model_validator

from readiness.model.quantities import Duration
from readiness.model.words import Tier
from readiness.site.declared.common import Login
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    Command,
    Folder,
    Name,
    SystemUser,
    Table,
    UnitName,
    UsedBy,
    Written,
    known,
    wrong,
)

if TYPE_CHECKING:
    from readiness.site.environment import Environment


class Repository(Written):
    """A pgBackRest repository on a machine of its own."""

    machine: Name
    user: SystemUser = Field(
        default="postgres", description="Owns the repository; observers may list it as this user."
    )
    path: Folder
    stanza: Name


class Migrations(Written):
    """The application's own migrations, tried on a restored copy on the machine for restores.

    They are given libpq's variables (PGHOST, a socket's folder; PGPORT, PGUSER, PGDATABASE), and no
    network.
    """

    folder: Folder = Field(description="Where the commands are run.")
    role: SystemUser = Field(description="The role that migrates the live database.")
    up: Command = Field(description="Brings a database to the newest revision of the release.")
    down: Command = Field(description="Takes it back to where a rollback would take it.")
    bookkeeping: Table = Field(description="The tool's own table, which tells the revision.")
    limit: Duration = Field(default=900.0, description="How long one command may take.")


class RestoreDrill(Written):
    """Where a backup is restored to, and who may read both sides to compare them."""

    machine: Name = Field(description="An expendable machine that is none of the database's.")
    user: SystemUser = "postgres"
    folder: Folder = Field(description="Holds nothing but what drills restore.")
    binaries: Folder
    login: Login = Field(description="Reads every table of the live database, and writes nothing.")
    migrations: Migrations | None = None


class Backup(Section):
    """The backups of one database."""

    CALLED: ClassVar[str] = "backup"

    name: Name
    database: Name
    repository: Repository
    timer: UnitName = Field(description="The systemd timer there that takes full backups.")
    every: Duration
    age: Duration = Field(description="How old the newest full backup may be.")
    wal_age: Duration = Field(description="How long WAL that is complete may stay unarchived.")
    smallest_percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=50, description="The least size of a backup, in percent of the live database."
    )
    encrypted: bool = True
    restore: Annotated[RestoreDrill | None, UsedBy(Tier.LOAD)] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.age < self.every:
            raise wrong("at least as long as `every`", ("age",))
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its database and machines are declared, and a restore disturbs none of those in use."""
        known("database", self.database, [one.name for one in site.databases], (*at, "database"))
        home = self.repository.machine
        site.require_machine(home, (*at, "repository", "machine"))
        if self.restore is None:
            return
        spare, place = self.restore.machine, (*at, "restore", "machine")
        site.require_machine(spare, place)
        site.database(self.database).require_authority((*at, "restore"))
        if spare in (*site.database(self.database).members, home):
            expected = "a machine that holds neither the database nor its backups"
            raise wrong(expected, place, f"'{spare}'")
