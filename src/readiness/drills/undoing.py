"""Everything that registers an undo action: whoever plays a journal imports this first."""

from typing import Final

from readiness.drills import (
    actions,
    commanded,
    copy,
    disturbance,
    intrusion_block,
    pods,
    primary,
    target_lease,
)

MODULES: Final = (
    actions,
    commanded,
    copy,
    disturbance,
    intrusion_block,
    pods,
    primary,
    target_lease,
)
