"""What a listener presents over TLS: chain, trust, names, expiry, keys, and the versions it takes.

Trust is what a client finds that holds the declared store only and builds the chain from what is
presented (RFC 5280); the rest is read from the certificates themselves, also where nobody trusts
them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from readiness.systems.marks import VOLATILE
from readiness.systems.tls.certificate import Access, Certificate, Key

Offer = Literal["accepted", "refused", "unknown"]
Answer = Literal["presented", "refused", "unknown"]


@dataclass(frozen=True)
class Named:
    """What became of the handshake of a client that asks for a further name, or for none."""

    name: str | None
    answer: Answer
    reason: Annotated[str, VOLATILE] = ""
    """Why nothing was presented; empty when something was."""


@dataclass(frozen=True)
class Handshake:
    """What one listener presents and accepts."""

    address: str
    port: int
    family: str
    """`v4` or `v6`."""
    server_name: str | None
    asked_at: Annotated[datetime, VOLATILE]
    """The reference time of `days_left`; trust goes by the system's clock."""
    answers: bool = True
    """False when the connection was refused."""
    tls_offered: bool = True
    """False when PostgreSQL declined TLS."""
    problem: str = ""
    """Why there is no chain to read; empty when there is one."""
    trusted: bool = False
    trust_problem: str = ""
    """Why a client with that store only does not trust it; empty when it does."""
    access: Annotated[Access, VOLATILE] = Access.UNKNOWN
    """Whether the server took our client certificate, or took us without one."""
    access_problem: Annotated[str, VOLATILE] = ""
    version: str = ""
    """The version negotiated by today's settings, such as `TLSv1.3`."""
    name_matches: Mapping[str, bool] = field(default_factory=dict)
    """Each required name: is the leaf issued for it?"""
    chain: tuple[Certificate, ...] = ()
    """As presented, leaf first."""
    protocols: Mapping[str, Offer] = field(default_factory=dict)
    """Each version: `accepted`, `refused` or `unknown`."""
    protocol_reasons: Annotated[Mapping[str, str], VOLATILE] = field(default_factory=dict)
    """Each version: what that rests on."""
    kinds_answered: Annotated[bool, VOLATILE] = True
    """False when it was silent to a client that knows RSA or ECDSA only."""
    by_name: tuple[Named, ...] = ()
    """For each further name and for none, whether a certificate was presented."""
    further: Annotated[tuple["Handshake", ...], VOLATILE] = ()
    """What clients get that know RSA or ECDSA only, or ask for a further name or none (as in
    `server_name`), where that is another certificate."""

    @property
    def leaf(self) -> Certificate | None:
        """The listener's own certificate."""
        return self.chain[0] if self.chain else None

    @property
    def first_to_expire(self) -> Certificate | None:
        """The presented certificate that expires first."""
        return min(self.chain, key=lambda one: one.not_after, default=None)

    @property
    def weakest_key(self) -> Key | None:
        """The presented key with the least security strength."""
        return min((one.key for one in self.chain), key=lambda key: key.strength, default=None)
