"""Whether a waiver counts here and now: asked of the record, the policy and the clock."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from pydantic import ValidationError

from readiness.attesting.signatures import Kept, Signatures, Target, signature_of
from readiness.attesting.waiver import Given, Waiver
from readiness.evidence.record import Record
from readiness.site.policy import Policy


def given(record: Record, policy: Policy | None, at: datetime) -> tuple[Given, ...]:
    """The waivers as a run read them, at a moment."""
    event = record.first("waivers-read")
    if policy is None or policy.waivers is None or policy.attestations is None or event is None:
        return ()
    opening = record.opening
    about = Target(opening["environment"]["name"], opening["release"] or "", event["told"]["pins"])
    signatures = Signatures(policy.attestations, about, at)
    longest = policy.waivers.longest
    return tuple(_each((one["told"] for one in record.of("waiver")), signatures, longest))


def _each(events: Iterable[Any], signatures: Signatures, longest: float) -> Iterator[Given]:
    """Every waiver that can be read; what can't accepts nothing."""
    for told in events:
        try:
            body = Waiver.model_validate_json(json.dumps(told["body"]))
            signature, approval = (signature_of(told[key]) for key in ("signature", "approval"))
            kept = Kept(str(told["file"]), body, signature, approval)
        except (ValidationError, KeyError, TypeError):
            continue
        ends = signatures.end(body, longest)
        problems = chain(
            signatures.of_signer(kept),
            signatures.of_approver(kept, needed=True),
            signatures.of_system(body),
            signatures.of_time(body),
            signatures.copies(kept),
            filter(None, (signatures.late(body, ends),)),
        )
        yield Given(kept.file, body, signatures.approver(kept), ends, next(problems, ""))
