"""What people still have to sign, and who of the policy may: told before any run."""

from collections.abc import Iterable, Sequence

from readiness.attesting.words import Vouched
from readiness.catalogue.clauses import ADDED_UP, PEOPLE, Clause, load_clauses
from readiness.site.environment import Environment
from readiness.site.policy import Policy
from readiness.site.signers import CLASSES, Attestations


def signed_clauses(clause: str, required: Iterable[str]) -> Sequence[Clause] | None:
    """The clauses that have to be signed for this one; None when it is no matter of signatures."""
    known = {one.id: one for criterion in load_clauses() for one in criterion.clauses}
    found = known.get(clause)
    if found is None or found.by not in {PEOPLE, ADDED_UP}:
        return None
    if found.by == PEOPLE:
        return [found]
    return [known[one] for one in required if one in known and known[one].by == PEOPLE]


def to_sign(
    clauses: Sequence[Clause], environment: Environment, policy: Policy, vouched: Vouched
) -> str:
    """What is missing of these, and who may sign it; empty when all of it is there."""
    rules = policy.attestations
    if rules is None:
        return "the policy names no signers (`attestations`)"
    if not clauses:
        return "nothing that people sign is required"
    return next(filter(None, (_of(one, environment, rules, vouched) for one in clauses)), "")


def _of(clause: Clause, environment: Environment, rules: Attestations, vouched: Vouched) -> str:
    subjects = (environment.name,) if clause.each == "environment" else rules.people
    if not subjects:
        return "the policy names no people (`attestations.people`)"
    missing = [
        name for name in subjects if not any(one.counts for one in vouched.about(clause.id, name))
    ]
    if not missing:
        return ""
    able = rules.signers
    sign = [one.name for one in able if one.covers(one.may_sign, clause.kind, clause.id)]
    approve = [one.name for one in able if one.covers(one.may_approve, clause.kind, clause.id)]
    who = f"{clause.kind} for {', '.join(missing)} by {' or '.join(sign) or 'nobody yet'}"
    if CLASSES[clause.kind].approved:
        who += f", approved by {' or '.join(approve) or 'nobody yet'}"
    wrong = [one for name in missing for one in vouched.about(clause.id, name)]
    return who + (f" ({wrong[0].why_not})" if wrong else "")
