"""A synthetic row, written on the primary and looked for on every standby: replication's effect."""

import time
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from readiness.drills import writers
from readiness.drills.actions import settle, write_undo
from readiness.drills.permit import Permit
from readiness.drills.primary import on_primary
from readiness.errors import NotRun, ReadinessError
from readiness.model import Tier
from readiness.run import Run
from readiness.subjects import Cluster

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
    database = cluster.database
    if database.failover is None:
        raise NotRun(
            f"{database.name}: no schema of the touch login is declared for synthetic rows"
        )
    schema, limit = database.failover.db_schema, database.lag_time
    arguments = {"database": database.name, "schema": schema}
    entry = write_undo(run, "ledger.drop", arguments, target=database.name)
    with on_primary(run.environment, database) as primary:
        writers.create_table(primary, schema)
        name = primary.info.host
        writers.insert_row(primary, schema, run.id, NAME)
        begun = time.monotonic()
        seconds: dict[str, float | None] = {}
        for member in cluster.members:
            if member.machine.name != name:
                with writers.touch_connection(
                    run.environment, database, member.machine.name
                ) as standby:
                    seconds[member.machine.name] = _await_row(standby, schema, run.id, begun, limit)
        writers.drop_table(primary, schema)
    settle(run, entry, f"no table {schema}.ledger")
    return CanaryRow(name, seconds, limit)


def _await_row(
    standby: psycopg.Connection[Any], schema: str, run: str, begun: float, limit: float
) -> float | None:
    """Seconds until the row is there; None when it is not within the limit."""
    while True:
        try:
            if writers.stored_rows(standby, schema, run):
                return time.monotonic() - begun
        except ReadinessError as error:
            # The table itself may not be replicated yet.
            if "UndefinedTable" not in str(error):
                raise
        if time.monotonic() - begun > limit:
            return None
        time.sleep(TICK)
