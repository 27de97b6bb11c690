"""What a role says: its folder's ``role.toml``, read strictly, before anything is made of it.

Importable without root and without a lab.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, ValidationError

from lab.errors import WrongRole
from lab.home import LAB, REPOSITORY
from lab.keys import tree_files
from readiness.site.schemas import keys_at
from readiness.site.written import Text, Written, one_of

FOLDER: Final = REPOSITORY / "lab/roles"
FILE: Final = "role.toml"
# The table of what the whole site has for a role; what the role lays over a machine stands outside.
SITE: Final = "site"
# From the header of SITE, or of a table in it, to the next header of another table.
_SITE_LINES: Final = re.compile(rf"(?ms)^\[\[?{SITE}[.\]].*?(?=^\[(?!\[?{SITE}[.\]])|\Z)")
# A key that TOML needs no quotes for.
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
# A value that is quoted in a refusal: enough to be found again, on one line.
SHOWN: Final = 60

# Debian Policy 5.6.1.
_PACKAGE: Final = r"^[a-z0-9][a-z0-9+.-]+$"
# As Maven writes coordinates: group, artifact, version and type.
_ARTIFACT: Final = r"^[a-z0-9._-]+:[a-z0-9._-]+:[A-Za-z0-9._-]+:zip$"
_SHA256: Final = r"^[0-9a-f]{64}$"
_FOLDER: Final = r"^(/[A-Za-z0-9][A-Za-z0-9._-]*)+$"
# It stays below the secrets folder, in a folder of its own.
_KEPT: Final = r"^[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*/[a-z0-9][a-z0-9._-]*$"
# The bridge's end of its cable has the machine's name, and Linux gives such a name 15 characters.
_MACHINE: Final = r"^[a-z][a-z0-9-]{0,14}$"
# A bridge is called after it, `br-` before.
_ZONE: Final = r"^[a-z][a-z0-9]{0,11}$"
# It is a part of paths and of the name of an environment file.
_SITE: Final = r"^[a-z][a-z0-9]{0,14}$"
_KEY_PAIR: Final = r"^[a-z][a-z0-9-]{0,30}$"
# RFC 1035, 2.3.1.
_LABEL: Final = r"^[a-z][a-z0-9-]{0,62}$"
# It becomes the comment of a rule: nftables ends it at a quote and takes at most 128 bytes.
_WHY: Final = r'^[^"\\\x00-\x1f\x7f-\U0010ffff]{1,128}$'

# What is expected, in the words of people: by pattern, and by pydantic's kind of error.
_PATTERNS: Final = {
    _PACKAGE: "the name of a Debian package",
    _ARTIFACT: "the coordinates of a ZIP file: group:artifact:version:zip",
    _SHA256: "a SHA-256 in 64 hexadecimal digits",
    _FOLDER: "an absolute folder of the machine",
    _KEPT: "a file below secrets, such as redis/portal.password",
    _MACHINE: "a machine's name: a letter, then at most 14 letters, digits and '-', all lower-case",
    _ZONE: "a zone's name: a letter, then at most 11 letters and digits, all lower-case",
    _SITE: "a site's name: a letter, then at most 14 letters and digits, all lower-case",
    _KEY_PAIR: "a key pair's name: a letter, then at most 30 letters, digits and '-'",
    _LABEL: "a label of a host name: a letter, then at most 62 letters, digits and '-'",
    _WHY: "a reason of at most 128 ASCII characters, without quotes and '\\'",
}
_EXPECTED: Final = {
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "dict_type": "a table",
    "model_type": "a table",
    "tuple_type": "a list",
    "too_short": "at least one entry",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "literal_error": "{expected}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
}

Package = Annotated[str, StringConstraints(pattern=_PACKAGE)]
Artifact = Annotated[str, StringConstraints(pattern=_ARTIFACT)]
Sha256 = Annotated[str, StringConstraints(pattern=_SHA256)]
Folder = Annotated[str, StringConstraints(pattern=_FOLDER)]
SecretFile = Annotated[str, StringConstraints(pattern=_KEPT)]
MachineName = Annotated[str, StringConstraints(pattern=_MACHINE)]
SiteName = Annotated[str, StringConstraints(pattern=_SITE)]
KeyPair = Annotated[str, StringConstraints(pattern=_KEY_PAIR)]
Label = Annotated[str, StringConstraints(pattern=_LABEL)]
ZoneName = Annotated[str, StringConstraints(pattern=_ZONE)]
Why = Annotated[str, StringConstraints(pattern=_WHY)]
Port = Annotated[int, Field(ge=1, le=65535)]
Laid = dict[Text, Text]
"""Place in the machine -> what lies there, or whose it is."""


class Place(Written):
    """Where a machine stands: its zone, and the last number of both of its addresses there."""

    zone: Text
    # What a /24 has for machines; the router's is checked where all machines are known.
    number: Annotated[int, Field(ge=1, le=254)]
    # What it is called besides, below the lab's domain, as whoever uses it calls it.
    names: tuple[Label, ...] = ()


class Flow(Written):
    """A permitted kind of connection: who may open which ports where, and what for.

    Source and destination are a zone, a role, or ``"*"`` for every zone.
    """

    source: Text = Field(alias="from")
    destination: Text = Field(alias="to")
    ports: Annotated[tuple[Port, ...], Field(min_length=1)]
    why: Why
    protocol: Literal["tcp", "udp"] = "tcp"


class Archive(Written):
    """A ZIP file that is no Debian package: where Maven has it, its digest, and where it goes."""

    artifact: Artifact
    sha256: Sha256
    into: Folder


class Site(Written):
    """What the whole site has for a role."""

    # Which site: the big one, or another, which has what its own roles say and nothing else.
    of: SiteName = LAB
    # Whether it is on every machine of its site, below the others.
    everywhere: bool = False
    # Its zones and their numbers, which are part of their addresses; the big site's are in code.
    zones: dict[ZoneName, Annotated[int, Field(ge=0, le=255)]] = Field(default_factory=dict)
    packages: tuple[Package, ...] = ()
    archives: tuple[Archive, ...] = ()
    passwords: tuple[SecretFile, ...] = ()
    # Pairs of SSH keys, secrets/ssh/NAME and NAME.pub, each made once.
    ssh_keys: tuple[KeyPair, ...] = ()
    machines: dict[MachineName, Place] = Field(default_factory=dict)
    also_on: tuple[Text, ...] = ()
    flows: tuple[Flow, ...] = ()


class Said(Written):
    """A whole ``role.toml``; ``lab/README.md`` describes each key."""

    enable: tuple[Text, ...] = ()
    files: Laid = Field(default_factory=dict)
    secrets: Laid = Field(default_factory=dict)
    certificates: Laid = Field(default_factory=dict)
    crl: Laid = Field(default_factory=dict)
    trees: Laid = Field(default_factory=dict)
    collect: Laid = Field(default_factory=dict)
    # Whether its machine runs containers itself, and is given what that takes.
    runs_containers: bool = False
    # Whether its machine has what makes, passes and keeps traces (`lab.tracers`).
    has_tracers: bool = False
    site: Site = Site()


class Role(Said):
    """A role's folder, read."""

    name: str
    folder: Path

    @property
    def file(self) -> Path:
        """Where it says what it says."""
        return self.folder / FILE

    def script(self, name: str) -> Path | None:
        """One of the role's scripts (`lab.roles.SCRIPTS`), if it has it."""
        path = self.folder / name
        return path if path.exists() else None

    def wrong(self, key: tuple[str | int, ...], expected: str, found: str) -> WrongRole:
        """The refusal of what it says there."""
        return refusal(self.file, key, expected, found)


