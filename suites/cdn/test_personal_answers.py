"""What caches between people and the site may keep, and must not."""

from collections.abc import Callable

from readiness import Environment, Found, NotRun, NotUnderstood, Severity, Tier, check, holds
from readiness.drills.personal_answers import Personal
from readiness.site.needs import demand
from readiness.systems.access.declared import ACCESS_ADDRESS, AccessAddress

MOST_NAMED = 20
"""Answers that a reason names: who has more to mend begins with these."""


@check(
    "CDN-001",
    "Every address gives nobody's own answer to a cache that others share",
    clauses=("infra.cdn/nothing-personal-cacheable",),
    each=ACCESS_ADDRESS,
    declared=("identities",),
    severity=Severity.HIGH,
    tier=Tier.TOUCH,
    limit=900,
    risk="A cache on the way keeps one student's record and gives it to the next who asks.",
    reads=(
        "POST of every identity to its sign-in, GET of every guarded route as one who may ask it",
        "the same GET without a login right after; at each address, of each server",
    ),
    rights="the declared identities: synthetic accounts",
    disturbs="Signs in as the identities; reads synthetic records, all audited.",
    remedy="send Cache-Control: no-store (or private) with every answer that needs a login, from "
    "every machine; where a cache gave it away, have it pass such routes through",
)
def test_nothing_personal_is_kept(
    access_address: AccessAddress,
    personal_answers: Callable[[AccessAddress], Found[Personal]],
    site: Environment,
) -> None:
    """Without Cache-Control a cache may keep it by heuristics; a session's header hinders none."""
    demand(site, "identities", access_address)
    found = personal_answers(access_address)
    answers = found.reading
    given = [*answers.handed_on[:MOST_NAMED]]
    assert holds(found.fact("answers that the next was given without a login", given), "==", [])
    kept = [*answers.storable[:MOST_NAMED]]
    assert holds(found.fact("personal answers that a shared cache may keep", kept), "==", [])
    if not answers.asked and not answers.open:
        reason = f"{access_address.id}: no declared route is read by somebody who may"
        raise NotRun(reason, declare="`roles`, and `values` for the parameters of the routes")
    if answers.open:
        told = "; ".join(answers.open[:3])
        raise NotUnderstood(f"{access_address.id}: {len(answers.open)} could not be told: {told}")
