"""Everything the suite raises on purpose, split by who has to act.

* ReadinessError
  + UsageError          the person who called: a file, flag or name is wrong (exit 64)
  + NotInstalled        a package that the base install leaves out is missing (exit 69)
  + ProbeError          we could not find out (the case is inconclusive)
    - Unreachable       no answer at all
    - TimedOut          an answer may have been coming; we stopped waiting
    - AccessDenied      an answer, but not for us
      = OverPrivileged  a credential given for looking could do harm; it is not used
    - NotUnderstood     an answer we cannot read
  + NotRun              a permission, a need or the time is missing (the case was not run)
  + WrongTarget         another system answers behind a pinned address (the run stops)
  + RecordError         a run record cannot be trusted or written
  + RedactionError      something could not be made safe; it was not written (readiness.evidence.redact)
  + StateError          the state folder cannot be trusted or written
    - LeaseHeld         another run holds the environment
* LimitReached          the case took longer than it may; no probe catches it, it is nobody's answer
"""

from dataclasses import dataclass


class ReadinessError(Exception):
    """Base of everything the suite raises on purpose."""


class NotInstalled(ReadinessError):
    """A package that the base install leaves out is missing; nothing was touched (exit 69)."""


class ProbeError(ReadinessError):
    """We could not find out; never a pass and never a finding."""


class Unreachable(ProbeError):
    """Nothing answered at the address."""


class TimedOut(ProbeError):
    """The answer did not come within the limit."""


class AccessDenied(ProbeError):
    """Something answered and refused us."""


class OverPrivileged(AccessDenied):
    """A credential given for looking could do harm; it is not used."""


class NotUnderstood(ProbeError):
    """Something answered in a way we cannot read."""


class LimitReached(BaseException):
    """The case took longer than it may: inconclusive, and never the answer of what was asked.

    No `Exception`, as `KeyboardInterrupt` is none: whoever handles errors of what is asked, or any
    error at all, lets it pass, and what must be undone stands in a `finally`.
    """


class NotRun(ReadinessError):
    """The case was not run: permission, need or time is missing.

    `declare` names what the environment file would have to say, where that would mend it.
    """

    def __init__(self, reason: str, *, declare: str = "") -> None:
        super().__init__(reason)
        self.declare = declare


class WrongTarget(ReadinessError):
    """What answers is not the system that was pinned."""


class RecordError(ReadinessError):
    """A run record is broken before its tail, or cannot be written."""


class StateError(ReadinessError):
    """The state folder is broken or cannot be written."""


class LeaseHeld(StateError):
    """Another run holds the environment."""


@dataclass(eq=False)
class UsageError(ReadinessError):
    """Input that a person wrote is wrong; nothing was touched (exit 64)."""

    problem: str
    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""
    expected: str = ""
    found: str = ""
    others: tuple["UsageError", ...] = ()
    """What else is wrong with the same input, so that it is mended in one go."""

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each mistake."""
        return (str(self), *(str(one) for one in self.others))

    def __str__(self) -> str:
        """One line: where, what is wrong, what was expected, what was found."""
        place = self.file
        if self.line:
            place += f":{self.line}" + (f":{self.column}" if self.column else "")
        parts = [place] if place else []
        if self.key:
            parts.append(self.key)
        parts.append(self.problem)
        text = ": ".join(parts)
        if self.expected:
            text += f"; expected {self.expected}"
        if self.found:
            text += f", found {self.found}"
        return " ".join(text.split())
