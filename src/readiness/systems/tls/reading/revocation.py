"""What is said of a certificate's revocation: by OCSP (RFC 6960), by lists (RFC 5280).

An answer is in force when it is about this certificate, signed by its issuer or by whom the issuer
authorised, and neither old nor yet to come; one that is not has a `problem`, and its status counts
for nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["OCSP", "CRL"]
Status = Literal["good", "revoked", "unknown", ""]


@dataclass(frozen=True)
class Answer:
    """What one source says of a certificate."""

    kind: Kind
    source: str
    """Its address; `staple` for what the listener itself sent."""
    status: Status = ""
    problem: str = ""
    """Why it is no answer, or not in force; empty when it is."""
    this_update: datetime | None = None
    next_update: datetime | None = None

    @property
    def in_force(self) -> bool:
        """Whether its status counts."""
        return not self.problem


@dataclass(frozen=True)
class Revocation:
    """What is known of the revocation of one certificate, from everybody whom it names."""

    fingerprint: str
    subject: str
    serial: str
    life_days: float
    """Days between the ends of its validity."""
    must_staple: bool
    """Whether it demands a stapled answer (TLS feature `status_request`, RFC 7633)."""
    answers: tuple[Answer, ...]
    """One for each source that it names; empty when it names none."""
