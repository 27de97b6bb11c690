"""Whether what people signed is evidence here and now: asked of the record, the policy, the clock.

Nothing is read but the record, so that a bundle is judged years later as it would have been then.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from pydantic import ValidationError

from readiness.attesting.body import Body, pins_of
from readiness.attesting.signatures import Kept, Signatures, Target, signature_of
from readiness.attesting.words import NOBODY, Statement, Vouched
from readiness.catalogue.clauses import PEOPLE, Criterion
from readiness.evidence.record import Record
from readiness.model.words import Json
from readiness.site.environment import Environment
from readiness.site.policy import Policy
from readiness.site.signers import CLASSES, Attestations


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


class Desk(Signatures):
    """What each attestation is held against."""

    def __init__(
        self, rules: Attestations, criteria: Sequence[Criterion], target: Target, at: datetime
    ) -> None:
        super().__init__(rules, target, at)
        self.human = {
            clause.id: clause
            for criterion in criteria
            for clause in criterion.clauses
            if clause.by == PEOPLE
        }

    def each(self, events: Iterable[Any]) -> Iterator[Statement]:
        """Every attestation that can be read; what can't is about nothing."""
        for told in events:
            try:
                body = Body.model_validate_json(json.dumps(told["body"]))
                signature, approval = (signature_of(told[key]) for key in ("signature", "approval"))
                file, changed = str(told["file"]), tuple(map(str, told["changed"]))
            except (ValidationError, KeyError, TypeError):
                continue
            yield self._one(Kept(file, body, signature, approval), body, changed)

    def _one(self, kept: Kept, body: Body, changed: tuple[str, ...]) -> Statement:
        problems = chain(
            self.of_signer(kept),
            self.of_approver(kept, needed=CLASSES[body.kind].approved),
            self._of_body(body),
            (f"is not about what there is now: {one}" for one in changed),
            # The last: what is no evidence itself never makes another one a copy.
            self.copies(kept),
        )
        ends = self.end(body, self.rules.age_limit(body.kind))
        return Statement(
            file=kept.file,
            clause=body.clause,
            subject=body.subject,
            signer=body.signer,
            approver=self.approver(kept),
            seen=tuple(f"{one.path} ({one.sha256[:12]})" for one in body.seen),
            signed=body.signed,
            ends=ends,
            problem=next(problems, ""),
            late=self.late(body, ends),
        )

    def _of_body(self, body: Body) -> Iterator[str]:
        """What it says that is not so here."""
        clause = self.human.get(body.clause)
        if clause is None:
            yield f"is about {body.clause}, which no signature can prove"
        elif clause.kind != body.kind:
            yield f"is of the class {body.kind}, {body.clause} is of {clause.kind}"
        yield from self.of_system(body)
        about, ours = body.environment, self.target.release
        if CLASSES[body.kind].per_release and (about.release != ours or not ours):
            yield f"is about release '{about.release}', this one is '{ours}'"
        yield from self.of_time(body)
