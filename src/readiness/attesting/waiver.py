"""What somebody accepts although it was seen to fail, as it is signed.

It names each red case as it was seen. A case that ends otherwise tomorrow is another one, and
nobody accepted that.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, StringConstraints

from readiness.attesting.body import Digest, Paper, Said
from readiness.site.signers import WAIVER
from readiness.site.written import Written

# More red cases than this are no exception any more.
MOST_ACCEPTED: Final = 200
ANY: Final = "*"
_CHECK: Final = r"[A-Z]+-[0-9]{3,}"
_CLAUSE: Final = r"[a-z]+\.[a-z0-9-]+/[a-z0-9-]+"

Target = Annotated[str, StringConstraints(pattern=rf"^({_CHECK}|{_CLAUSE})$", max_length=120)]
Scope = Annotated[str, StringConstraints(pattern=r"^[^\s,;\x00-\x1f]+$", max_length=300)]


class Accepted(Written):
    """One red case as it was seen: in words for whoever signs, and as a digest for the judge."""

    check: Annotated[str, StringConstraints(pattern=rf"^{_CHECK}$")]
    subject: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    reason: Said
    sha256: Digest


class Waiver(Paper):
    """A waiver without its signatures. Its owner signs it, and somebody else approves it."""

    signed_as: ClassVar[str] = "waiver@readiness"
    approved_as: ClassVar[str] = "waiver-approval@readiness"
    called: ClassVar[str] = WAIVER

    kind: Literal["waiver"] = Field(alias="class")
    about: Target
    scope: Scope
    reason: Said
    seen: Annotated[tuple[Accepted, ...], Field(min_length=1, max_length=MOST_ACCEPTED)]

    @property
    def right(self) -> str:
        """Whoever owns or approves waivers is named for that by the policy."""
        return self.kind

    def reaches(self, check: str, clause: str, subject: str) -> bool:
        """Whether it is about that check or clause, and the subject lies in its scope."""
        return self.about in {check, clause} and within(self.scope, subject)


@dataclass(frozen=True, eq=False)
class Given:
    """One waiver that a run read. It accepts something only where nothing is wrong with it."""

    file: str
    body: Waiver
    approver: str
    ends: datetime
    problem: str = ""
    """Why it accepts nothing at the moment that is judged at; empty when it counts."""

    def __str__(self) -> str:
        who = f"owned by {self.body.signer}, approved by {self.approver}"
        return f"{self.body.reason.rstrip('.')} ({who}, until {self.body.until})"


def within(scope: str, subject: str) -> bool:
    """Whether a scope has that subject: a name, in which `*` stands for anything."""
    parts = map(re.escape, scope.split(ANY))
    return re.fullmatch(".*".join(parts), subject) is not None


def fingerprint(reason: str, against: list[Any]) -> str:
    """The digest of how a case ended: its reason, and every claim that did not hold."""
    said = json.dumps([reason, against], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()