def load(name: str, roles: Path = FOLDER) -> Role:
    """Read a role.

    Raises:
        WrongRole: no such role, or its ``role.toml`` is not as described in ``lab/README.md``.
    """
    folder = roles / name
    if not folder.is_dir():
        raise WrongRole(f"no role is called {name!r}: {folder} is not a folder")
    path = folder / FILE
    given = _toml(path, path.read_text()) if path.exists() else {}
    return Role(name=name, folder=folder, **dict(_said(path, given)))


def load_all(roles: Path = FOLDER) -> dict[str, Role]:
    """Every role by its name, in alphabetical order.

    Raises:
        WrongRole: as with one.
    """
    # What Python compiled of a folder outlives it.
    folders = [one for one in sorted(roles.iterdir()) if one.is_dir() and tree_files(one)]
    return {one.name: load(one.name, roles) for one in folders}


def without_site(path: Path) -> str:
    """A ``role.toml`` but for what the whole site has for the role: the rest, line by line.

    Raises:
        WrongRole: no lines can be told from the rest that are all of ``[site]`` and nothing else.
    """
    text = path.read_text()
    rest = _SITE_LINES.sub("", text)
    wanted = _toml(path, text)
    wanted.pop(SITE, None)
    if _toml(path, rest) != wanted:
        raise refusal(path, (SITE,), "tables of its own", "it among what the role lays")
    return rest


def refusal(path: Path, key: tuple[str | int, ...], expected: str, found: str) -> WrongRole:
    """What is wrong in a role's file, in one line: file, key, expected, found."""
    return WrongRole(f"{path}: {_as_toml(key)}: expected {expected}, found {found}")


def _as_toml(key: tuple[str | int, ...]) -> str:
    """A key as TOML has it, with the places in lists: `site.flows[0].to`, `files."/etc/x"`."""
    parts = (
        f"[{part}]"
        if isinstance(part, int)
        else f".{part if _BARE.fullmatch(part) else json.dumps(part)}"
        for part in key
    )
    return "".join(parts).removeprefix(".")


def _toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongRole(f"{path}: not TOML: {error}") from error


def _said(path: Path, given: Mapping[str, Any]) -> Said:
    """What the file says, as the model has it.

    Raises:
        WrongRole: it says something else; of several mistakes an unknown key is told first, since
            one that is misspelt explains one that is missing.
    """
    try:
        # JSON has no dates: what is one by mistake is looked at as a text.
        return Said.model_validate_json(json.dumps(given, default=str))
    except ValidationError as error:
        errors = error.errors(include_url=False)
        first = min(errors, key=lambda one: one["type"] != "extra_forbidden")
    place = tuple(part for part in first["loc"] if part != "[key]")
    if first["type"] == "extra_forbidden":
        key = str(place[-1])
        known = keys_at(Said, place[:-1])
        raise refusal(path, place, f"a known key{one_of(key, known)}", repr(key)) from None
    if first["type"] == "missing":
        raise refusal(path, place, "a value", "none") from None
    context = first.get("ctx", {})
    words = _EXPECTED.get(first["type"], "").format(**context) or first["msg"]
    expected = _PATTERNS.get(str(context.get("pattern")), words)
    raise refusal(path, place, expected, repr(first["input"])[:SHOWN]) from None
