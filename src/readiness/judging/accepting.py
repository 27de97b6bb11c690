"""Writes a waiver of what a run saw to fail; its owner signs it, and somebody else approves it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from readiness.attesting import making
from readiness.attesting.folder import BODY, waivers_of
from readiness.attesting.waiver import MOST_ACCEPTED, Waiver, within
from readiness.judging.verdict import CaseVerdict, Verdict
from readiness.judging.waived import Waivers, seen_of
from readiness.model.errors import UsageError
from readiness.model.printable import one_line
from readiness.site.environment import Environment
from readiness.site.policy import Policy
from readiness.site.signers import WAIVER

# What a reader needs of a reason; the digest is of all of it.
MOST_OF_REASON = 600


@dataclass(frozen=True)
class Plea:
    """What somebody asks to have accepted: the red cases of a check or clause, in one scope."""

    about: str
    scope: str
    reason: str
    until: date
    owner: str = ""
    """Who will sign by another tool, where no key is given."""


def waive(
    plea: Plea,
    verdict: Verdict,
    environment: Environment,
    policy: Policy,
    key: Ed25519PrivateKey | None,
) -> Path:
    """Write a waiver of what a verdict has as red, signed where a key is given; its file.

    Raises:
        UsageError: nothing in that scope is red, it may not be waived, or whoever signs may not.
        StateError: it can't be written; nothing is left behind.
    """
    folder = waivers_of(policy)
    if folder is None or policy.waivers is None:
        raise UsageError(
            "allows no waivers", str(policy.file), key="waivers", expected="a folder and a maximum"
        )
    rules = making.rules_of(policy)
    owner = making.signer_of(rules, key) if key else making.named(rules, plea.owner)
    if not owner.covers(owner.may_sign, WAIVER, ""):
        raise making.not_allowed(policy, owner, "sign", WAIVER)
    if environment.name != verdict.environment.name:
        expected, found = verdict.environment.name, environment.name
        raise UsageError("is another environment", key="--env", expected=expected, found=found)
    at = verdict.judged_at
    said = {
        "schema": 1,
        "class": WAIVER,
        "about": plea.about,
        "scope": plea.scope,
        "reason": plea.reason,
        "seen": tuple(_seen(one) for one in _red(plea, verdict, policy)),
        "environment": making.system_of(environment),
        "signer": owner.name,
        "signed": at.replace(microsecond=0),
        "since": at.astimezone(UTC).date(),
        "until": _until(plea, policy.waivers.longest, at),
    }
    try:
        body = Waiver.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(first["msg"], key=f"--{first['loc'][0]}") from None
    path = folder / f"{plea.about.replace('/', '.')}-{at:%Y%m%dT%H%M%S}{BODY}"
    making.file(path, body, key)
    return path


def _red(plea: Plea, verdict: Verdict, policy: Policy) -> Iterable[CaseVerdict]:
    """The red cases that it is about, all of which may be waived."""
    found = [
        case
        for case in verdict.cases
        if case.failed
        and plea.about in {case.case.check, *case.check.clauses}
        and within(plea.scope, case.case.subject)
    ]
    if not 1 <= len(found) <= MOST_ACCEPTED:
        raise UsageError(
            "only what a run saw to fail can be waived",
            key="--about",
            expected=f"a check or clause with 1 to {MOST_ACCEPTED} red cases in that scope",
            found=f"{len(found)} of {plea.about} at {plea.scope}",
        )
    limits = Waivers(
        never=frozenset(policy.waivers.never if policy.waivers else ()),
        severities=frozenset(policy.blocking_severities),
        environment=verdict.environment.name,
    )
    for case in found:
        clauses = [plea.about] if plea.about in case.check.clauses else case.check.clauses
        if all(limits.refused(case, clause) for clause in clauses):
            raise UsageError(limits.refused(case, clauses[0]), key="--about", found=plea.about)
    return found


def _seen(case: CaseVerdict) -> dict[str, str]:
    return {
        "check": case.case.check,
        "subject": case.case.subject,
        "reason": one_line(case.reason, MOST_OF_REASON),
        "sha256": seen_of(case),
    }


def _until(plea: Plea, longest: float, at: datetime) -> date:
    """The last day, if the policy allows it."""
    today = at.astimezone(UTC).date()
    last = today + timedelta(seconds=longest)
    if not today <= plea.until <= last:
        expected = f"from {today} to {last} (waivers.longest)"
        raise UsageError(
            "ends out of time", key="--until", expected=expected, found=str(plea.until)
        )
    return plea.until
