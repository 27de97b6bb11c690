"""The terminal summary: what blocks first, grouped by cause, then what the verdict rests on.

Lines are broken here and not by the console, so a pipe gets the same text as a narrow terminal.
"""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from readiness.judging.waived import WAIVED
from readiness.model.words import Decision
from readiness.render import waived, words
from readiness.render.document import (
    Blocker,
    Count,
    Criterion,
    GrantedException,
    VerdictDocument,
)

NARROWEST: Final = 40
WIDEST: Final = 110
MOST_BLOCKERS: Final = 12
MOST_PLACES: Final = 8
MOST_CHECKS: Final = 4
EARLIER: Final = 6
# The check that a clause's reason begins with: several say the same of one thing.
_CHECK: Final = re.compile(r"^[A-Z]+-[0-9]+ ")
MOST_OF_REASON: Final = 160
LABEL: Final = 12
STYLES: Final = {
    Decision.GO: "bold white on green",
    Decision.NO_GO: "bold white on red",
    Decision.INCONCLUSIVE: "bold black on yellow",
}
MARKS: Final = {"failed": "red", "error": "magenta", "held": "green", "passed": "green"}


def print_document(shown: VerdictDocument, console: Console) -> None:
    """Print the verdict. Colours appear only on a terminal; eighty columns are enough."""
    page = _Page(console)
    page.heading(shown)
    page.blockers(shown)
    page.basis(shown)
    page.criteria(shown)


