"""Days at the end of every calendar are refused where people write them."""

import json
from pathlib import Path

import pytest

from readiness.catalogue.clauses import clause_ids
from readiness.evidence.record import now
from readiness.model.errors import UsageError
from readiness.site.documents import load_policy, validate_policy

GRANT = {"clause": "sec.tls/chain", "reason": "None yet.", "approver": "ciso"}


def written(folder: Path, expires: str) -> Path:
    """A policy that grants an exception until then."""
    file = folder / "policy.yaml"
    grant = GRANT | {"expires": expires}
    policy = {
        "schema": 1,
        "name": "small",
        "owner": "tests",
        "exceptions": {"longest": "36500 d", "granted": [grant]},
    }
    file.write_text(json.dumps(policy, indent=1))
    return file


@pytest.mark.parametrize("day", ["9999-12-31", "9999-12-30", "2200-01-01", "0001-01-01"])
def test_a_day_beyond_reason(tmp_path: Path, day: str) -> None:
    """The last day that there is has no day after it, and nothing could be added to it."""
    with pytest.raises(UsageError, match=r"policy.yaml:\d+:\d+: exceptions.granted\[0\].expires"):
        load_policy(written(tmp_path, day))


def test_the_last_day_that_counts(tmp_path: Path) -> None:
    """The furthest day that is allowed can be added to and judged by."""
    policy = load_policy(written(tmp_path, "2199-12-31"))
    (grant,) = policy.exceptions.granted
    assert grant.end.year == 2200
    with pytest.raises(UsageError, match="ends too late"):
        validate_policy(policy, clause_ids(), at=now())
