"""How far a standby of PostgreSQL has replayed what its primary wrote."""

from dataclasses import dataclass

from readiness.systems.postgres.reading.state import Lsn


@dataclass(frozen=True)
class ReplayProgress:
    """How far a standby replayed while we waited for it."""

    wanted: Lsn
    behind: int | None  # bytes at the first look, just after the primary had told `wanted`
    reached: bool
    replayed: Lsn | None  # None: the server is no standby or replayed nothing yet
    seconds: float
    looks: int
