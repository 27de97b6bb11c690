"""The pytest plugin: turns the suites' tests into cases of a run record.

It writes what was expected, offered and selected before anything runs, then each case's start, its
phases and its end. It decides nothing: outcomes are worked out from the record by the judge.
"""

import os
import signal
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

from readiness.catalogue import checks as catalogue
from readiness.catalogue.limits import limit_of
from readiness.catalogue.own import is_own
from readiness.drills import target_lease
from readiness.drills.parent import die_with_parent
from readiness.evidence.claim import CURRENT, Answer, Claim, Running, plain
from readiness.evidence.record import EXACT
from readiness.evidence.redact import Redactor
from readiness.model.errors import (
    LimitReached,
    NotRun,
    ProbeError,
    ReadinessError,
    UsageError,
    WrongTarget,
)
from readiness.model.interrupts import ENDING, UNWINDING, interrupt
from readiness.model.printable import clipped
from readiness.model.words import Case, Decision, Permission, Tier
from readiness.session import identity
from readiness.session.clients import Clients
from readiness.session.run import Run, RunRequest, open_run, resume_run
from readiness.site.kinds import subjects
from readiness.site.own_files import imported_besides
from readiness.systems.token import Source

RUN_FOLDER: Final = "READINESS_RUN_FOLDER"
ENVIRONMENT_FILE: Final = "READINESS_ENVIRONMENT_FILE"
PART: Final = "READINESS_PART"
# pytest.html is for people, who read no more of a case.
LONGEST_REPORT: Final = 40_000
SUBJECT: Final = "readiness_subject"
RUN_KEY = pytest.StashKey[Run]()
OWNED_KEY = pytest.StashKey[bool]()
CLIENTS_KEY = pytest.StashKey[Clients]()
CASE_KEY = pytest.StashKey[Case]()
INTERRUPTED_KEY = pytest.StashKey[bool]()
EXIT_KEY = pytest.StashKey[int]()

