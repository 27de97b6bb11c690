"""What a site holds its machines to beyond the table, what it excepts from it, and how much room.

Nothing of it has to be declared: each machine is held to the table anyway.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from readiness.site.declared.section import Section
from readiness.site.written import At, Folder, Text, Written, distinct, wrong
from readiness.systems.hardening.declared.software import OnMachines, Software
from readiness.systems.hardening.rules import FILE_RULES, HOST_RULES, KernelRule, kernel_rules
from readiness.systems.token import Kind

if TYPE_CHECKING:
    from readiness.site.environment import Environment

KernelKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_-]+)+$")]
Percent = Annotated[float, Field(gt=0, lt=100)]


class OwnSetting(OnMachines):
    """A kernel setting that the site holds machines to: a row more, or in place of the table's."""

    key: KernelKey
    least: int
    most: int
    reason: Text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.most < self.least:
            raise wrong(f"at least {self.least}, which is `least`", ("most",), str(self.most))
        return self


class Excepted(OnMachines):
    """A row that machines are not held to: of the rows about files only for one path."""

    rule: Text = Field(description="A kernel setting of the table, or the name of another row.")
    path: Folder | None = None
    reason: Text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.rule in FILE_RULES and self.path is None:
            raise wrong(f"`path`, which {self.rule} is excepted for", ("rule",), "none")
        if self.path is not None and self.rule not in FILE_RULES:
            raise wrong("no `path` for a row that is about no file", ("path",), self.path)
        return self

    @property
    def words(self) -> str:
        """What it excepts and why, for the reason of a green case."""
        return f"{self.rule}{f' {self.path}' if self.path else ''} ({self.reason})"


class Hardening(Software, Section):
    """What is said about how machines are hardened."""

    CALLED: ClassVar[str] = "hardening"

    kernel: tuple[OwnSetting, ...] = ()
    excepted: tuple[Excepted, ...] = ()
    ssh_passwords: Literal["allowed", "refused"] = Field(
        default="allowed",
        description="Whether SSH may offer passwords to ordinary users; `refused` holds for root, "
        "too.",
    )

    def fits(self, site: "Environment", at: At) -> None:
        """Its machines are declared and reached, and each exception is one of a row."""
        rows = {one.key for one in kernel_rules(self._rules(self.kernel))} | set(HOST_RULES)
        for index, one in enumerate(self.excepted):
            if one.rule not in rows:
                expected = f"a kernel setting of the table, or one of {', '.join(HOST_RULES)}"
                raise wrong(expected, (*at, "excepted", index, "rule"), f"'{one.rule}'")
        for key in ("kernel", "excepted"):
            _reached(site, getattr(self, key), (*at, key))
        self._software_fits(site, at)

    def _software_fits(self, site: "Environment", at: At) -> None:
        """Machines and roles that are named below its parts are declared."""
        for part, key in (
            ("services", "held"),
            ("services", "excepted"),
            ("known_holes", "accepted"),
            ("integrity", "changed"),
        ):
            said = getattr(self, part)
            _reached(site, getattr(said, key) if said else (), (*at, part, key))
        roles = {one.role for one in site.machines}
        for index, one in enumerate(self.alike.differences if self.alike else ()):
            if one.role not in roles:
                here = (*at, "alike", "differences", index, "role")
                raise wrong("the role of a machine", here, f"'{one.role}'")

    def rows(self, machine: str) -> tuple[KernelRule, ...]:
        """The site's own rows for a machine."""
        return self._rules(one for one in self.kernel if one.is_about(machine))

    def exceptions(self, machine: str) -> tuple[Excepted, ...]:
        """What a machine is not held to."""
        return tuple(one for one in self.excepted if one.is_about(machine))

    @staticmethod
    def _rules(own: Iterable[OwnSetting]) -> tuple[KernelRule, ...]:
        return tuple(KernelRule(one.key, one.least, one.most, one.reason) for one in own)


class Exempt(OnMachines):
    """A file system that may be as full as it is."""

    point: Folder
    reason: Text


class Headroom(Section):
    """How much room file systems must have left."""

    CALLED: ClassVar[str] = "headroom"

    free: Percent = Field(default=10.0, description="Percent of its bytes, at least.")
    inodes: Percent = Field(default=10.0, description="Percent of its inodes, at least.")
    excepted: tuple[Exempt, ...] = ()

    def fits(self, site: "Environment", at: At) -> None:
        """Its machines are declared and reached."""
        _reached(site, self.excepted, (*at, "excepted"))

    def spared(self, machine: str) -> dict[str, str]:
        """Why file systems of a machine may be full, by mount point."""
        return {one.point: one.reason for one in self.excepted if one.is_about(machine)}


def _reached(site: "Environment", entries: tuple[OnMachines, ...], at: At) -> None:
    """Refuse what names a machine twice, or one that is not declared or not reached."""
    for index, one in enumerate(entries):
        here = (*at, index, "machines")
        distinct("machine", one.machines, here)
        site.require_machines(one.machines, here)
        for place, name in enumerate(one.machines):
            if not site.machine(name).ssh:
                raise wrong("a machine that is reached over SSH", (*here, place), f"'{name}'")


def hardening_of(environment: "Environment") -> Hardening:
    """What a site says about hardening."""
    return environment.hardening or Hardening()


def headroom_of(environment: "Environment") -> Headroom:
    """What a site says about room."""
    return environment.headroom or Headroom()


class Sections(Written):
    """What the room declares in an environment."""

    hardening: Hardening | None = None
    headroom: Headroom | None = None


KINDS: Final[tuple[Kind[Any], ...]] = ()
"""Machines are the subjects."""
