"""What a Prometheus can't know yet: it started, or took another configuration, a moment ago.

Until its discovery has run and a target was scraped once, that target is `unknown` or not in the
list; until then it knows no Alertmanager either. That says nothing, and for a short time only: it
is waited for where that is soon (`asking`), else it is inconclusive. Of a server that has had its
time, what is still unknown is judged.
"""

from collections.abc import Collection, Iterable
from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.systems.prometheus.declared import Prometheus
from readiness.systems.prometheus.reading import TARGETS, YOUTH, Rule, Target
from readiness.systems.token import Ask

# Discovery hands on what it found every five seconds (discovery/manager.go, `updatert`): twice.
DISCOVERY: Final = 10.0
INTERVALS: Final = 2
# Prometheus' own default, where no target says how often it is scraped.
USUAL: Final = 60.0


def is_waited_for(one: Target | Rule) -> bool:
    """Whether a target was never scraped, or a rule never evaluated, which is no failure yet."""
    return one.health == "unknown" and one.age is None


def patience(intervals: Iterable[float | None]) -> float:
    """Seconds after its start until a server knows all that it scrapes so often."""
    return DISCOVERY + INTERVALS * (max((one or 0.0 for one in intervals), default=0.0) or USUAL)


def require_time(ask: Ask, prometheus: Prometheus, about: Collection[str]) -> None:
    """Refuse to judge that something is not known, while the server has had no time to know it.

    Raises:
        ProbeError: it started or reloaded less than two intervals and its discovery ago.
    """
    if not about:
        return
    least = patience(one.interval for one in ask(TARGETS, prometheus).reading.targets)
    age = ask(YOUTH, prometheus).reading.least
    if age is not None and age <= least:
        shown = ", ".join(sorted(about)[:5])
        raise NotUnderstood(
            f"{prometheus.id} started or reloaded {age:.0f} s ago and may not know yet of {shown}; "
            f"it is judged {least:.0f} s after that"
        )
