"""Judges what was asked by the gate's own checks: the same functions, and the same limits.

A check claims (`readiness.evidence.claim`) what it found. The first claim that is not true is what
a look tells; a check that ends otherwise than by its claims has found out nothing.
"""

import runpy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from inspect import signature
from typing import Any, Final

from readiness.catalogue.checks import Check, load_catalogue
from readiness.evidence.claim import CURRENT, WORDS, Answer, Claim, shown
from readiness.model.errors import NotRun, ProbeError
from readiness.model.shipping import place_of
from readiness.outside.finding import Finding, Weight
from readiness.outside.site import Outsider
from readiness.probes.wire import place
from readiness.site.subjects import Endpoint

HANDSHAKES: Final = ("TLS-001", "TLS-002", "TLS-003", "TLS-004", "TLS-005")
PLAIN: Final = "WEB-001"
HSTS: Final = "WEB-002"
SCANNED: Final = ("TLS-007", "TLS-008")
"""These wait for the scan, which is no matter of threads."""


@dataclass
class Claimed:
    """What a check claimed so far."""

    claims: list[Claim] = field(default_factory=list)

    def claim(self, claim: Claim, *, until: datetime | None) -> None:
        """Keep a claim; until when it stays true is a matter of verdicts."""
        del until
        self.claims.append(claim)

    def first(self, answer: Answer) -> Claim | None:
        """The first claim with that answer."""
        return next((one for one in self.claims if one.answer is answer), None)


def judged(check: str, endpoint: Endpoint, outsider: Outsider) -> Finding:
    """What a check says of a listener at one of its addresses."""
    entry, where = load_catalogue()[check], place(endpoint.address, endpoint.listener.port)
    claimed, error = _claims(entry, endpoint, outsider)
    wrong, unknown = claimed.first(Answer.NO), claimed.first(Answer.UNKNOWN)
    if wrong is not None:  # such a claim is no yes, and so false
        told, expected = _told(wrong)
        reasons = (one for one in outsider.problems(wrong.rests_on) if one not in told)
        told = " ".join((told, *(f"({one})" for one in reasons)))
        return Finding(
            Weight.WRONG, where, told, expected, entry.remedy, entry.severity, (entry.id,)
        )
    if isinstance(error, NotRun):
        return Finding(Weight.UNSEEN, where, str(error), checks=(entry.id,))
    if isinstance(error, ProbeError):
        return Finding(Weight.UNASKED, where, str(error), checks=(entry.id,))
    if unknown is not None:
        return Finding(Weight.UNASKED, where, *_told(unknown), checks=(entry.id,))
    if error or not claimed.claims:
        why = f"{entry.id} ended without a claim"
        return Finding(Weight.UNASKED, where, why, checks=(entry.id,))
    last, _ = _told(claimed.claims[-1])
    return Finding(Weight.FINE, where, f"{entry.title} ({last})", checks=(entry.id,))


def _told(claim: Claim) -> tuple[str, str]:
    """What was seen and what was expected."""
    asked = WORDS.get(claim.relation, claim.relation)
    return f"{claim.name}: {shown(claim.observed)}", f"{asked} {shown(claim.limit)}"


def _claims(
    entry: Check, endpoint: Endpoint, outsider: Outsider
) -> tuple[Claimed, Exception | None]:
    """What a check claims, and the error that ended it, if one did."""
    given = {
        "ask": outsider.ask,
        "site": outsider.site,
        "objectives": outsider.site.objectives,
    }
    function = _function(entry.source)
    wanted = {name: given[name] for name in list(signature(function).parameters)[1:]}
    claimed = Claimed()
    token = CURRENT.set(claimed)
    try:
        function(endpoint, **wanted)
    except (AssertionError, ProbeError, NotRun) as error:
        return claimed, error
    finally:
        CURRENT.reset(token)
    return claimed, None


@cache
def _function(source: str) -> Callable[..., None]:
    """The function of a check, from the file of its suite."""
    file, _, name = source.partition("::")
    found: Any = _suite(file)[name]
    function: Callable[..., None] = found
    return function


@cache
def _suite(file: str) -> dict[str, Any]:
    return runpy.run_path(str(place_of(file)))
