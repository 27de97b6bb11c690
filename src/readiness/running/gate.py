"""The gate: a parent that starts plain pytest, watches the record, and enforces the limits.

The child's exit code is ignored: only what is in the record counts.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Final, Protocol

from readiness.catalogue.checks import Check
from readiness.catalogue.limits import limit_of
from readiness.catalogue.own import is_own
from readiness.evidence.lease import halt_requested
from readiness.evidence.record import FILE_NAME, RecordWriter
from readiness.evidence.redact import Redactor
from readiness.judging.outcomes import DIED
from readiness.model.errors import ReadinessError
from readiness.model.extras import need_run
from readiness.model.interrupts import ENDING, UNWINDING, deferred, ignored_by_nobody_else
from readiness.model.printable import clipped
from readiness.model.shipping import place_of
from readiness.model.words import Json
from readiness.running.finish import FINISHED, HALTED, INTERRUPTED, Finished, finish
from readiness.session.plan import PlannedCase
from readiness.session.run import Run, RunRequest, open_run

GRACE: Final = UNWINDING
# A traceback has no longer lines; a machine that answers with one of 100 kB might.
LONGEST_LINE: Final = 4_000
TICK: Final = 0.1
KEPT_VARIABLES: Final = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SSH_AUTH_SOCK",
    "XDG_STATE_HOME", "READINESS_STATE", "READINESS_TLS_SCAN", "KUBECONFIG",
)  # fmt: skip


class Progress(Protocol):
    """Someone who is told how the run goes."""

    def opened(self, run: Run) -> None:
        """The run has a number and a plan."""

    def event(self, event: Json) -> None:
        """Something was recorded."""

    def tick(self) -> None:
        """Time passed; called several times a second."""

    def ending(self, why: str) -> None:
        """The child is asked to end and to undo what it did."""

    def closed(self) -> None:
        """The child has ended."""


def suites_folder() -> Path:
    """Where the checks are."""
    return place_of("suites")


def settings_file() -> Path:
    """The suites' pytest.ini: among them in the installed package, above them in a checkout."""
    beside = suites_folder() / "pytest.ini"
    return beside if beside.exists() else suites_folder().parent / "pytest.ini"


def run_gate(request: RunRequest, progress: Progress) -> Finished:
    """Open a run, look, undo, judge, report.

    Raises:
        NotInstalled: the extra `run` is missing; nothing was touched.
        UsageError: something that a person wrote is wrong; nothing was touched.
        LeaseHeld: another run holds the environment.
    """
    need_run()
    ignored_by_nobody_else()
    run = open_run(request)
    progress.opened(run)
    run.writer.close()
    how = "the gate broke"
    try:
        how = _look(run, progress)
    except KeyboardInterrupt:
        how = INTERRUPTED
    finally:
        with deferred(ENDING, dropped=True):
            progress.closed()
            _learn_to_undo(run)
            run.writer = type(run.writer)(run.folder / FILE_NAME, run.writer.redactor)
            finished = finish(run, how)
    return finished


def _learn_to_undo(run: Run) -> None:
    """Know the undo actions that a dead child leaves to its parent; importing them is slow."""
    if any(run.journal.survey()):
        import_module("readiness.drills.undoing")


def _look(run: Run, progress: Progress) -> str:
    """Run each part of the plan in a pytest process of its own, and say how the last one ended."""
    events = _follow(run.folder / FILE_NAME)
    how = FINISHED
    parts = run.plan.parts
    for number, part in enumerate(parts):
        told: set[str] = set()
        own = any(is_own(run.own, planned.case) for planned in part)
        before = _begin_part(run, number=number, parts=len(parts), own=own)
        how = _look_at(run, _Part(number, part, _log_name(run, number)), events, told, progress)
        if _so_far(run, len(before)) != before:
            how = "what the record held before a part of it was altered by that part"
        elif how == FINISHED and "session-finished" not in told:
            how = DIED
        if how != FINISHED or "wrong-target" in told:
            break
    return how


def _begin_part(run: Run, *, number: int, parts: int, own: bool) -> bytes:
    """Note which process writes next, and return what the record holds until then."""
    with RecordWriter(run.folder / FILE_NAME, run.writer.redactor) as writer:
        writer.write("part-started", number=number, parts=parts, own=own)
    return _so_far(run)


def _so_far(run: Run, size: int = -1) -> bytes:
    with (run.folder / FILE_NAME).open("rb") as file:
        return file.read(size)


@dataclass(frozen=True)
class _Part:
    """A part of the plan that one pytest process runs; `log` names what it leaves for people."""

    number: int
    cases: tuple[PlannedCase, ...]
    log: str


