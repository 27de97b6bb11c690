"""What *is*: one environment, described by its owner in one YAML file.

Frozen, strict, unknown keys refused; an Environment that exists is consistent. Secrets are
references (`file:PATH`, `env:NAME`), relative paths count from the file that names them.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from readiness.model.errors import UsageError
from readiness.model.quantities import Duration
from readiness.model.words import Tier
from readiness.site import behind
from readiness.site.declared.audit import Audit
from readiness.site.declared.backup import AnyBackup
from readiness.site.declared.balancer import Balancer
from readiness.site.declared.database import Database
from readiness.site.declared.firewall import Firewall
from readiness.site.declared.identity import Account, Canary, Identity, filled
from readiness.site.declared.listener import AcmeChallenge, Listener, PortalPage
from readiness.site.declared.load import LoadTest
from readiness.site.declared.machine import Machine
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    ClauseId,
    FileReference,
    KeyReference,
    Name,
    SystemUser,
    Text,
    UsedBy,
    Written,
    distinct,
    gathering,
    known,
    wrong,
)
from readiness.systems.every_declared import OF_ROOM, SectionsOfRooms

Percent = Annotated[float, Field(gt=0, lt=100)]


class SshLogin(Written):
    """A system user and its private key; without a key the agent is asked."""

    user: SystemUser
    key: KeyReference | None = None


class Ssh(Written):
    """How machines are reached over SSH; ssh_config, agent and ProxyJump are honoured."""

    known_hosts: FileReference | None = Field(
        default=None, description="Keys of the machines; without one, what `ssh` itself knows."
    )
    config: FileReference | None = None
    observe: SshLogin
    disrupt: Annotated[SshLogin | None, UsedBy(Tier.DISRUPT)] = None


class Objectives(Written):
    """What the owner promised."""

    availability: Percent
    availability_window: Duration = 30 * 86400.0
    recovery_time: Duration
    recovery_point: Duration
    database_recovery_time: Duration
    certificate_notice: Duration = 14 * 86400.0
    certificate_life_without_revocation: Duration | None = Field(
        default=None,
        description="How long a certificate may live that names nobody who would tell that it was "
        "revoked; until it runs out, whoever stole its key passes for its owner.",
    )


class Permissions(Written):
    """What this environment allows the gate to do."""

    tiers: tuple[Tier, ...] = (Tier.OBSERVE,)
    scan: bool = Field(default=False, description="Whether its network may be scanned.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("tier", self.tiers, ("tiers",))
        return self


class NotApplicable(Written):
    """What an environment asks the policy to except, and why; the asking alone changes nothing.

    Files of older versions name an approver and an expiry, which nobody goes by.
    """

    clause: ClauseId
    reason: Text
    approver: Text | None = None
    expires: date | None = None


# What may be said to be absent. mypy knows no Literal that is put together at run time.
if TYPE_CHECKING:
    SectionName = str
else:
    SectionName = Literal[
        "listeners", "databases", "balancers", "load_tests", "audit", "backups", "firewall",
        *dict.fromkeys(kind.section for room in OF_ROOM.values() for kind in room),
    ]  # fmt: skip


class Environment(SectionsOfRooms):
    """A live environment."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    kind: Literal["production", "staging", "rehearsal"]
    release: str = ""
    identity: FileReference | None = None
    own_checks: FileReference | None = Field(
        default=None, description="What the site adds: criteria and checks of its own."
    )
    zones: Annotated[tuple[Name, ...], Field(min_length=1)] = ("site",)
    looks_from: Name = Field(default="site", description="The zone that the gate stands in.")
    permissions: Permissions = Permissions()
    ssh: Ssh | None = None
    authorities: dict[Name, FileReference] = Field(default_factory=dict)
    machines: Annotated[tuple[Machine, ...], Field(min_length=1)]
    listeners: tuple[Listener, ...] = ()
    identities: tuple[Identity, ...] = Field(
        default=(), description="Synthetic accounts that checks sign in as, from tier touch on."
    )
    pages: tuple[PortalPage, ...] = Field(
        default=(), description="What users ask for, and what a right answer is."
    )
    acme_challenges: tuple[AcmeChallenge, ...] = Field(
        default=(), description="Where certificates are renewed by challenges over plain HTTP."
    )
    databases: tuple[Database, ...] = ()
    balancers: tuple[Balancer, ...] = ()
    load_tests: tuple[LoadTest, ...] = ()
    audit: Audit | None = None
    backups: tuple[AnyBackup, ...] = ()
    firewall: Firewall | None = None
    objectives: Objectives
    not_applicable: tuple[NotApplicable, ...] = ()
    absent: tuple[SectionName, ...] = Field(
        default=(),
        description="What this site does not have, on purpose: clauses about it fail.",
    )

    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    @gathering
    def _consistent(self) -> Self:
        distinct("zone", self.zones, ("zones",))
        distinct("machine", [one.name for one in self.machines], ("machines",), "name")
        clauses = [entry.clause for entry in self.not_applicable]
        distinct("clause", clauses, ("not_applicable",), "clause")
        self._absent_is_empty()
        known("zone", self.looks_from, self.zones, ("looks_from",))
        self._machines_consistent()
        for key in type(self).model_fields:
            self._section_fits(key)
        return self

    def _section_fits(self, key: str) -> None:
        value = getattr(self, key)
        if isinstance(value, Section):
            value.fits(self, (key,))
            return
        listed = value if isinstance(value, tuple) else ()
        sections = [one for one in listed if isinstance(one, Section)]
        for one in sections[:1]:
            distinct(one.CALLED, [each.told_by for each in sections], (key,), one.TOLD_BY)
        for index, one in enumerate(sections):
            one.fits(self, (key, index))

    def _absent_is_empty(self) -> None:
        distinct("section", self.absent, ("absent",))
        for index, name in enumerate(self.absent):
            if getattr(self, name):
                expected = f"no `{name}` in a file that says that there are none"
                raise wrong(expected, ("absent", index), f"'{name}'")

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

    def require_machines(self, names: Sequence[str], at: At) -> None:
        """Refuse, at that place of the file, a name of a list that is no declared machine's."""
        for index, name in enumerate(names):
            self.require_machine(name, (*at, index))

    def require_machine(self, name: str, at: At) -> None:
        """Refuse, at that place of the file, a name that is no declared machine's."""
        known("machine", name, [machine.name for machine in self.machines], at)

    def require_authority(self, name: str, at: At) -> None:
        """Refuse, at that place of the file, a name that is no declared authority's."""
        known("authority", name, self.authorities, at)

    def require_https(self, name: str, at: At) -> None:
        """Refuse, at that place of the file, a name that is no declared HTTPS listener's."""
        web = [one.name for one in self.listeners if one.protocol == "https"]
        known("HTTPS listener", name, web, at)

    def require_identity(self, name: str, at: At) -> None:
        """Refuse, at that place of the file, a name that is no declared identity's."""
        known("identity", name, [one.name for one in self.identities], at)

    @property
    def shared_addresses(self) -> frozenset[str]:
        """Every address that moves between machines."""
        return frozenset(one for entry in self.listeners for one in entry.shared_addresses)

    def roles_behind(self, address: str) -> frozenset[str]:
        """The roles of the machines that may hold a shared address."""
        return frozenset(self.machine(name).role for name in self.machines_behind(address))

    def machines_behind(self, address: str) -> frozenset[str]:
        """The machines that may hold a shared address."""
        return frozenset(
            name
            for entry in self.listeners
            if address in entry.shared_addresses
            for name in entry.machines
        )

    def machine(self, name: str) -> Machine:
        """The machine of that name."""
        return next(machine for machine in self.machines if machine.name == name)

    def server(self, address: str, port: int, expected: int) -> str:
        """The machine that has this address or name, where the port is the expected one.

        Anything else as it was found, so that it equals no machine's name.
        """
        for machine in self.machines if port == expected else ():
            if machine.known_as(address):
                return machine.name
        return f"{address}:{port}"

    def database(self, name: str) -> Database:
        """The database of that name."""
        return next(database for database in self.databases if database.name == name)

    def balancer(self, name: str) -> Balancer:
        """The balancer of that name."""
        return next(balancer for balancer in self.balancers if balancer.name == name)

    def front(self, balancer: Balancer) -> str:
        """The address that its users ask: a shared one, where there is one."""
        shared = self.listener(balancer.listener).shared_addresses
        return (shared or self.machine(balancer.machines[0]).addresses)[0]

    def account(self, canary: Canary) -> Account:
        """The account of the audit trail: its own, or that of the identity which it names."""
        return canary.among(self.identities)

    def filled(self, path: str) -> str:
        """The path with the id of each identity that it names in braces."""
        return filled(path, {one.name: one.id for one in self.identities})

    def identity_called(self, name: str) -> Identity:
        """The identity of that name."""
        return next(one for one in self.identities if one.name == name)

    def listener(self, name: str) -> Listener:
        """The listener of that name."""
        return next(listener for listener in self.listeners if listener.name == name)

    def require_typed_name(self, typed: str) -> None:
        """Refuse to disturb or scan production unless somebody typed its name.

        Raises:
            UsageError: nothing or another name was typed.
        """
        if self.kind == "production" and typed != self.name:
            raise UsageError(
                "a production environment is disturbed or scanned only when its name is typed",
                key="--confirm",
                expected=self.name,
                found=typed or "nothing",
            )

    def located(self, folder: Path) -> Self:
        """The same environment, with relative references counted from that folder."""
        self._folder = folder
        return self

    def path(self, reference: str) -> Path:
        """The file behind a `file:` reference."""
        return behind.path(reference, self._folder)

    def content(self, reference: str) -> bytes:
        """What the file behind a reference holds.

        Raises:
            UsageError: the file is missing or unreadable.
        """
        return behind.content(reference, self._folder)

    def secret(self, reference: str) -> str:
        """The secret behind a reference, without its final line break.

        Raises:
            UsageError: the file or variable is missing or unreadable.
        """
        return behind.secret(reference, self._folder)
