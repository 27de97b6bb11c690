"""A synthetic row, written on the primary and looked for on every standby: replication's effect."""

import contextlib
import time
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from readiness.drills import writers
from readiness.drills.permit import Permit
from readiness.drills.primary import on_primary, synthetic_rows
from readiness.model.words import Tier
from readiness.session.run import Run
from readiness.site.subjects import Cluster

TICK: Final = 0.05
NAME: Final = "canary"


@dataclass(frozen=True)
class CanaryRow:
    """Where the row was written, and after how many seconds each standby had it (None: never)."""

    primary: str
    seconds: dict[str, float | None]
    limit: float


def write_canary(run: Run, permit: Permit, cluster: Cluster) -> CanaryRow:
    """Write one row and wait for it on every other member, up to the declared lag time.

    Raises:
        ProbeError: no member accepts writes, or one is not reached.
    """
    permit.require(Tier.TOUCH)
    database, limit = cluster.database, cluster.database.lag_time
    with synthetic_rows(run, database) as table:
        with on_primary(run.environment, database) as primary:
            name = primary.info.host
            writers.insert_row(primary, table, run.id, NAME)
        begun = time.monotonic()
        seconds: dict[str, float | None] = {}
        for member in cluster.members:
            if member.machine.name != name:
                with writers.touch_session(
                    run.environment, database, member.machine.name
                ) as standby:
                    seconds[member.machine.name] = _await_row(standby, table, run.id, begun, limit)
    return CanaryRow(name, seconds, limit)


def _await_row(
    standby: psycopg.Connection[Any], table: writers.Table, run: str, begun: float, limit: float
) -> float | None:
    """Seconds until the row is there; None when it is not within the limit."""
    while True:
        # The table itself may not be replicated yet.
        with contextlib.suppress(psycopg.errors.UndefinedTable):
            if writers.stored_rows(standby, table, run):
                return time.monotonic() - begun
        if time.monotonic() - begun > limit:
            return None
        time.sleep(TICK)
