"""How far a standby of PostgreSQL has replayed what its primary wrote."""

from dataclasses import dataclass
from typing import Annotated

from readiness.systems.marks import BOUNDED, VOLATILE
from readiness.systems.postgres.reading.state import Lsn


@dataclass(frozen=True)
class ReplayProgress:
    """How far a standby replayed while we waited for it."""

    wanted: Annotated[Lsn, VOLATILE]
    # Bytes at the first look, just after the primary had told `wanted`
    behind: Annotated[int | None, BOUNDED]
    reached: Annotated[bool, BOUNDED]
    # None: the server is no standby or replayed nothing yet
    replayed: Annotated[Lsn | None, VOLATILE]
    seconds: Annotated[float, BOUNDED]
    looks: Annotated[int, VOLATILE]
