"""What a site says of services, packages and machines of one role; each part is asked once said."""

import re
from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from readiness.model.quantities import Duration
from readiness.site.written import (
    FileReference,
    Folder,
    Name,
    SystemUser,
    Text,
    UnitName,
    Written,
    wrong,
)

DAY: Final = 86400.0


class OnMachines(Written):
    """What is about some machines, or about all where none is named."""

    machines: tuple[Name, ...] = Field(
        default=(), description="Without it, every machine that is reached over SSH."
    )

    def is_about(self, machine: str) -> bool:
        """Whether it is about that machine."""
        return not self.machines or machine in self.machines


class HeldService(OnMachines):
    """A service that runs as declared: by its process, and by the unit that starts it next."""

    unit: UnitName
    user: SystemUser
    no_new_privileges: bool = Field(
        default=False, description="Whether its process can gain no rights (prctl(2))."
    )
    capabilities: Literal["any", "none"] = Field(
        default="any", description="`none`: its process has no capability in effect."
    )


class ExceptedService(OnMachines):
    """A service that one row of the table is not asked of."""

    unit: UnitName
    rule: Literal["runs-as-root", "others-write"]
    reason: Text


class Services(Written):
    """How services run. Said at all, every machine's services are held to the table."""

    held: tuple[HeldService, ...] = ()
    excepted: tuple[ExceptedService, ...] = ()


class AcceptedHole(OnMachines):
    """A hole that somebody decided to live with for a while."""

    bug: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9-]{3,40}$")]
    until: date = Field(description="The last day on which it is accepted.")
    reason: Text


class KnownHoles(Written):
    """Which packages have holes: what distribution's list says so, and how old it may be."""

    feed: FileReference = Field(
        description="A file of debsecan's format, as it was fetched (also compressed)."
    )
    age: Annotated[Duration, Field(gt=0)] = Field(
        default=3 * DAY, description="How long ago it may have been fetched."
    )
    without_fix: Literal["told", "counted"] = Field(
        default="told", description="`counted`: holes that nobody has mended count as well."
    )
    accepted: tuple[AcceptedHole, ...] = ()


class Changed(OnMachines):
    """A file of a package that the site changed on purpose."""

    path: Folder
    reason: Text


class Integrity(Written):
    """What packages brought, as it was before anybody changed anything, kept at the gate."""

    digests: FileReference = Field(
        description="What `dpkg-query` and `sha256sum` said of the packages' lists of digests."
    )
    changed: tuple[Changed, ...] = ()


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise wrong(f"a regular expression ({error})", found=text) from None
    return text


class Difference(Written):
    """What differs between the machines of a role, and is meant so."""

    role: Name
    of: Literal["packages", "units", "accounts", "settings", "kernel"]
    named: Annotated[str, AfterValidator(_pattern)] = Field(
        default=".*", description="A regular expression over the whole name of what differs."
    )
    reason: Text

    def covers(self, aspect: str, name: str) -> bool:
        """Whether it is said of that."""
        return self.of == aspect and re.fullmatch(self.named, name) is not None


class Alike(Written):
    """Said at all, machines of one role are compared."""

    differences: tuple[Difference, ...] = ()


class Software(Written):
    """What is said of what runs on machines."""

    services: Services | None = None
    known_holes: KnownHoles | None = None
    integrity: Integrity | None = None
    alike: Alike | None = None

    @model_validator(mode="after")
    def _each_service_once(self) -> Self:
        held = self.services.held if self.services else ()
        for index, one in enumerate(held):
            before = [two for two in held[:index] if two.unit == one.unit]
            if any(not two.machines or not one.machines for two in before) or any(
                set(two.machines) & set(one.machines) for two in before
            ):
                found = f"'{one.unit}' twice"
                raise wrong("each service once", ("services", "held", index, "unit"), found)
        return self
