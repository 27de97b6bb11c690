"""A site where one thing is red and somebody may accept that: keys, policy, runs, waivers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from signing import Signing, nobody_types
from stories import REQUIRED, Bad

from readiness.attesting.folder import gather_waivers
from readiness.attesting.making import approve
from readiness.attesting.sshsig import private_key
from readiness.attesting.waiver import Waiver
from readiness.evidence.redact import Redactor
from readiness.judging.accepting import Plea, waive
from readiness.judging.verdict import Verdict
from readiness.model.words import Json

EXPIRY = "sec.tls/expiry"
UP = "infra.hosts/services-up"
SHORT = "TLS-003|portal/edge1/v4"
RED = {SHORT: Bad(found="9 d left, 14 d wanted")}


@dataclass
class Waiving(Signing):
    """The site of signatures with a folder of waivers: dean owns them, ciso approves them."""

    required: Sequence[str] = REQUIRED

    def begin(self) -> "Waiving":
        """Write everything but waivers."""
        super().begin()
        self.waivers.mkdir()
        self.allowing()
        return self

    @property
    def waivers(self) -> Path:
        """Where waivers lie."""
        return self.folder / "waivers"

    def allowing(self, *, signers: dict[str, Json] | None = None, **rules: object) -> None:
        """Let dean own and ciso approve; keyword arguments change the policy's part."""
        people: Any = {
            "dean": {"may_sign": ["waiver"]},
            "ciso": {"may_approve": ["waiver"]},
            **(signers or {}),
        }
        self.trusting(**people)
        file = self.folder / "policy.yaml"
        policy = json.loads(file.read_text())
        policy["waivers"] = {"folder": "file:waivers"} | rules
        file.write_text(json.dumps(policy))

    def waive(
        self,
        about: str = "TLS-003",
        scope: str = "portal/edge1/v4",
        *,
        by: str = "dean",
        until: date | None = None,
        seen: Verdict | None = None,
    ) -> Path:
        """Have somebody accept what a run saw; the file."""
        verdict = seen or self.verdict(bad=RED)
        day = until or (verdict.judged_at + timedelta(days=10)).date()
        plea = Plea(about, scope, "The new certificate is ordered, CHG-77.", day)
        key = private_key(self.folder / by, nobody_types)
        return waive(plea, verdict, self.environment, self.policy, key)

    def approved(self, path: Path, by: str = "ciso") -> Path:
        """Have somebody approve it; the waiver's file."""
        approve(path, self.policy, private_key(self.folder / by, nobody_types), Waiver)
        return path

    def told_waivers(self) -> tuple[Json, ...]:
        """What a run reads of the folder now."""
        return gather_waivers(self.policy, Redactor())

    def verdict(
        self,
        told: Sequence[Json] | None = None,
        later: timedelta = timedelta(minutes=3),
        **story: Any,
    ) -> Verdict:
        """A run that reads the waivers as they lie there, unless told otherwise."""
        given = {"waived": self.told_waivers()} | story
        return super().verdict(told=told or (), later=later, **given)

    def moment(self, days: float) -> datetime:
        """So many days from now."""
        return datetime.now().astimezone() + timedelta(days=days)
