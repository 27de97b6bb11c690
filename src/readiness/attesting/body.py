"""What somebody vouches for, as it is signed: one spelling, so that no byte changes unseen."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from readiness.model.words import Json
from readiness.site.environment import Environment
from readiness.site.pins import read_pins
from readiness.site.signers import ClassName
from readiness.site.written import ClauseId, Name, Written

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
# Further away is a mistake, and no sum of days with it is beyond what a calendar has.
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
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


class Body(Written):
    """An attestation without its signatures. `until` is the last day on which it counts, in UTC."""

    schema_version: Literal[1] = Field(alias="schema")
    clause: ClauseId
    kind: ClassName = Field(alias="class")
    subject: Name
    says: Said
    seen: Annotated[tuple[Seen, ...], Field(min_length=1, max_length=MOST_SEEN)]
    environment: About
    signer: Name
    signed: AwareDatetime
    since: Day
    until: Day

    def data(self) -> Json:
        """The body as JSON has it."""
        return self.model_dump(mode="json", by_alias=True)

    def spelled(self) -> bytes:
        """The bytes that are signed."""
        text = json.dumps(self.data(), sort_keys=True, indent=1, ensure_ascii=False)
        return (text + "\n").encode()


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
