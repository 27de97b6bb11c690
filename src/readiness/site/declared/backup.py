"""Backups of a database: where they lie, how fresh they must be, where they are tried.

pgBackRest's are asked by its own listing. Those of any other tool are listed by a command of the
site's (`kind: command`); what it says is looked at where it says that it lies.
"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from readiness.model.quantities import Duration, Size
from readiness.model.words import Tier
from readiness.site.declared.common import Login
from readiness.site.declared.section import Section
from readiness.site.written import (
    KIND,
    REFUSAL,
    At,
    Command,
    Folder,
    Name,
    SystemUser,
    Table,
    UnitName,
    UsedBy,
    Written,
    distinct,
    known,
    wrong,
)

if TYPE_CHECKING:
    from readiness.site.environment import Environment


PGBACKREST: Final = "pgbackrest"
COMMAND: Final = "command"


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


class BackupOfDatabase(Section):
    """What backups of a database have in common, whatever makes them."""

    CALLED: ClassVar[str] = "backup"

    name: Name
    database: Name
    every: Duration
    age: Duration = Field(description="How old the newest full backup may be.")
    encrypted: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.age < self.every:
            raise wrong("at least as long as `every`", ("age",))
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its database is declared."""
        known("database", self.database, [one.name for one in site.databases], (*at, "database"))


class Backup(BackupOfDatabase):
    """The backups of one database that pgBackRest makes."""

    kind: Literal["pgbackrest"] = PGBACKREST
    repository: Repository
    timer: UnitName = Field(description="The systemd timer there that takes full backups.")
    wal_age: Duration = Field(description="How long WAL that is complete may stay unarchived.")
    smallest_percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=50, description="The least size of a backup, in percent of the live database."
    )
    restore: Annotated[RestoreDrill | None, UsedBy(Tier.LOAD)] = None

    def fits(self, site: "Environment", at: At) -> None:
        """Its database and machines are declared, and a restore disturbs none of those in use."""
        super().fits(site, at)
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


class Place(Written):
    """A folder that listed backups may lie in, and who may look at what lies there."""

    machine: Name
    folder: Folder
    user: SystemUser = Field(
        description="Owns what lies there; observers may ask for size, time and first bytes as it."
    )


class ListedBackup(BackupOfDatabase):
    """The backups of one database that a tool of the site makes, and a command of its lists."""

    kind: Literal["command"]
    machine: Name = Field(description="Where the list is asked for.")
    user: SystemUser = Field(description="Observers may run the list there as this user.")
    lists: Command = Field(
        alias="list",
        description="Prints a JSON array, of each backup `end` (RFC 3339), `bytes`, `place` "
        "(machine:/path, or a URL), `encrypted` and `kind` (full, incremental, snapshot).",
    )
    places: tuple[Place, ...] = Field(
        default=(), description="Where backups lie that can be looked at; elsewhere nobody looks."
    )
    timer: UnitName | None = Field(
        default=None, description="The systemd timer on that machine that makes them."
    )
    smallest_percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=50,
        description="The least size of the newest, in percent of the median of those before it.",
    )
    smallest: Size | None = Field(
        default=None, description="The least size of the newest, where none before it is kept."
    )

    @model_validator(mode="after")
    def _askable(self) -> Self:
        # What begins otherwise could be an option of sudo's.
        if not self.lists[0].startswith("/"):
            raise wrong("the whole path of a program", ("list", 0), f"'{self.lists[0]}'")
        distinct("place", [f"{one.machine}:{one.folder}" for one in self.places], ("places",))
        return self

    @property
    def restore(self) -> None:
        """Nothing restores what a list says; pgBackRest's can be."""

    def fits(self, site: "Environment", at: At) -> None:
        """Its database and machines are declared."""
        super().fits(site, at)
        site.require_machine(self.machine, (*at, "machine"))
        for index, one in enumerate(self.places):
            site.require_machine(one.machine, (*at, "places", index, "machine"))


def _tag(value: Any) -> str | None:
    """Which of the two a part of a file is; it is pgBackRest's unless it says so."""
    if isinstance(value, BackupOfDatabase):
        value = {"kind": getattr(value, "kind", None)}
    kind = value.get("kind", PGBACKREST) if isinstance(value, dict) else PGBACKREST
    return KIND + kind if kind in (PGBACKREST, COMMAND) else None


AnyBackup = Annotated[
    Annotated[Backup, Tag(KIND + PGBACKREST)] | Annotated[ListedBackup, Tag(KIND + COMMAND)],
    Discriminator(
        _tag,
        custom_error_type=REFUSAL,
        custom_error_message="another kind of backups",
        custom_error_context={"expected": f"{PGBACKREST} or {COMMAND}", "at": ["kind"]},
    ),
]
