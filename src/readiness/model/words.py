"""The words of the suite as types: tiers, severities, outcomes, verdicts, cases.

Everything right of the run record imports only this, the environment, the policy and the catalogue.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

Json = dict[str, Any]


class Tier(StrEnum):
    """How much a check disturbs; each tier includes the ones before it."""

    OBSERVE = "observe"
    TOUCH = "touch"
    LOAD = "load"
    DISRUPT = "disrupt"

    @property
    def rank(self) -> int:
        """Position in the ladder, 0 for observe."""
        return list(Tier).index(self)

    def covers(self, other: "Tier") -> bool:
        """Whether a run at this tier may run a check of the other tier."""
        return other.rank <= self.rank


class Permission(StrEnum):
    """What is asked for apart from the tier: it disturbs nothing and may still be unwelcome."""

    SCAN = "scan"


class Severity(StrEnum):
    """How bad a red check is by itself."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Outcome(StrEnum):
    """What became of one expected case."""

    FAILED = "failed"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not-run"
    PASSED = "passed"
    NOT_APPLICABLE = "not-applicable"


# The strongest first; an empty set is inconclusive.
STRENGTH: Final = (
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_RUN,
    Outcome.PASSED,
)


def strongest(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome that decides a set: failed > error > inconclusive > not-run > passed."""
    found = {outcome for outcome in outcomes if outcome is not Outcome.NOT_APPLICABLE}
    return next((outcome for outcome in STRENGTH if outcome in found), Outcome.INCONCLUSIVE)


class Decision(StrEnum):
    """What a verdict says."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def exit_code(self) -> int:
        """The exit code of gate and judge."""
        return {"GO": 0, "NO-GO": 1, "INCONCLUSIVE": 2}[self.value]


EXIT_WAIVED: Final = 3  # GO only because of waivers, where the caller is strict about them
EXIT_USAGE: Final = 64
EXIT_NOT_INSTALLED: Final = 69
EXIT_NOT_PRINTED: Final = 74  # what would have been 0, but standard output took no more
EXIT_INTERRUPTED: Final = 130


@dataclass(frozen=True, order=True)
class Case:
    """One check about one subject: the unit that ends with exactly one outcome."""

    check: str
    subject: str

    @property
    def key(self) -> str:
        """How records name the case."""
        return f"{self.check}|{self.subject}"

    @classmethod
    def from_key(cls, key: str) -> "Case":
        """The case that a record names."""
        check, _, subject = key.partition("|")
        return cls(check, subject)
