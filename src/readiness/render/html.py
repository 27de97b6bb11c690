"""The page: one self-contained HTML file that asks nobody for anything.

It can be mailed, printed and archived; it works without scripts, the one script only filters.
"""

from collections import Counter
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from readiness.model.words import STRENGTH, Decision, Outcome
from readiness.render import terminal, timeline, waived, words
from readiness.render.causes import SATISFIED
from readiness.render.document import CheckedCase, VerdictDocument
from readiness.render.page import Page

TONES: Final = {
    "held": "good", "passed": "good", "yes": "good", "real": "good", "GO": "good",
    "failed": "bad", "no": "bad", "NO-GO": "bad", "run": "bad",
    "not-required": "none", "not-applicable": "none", "none": "none",
}  # fmt: skip


def page_html(page: Page) -> str:
    """The page as text."""
    shown = page.verdict
    return _template().render(
        page=page,
        v=shown,
        headline=headline(shown),
        checks=[_check(list(cases)) for _, cases in groupby(shown.cases, lambda one: one.check)],
        drills=[(drill, timeline.draw(drill, page.limit)) for drill in page.drills],
        required=[one for one in shown.criteria if one.required],
        others=[one for one in shown.criteria if not one.required],
    )


def headline(shown: VerdictDocument) -> str:
    """The verdict in one sentence."""
    required = shown.counts.clauses.required
    status = Counter(
        clause.status for one in shown.criteria for clause in one.clauses if clause.required
    )
    failed = status["failed"]
    unsure = required - failed - sum(status[name] for name in SATISFIED)
    clauses = words.count(required, "required clause")
    if shown.verdict is Decision.GO and shown.exceptions:
        leans = "; ".join(f"{one.clause}: {terminal.exception(one)}" for one in shown.exceptions)
        many = words.count(len(shown.exceptions), "exception")
        return (
            f"{status['held']} of {clauses} hold, on fresh evidence; the rest leans on {many}"
            f" of the policy and is not proven: {leans}."
        )
    if shown.verdict is Decision.GO and shown.verdict_without_waivers:
        accepted = "; ".join(waived.told(one) for one in shown.waivers if one.used)
        return (
            f"{status['held']} of {clauses} hold, on fresh evidence; without waivers it is "
            f"{shown.verdict_without_waivers}: {accepted}."
        )
    if shown.verdict is Decision.GO:
        return f"All of {clauses} hold, for every declared member, on fresh evidence."
    parts = [f"{failed} failed" if failed else "", f"{unsure} without proof" if unsure else ""]
    told = " and ".join(part for part in parts if part)
    if told:
        return f"Of {clauses}, {told}."
    reason = shown.notes[0] if shown.notes else shown.blockers[0].reason if shown.blockers else ""
    return f"{words.short(reason, 160)}."


def _check(cases: list[CheckedCase]) -> dict[str, object]:
    """A check with its cases, the worst first."""
    order = [*STRENGTH, Outcome.NOT_APPLICABLE]
    ranked = sorted(cases, key=lambda one: order.index(one.outcome))
    found = Counter(str(one.outcome) for one in ranked)
    return {
        "first": ranked[0],
        "cases": ranked,
        "outcomes": list(found.items()),
        "open": any(one.blocking for one in ranked),
    }


def _until(shown: VerdictDocument) -> str:
    """How far away the end of validity is."""
    if shown.valid_until is None:
        return ""
    left = (shown.valid_until - shown.judged_at).total_seconds()
    return f"{words.duration(left)} after it was judged" if left > 0 else "already over"


def _iso(text: str) -> str:
    return words.moment(datetime.fromisoformat(text))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("readiness.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": words.moment,
        "moment_text": _iso,
        "duration": words.duration,
        "tone": lambda name: TONES.get(str(name), "warn"),
        "proven": terminal.required_and_proven,
        "word": terminal.criterion_word,
        "told": lambda case: case.reason.removeprefix(f"{case.subject}: "),
    }
    environment.globals |= {
        "count": words.count,
        "asked": terminal.asked,
        "by_exception": terminal.by_exception,
        "evidence_age": terminal.evidence_age,
        "outcomes": terminal.outcomes,
        "exception": terminal.exception,
        "waived": waived.told,
        "without": terminal.without,
        "policy": terminal.policy,
        "valid_until": terminal.valid_until,
        "earlier": terminal.earlier,
        "until": _until,
        "timeline": timeline,
    }
    return environment.get_template("page.html.j2")
