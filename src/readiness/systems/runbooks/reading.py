"""What a runbook says: who owns it, since when, its sections, and what its commands name.

Its text is foreign: of it nothing is kept but headings, names of programs, paths, and which of the
declared alerts a section names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from readiness.site.declared.machine import Machine
from readiness.site.subjects import MACHINE
from readiness.systems.marks import VOLATILE, Drift
from readiness.systems.prometheus.declared import PROMETHEUS, Prometheus
from readiness.systems.runbooks.declared import RUNBOOK, Runbook
from readiness.systems.token import Source, Sources


@dataclass(frozen=True)
class Passage:
    """One section, up to the next heading that is no part of it."""

    heading: str
    anchor: str  # what stands behind `#` in a link to it
    words: int
    alerts: tuple[str, ...]  # the declared alerts that it names


@dataclass(frozen=True)
class Block:
    """One block of shell commands."""

    line: int
    at: tuple[str, ...]  # machines or roles, as the block says; none: as the page is declared
    commands: tuple[str, ...]
    paths: tuple[str, ...]
    unread: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """One page."""

    owner: str
    reviewed: str  # a day, as it says; empty: it does not
    age: Annotated[float | None, VOLATILE]  # days since then; None: it does not say
    passages: tuple[Passage, ...]
    blocks: tuple[Block, ...]
    alerts: tuple[str, ...]  # the declared alerts that it names anywhere


@dataclass(frozen=True)
class Linked:
    """What answered where an alert's link leads."""

    status: int
    page: Written | None  # None: it is not there


@dataclass(frozen=True)
class There:
    """Whether a machine has each thing that was asked for; None: nobody may look."""

    has: Mapping[str, bool | None]


def says(found: Written) -> str:
    """What it is, for a person."""
    return f"read, {len(found.passages)} sections, owner {found.owner or 'nobody'}"


PAGE: Final[Source[Runbook, Written]] = Source("runbook", RUNBOOK, Written, says=says)
# Where a link of an alert leads, which no declared page is at.
LINK: Final[Sources[str, Prometheus, Linked]] = Sources(
    "runbook-link", PROMETHEUS, Linked, label=str, drift=Drift.VOLATILE
)
Asked = tuple[str, ...]


def _listed(names: Asked) -> str:
    return " ".join(names)[:200]


COMMANDS: Final[Sources[Asked, Machine, There]] = Sources(
    "runbook-commands", MACHINE, There, label=_listed, drift=Drift.VOLATILE
)
PATHS: Final[Sources[Asked, Machine, There]] = Sources(
    "runbook-paths", MACHINE, There, label=_listed, drift=Drift.VOLATILE
)
SOURCES: Final = (PAGE, LINK, COMMANDS, PATHS)
