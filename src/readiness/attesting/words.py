"""What became of each attestation that a run read, as the judge is told it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Statement:
    """One attestation. It is evidence only where nothing is wrong with it and it is in time."""

    file: str
    clause: str
    subject: str
    signer: str
    approver: str
    seen: tuple[str, ...]
    signed: datetime
    ends: datetime
    problem: str = ""
    """Why it is none, whenever it is looked at; empty when it is whole and means this system."""
    late: str = ""
    """Why it does not count at the moment it is judged at; empty when it does."""

    @property
    def counts(self) -> bool:
        """Whether it is evidence."""
        return not (self.problem or self.late)

    @property
    def why_not(self) -> str:
        """Why it is no evidence, with its file."""
        return f"{self.file} {self.problem or self.late}"

    def __str__(self) -> str:
        approved = f", approved by {self.approver}" if self.approver else ""
        seen = ", ".join(self.seen)
        return f"signed by {self.signer} on {self.signed:%Y-%m-%d}{approved}, who saw {seen}"


@dataclass(frozen=True)
class Vouched:
    """Everything that people vouch for, and when the run read it; None when it read nothing."""

    statements: tuple[Statement, ...] = ()
    read: datetime | None = None

    def about(self, clause: str, subject: str) -> tuple[Statement, ...]:
        """The attestations of a clause about one subject, the one that counts longest first."""
        mine = [one for one in self.statements if (one.clause, one.subject) == (clause, subject)]
        return tuple(sorted(mine, key=lambda one: (one.counts, one.ends), reverse=True))


NOBODY = Vouched()
