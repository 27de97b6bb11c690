"""Whether what people signed is evidence here and now: asked of the record, the policy, the clock.

Nothing is read but the record, so that a bundle is judged years later as it would have been then.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Any, Final

from pydantic import ValidationError

from readiness.attesting.body import APPROVED, SIGNED, Body, another_system, pins_of
from readiness.attesting.sshsig import Signature
from readiness.attesting.words import NOBODY, Statement, Vouched
from readiness.catalogue.clauses import PEOPLE, Criterion
from readiness.evidence.record import Record
from readiness.model.words import Json
from readiness.site.environment import Environment
from readiness.site.policy import Policy
from readiness.site.signers import CLASSES, Attestations

CLOCK_TOLERANCE: Final = timedelta(seconds=5)


def vouched(
    record: Record, policy: Policy | None, criteria: Sequence[Criterion], at: datetime
) -> Vouched:
    """What the people of a policy vouch for, as a run read it, at a moment."""
    event = record.first("attestations-read")
    if policy is None or policy.attestations is None or event is None:
        return NOBODY
    opening = record.opening
    about = Target(opening["environment"]["name"], opening["release"] or "", event["told"]["pins"])
    desk = Desk(policy.attestations, criteria, about, at)
    told = (one["told"] for one in record.of("attestation"))
    return Vouched(tuple(desk.each(told)), datetime.fromisoformat(event["at"]))


def vouched_now(
    environment: Environment,
    policy: Policy,
    criteria: Sequence[Criterion],
    told: Iterable[Json],
    at: datetime,
) -> Vouched:
    """The same before any run: what a run that began now would read.

    Raises:
        UsageError: the file of identities is not what it should be.
    """
    if policy.attestations is None:
        return NOBODY
    about = Target(environment.name, environment.release, pins_of(environment))
    return Vouched(tuple(Desk(policy.attestations, criteria, about, at).each(told)), at)


def end_of(day: date) -> datetime:
    """The moment after a day, in UTC."""
    return datetime.combine(day, time(tzinfo=UTC)) + timedelta(days=1)


@dataclass(frozen=True)
class Target:
    """The environment that is decided about."""

    name: str
    release: str
    pins: Mapping[str, str]


class Desk:
    """What each attestation is held against."""

    def __init__(
        self, rules: Attestations, criteria: Sequence[Criterion], target: Target, at: datetime
    ) -> None:
        self.rules = rules
        self.target = target
        self.at = at
        self.human = {
            clause.id: clause
            for criterion in criteria
            for clause in criterion.clauses
            if clause.by == PEOPLE
        }
        self.known: dict[str, str] = {}

    def each(self, events: Iterable[Any]) -> Iterator[Statement]:
        """Every attestation that can be read; what can't is about nothing."""
        for told in events:
            try:
                body = Body.model_validate_json(json.dumps(told["body"]))
                signature, approval = (_signature(told[key]) for key in ("signature", "approval"))
                file, changed = str(told["file"]), tuple(map(str, told["changed"]))
            except (ValidationError, KeyError, TypeError):
                continue
            yield self._one(file, body, signature, approval, changed)

    def _one(
        self,
        file: str,
        body: Body,
        signature: Signature | None,
        approval: Signature | None,
        changed: tuple[str, ...],
    ) -> Statement:
        problems = chain(
            self._of_signer(body, signature),
            self._of_approver(body, signature, approval),
            self._of_body(body),
            (f"is not about what there is now: {one}" for one in changed),
            # The last: what is no evidence itself never makes another one a copy.
            self._copies(file, body),
        )
        approver = self.rules.signer(approval.key) if approval else None
        ends = min(end_of(body.until), self._oldest(body) + self._longest(body))
        return Statement(
            file=file,
            clause=body.clause,
            subject=body.subject,
            signer=body.signer,
            approver=approver.name if approver else "",
            seen=tuple(f"{one.path} ({one.sha256[:12]})" for one in body.seen),
            signed=body.signed,
            ends=ends,
            problem=next(problems, ""),
            late=self._late(body, ends),
        )

    def _of_signer(self, body: Body, signature: Signature | None) -> Iterator[str]:
        """What is wrong with the signature or with whoever made it."""
        if signature is None:
            yield "is not signed"
            return
        if not signature.made(body.spelled(), SIGNED):
            yield "was edited after it was signed"
        signer = self.rules.signer(signature.key)
        if signer is None:
            yield "is signed by a key that the policy does not name"
            return
        if signer.name != body.signer:
            yield f"is signed by {signer.name} in the name of {body.signer}"
        if signer.is_revoked(self.at):
            yield f"is signed by {signer.name}, whose key is revoked"
        if not signer.covers(signer.may_sign, body.kind, body.clause):
            yield f"is signed by {signer.name}, who may not sign {body.kind}"
        if reason := signer.out_of_time(body.signed, body.signed):
            yield f"is signed out of time: {reason}"

    def _of_approver(
        self, body: Body, signature: Signature | None, approval: Signature | None
    ) -> Iterator[str]:
        """What is wrong with the second signature, where there is one or has to be."""
        if approval is None:
            if CLASSES[body.kind].approved:
                yield f"is approved by nobody: {body.kind} needs a second signature"
            return
        if not approval.made(body.spelled(), APPROVED):
            yield "was edited after it was approved"
        approver = self.rules.signer(approval.key)
        if approver is None:
            yield "is approved by a key that the policy does not name"
            return
        if approver.name == body.signer or (signature and signature.key == approval.key):
            yield f"is approved by {approver.name}, who signed it"
        if approver.is_revoked(self.at):
            yield f"is approved by {approver.name}, whose key is revoked"
        if not approver.covers(approver.may_approve, body.kind, body.clause):
            yield f"is approved by {approver.name}, who may not approve {body.kind}"
        if reason := approver.out_of_time(body.signed, max(body.signed, self.at)):
            yield f"is approved out of time: {reason}"

    def _of_body(self, body: Body) -> Iterator[str]:
        """What it says that is not so here."""
        clause = self.human.get(body.clause)
        if clause is None:
            yield f"is about {body.clause}, which no signature can prove"
        elif clause.kind != body.kind:
            yield f"is of the class {body.kind}, {body.clause} is of {clause.kind}"
        about = body.environment
        if about.name != self.target.name:
            yield f"is about another environment: {about.name}"
        elif reason := another_system(about.pins, self.target.pins):
            yield f"is about another system of that name: {reason}"
        ours = self.target.release
        if CLASSES[body.kind].per_release and (about.release != ours or not ours):
            yield f"is about release '{about.release}', this one is '{ours}'"
        if body.signed > self.at + CLOCK_TOLERANCE:
            yield f"is signed in the future, {body.signed:%Y-%m-%d %H:%M}: a clock is wrong"
        if end_of(body.until) <= body.signed:
            yield f"was signed after it had ended with {body.until}"

    def _copies(self, file: str, body: Body) -> Iterator[str]:
        """The same words again are no second attestation."""
        digest = hashlib.sha256(body.spelled()).hexdigest()
        if self.known.setdefault(digest, file) != file:
            yield f"is a copy of {self.known[digest]}"

    def _oldest(self, body: Body) -> datetime:
        """From when its age counts: what was true since January is as old as that."""
        return min(body.signed, datetime.combine(body.since, time(tzinfo=UTC)))

    def _longest(self, body: Body) -> timedelta:
        return timedelta(seconds=self.rules.age_limit(body.kind))

    def _late(self, body: Body, ends: datetime) -> str:
        """Why it does not count now."""
        if body.since > self.at.astimezone(UTC).date():
            return f"counts from {body.since} on"
        if ends > self.at:
            return ""
        if ends == end_of(body.until):
            return f"ended with {body.until}"
        return f"is older than {body.kind} may be: it ended on {ends:%Y-%m-%d}"


def _signature(told: Any) -> Signature | None:
    return None if told is None else Signature(str(told["key"]), str(told["value"]))