class _Page:
    """A console whose lines are already broken."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.width = max(NARROWEST, min(console.width, WIDEST)) - 1

    def line(self, text: str | Text = "") -> None:
        self.console.print(Text(text) if isinstance(text, str) else text, soft_wrap=True)

    def wrapped(self, text: str, first: str = "", rest: str = "", style: str = "") -> None:
        """A paragraph: `first` opens it, `rest` indents its other lines."""
        lines = textwrap.wrap(
            text,
            self.width,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines:
            self.line(Text(line, style=style))

    def labelled(self, label: str, text: str) -> None:
        """`label  text`, the text aligned."""
        if text:
            self.wrapped(text, label.ljust(LABEL), " " * LABEL)

    def heading(self, shown: VerdictDocument) -> None:
        release = f", release {shown.release}" if shown.release else ""
        self.line()
        title = Text(f" {shown.verdict} ", style=STYLES[shown.verdict])
        title.append(f"  {shown.environment} ({shown.kind}){release}", style="bold")
        self.line(title)
        reach = " and ".join([f"tier {shown.tier}", *shown.permissions])
        self.wrapped(f"run {shown.number}, {reach}, judged {words.moment(shown.judged_at)}")
        for other in shown.runs[1:]:
            self.wrapped(
                f"with run {other.number} of {other.environment}, tier {other.tier},"
                f" started {words.moment(other.started)}"
            )
        for one in shown.exceptions:
            self.wrapped(
                f"by exception, not proven: {one.clause}, {exception(one)}",
                "",
                " " * 4,
                style="bold yellow",
            )
        if shown.verdict_without_waivers:
            self.wrapped(without(shown), "", " " * 4, style="bold yellow")
        for use in shown.waivers:
            self.wrapped(waived.told(use), "", " " * 4, style="bold yellow")

    def blockers(self, shown: VerdictDocument) -> None:
        if not shown.blockers:
            return
        self.line()
        self.line(Text(f"{words.count(len(shown.blockers), 'cause')} in the way:", style="bold"))
        for number, blocker in enumerate(shown.blockers[:MOST_BLOCKERS], start=1):
            self._blocker(number, blocker)
        left = len(shown.blockers) - MOST_BLOCKERS
        if left > 0:
            self.line()
            self.line(f"    and {words.count(left, 'more cause')}, all of them in the report")

    def _blocker(self, number: int, blocker: Blocker) -> None:
        self.line()
        head = Text(f"{number:>3} ")
        head.append(blocker.outcome.upper(), style=MARKS.get(blocker.outcome, "yellow"))
        head.append("  " + _extent(blocker))
        self.line(head)
        self.wrapped(blocker.reason, "    ", "    ", style="bold")
        others = [place for place in blocker.subjects if place not in blocker.reason]
        others += [clause for clause in blocker.clauses[1:] if not blocker.cases]
        if others:
            self.wrapped(_list(others), "    also  ", " " * 10)
        if blocker.remedy:
            self.wrapped(blocker.remedy, "    do    ", " " * 10)
        for command in blocker.commands:
            self.line(Text(f"    then  {command}", style="cyan"))

    def basis(self, shown: VerdictDocument) -> None:
        clauses, criteria = shown.counts.clauses, shown.counts.criteria
        self.line()
        self.labelled(
            "clauses",
            f"{clauses.proven} proven of {clauses.required} required{by_exception(clauses)},"
            f" of {clauses.total} in the catalogue",
        )
        self.labelled(
            "criteria",
            f"{criteria.proven} proven of {criteria.required} required{by_exception(criteria)},"
            f" of {criteria.total} in the catalogue; each as far as its clauses are required",
        )
        self.labelled("cases", outcomes(shown))
        self.labelled("evidence", f"the oldest is {evidence_age(shown)}")
        self.labelled("valid until", valid_until(shown))
        for text in shown.confidence:
            self.labelled("confidence", text)
        self.labelled("policy", policy(shown))
        for text in asked(shown):
            self.labelled("asked for", text)
        self.labelled("earlier", earlier(shown))
        self.labelled("not guarded", ", ".join(shown.not_guarded))

    def criteria(self, shown: VerdictDocument) -> None:
        self.line()
        for criterion in shown.criteria:
            if criterion.required:
                style = MARKS.get(criterion.status, "yellow")
                line = Text(f"{criterion_word(criterion):<13} ", style=style)
                line.append(f"{criterion.id:<24} {required_and_proven(criterion)}", style="none")
                self.line(line)
                for name, clauses in _elsewhere(criterion).items():
                    self.wrapped(f"shown on {name}: {_list(clauses)}", " " * 14, " " * 16)
        for reason, clauses in _red_and_not_required(shown).items():
            self.line()
            told = words.short(reason, MOST_OF_REASON)
            self.wrapped(f"red, and not required by this policy: {told} ({_list(clauses)})")
        if shown.counts.criteria.not_required:
            self.line()
            text = ", ".join(shown.counts.criteria.not_required)
            self.wrapped(f"not required, so nothing is said about: {text}")
        self.line()


def _red_and_not_required(shown: VerdictDocument) -> dict[str, list[str]]:
    """The clauses that fail and that a GO does without, by what was found."""
    told = {check for blocker in shown.blockers for check in blocker.checks}
    found: dict[str, list[str]] = {}
    for criterion in shown.criteria:
        for clause in criterion.clauses:
            if clause.required or clause.status != "failed":
                continue
            if clause.reason.partition(" ")[0] not in told:
                reason = _CHECK.sub("", clause.reason)
                found.setdefault(reason, []).append(clause.id)
    return found


def _elsewhere(criterion: Criterion) -> dict[str, list[str]]:
    """Required clauses that another environment showed, by its name."""
    shown: dict[str, list[str]] = {}
    for clause in criterion.clauses:
        if clause.required and clause.shown_on:
            shown.setdefault(clause.shown_on, []).append(clause.id)
    return shown


def _extent(blocker: Blocker) -> str:
    if not blocker.cases:
        return words.count(len(blocker.clauses), "clause") if blocker.clauses else "the whole run"
    return f"{_list(blocker.checks, MOST_CHECKS)}, {words.count(len(blocker.cases), 'case')}"


def _list(names: Sequence[str], most: int = MOST_PLACES) -> str:
    left = len(names) - most
    shown = ", ".join(names[:most])
    return f"{shown} and {left} more" if left > 0 else shown


def outcomes(shown: VerdictDocument) -> str:
    """`98 passed, 2 failed`."""
    order = ("passed", "failed", "error", "inconclusive", "not-run", "not-applicable")
    found = shown.counts.cases
    return ", ".join(f"{found[name]} {name}" for name in order if found.get(name)) or "none"


def evidence_age(shown: VerdictDocument) -> str:
    """How old the oldest evidence is that a required clause rests on."""
    if shown.oldest_evidence is None:
        return "none"
    age = (shown.judged_at - shown.oldest_evidence).total_seconds()
    return f"{words.duration(age)} old"


def valid_until(shown: VerdictDocument) -> str:
    """When the first of the evidence expires."""
    return words.minute(shown.valid_until) if shown.valid_until else "nothing is proven"


def exception(one: GrantedException) -> str:
    """Why, who approved it, and until when."""
    return f"{one.reason.rstrip('.')} (approved by {one.approver}, until {one.expires})"


def without(shown: VerdictDocument) -> str:
    """What the verdict is without its waivers."""
    return f"without waivers: {shown.verdict_without_waivers}"


def by_exception(count: Count) -> str:
    """How many are excepted or waived and so not proven, where any is."""
    excepted = f", {len(count.by_exception)} by exception" if count.by_exception else ""
    return excepted + (f", {len(count.waived)} waived" if count.waived else "")


def asked(shown: VerdictDocument) -> tuple[str, ...]:
    """What the environment asks the policy to except and the policy does not."""
    return tuple(
        f"the environment asks for an exception: {one.clause} ({one.reason.rstrip('.')});"
        " the policy grants none that counts now"
        for one in shown.exceptions_asked
        if not one.granted
    )


def policy(shown: VerdictDocument) -> str:
    """Under which policy this was judged."""
    if shown.policy is None:
        return "none, so every clause of the catalogue is required"
    digest = f", sha256 {shown.policy.sha256[:12]}" if shown.policy.sha256 else ""
    return f"{shown.policy.name} of {shown.policy.owner}{digest}"


def earlier(shown: VerdictDocument) -> str:
    """The runs that it took: running until it is green shows."""
    if not shown.earlier_failed:
        return ""
    newest = shown.earlier_failed[-EARLIER:]
    runs = ", ".join(f"run {one.number} {one.verdict}" for one in newest)
    many = words.count(len(shown.earlier_failed), "run")
    if len(newest) < len(shown.earlier_failed):
        ended = Counter(str(one.verdict) for one in shown.earlier_failed)
        runs = ", ".join(f"{number} {end}" for end, number in ended.items()) + f"; newest: {runs}"
    return f"{many} without a GO since the last GO or change of release: {runs}"


def criterion_word(criterion: Criterion) -> str:
    """The status; `in part` where what is required holds and is not all that the line says."""
    if criterion.status == "not-applicable":
        return "by exception"
    whole = all(clause.required for clause in criterion.clauses)
    return criterion.status if whole or criterion.status != "held" else "in part"


def required_and_proven(criterion: Criterion) -> str:
    """`5 of 6 required clauses proven, of 9`."""
    required = [clause for clause in criterion.clauses if clause.required]
    proven = sum(clause.status == "held" for clause in required)
    excepted = sum(clause.exception is not None for clause in required)
    more = f", {excepted} by exception" if excepted else ""
    accepted = sum(clause.status == WAIVED for clause in required)
    more += f", {accepted} waived" if accepted else ""
    return f"{proven} of {len(required)} required clauses proven{more}, of {len(criterion.clauses)}"


def lines(shown: VerdictDocument, width: int = 80) -> Iterator[str]:
    """The summary as plain lines."""
    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as capture:
        print_document(shown, console)
    yield from capture.get().splitlines()
