"""Where secrets are kept, which files are looked at besides, and what looks like one and is none.

Nothing of it has to be declared: what everybody on a machine can read is looked at anyway.
"""

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self

from pydantic import AfterValidator, Field, model_validator

from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    Name,
    SystemUser,
    Text,
    UnitName,
    Written,
    distinct,
    known,
    wrong,
)
from readiness.systems.secrets.declared.places import Place
from readiness.systems.secrets.declared.values import Ages, Defaults, Keys, Value
from readiness.systems.secrets.globs import folder_and_depth, matches
from readiness.systems.secrets.questions import fits
from readiness.systems.token import Kind

if TYPE_CHECKING:
    from readiness.site.environment import Environment

OTHERS: Final = 0o007


def _pattern(path: str) -> str:
    """A path whose beginning can stand in a command line, and has a folder to begin in."""
    if fits(path.replace("*", "x").replace("?", "x")) and folder_and_depth(path)[0]:
        return path
    raise wrong("a path such as /srv/portal/*.properties, below a folder of its own", found=path)


def _mode(text: str) -> str:
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise wrong("a mode such as '0640'", found=text)
    if int(text, 8) & OTHERS:
        expected = "a mode without rights for others, such as '0640': what everybody reads"
        raise wrong(f"{expected} keeps no secret", found=text)
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
Mode = Annotated[str, AfterValidator(_mode)]


class OnMachines(Written):
    """What is about some machines, or about all where none is named."""

    machines: tuple[Name, ...] = Field(
        default=(), description="Without it, every machine that is reached over SSH."
    )

    def is_about(self, machine: str) -> bool:
        """Whether it is about that machine."""
        return not self.machines or machine in self.machines


class LookedAt(OnMachines):
    """Files that must hold no secret, whoever may read them."""

    paths: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    user: SystemUser | None = Field(
        default=None, description="As whom sudo reads them, where our own login can't."
    )


class Kept(OnMachines):
    """A file or a folder where secrets are meant to be, and who may read it."""

    path: Place
    owner: SystemUser
    mode: Mode = Field(default="0600", description="It may have at most these rights.")

    @property
    def rights(self) -> int:
        """The mode as a number."""
        return int(self.mode, 8)


class Allowed(OnMachines):
    """What looks like a secret and is none."""

    path: Pattern | None = None
    unit: UnitName | None = Field(
        default=None, description="A unit whose environment or command line it stands in."
    )
    setting: Text | None = Field(
        default=None, description="The name before the value, as the finding tells it."
    )
    reason: Text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.path is None) == (self.unit is None):
            found = "both" if self.path else "neither"
            raise wrong("one of `path` and `unit`", ("path",) if self.path else (), found)
        return self

    @property
    def whole_folder(self) -> str:
        """The folder that it leaves out as a whole, or nothing."""
        folder = (self.path or "").removesuffix("/**")
        whole = self.path != folder and self.setting is None and fits(folder)
        return folder if whole else ""

    def in_file(self, path: str, setting: str) -> bool:
        """Whether it is said of that finding in a file."""
        meant = self.path is not None and matches(self.path, path)
        return meant and self.setting in {None, setting}

    def of_unit(self, unit: str, setting: str) -> bool:
        """Whether it is said of that finding in an environment or a command line."""
        mine = self.unit is not None and unit in {self.unit, f"{self.unit}.service"}
        return mine and self.setting in {None, setting}


class Secrets(Section):
    """What is said about the secrets of a site."""

    CALLED: ClassVar[str] = "secrets"

    files: tuple[LookedAt, ...] = ()
    kept_in: tuple[Kept, ...] = ()
    allowed: tuple[Allowed, ...] = ()
    defaults: Defaults | None = None
    keys: Keys | None = None
    values: tuple[Value, ...] = ()
    ages: Ages | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("value", [one.name for one in self.values], ("values",), "name")
        for key in ("files", "kept_in", "allowed"):
            for index, entry in enumerate(getattr(self, key)):
                distinct("machine", entry.machines, (key, index, "machines"))
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its machines are declared and reached, and each place is declared once on each."""
        reached = {one.name for one in site.machines if one.ssh}
        for key in ("files", "kept_in", "allowed"):
            for index, entry in enumerate(getattr(self, key)):
                here = (*at, key, index, "machines")
                site.require_machines(entry.machines, here)
                for place, name in enumerate(entry.machines):
                    if name in {one.name for one in site.machines} - reached:
                        expected = "a machine that is reached over SSH"
                        raise wrong(expected, (*here, place), f"'{name}'")
        self._each_place_once(site, at)
        self._values_fit(site, at)

    def _values_fit(self, site: "Environment", at: At) -> None:
        """Values lie on machines that are reached, and whoever names one names a declared one."""
        names = [one.name for one in self.values]
        for index, one in enumerate(self.values):
            here = (*at, "values", index)
            _require_reached(site, one.machine, (*here, "machine"))
            for place, other in enumerate(one.as_on):
                known("value", other, names, (*here, "as_on", place))
        for index, entry in enumerate(self.ages.rotated if self.ages else ()):
            here = (*at, "ages", "rotated", index)
            _require_reached(site, entry.machine, (*here, "machine"))
            for place, name in enumerate(entry.values):
                known("value", name, names, (*here, "values", place))
        shown = [*(one.name for one in site.machines), *(one.name for one in site.listeners)]
        for index, shared in enumerate(self.keys.shared if self.keys else ()):
            for place, name in enumerate(shared.of):
                at_name = (*at, "keys", "shared", index, "of", place)
                known("machine or listener", name, shown, at_name)

    def _each_place_once(self, site: "Environment", at: At) -> None:
        taken: set[tuple[str, str]] = set()
        for index, one in enumerate(self.kept_in):
            mine = {(m.name, one.path) for m in site.machines if one.is_about(m.name)}
            if taken & mine:
                where = min(taken & mine)[0]
                found = f"'{one.path}' twice on {where}"
                raise wrong("each place once on a machine", (*at, "kept_in", index, "path"), found)
            taken |= mine


def _require_reached(site: "Environment", name: str, at: At) -> None:
    site.require_machine(name, at)
    if not site.machine(name).ssh:
        raise wrong("a machine that is reached over SSH", at, f"'{name}'")


NOTHING: Final = Secrets()
"""What a site says that says nothing."""


def secrets_of(environment: "Environment") -> Secrets:
    """What a site says about its secrets."""
    return environment.secrets or NOTHING


class Sections(Written):
    """What the room declares in an environment."""

    secrets: Secrets | None = None


KINDS: Final[tuple[Kind[Any], ...]] = ()
"""Machines are the subjects."""