pytest_plugins = (
    "readiness.running.fixtures",
    "readiness.running.balancing_fixtures",
    "readiness.running.trace_fixtures",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for running suites by hand; the gate hands over an opened run instead."""
    group = parser.getgroup("readiness")
    group.addoption("--env", type=Path, help="environment file to look at")
    group.addoption("--policy", type=Path, help="policy file")
    group.addoption("--tier", default="observe", choices=[str(tier) for tier in Tier])
    group.addoption("--scan", action="store_true", help="also scan the network")
    group.addoption("--confirm", default="", help="the environment's name, typed, for production")
    group.addoption("--reports", type=Path, default=Path("reports"), help="where runs are kept")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Open the run, or go on with the one that the gate opened."""
    config.addinivalue_line("markers", f"{SUBJECT}(id): the subject of a case")
    if sys.flags.optimize:
        raise pytest.UsageError("python -O strips assertions: refused")
    if _distributed(config):
        raise pytest.UsageError("pytest-xdist is refused: concurrency lives in the probes")
    folder = os.environ.get(RUN_FOLDER)
    try:
        config.stash[RUN_KEY] = (
            resume_run(Path(folder), Path(os.environ[ENVIRONMENT_FILE]), _part())
            if folder
            else _opened_by_hand(config)
        )
    except ReadinessError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[OWNED_KEY] = not folder
    if not folder and not getattr(config.option, "htmlpath", ""):
        # As under the gate: pytest's own report lies in the run's folder.
        config.option.htmlpath = str(config.stash[RUN_KEY].folder / "pytest.html")
        config.option.self_contained_html = True
    config.pluginmanager.register(_Interruption(config))
    if folder:
        die_with_parent()
    for number in ENDING:
        # Also what whoever started the gate ignores: nothing but a kill would end this process.
        signal.signal(number, interrupt)


def _part() -> int | None:
    text = os.environ.get(PART, "")
    return int(text) if text else None


def _distributed(config: pytest.Config) -> bool:
    """Whether pytest-xdist would spread the tests over processes, or this is one of those."""
    asked = (getattr(config.option, name, None) for name in ("numprocesses", "tx"))
    spread = getattr(config.option, "dist", None) not in {None, "no"}
    return any(asked) or spread or hasattr(config, "workerinput")


def _opened_by_hand(config: pytest.Config) -> Run:
    environment = config.getoption("--env")
    if environment is None:
        raise UsageError("which environment?", key="--env", expected="--env FILE")
    request = RunRequest(
        environment_file=environment,
        policy_file=config.getoption("--policy"),
        tier=Tier(config.getoption("--tier")),
        reports=config.getoption("--reports"),
        confirmed=config.getoption("--confirm"),
        permissions=(Permission.SCAN,) if config.getoption("--scan") else (),
    )
    return open_run(request)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Close a run that was opened by hand."""
    clients = config.stash.get(CLIENTS_KEY, None)
    if clients is not None:
        clients.close()
    run = config.stash.get(RUN_KEY, None)
    if run is None or not config.stash[OWNED_KEY]:
        return
    # Only who runs suites by hand judges here, and importing what judges takes its time.
    from readiness.running.finish import INTERRUPTED, finish  # noqa: PLC0415

    how = INTERRUPTED if config.stash.get(INTERRUPTED_KEY, False) else "finished"
    try:
        finished = finish(run, how)
        last, config.stash[EXIT_KEY] = finished.last_line, finished.exit_code
    except ReadinessError as error:
        last, config.stash[EXIT_KEY] = f"readiness: {error}", Decision.INCONCLUSIVE.exit_code
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if terminal is not None:
        terminal.write_line(last)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """End with the verdict's exit code where the run was opened by hand, as `readiness gate` does.

    pytest has closed the run by then: it unconfigures at the end of its session.
    """
    code = yield
    return config.stash.get(EXIT_KEY, code)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat a check for every declared subject of its kind."""
    entry = catalogue.of(metafunc.function)
    if entry is None:
        return
    run = metafunc.config.stash[RUN_KEY]
    metafunc.parametrize(
        entry.each,
        [
            pytest.param(subject, id=identity_, marks=pytest.mark.readiness_subject(identity_))
            for identity_, subject in subjects(run.environment, entry.each).items()
        ],
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Leave out what the plan leaves out, note what was offered and what remains to run."""
    run = config.stash[RUN_KEY]
    for entry in filter(None, (catalogue.of(getattr(item, "function", None)) for item in items)):
        if entry != run.catalogue.get(entry.id):
            raise pytest.UsageError(
                f"{entry.source} declares {entry.id} and is not the check that the committed "
                "catalogue knows by that id: give it an id of its own, or generate the catalogue"
            )
    planned = {one.case: one for one in run.plan.cases}
    for item in items:
        item.stash[CASE_KEY] = _case_of(item)
    _refuse_mixture(run, items)
    if run.part is not None:
        planned = {one.case: one for one in run.plan.parts[run.part]}
    offered = [item.stash[CASE_KEY].key for item in items]
    keep = [item for item in items if not getattr(planned.get(item.stash[CASE_KEY]), "not_run", 1)]
    order = {case: position for position, case in enumerate(planned)}
    items[:] = sorted(keep, key=lambda item: order[item.stash[CASE_KEY]])
    yield
    run.writer.write(
        "collected", offered=offered, selected=[item.stash[CASE_KEY].key for item in items]
    )


def _refuse_mixture(run: Run, items: list[pytest.Item]) -> None:
    """A site's own modules in this process could change what our checks see."""
    own = [is_own(run.own, item.stash[CASE_KEY]) for item in items]
    if any(own) and not all(own):
        raise pytest.UsageError(
            "a site's own checks run in a process of their own: name their files alone, or let "
            "`readiness gate` run all"
        )


def _case_of(item: pytest.Item) -> Case:
    entry = catalogue.of(getattr(item, "function", None))
    mark = item.get_closest_marker(SUBJECT)
    return Case(entry.id if entry else item.nodeid, str(mark.args[0]) if mark else "")


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """A gate's part of own checks asks before it imports them: they may change how one asks."""
    run = session.config.stash[RUN_KEY]
    part = run.plan.parts[run.part] if run.part is not None else ()
    if any(is_own(run.own, planned.case) for planned in part):
        _is_pinned(session, run)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Before the first case: is this the system that was pinned? Then begin what takes long."""
    if session.items and CLIENTS_KEY not in session.config.stash:
        _is_pinned(session, session.config.stash[RUN_KEY])
    if session.items:
        session.config.stash[CLIENTS_KEY].begin(_named_by(session.items))


def _named_by(items: Sequence[pytest.Item]) -> list[Source[Any, Any]]:
    """The sources that the checks themselves name, in the order of the cases."""
    functions = dict.fromkeys(getattr(item, "function", None) for item in items)
    checks = [one for one in functions if one is not None and catalogue.of(one)]
    named = (check.__globals__.get(name) for check in checks for name in check.__code__.co_names)
    return list(dict.fromkeys(one for one in named if isinstance(one, Source)))


def _is_pinned(session: pytest.Session, run: Run) -> None:
    session.config.stash[CLIENTS_KEY] = Clients(run)
    try:
        identity.verify(session.config.stash[CLIENTS_KEY])
    except WrongTarget as error:
        run.writer.write("wrong-target", reason=str(error), critical=True)
        pytest.exit(f"wrong target: {error}", returncode=2)


# Typed as a value and not as a class by pytest.
_Ended: Any = pytest.fail.Exception


class _Limit(LimitReached, _Ended):  # type: ignore[misc]
    """The limit as pytest's runner knows ends of a test: what else was put up is taken down."""


LIMIT_KEY = pytest.StashKey[str]()


class _Log:
    """Puts claims of the running case into the record; `passed` are the seconds of its phases."""

    def __init__(self, run: Run, case: Case) -> None:
        self.run, self.case = run, case
        self.last: Claim | None = None
        self.passed: dict[str, float] = {}

    def claim(self, claim: Claim, *, until: datetime | None) -> None:
        self.last = claim
        self.run.writer.write(
            "claim",
            case=self.case.key,
            subject=claim.subject,
            name=claim.name,
            observed=plain(claim.observed),
            relation=claim.relation,
            limit=plain(claim.limit),
            answer=claim.answer,
            reason=str(claim),
            rests_on=list(claim.rests_on),
            until=until.isoformat() if until else None,
        )


LOG_KEY = pytest.StashKey[_Log]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Frame a case with its start and its end, the end after teardown."""
    run = item.config.stash[RUN_KEY]
    case = item.stash[CASE_KEY]
    log = item.stash[LOG_KEY] = _Log(run, case)
    token = CURRENT.set(log)
    Running.log = log
    run.case = case
    run.writer.write("case-started", case=case.key)
    started = time.monotonic()
    try:
        return (yield)
    finally:
        CURRENT.reset(token)
        Running.log = None
        run.case = None
        seconds = round(time.monotonic() - started, EXACT)
        run.writer.write("case-ended", case=case.key, seconds=seconds, passed=log.passed)


@contextmanager
def _bounded(item: pytest.Item, seconds: float, reason: str) -> Iterator[None]:
    """Past so many seconds the case is inconclusive, and what it then undoes has an end, too."""
    reasons = [reason]

    def ring(_number: int, _frame: FrameType | None) -> None:
        item.stash[LIMIT_KEY] = reasons[-1]
        reasons.append(f"{reason}, and no end of it {UNWINDING:g} s later")
        raise _Limit(item.stash[LIMIT_KEY])

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, UNWINDING)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Bound what is asked before the call."""
    with _bounded(item, _limit(item), f"not set up within {_limit(item):g} s, the check's limit"):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Bound the call: past the check's own limit it is inconclusive."""
    with _bounded(item, _limit(item), f"no result within {_limit(item):g} s, the check's limit"):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Bound what is taken down afterwards, whether or not the call reached its limit."""
    with _bounded(item, UNWINDING, f"not taken down within {UNWINDING:g} s"):
        return (yield)


def _limit(item: pytest.Item) -> float:
    entry = catalogue.of(getattr(item, "function", None))
    if entry is None:
        return catalogue.DEFAULT_LIMIT
    run, case = item.config.stash[RUN_KEY], item.stash[CASE_KEY]
    return limit_of(entry, run.environment, case.subject)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """A fixture that a case's limit ended is set up again for the next case that asks for it."""
    try:
        return (yield)
    except LimitReached:
        fixturedef.finish(request)  # type: ignore[arg-type]
        raise


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note how a phase ended, and redact the report before any other plugin sees it."""
    if call.excinfo is not None and isinstance(call.excinfo.value, (ProbeError, NotRun)):
        # What could not be asked has a reason, and no place in the code. Of hundreds of such cases
        # (a site that is not reached) pytest would parse and print the sources for seconds.
        item.repr_failure = _reason_alone  # type: ignore[assignment, method-assign]
    report = yield
    run = item.config.stash[RUN_KEY]
    kind, reason = _ending(item, call, report)
    if limit := item.stash.get(LIMIT_KEY, ""):
        # Whatever became of it afterwards, also where something caught it and went on.
        kind, reason = "inconclusive", limit
        del item.stash[LIMIT_KEY]
    seconds = round(report.duration, EXACT)
    if kind == "passed" and not reason:
        item.stash[LOG_KEY].passed[str(report.when)] = seconds
    else:
        said = {"when": report.when, "result": kind, "reason": reason, "seconds": seconds}
        run.writer.write("phase", case=item.stash[CASE_KEY].key, **said, **_declare(call))
    _redact(report, run.writer.redactor)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Redact why a file could not be collected, before any other plugin sees it."""
    report = yield
    _redact(report, collector.config.stash[RUN_KEY].writer.redactor)
    return report


def _reason_alone(excinfo: pytest.ExceptionInfo[BaseException], *_: object) -> str:
    return f"{type(excinfo.value).__name__}: {excinfo.value}"


def _ending(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
) -> tuple[str, str]:
    """How a phase ended: passed, failed, inconclusive, not-run or error, and why."""
    if hasattr(report, "wasxfail") or item.get_closest_marker("xfail"):
        return "error", "a check may not be marked as an expected failure"
    if call.excinfo is None:
        return ("passed", "") if report.passed else ("error", f"made {report.outcome} by a plugin")
    error = call.excinfo.value
    reason = " ".join((str(error) or type(error).__name__).split())[:600]
    if isinstance(error, AssertionError) and report.when == "call" and _own(item, call):
        last = item.stash[LOG_KEY].last
        claimed = last is not None and not last
        unsure = last is not None and last.answer is Answer.UNKNOWN
        return "inconclusive" if unsure else "failed", str(last) if claimed else reason
    for kinds, ending in _ENDINGS:
        if isinstance(error, kinds):
            return ending, reason
    return "error", f"{type(error).__name__}: {reason}"


_ENDINGS: Final = (
    ((pytest.skip.Exception, NotRun), "not-run"),
    ((ProbeError, WrongTarget), "inconclusive"),
)


def _declare(call: pytest.CallInfo[None]) -> dict[str, str]:
    """What the environment file would have to say for the case to run, where that is known."""
    error = call.excinfo.value if call.excinfo else None
    return {"declare": error.declare} if isinstance(error, NotRun) and error.declare else {}


def _own(item: pytest.Item, call: pytest.CallInfo[None]) -> bool:
    """Whether the check itself asserted: its function, or a claim in a helper of its own file.

    An AssertionError from anywhere else is a broken helper or library, and says nothing.
    """
    assert call.excinfo is not None  # noqa: S101 - for the type checker, the caller looked
    raised = call.excinfo.traceback[-1].frame.code.raw
    own = getattr(getattr(item, "function", None), "__code__", None)
    if raised is own:
        return True
    last = item.stash[LOG_KEY].last
    beside = own is not None and raised.co_filename == own.co_filename
    return beside and last is not None and not last


def _redact(report: pytest.TestReport | pytest.CollectReport, redactor: Redactor) -> None:
    """Make everything that reports show safe."""
    if isinstance(report.longrepr, tuple):
        path, line, why = report.longrepr
        report.longrepr = (path, line, redactor.text(why))
    elif report.longrepr is not None:
        report.longrepr = clipped(redactor.text(str(report.longrepr)), LONGEST_REPORT)
    report.sections = [
        (title, clipped(redactor.text(content), LONGEST_REPORT))
        for title, content in report.sections
    ]
    if isinstance(report, pytest.TestReport):
        report.user_properties = [
            (name, redactor.value(value)) for name, value in report.user_properties
        ]


class _Interruption:
    """Tells Ctrl-C and signals from `pytest.exit` and broken suites, which end the same way."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that somebody stopped the run."""
        self.config.stash[INTERRUPTED_KEY] = excinfo.type is KeyboardInterrupt


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Note that pytest came to its own end, and whether it was stopped before all had run."""
    run = session.config.stash.get(RUN_KEY, None)
    if run is not None:
        target_lease.give_back(run)
        _tell_of_others(run, session)
        early = session.shouldstop or session.shouldfail
        interrupted = session.config.stash.get(INTERRUPTED_KEY, False)
        run.writer.write("session-finished", interrupted=bool(early) or interrupted)


def _tell_of_others(run: Run, session: pytest.Session) -> None:
    """What an own check imported and no import statement says is in no list of files."""
    cases = [item.stash.get(CASE_KEY, None) for item in session.items]
    if run.own.folder is None or not any(is_own(run.own, case) for case in cases):
        return
    if others := imported_besides(run.own.folder, run.own.files):
        run.writer.write(
            "own-unlisted",
            critical=True,
            files=others,
            reason=f"a site's own checks loaded {', '.join(others)}, which no import statement of "
            "theirs names from their folder: nobody can tell whether it was changed",
        )
