"""What suites ask of traces with: each trial is done once for all checks that judge it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from readiness.drills.permit import mint
from readiness.drills.trace_logs import LoggedIds, find
from readiness.drills.trace_trial import Sampled, TracedPath, TraceTrial
from readiness.evidence.claim import Found
from readiness.session.clients import Clients
from readiness.session.run import Run
from readiness.systems.traces.declared import TraceEdge, TraceLog, TracePath, Tracing


@dataclass(frozen=True)
class _Done:
    """A trial that was made, and what each way's requests left."""

    trial: TraceTrial
    paths: Mapping[str, TracedPath]


def _trial(run: Run, clients: Clients, tracing: Tracing) -> _Done:
    def act() -> _Done:
        trial = TraceTrial(clients, mint(run), tracing)
        return _Done(trial, trial.run())

    return run.once.do("trace trial", tracing.name, act)


@pytest.fixture(scope="session")
def traced_path(run: Run, clients: Clients) -> Callable[[TracePath], Found[TracedPath]]:
    """Sends requests on every way and looks for their traces; done once for all of them."""

    def ask(path: TracePath) -> Found[TracedPath]:
        done = _trial(run, clients, path.tracing)
        return clients.look.at(path.id, "canary traces", lambda: done.paths[path.id])

    return ask


@pytest.fixture(scope="session")
def sampled(run: Run, clients: Clients) -> Callable[[TraceEdge], Found[Sampled]]:
    """Sends requests without a context through an edge, and counts the traces that they left."""

    def ask(edge: TraceEdge) -> Found[Sampled]:
        done = _trial(run, clients, edge.tracing)
        return clients.look.at(edge.id, "sampling", lambda: done.trial.sampled(edge.machine))

    return ask


@pytest.fixture(scope="session")
def logged_ids(run: Run, clients: Clients) -> Callable[[TraceLog], Found[LoggedIds]]:
    """Looks for the ids of the requests that passed a machine in its log."""

    def ask(log: TraceLog) -> Found[LoggedIds]:
        trial = _trial(run, clients, log.tracing).trial
        return clients.look.at(
            log.id, "ids in the log", lambda: find(clients, log, trial.requests, trial.begun)
        )

    return ask
