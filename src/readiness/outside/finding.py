"""What a look found: one line for each thing, the weightiest first."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from readiness.model.printable import one_line
from readiness.model.words import Json, Severity
from readiness.outside.place import Url
from readiness.render.console import SafeConsole

SCHEMA: Final = 1
EXIT_FINDINGS: Final = 2
"""Something is wrong or could not be asked. 1 is a verdict, and this is none."""
_SEVERITIES: Final = tuple(Severity)
# Characters of what was seen, expected and to be done: a screen's width or two each.
_MOST: Final = 300


class Weight(StrEnum):
    """What a finding weighs, the heaviest first."""

    WRONG = "wrong"
    UNASKED = "could not be asked"
    UNSEEN = "not looked at"
    FINE = "fine"


_WEIGHTS: Final = tuple(Weight)


@dataclass(frozen=True)
class Finding:
    """One thing: where, what was seen, what was expected, and what to do where they differ."""

    weight: Weight
    where: str
    """Address and port, or the host before that is known."""
    seen: str
    expected: str = ""
    remedy: str = ""
    severity: Severity = Severity.LOW
    checks: tuple[str, ...] = ()
    """The checks of the gate that judge the same, by id."""

    @property
    def order(self) -> tuple[int, int, str]:
        """The heaviest first, of those the most severe."""
        return _WEIGHTS.index(self.weight), _rank(self.severity), self.where

    def __str__(self) -> str:
        checks = f" ({', '.join(self.checks)})" if self.checks else ""
        text = one_line(self.seen, _MOST)
        if self.expected:
            text += f"; expected {one_line(self.expected, _MOST)}"
        if self.remedy:
            text += f"; to do: {one_line(self.remedy, _MOST)}"
        return f"{self.weight:<18}  {one_line(self.where, _MOST)}  {text}{checks}"

    def as_json(self) -> Json:
        """The same for programs; foreign texts are as printable as on the terminal."""
        return {
            "weight": str(self.weight),
            "severity": str(self.severity) if self.weight is Weight.WRONG else None,
            "where": one_line(self.where, _MOST),
            "seen": one_line(self.seen, _MOST),
            "expected": one_line(self.expected, _MOST),
            "remedy": one_line(self.remedy, _MOST),
            "checks": list(self.checks),
        }


def _rank(severity: Severity) -> int:
    """Its place among all, the worst first."""
    return _SEVERITIES.index(severity)


@dataclass(frozen=True)
class Looked:
    """Everything that a look found."""

    url: Url
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are of each weight."""
        found = Counter(one.weight for one in self.findings)
        return {str(weight): found[weight] for weight in Weight}

    @property
    def exit_code(self) -> int:
        """0 when nothing that was looked at is wrong and everything could be asked."""
        heavy = any(one.weight in {Weight.WRONG, Weight.UNASKED} for one in self.findings)
        return EXIT_FINDINGS if heavy else 0

    @property
    def last_line(self) -> str:
        """The counts, and what they are not."""
        counts = ", ".join(f"{count} {weight}" for weight, count in self.counts.items())
        return f"{counts}. This is a look from outside and no verdict."

    def as_json(self) -> Json:
        """The same for programs."""
        return {
            "schema": SCHEMA,
            "url": str(self.url),
            "findings": [one.as_json() for one in self.findings],
            "counts": self.counts,
            "exit": self.exit_code,
        }


def gathered(url: Url, findings: Iterable[Finding]) -> Looked:
    """Findings in their order; what several checks see alike is said once."""
    alike: dict[tuple[str, ...], Finding] = {}
    for found in findings:
        # Errors of probes name the place themselves, which stands before each line here.
        one = replace(found, seen=found.seen.replace(f"{found.where}: ", ""))
        key = (one.weight, one.where, one.seen, one.expected)
        first = alike.setdefault(key, one)
        if first is not one:
            most = min(first.severity, one.severity, key=_rank)
            checks = tuple(dict.fromkeys((*first.checks, *one.checks)))
            alike[key] = replace(first, severity=most, checks=checks)
    return Looked(url, tuple(sorted(alike.values(), key=lambda one: one.order)))


def print_look(looked: Looked, out: SafeConsole) -> None:
    """One line for each finding, and the counts."""
    for one in looked.findings:
        out.print(str(one), markup=False)
    out.print(looked.last_line, markup=False)
