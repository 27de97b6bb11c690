"""Whether a signed file is whole, by the right people, and about this system.

Nothing is read but what the record has of it, the policy, and the moment that is judged at.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from readiness.attesting.body import Paper, another_system
from readiness.attesting.sshsig import Signature
from readiness.site.signers import Attestations

CLOCK_TOLERANCE: Final = timedelta(seconds=5)


@dataclass(frozen=True)
class Target:
    """The environment that is decided about."""

    name: str
    release: str
    pins: Mapping[str, str]


@dataclass(frozen=True)
class Kept:
    """A signed file as a record has it."""

    file: str
    body: Paper
    signature: Signature | None
    approval: Signature | None


def end_of(day: date) -> datetime:
    """The moment after a day, in UTC."""
    return datetime.combine(day, time(tzinfo=UTC)) + timedelta(days=1)


def signature_of(told: Any) -> Signature | None:
    """A signature as the record has it."""
    return None if told is None else Signature(str(told["key"]), str(told["value"]))


class Signatures:
    """What every signed file is held against."""

    def __init__(self, rules: Attestations, target: Target, at: datetime) -> None:
        self.rules = rules
        self.target = target
        self.at = at
        self.known: dict[str, str] = {}

    def of_signer(self, kept: Kept) -> Iterator[str]:
        """What is wrong with the signature or with whoever made it."""
        body, signature = kept.body, kept.signature
        if signature is None:
            yield "is not signed"
            return
        if not signature.made(body.spelled(), body.signed_as):
            yield "was edited after it was signed"
        signer = self.rules.signer(signature.key)
        if signer is None:
            yield "is signed by a key that the policy does not name"
            return
        if signer.name != body.signer:
            yield f"is signed by {signer.name} in the name of {body.signer}"
        if signer.is_revoked(self.at):
            yield f"is signed by {signer.name}, whose key is revoked"
        if not signer.covers(signer.may_sign, body.right, body.alone):
            yield f"is signed by {signer.name}, who may not sign {body.right}"
        if reason := signer.out_of_time(body.signed, body.signed):
            yield f"is signed out of time: {reason}"

    def of_approver(self, kept: Kept, *, needed: bool) -> Iterator[str]:
        """What is wrong with the second signature, where there is one or has to be."""
        body, approval = kept.body, kept.approval
        if approval is None:
            if needed:
                yield f"is approved by nobody: {body.right} needs a second signature"
            return
        if not approval.made(body.spelled(), body.approved_as):
            yield "was edited after it was approved"
        approver = self.rules.signer(approval.key)
        if approver is None:
            yield "is approved by a key that the policy does not name"
            return
        if approver.name == body.signer or (kept.signature and kept.signature.key == approval.key):
            yield f"is approved by {approver.name}, who signed it"
        if approver.is_revoked(self.at):
            yield f"is approved by {approver.name}, whose key is revoked"
        if not approver.covers(approver.may_approve, body.right, body.alone):
            yield f"is approved by {approver.name}, who may not approve {body.right}"
        if reason := approver.out_of_time(body.signed, max(body.signed, self.at)):
            yield f"is approved out of time: {reason}"

    def approver(self, kept: Kept) -> str:
        """Who approved it; empty when nobody did whom the policy names."""
        signer = self.rules.signer(kept.approval.key) if kept.approval else None
        return signer.name if signer else ""

    def of_system(self, body: Paper) -> Iterator[str]:
        """What it says of the system that is not so here."""
        about = body.environment
        if about.name != self.target.name:
            yield f"is about another environment: {about.name}"
        elif reason := another_system(about.pins, self.target.pins):
            yield f"is about another system of that name: {reason}"

    def of_time(self, body: Paper) -> Iterator[str]:
        """What can't be of its moments."""
        if body.signed > self.at + CLOCK_TOLERANCE:
            yield f"is signed in the future, {body.signed:%Y-%m-%d %H:%M}: a clock is wrong"
        if end_of(body.until) <= body.signed:
            yield f"was signed after it had ended with {body.until}"

    def copies(self, kept: Kept) -> Iterator[str]:
        """The same words again are no second file."""
        digest = hashlib.sha256(kept.body.spelled()).hexdigest()
        if self.known.setdefault(digest, kept.file) != kept.file:
            yield f"is a copy of {self.known[digest]}"

    def end(self, body: Paper, longest: float) -> datetime:
        """When it counts no more: what was true since January is as old as that."""
        oldest = min(body.signed, datetime.combine(body.since, time(tzinfo=UTC)))
        return min(end_of(body.until), oldest + timedelta(seconds=longest))

    def late(self, body: Paper, ends: datetime) -> str:
        """Why it does not count now; empty when it does."""
        if body.since > self.at.astimezone(UTC).date():
            return f"counts from {body.since} on"
        if ends > self.at:
            return ""
        if ends == end_of(body.until):
            return f"ended with {body.until}"
        return f"is older than {body.right} may be: it ended on {ends:%Y-%m-%d}"
