"""Shows how a run goes: a live line on a terminal, plain lines and a heartbeat elsewhere."""

import time
from typing import Final

from rich.console import Console as RichConsole
from rich.status import Status

from readiness.model.interrupts import UNWINDING
from readiness.model.printable import one_line
from readiness.model.quantities import in_words
from readiness.model.words import Json, Tier
from readiness.session.run import Run

HEARTBEAT: Final = 30.0
LONGEST: Final = 600


class Console:
    """Progress for people."""

    def __init__(self, out: RichConsole) -> None:
        self.out = out
        self.total = self.done = 0
        self.now = "starting"
        self.started = self.spoken = time.monotonic()
        self.status: Status | None = None

    def opened(self, run: Run) -> None:
        """Say which run this is and what it will do."""
        self.total = len(run.plan.runs)
        left = len(run.plan.cases) - self.total
        disturbing = sum(one.check.tier is Tier.DISRUPT for one in run.plan.runs)
        self.out.print(
            f"Run {run.number} of {run.environment.name} ({run.environment.kind}), "
            f"{run.plan.reach}: {self.total} cases, {disturbing} of them disturb, "
            f"{left} will not run.",
            markup=False,
        )
        if self.out.is_terminal:
            self.status = self.out.status("starting")
            self.status.start()

    def event(self, event: Json) -> None:
        """Keep count, and speak up at once about what is not green."""
        match event.get("kind"):
            case "case-started":
                self.now = event["case"].replace("|", " ")
            case "case-ended":
                self.done += 1
            case "phase" if event["result"] != "passed":
                where = event["case"].replace("|", " ")
                self._say(f"{event['result']:>12}  {where}: {event['reason']}")
            case "step":
                self.now = event["text"]
                self._say(f"{'drill':>12}  {event['text']}")
            case "wrong-target":
                self._say(f"     STOPPED  {event['reason']}")

    def tick(self) -> None:
        """Refresh the live line, or give a sign of life every half minute."""
        if self.status is not None:
            self.status.update(self._line())
        elif time.monotonic() - self.spoken >= HEARTBEAT:
            self._say(self._line())

    def ending(self, why: str) -> None:
        """Say that it ends, and what is waited for."""
        self._say(f"Ending ({why}): what was done is undone first, within {UNWINDING:g} s.")

    def closed(self) -> None:
        """Put the live line away."""
        if self.status is not None:
            self.status.stop()
        self._say(f"Looked at {self.done} of {self.total} cases in {self._elapsed()}.")

    def _line(self) -> str:
        return f"{self.done}/{self.total} cases, {self._elapsed()}: {self.now}"

    def _elapsed(self) -> str:
        return in_words(time.monotonic() - self.started)

    def _say(self, line: str) -> None:
        self.spoken = time.monotonic()
        self.out.print(one_line(line, LONGEST), markup=False)


class Silent:
    """Nobody watches: a scheduled look is quiet unless it has something to tell."""

    def opened(self, run: Run) -> None:
        """Say nothing."""

    def event(self, event: Json) -> None:
        """Say nothing."""

    def tick(self) -> None:
        """Say nothing."""

    def ending(self, why: str) -> None:
        """Say nothing."""

    def closed(self) -> None:
        """Say nothing."""
