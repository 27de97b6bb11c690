"""What somebody vouches for, as it is signed: one spelling, so that no byte changes unseen."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from readiness.model.words import Json
from readiness.site.environment import Environment
from readiness.site.pins import read_pins
from readiness.site.signers import ClassName
from readiness.site.written import ClauseId, Day, Name, Written

# Some paragraphs, a release and its reports: a body is read whole by whoever signs it.
MOST_SAID: Final = 2000
MOST_SEEN: Final = 20
MOST_PINS: Final = 500
SIGNED: Final = "attestation@readiness"
APPROVED: Final = "approval@readiness"
"""Namespaces of signatures: one made for another purpose, or as the other of the two, is none."""

Said = Annotated[str, StringConstraints(min_length=1, max_length=MOST_SAID)]
PathText = Annotated[
    str, StringConstraints(pattern=r"^[^/\x00-\x1f][^\x00-\x1f]*$", max_length=300)
]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Seen(Written):
    """One file that whoever signs has seen. `size` in bytes, `path` from the folder on."""

    path: PathText
    size: Annotated[int, Field(ge=0)]
    sha256: Digest


class About(Written):
    """The environment that it is about: which system, in which release."""

    name: Name
    release: Annotated[str, StringConstraints(max_length=200)]
    pins: Annotated[dict[str, Digest], Field(min_length=1, max_length=MOST_PINS)]


class Paper(Written):
    """What every signed file says. `until` is the last day on which it counts, in UTC."""

    signed_as: ClassVar[str] = SIGNED
    approved_as: ClassVar[str] = APPROVED
    called: ClassVar[str]

    schema_version: Literal[1] = Field(alias="schema")
    environment: About
    signer: Name
    signed: AwareDatetime
    since: Day
    until: Day

    @property
    def right(self) -> str:
        """The class that whoever signs it must be allowed."""
        raise NotImplementedError

    @property
    def alone(self) -> str:
        """The clause that a signer may be allowed alone; empty where the class alone counts."""
        return ""

    @property
    def files(self) -> tuple[Seen, ...]:
        """The files that it is about."""
        return ()

    def data(self) -> Json:
        """The body as JSON has it."""
        return self.model_dump(mode="json", by_alias=True)

    def spelled(self) -> bytes:
        """The bytes that are signed."""
        text = json.dumps(self.data(), sort_keys=True, indent=1, ensure_ascii=False)
        return (text + "\n").encode()


class Body(Paper):
    """An attestation without its signatures."""

    called: ClassVar[str] = "attestation"

    clause: ClauseId
    kind: ClassName = Field(alias="class")
    subject: Name
    says: Said
    seen: Annotated[tuple[Seen, ...], Field(min_length=1, max_length=MOST_SEEN)]

    @property
    def right(self) -> str:
        """The class of what is vouched for."""
        return self.kind

    @property
    def alone(self) -> str:
        """The clause that is vouched for."""
        return self.clause

    @property
    def files(self) -> tuple[Seen, ...]:
        """The files that were seen."""
        return self.seen


def pins_of(environment: Environment) -> dict[str, str]:
    """What identifies the system, each identity by its digest; empty when nothing is pinned.

    Raises:
        UsageError: the file of identities is missing or is not what it should be.
    """
    return {
        f"{part}/{name}": hashlib.sha256(value.encode()).hexdigest()
        for part, pins in read_pins(environment).items()
        for name, value in pins.items()
    }


def another_system(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """Why these are the pins of two systems; empty when they are of one.

    A machine more or less is the same site; one that answers as another is not.
    """
    common = ours.keys() & theirs.keys()
    if not common:
        return "nothing that is pinned is in both"
    changed = sorted(name for name in common if ours[name] != theirs[name])
    return f"{changed[0]} was pinned differently" if changed else ""