def _log_name(run: Run, number: int) -> str:
    """`pytest` for ours and `pytest-own` for the site's own, later parts of a kind numbered."""
    parts = run.plan.parts[: number + 1]
    kinds = [any(is_own(run.own, planned.case) for planned in part) for part in parts]
    name = "pytest-own" if kinds[-1] else "pytest"
    before = kinds.count(kinds[-1]) - 1
    return f"{name}-{before + 1}" if before else name


def _look_at(
    run: Run, part: _Part, events: Iterator[Json | None], told: set[str], progress: Progress
) -> str:
    """Run one pytest process to its end and say how it ended; `told` gets the kinds of events."""
    with subprocess.Popen(
        _command(run, part),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(run, part),
        cwd=suites_folder(),
        start_new_session=True,
        pass_fds=(run.lease.fileno(),) if run.lease else (),
    ) as child:
        assert child.stdout is not None  # noqa: S101 - asked for above
        log = run.folder / f"{part.log}.log"
        copier = threading.Thread(
            target=_copy, args=(child.stdout, log, run.writer.redactor), daemon=True
        )
        copier.start()
        how = "the gate broke"
        try:
            how = _watch(run, part, child, events, told, progress)
        except KeyboardInterrupt:
            how = INTERRUPTED
        finally:
            # Once is enough: a second signal does not kill what is being undone.
            with deferred(ENDING, dropped=how != FINISHED):
                if child.poll() is None:
                    progress.ending(how)
                _end(child)
        copier.join(timeout=5)
    return how


def _command(run: Run, part: _Part) -> list[str]:
    suites = suites_folder()
    wanted = sorted({_file(run, planned.check) for planned in part.cases})
    return [
        sys.executable, "-m", "pytest", "-c", str(settings_file()),
        "--rootdir", str(suites), "--noconftest", "-p", "readiness.running.pytest_plugin",
        "-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin",
        f"--html={run.folder / part.log}.html", "--self-contained-html",
        *wanted,
    ]  # fmt: skip


def _file(run: Run, check: Check) -> str:
    """The test file of a check: ours in the suites, the site's own in its folder."""
    file = check.source.partition("::")[0]
    if run.own.folder and check.id in run.own.catalogue:
        return str(run.own.folder / Path(file).name)
    return str(suites_folder().parent / file)


def _environment(run: Run, part: _Part) -> dict[str, str]:
    """A scrubbed environment: nothing from outside may change what pytest selects or runs."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    text = run.environment.model_dump_json()
    kept |= {
        name: value
        for name, value in os.environ.items()
        if f'"env:{name}"' in text and not name.startswith(("PYTEST", "PYTHON"))
    }
    return kept | {
        "READINESS_RUN_FOLDER": str(run.folder),
        "READINESS_PART": str(part.number),
        # Not from the record: a path in there may look like a secret, and is hidden then.
        "READINESS_ENVIRONMENT_FILE": str(run.environment_file),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _copy(source: IO[bytes], target: Path, redactor: Redactor) -> None:
    """Keep what pytest prints, made safe first."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "w") as file:  # noqa: PTH123 - the mode is set before anything is in
            stream = redactor.stream(lambda text: file.write(_short_lines(text)))
            for line in source:
                stream.write(line.decode(errors="replace"))
                file.flush()
            stream.close()
    except (OSError, ReadinessError):
        # The log is only for people: nobody may wait for a pipe that is no longer emptied.
        for _ in source:
            pass


def _short_lines(text: str) -> str:
    return "\n".join(clipped(line, LONGEST_LINE) for line in text.split("\n"))


def _watch(
    run: Run,
    part: _Part,
    child: subprocess.Popen[bytes],
    events: Iterator[Json | None],
    told: set[str],
    progress: Progress,
) -> str:
    """Tell of every event until the child ends, is halted, or runs out of time."""
    limits = (limit_of(one.check, run.environment, one.case.subject) for one in part.cases)
    deadline = time.monotonic() + sum(limit + UNWINDING for limit in limits)
    while True:
        ended = child.poll() is not None
        for event in events:
            if event is None:
                break
            told.add(str(event.get("kind")))
            progress.event(event)
        if ended:
            return FINISHED
        progress.tick()
        halt = halt_requested(run.state)
        if halt is not None:
            return f"{HALTED}{halt.reason}"
        if time.monotonic() > deadline:
            return "the run took longer than the limits of its checks together"
        time.sleep(TICK)


def _follow(path: Path) -> Iterator[Json | None]:
    """Whole events as they are appended; None when there is none at present."""
    with path.open("rb") as file:
        rest = b""
        while True:
            rest += file.read()
            *lines, rest = rest.split(b"\n")
            for line in lines:
                yield json.loads(line) if line.startswith(b"{") and line.endswith(b"}") else {}
            yield None


def _end(child: subprocess.Popen[bytes]) -> None:
    """Interrupt, grace, kill of the whole process group."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
