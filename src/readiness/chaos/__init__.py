"""What experiments name: actions that disturb and undo, probes that wait, and the frame of a run.

The functions are called by Chaos Toolkit, by name, and act on the stage that is set
(`readiness.drills.stage`). An action writes its undo to our journal first, so that `readiness
recover` takes back what a killed process left; the toolkit's own rollbacks die with it.
"""

from typing import Any

from readiness.drills import disturbance
from readiness.drills.stage import current

__all__ = [
    "after_activity_control",
    "after_experiment_control",
    "before_experiment_control",
    "cleanup_control",
    "cluster_is_whole",
    "consensus_is_whole",
    "cut_off_primary",
    "kill_primary_server",
    "outlasts_the_lease",
    "primary_stays",
    "standby_is_promoted",
    "stop_consensus_leader",
    "undo",
]


def cut_off_primary() -> str:
    """Cut the primary off from everything but itself and our own connection."""
    stage = current()
    return stage.disturb(disturbance.Cut, stage.primary)


def kill_primary_server(unit: str) -> str:
    """Kill every process of the primary's unit (its automation, and the server that this runs)."""
    stage = current()
    return stage.disturb(disturbance.Killed, stage.primary, unit=unit)


def stop_consensus_leader(unit: str) -> str:
    """Stop the unit of the consensus store's leader."""
    stage = current()
    return stage.disturb(disturbance.Stopped, stage.consensus_leader(), unit=unit)


def undo() -> str:
    """Take back what was disturbed; a second time does nothing."""
    return current().mend()


def cluster_is_whole() -> bool:
    """Wait until redundancy is full as every member sees it."""
    return current().await_whole()


def consensus_is_whole() -> bool:
    """Wait until every declared member of the consensus store follows one leader."""
    return current().await_consensus()


def standby_is_promoted() -> str:
    """Wait until every survivor names one of themselves as leader; its name."""
    return current().await_promotion()


def primary_stays() -> bool:
    """Watch until the automation's TTL has passed; whether the primary led all the time."""
    return current().watch_primary()


def outlasts_the_lease() -> bool:
    """Let the automation's TTL pass; whether the disturbance is still in force then."""
    return current().outlast()


def before_experiment_control(context: dict[str, Any], configuration: dict[str, Any]) -> None:
    """Open a run of its own, where the toolkit was started by hand.

    Raises:
        InterruptExecution: it may not be opened; nothing was disturbed.
    """
    from readiness.chaos.by_hand import begin  # noqa: PLC0415 - opens connections of every kind

    begin(context, configuration)


def after_activity_control(context: dict[str, Any], state: dict[str, Any] | None = None) -> None:
    """End the experiment at a step that failed: the toolkit would go on with the next.

    Raises:
        InterruptExecution: it failed.
    """
    from readiness.chaos.by_hand import go_on  # noqa: PLC0415

    go_on(context, state or {})


def after_experiment_control(context: dict[str, Any], state: dict[str, Any] | None = None) -> None:
    """Put the toolkit's journal into the record."""
    from readiness.chaos.by_hand import keep  # noqa: PLC0415

    keep(context, state or {})


def cleanup_control() -> None:
    """Undo what is left, prove the steady state, and close the run, however it ended."""
    from readiness.chaos.by_hand import end  # noqa: PLC0415

    end()
