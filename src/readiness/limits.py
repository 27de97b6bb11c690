"""How long a case may take: what its check says, or longer where what is declared takes longer.

A limit ends what hangs, it foretells nothing: every step is counted with the longest that it may
take by itself.
"""

from typing import Final

from readiness.declared.database import Database

PROMOTION_LIMIT: Final = 120.0
REJOIN_LIMIT: Final = 120.0
"""Seconds within which a cluster is whole again, before a trial and after its cut."""
STABLE: Final = 10.0
"""Seconds for which service must have lasted before an outage counts as over."""
SLACK: Final = 60.0
"""Seconds for what has limits of its own: logging in, asking for pages, reading rows."""


def trial_limit(database: Database, objective: float) -> float:
    """Seconds that one trial of a failover drill may take, `objective` being how long an outage."""
    drill = database.failover
    if drill is None:
        return 0.0
    cut = min(PROMOTION_LIMIT, drill.expiry / 2) + drill.expiry
    reading = STABLE * len(database.members)
    after = max(objective + 5, STABLE + 2)
    # The phase before the cut is a share of the automation's TTL, which no cut may outlast.
    before = REJOIN_LIMIT + drill.baseline + drill.expiry
    return before + cut + REJOIN_LIMIT + after + reading + SLACK
