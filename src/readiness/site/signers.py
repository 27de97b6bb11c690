"""Who may vouch for what: the policy's part about what only people can say."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from readiness.model.quantities import Duration
from readiness.site.written import ClauseId, Day, FileReference, Name, Written, distinct, wrong

DAY: Final = 86400.0
KEY_TYPE: Final = "ssh-ed25519"
# As RFC 8709 spells a public key: the length and the name of its type, the length of the key.
KEY_HEAD: Final = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"
KEY_BYTES: Final = 32


@dataclass(frozen=True)
class Class:
    """What is asked of a kind of attestation, and how long it counts unless the policy says so."""

    longest: float
    per_release: bool = False
    approved: bool = False


# A release is approved as it is; people forget in a year, and staff and law change about as often.
CLASSES: Final[Mapping[str, Class]] = {
    "security-approval": Class(90 * DAY, per_release=True, approved=True),
    "risk-acceptance": Class(180 * DAY, approved=True),
    "training": Class(365 * DAY),
    "communication-procedures": Class(365 * DAY),
    "legal-reading": Class(365 * DAY, approved=True),
}
ClassName = Literal[
    "security-approval", "risk-acceptance", "training", "communication-procedures", "legal-reading"
]
WAIVER: Final = "waiver"
"""What a signer may be allowed besides: to own, or to approve, that something red is accepted."""

# A class, or one clause: letters and signs of both.
Scope = Annotated[str, StringConstraints(pattern=r"^[a-z]+[a-z.-]*(/[a-z0-9-]+)?$")]


def public_key(value: object) -> object:
    """The key in hex, of a line as `ssh-keygen` writes it; what is in hex already stays.

    In hex the record can keep it: long random text of another kind is hidden there.

    Raises:
        ValueError: it is no such line; the message says what was expected.
    """
    if not isinstance(value, str):
        return value
    if len(value) == 2 * KEY_BYTES and set(value) <= set("0123456789abcdef"):
        return value
    kind, _, rest = value.partition(" ")
    try:
        blob = base64.b64decode(rest.partition(" ")[0], validate=True)
    except binascii.Error:
        blob = b""
    if kind != KEY_TYPE or blob[: len(KEY_HEAD)] != KEY_HEAD or len(blob) != len(KEY_HEAD) + 32:
        message = f"a public key such as '{KEY_TYPE} AAAA…', as ssh-keygen writes it"
        raise ValueError(message)
    return blob[len(KEY_HEAD) :].hex()


class Signer(Written):
    """Somebody whose signature counts, and for what."""

    name: Name
    key: Annotated[
        str, BeforeValidator(public_key), Field(description="ssh-ed25519 AAAA…, the public key.")
    ]
    may_sign: tuple[Scope, ...] = Field(default=(), description="Classes, or single clauses.")
    may_approve: tuple[Scope, ...] = Field(
        default=(), description="Classes or clauses whose attestations by others may be approved."
    )
    since: Day | None = None
    until: Day | None = Field(default=None, description="The last day on which the key signs.")
    revoked: Day | None = Field(
        default=None, description="From that day on nothing counts that the key ever signed."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key in ("may_sign", "may_approve"):
            for index, one in enumerate(getattr(self, key)):
                if "/" not in one and one not in {*CLASSES, WAIVER}:
                    rights = ", ".join((*CLASSES, WAIVER))
                    raise wrong(f"a clause, or one of {rights}", (key, index), one)
        if self.since and self.until and self.until < self.since:
            raise wrong(f"a day not before {self.since}", ("until",), str(self.until))
        return self

    def covers(self, scopes: tuple[str, ...], kind: str, clause: str) -> bool:
        """Whether one of the scopes has that class or that clause."""
        return kind in scopes or clause in scopes

    def out_of_time(self, earliest: datetime, latest: datetime) -> str:
        """Why the key did not sign between these moments; empty when it may have."""
        if self.since and latest.date() < self.since:
            return f"the key of {self.name} counts from {self.since} on"
        if self.until and earliest.date() > self.until:
            return f"the key of {self.name} ended with {self.until}"
        return ""

    def is_revoked(self, at: datetime) -> bool:
        """Whether nothing counts any more that the key signed."""
        return self.revoked is not None and at.date() >= self.revoked


class Attestations(Written):
    """Where what people signed lies, whose signature counts, and for how long."""

    folder: FileReference
    signers: Annotated[tuple[Signer, ...], Field(min_length=1)]
    people: tuple[Name, ...] = Field(
        default=(), description="Each person that clauses about persons are about."
    )
    longest: dict[ClassName, Duration] = Field(
        default_factory=dict, description="How long an attestation of a class counts."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("name", [one.name for one in self.signers], ("signers",), "name")
        distinct("key", [one.key for one in self.signers], ("signers",), "key")
        distinct("person", self.people, ("people",))
        return self

    def signer(self, key: str) -> Signer | None:
        """Whose key it is."""
        return next((one for one in self.signers if one.key == key), None)

    def age_limit(self, kind: str) -> float:
        """Seconds that an attestation of a class counts."""
        given = {str(name): seconds for name, seconds in self.longest.items()}
        return given.get(kind, CLASSES[kind].longest)


class Waivers(Written):
    """How long what was seen to fail may be accepted, and what never is.

    What blocks by its severity is never accepted either (`blocking_severities`).
    """

    folder: FileReference
    # A fix takes a release or two; whoever needs longer looks at it once more and signs again.
    longest: Duration = Field(default=30 * DAY, description="How long a waiver counts at most.")
    never: tuple[ClauseId, ...] = Field(
        default=(), description="Clauses that nobody may waive, whatever was seen of them."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("clause", self.never, ("never",))
        return self
