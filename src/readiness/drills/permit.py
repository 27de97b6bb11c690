"""The permit: what a disturbing action demands, minted only from the frozen plan."""

from collections.abc import Callable
from dataclasses import dataclass, field

from readiness.model.errors import NotRun
from readiness.model.words import Case, Tier
from readiness.session.run import Run


@dataclass(frozen=True)
class Permit:
    """Leave for one case of one run to disturb up to a tier; its use makes the run forget."""

    run: str
    case: Case
    tier: Tier
    used: Callable[[], None] = field(default=lambda: None, compare=False, repr=False)

    def require(self, tier: Tier) -> None:
        """Refuse an action that disturbs more than the permit allows."""
        if not self.tier.covers(tier):
            raise NotRun(
                f"{self.case.key}: needs a permit for tier {tier}, has one for {self.tier}"
            )
        self.used()


def mint(run: Run) -> Permit:
    """A permit for the case that runs now.

    Raises:
        NotRun: the case is not in the frozen plan, or the run's tier does not cover its check.
    """
    planned = next((one for one in run.plan.runs if one.case == run.case), None)
    if planned is None or run.case is None:
        raise NotRun("not in the frozen plan of this run: nothing may be disturbed for it")
    if not run.plan.tier.covers(planned.check.tier):
        raise NotRun(f"needs --tier {planned.check.tier}, this run is --tier {run.plan.tier}")
    return Permit(run.id, run.case, planned.check.tier, run.disturbed)
