"""Ways in which pytest goes green without having looked; none of them may lead to a GO.

Each trap is sprung in a suite of two checks that are otherwise healthy, by hand, so that nothing
protects them but the plugin and the judge.
"""

import subprocess
import sys
from dataclasses import dataclass, field

import pytest
from engine import OBJECTIVES, Engine, Site, outcome

from readiness.catalogue.checks import load_catalogue as catalogue
from readiness.model.words import Decision, Outcome

HEADER = '''
import os, signal, time, unittest
import pytest
from readiness.catalogue.checks import ATTRIBUTE, load_catalogue
from readiness.evidence.claim import Fact, holds


def stands_for(identity):
    def declare(function):
        setattr(function, ATTRIBUTE, load_catalogue()[identity])
        return function
    return declare


def seen(look, subject, value=True):
    return holds(look.note(subject, "a test", value).fact("it", value), "==", True)


@stands_for("OBJ-001")
def test_machine(environment, look):
    """Healthy."""
    assert seen(look, environment.name)

'''
HEALTHY = '''
@stands_for("TLS-001")
def test_environment(tls_listener, look):
    """Healthy."""
    assert seen(look, tls_listener.id)
'''
# Nothing listens there: the suites stand for what would ask.
TRAPPED, OTHER = "TLS-001|web/box/v4", "OBJ-001|mini"


def body(*lines: str, marks: str = "", arguments: str = "tls_listener, look") -> str:
    """The second check with another body."""
    head = f'{marks}\n@stands_for("TLS-001")\ndef test_environment({arguments}):\n    """Trap."""\n'
    return head + "".join(f"    {line}\n" for line in lines)


LOOKS = "assert seen(look, tls_listener.id)"


@dataclass(frozen=True)
class Trap:
    """One way to go green, and what its case must end with instead."""

    name: str
    ends: Outcome
    suite: str = HEALTHY
    conftest: str = ""
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    says: str = ""

    def __str__(self) -> str:
        return self.name


def fixture(*lines: str) -> str:
    """A fixture `thing` with that body."""
    return "@pytest.fixture\ndef thing():\n" + "".join(f"    {line}\n" for line in lines)


def collected(*lines: str) -> str:
    """A conftest that has its way with the collected items."""
    head = "import pytest\ndef pytest_collection_modifyitems(config, items):\n"
    return head + "".join(f"    {line}\n" for line in lines)


NOT_STARTED = "never started"
SELECTED = (
    Trap("-k", Outcome.NOT_RUN, arguments=("-k", "machine"), says=NOT_STARTED),
    Trap("-k in PYTEST_ADDOPTS", Outcome.NOT_RUN, variables={"PYTEST_ADDOPTS": "-k machine"}),
    Trap("-m", Outcome.NOT_RUN, arguments=("-m", "nothing"), says=NOT_STARTED),
    Trap("--collect-only", Outcome.NOT_RUN, arguments=("--collect-only",), says=NOT_STARTED),
    Trap("--setup-only", Outcome.ERROR, arguments=("--setup-only",), says="not every phase"),
    Trap("--setup-plan", Outcome.ERROR, arguments=("--setup-plan",), says="not every phase"),
    Trap(
        "-x after another case broke",
        Outcome.NOT_RUN,
        suite=HEALTHY + "\n@pytest.fixture(autouse=True)\ndef broken(request):\n"
        "    assert 'machine' not in request.node.name\n",
        arguments=("-x",),
        says=NOT_STARTED,
    ),
    Trap(
        "deselected by a conftest",
        Outcome.NOT_RUN,
        conftest=collected("config.hook.pytest_deselected(items=[items.pop()])"),
        says=NOT_STARTED,
    ),
    Trap("a file that is not collected", Outcome.NOT_RUN, suite=HEALTHY + "import missing_module"),
    Trap("never written", Outcome.NOT_RUN, suite="", says=NOT_STARTED),
)
ITEMS = (
    Trap("taken out by a conftest", Outcome.NOT_RUN, conftest=collected("items[:] = items[:1]")),
    Trap(
        "body replaced by a conftest",
        Outcome.ERROR,
        conftest=collected("items[-1].obj = lambda tls_listener, look: None"),
        says="asserted nothing",
    ),
    Trap("twice in the list", Outcome.ERROR, conftest=collected("items.append(items[-1])")),
    Trap(
        "skipped by a conftest",
        Outcome.NOT_RUN,
        conftest=collected("items[-1].add_marker(pytest.mark.skip(reason='no time'))"),
        says="no time",
    ),
    Trap(
        "call hook that calls nothing",
        Outcome.ERROR,
        conftest="def pytest_pyfunc_call(pyfuncitem):\n    return True\n",
        says="asserted nothing",
    ),
    Trap(
        "protocol hook that runs nothing",
        Outcome.ERROR,
        conftest="def pytest_runtest_protocol(item, nextitem):\n    return True\n",
        says="not every phase",
    ),
    Trap(
        "report made green by a conftest",
        Outcome.ERROR,
        suite=body(LOOKS, "raise RuntimeError('broken')"),
        conftest="import pytest\n@pytest.hookimpl(wrapper=True)\n"
        "def pytest_runtest_makereport(item, call):\n    report = yield\n"
        "    report.outcome, report.longrepr = 'passed', None\n    return report\n",
        says="broken",
    ),
    Trap(
        "duplicate parametrisation",
        Outcome.ERROR,
        suite=body(
            LOOKS,
            marks="@pytest.mark.parametrize('again', [1, 2])",
            arguments="tls_listener, look, again",
        ),
        says="ran 2 times",
    ),
    Trap(
        "empty parametrisation",
        Outcome.NOT_RUN,
        suite=body(
            LOOKS,
            marks="@pytest.mark.parametrize('again', [])",
            arguments="tls_listener, look, again",
        ),
    ),
)
RERUN = """
from _pytest.runner import runtestprotocol
def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    runtestprotocol(item, nextitem=item, log=False)
    runtestprotocol(item, nextitem=nextitem)
    return True
"""
TWICE = """
import pytest
again = []
@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid, location):
    pass
@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session):
    session.items.extend(session.items)
    return (yield)
"""
SECOND_TIME = "tries = []\n"
REPEATED = (
    Trap(
        "red, then green when run again",
        Outcome.FAILED,
        suite=SECOND_TIME
        + body("tries.append(1)", "assert seen(look, tls_listener.id, len(tries) > 1)"),
        conftest=RERUN,
        says="found no",
    ),
    Trap(
        "broken, then green when run again",
        Outcome.ERROR,
        suite=SECOND_TIME
        + body("tries.append(1)", "if len(tries) == 1: raise OSError('once')", LOOKS),
        conftest=RERUN,
        says="once",
    ),
    Trap("all of it twice", Outcome.ERROR, conftest=TWICE, says="ran 2 times"),
    Trap(
        "a red subtest",
        Outcome.FAILED,
        suite=body(
            "with subtests.test('part'):",
            "    assert 1 == 2, 'the part is wrong'",
            LOOKS,
            arguments="tls_listener, look, subtests",
        ),
    ),
    Trap(
        "a skipped subtest",
        Outcome.NOT_RUN,
        suite=body(
            "with subtests.test('part'):",
            "    pytest.skip('no time for it')",
            LOOKS,
            arguments="tls_listener, look, subtests",
        ),
    ),
)
ENDED = (
    Trap("os._exit(0)", Outcome.INCONCLUSIVE, suite=body(LOOKS, "os._exit(0)")),
    Trap(
        "os._exit(0) in teardown",
        Outcome.INCONCLUSIVE,
        suite=fixture("yield", "os._exit(0)") + body(LOOKS, arguments="tls_listener, look, thing"),
    ),
    Trap(
        "pytest.exit(returncode=0)",
        Outcome.ERROR,
        suite=body(LOOKS, "pytest.exit('enough', returncode=0)"),
        says="not every phase",
    ),
    Trap(
        "pytest.exit(returncode=0) in teardown",
        Outcome.ERROR,
        suite=fixture("yield", "pytest.exit('enough', returncode=0)")
        + body(LOOKS, arguments="tls_listener, look, thing"),
        says="not every phase",
    ),
    Trap("sys.exit(0)", Outcome.ERROR, suite=body(LOOKS, "raise SystemExit(0)")),
    Trap(
        "SIGKILL",
        Outcome.INCONCLUSIVE,
        suite=body(LOOKS, "os.kill(os.getpid(), signal.SIGKILL)"),
        says="did not come to its end",
    ),
    Trap(
        "past its limit",
        Outcome.INCONCLUSIVE,
        suite=body(LOOKS, "signal.setitimer(signal.ITIMER_REAL, 0.01)", "time.sleep(30)"),
        says="no result within",
    ),
)
RING = "signal.setitimer(signal.ITIMER_REAL, 0.01, 60)"
LIMITS = (
    Trap(
        "b2: takes its limit for an error of what it asks",
        Outcome.INCONCLUSIVE,
        suite="from readiness.model.errors import ProbeError\n"
        + body(
            RING,
            "try:",
            "    time.sleep(30)",
            "except ProbeError:",
            "    assert seen(look, tls_listener.id, False)",
            LOOKS,
        ),
        says="no result within",
    ),
    Trap(
        "b2: takes its limit for any error",
        Outcome.INCONCLUSIVE,
        suite=body(RING, "try:", "    time.sleep(30)", "except Exception:", "    pass", LOOKS),
        says="no result within",
    ),
    Trap(
        "b2: swallows whatever ends it",
        Outcome.INCONCLUSIVE,
        suite=body(RING, "try:", "    time.sleep(30)", "except BaseException:", "    pass", LOOKS),
        says="no result within",
    ),
    Trap(
        "b2: hangs after its limit",
        Outcome.INCONCLUSIVE,
        suite=body(
            "signal.setitimer(signal.ITIMER_REAL, 0.01, 0.5)",
            "try:",
            "    time.sleep(30)",
            "finally:",
            "    time.sleep(600)",
        ),
        says="and no end of it 90 s later",
    ),
    Trap(
        "b2: hangs while it is taken down",
        Outcome.INCONCLUSIVE,
        suite=fixture("yield", RING, "time.sleep(600)")
        + body(LOOKS, arguments="tls_listener, look, thing"),
        says="not taken down within 90 s",
    ),
    Trap(
        "b2: hangs while it is set up",
        Outcome.INCONCLUSIVE,
        suite=fixture(RING, "time.sleep(600)", "yield")
        + body(LOOKS, arguments="tls_listener, look, thing"),
        says="not set up within",
    ),
)
ASSERTED = (
    Trap(
        "teardown breaks",
        Outcome.ERROR,
        suite=fixture("yield", "raise OSError('not put back')")
        + body(LOOKS, arguments="tls_listener, look, thing"),
        says="not put back",
    ),
    Trap(
        "AssertionError in teardown",
        Outcome.ERROR,
        suite=fixture("yield", "assert 1 == 2")
        + body(LOOKS, arguments="tls_listener, look, thing"),
    ),
    Trap(
        "AssertionError from a fixture",
        Outcome.ERROR,
        suite=fixture("assert 1 == 2") + body(LOOKS, arguments="tls_listener, look, thing"),
    ),
    Trap(
        "AssertionError from a library",
        Outcome.ERROR,
        suite=body(LOOKS, "unittest.TestCase().assertEqual(1, 2)"),
        says="AssertionError: 1 != 2",
    ),
    Trap(
        "AssertionError from a helper without rewriting",
        Outcome.ERROR,
        suite="from helper import demand\n" + body(LOOKS, "demand(False)"),
    ),
    Trap(
        "a red claim asserted by a helper without rewriting",
        Outcome.FAILED,
        suite="from helper import demand\n" + body("demand(seen(look, tls_listener.id, False))"),
        says="expected it to be yes, found no",
    ),
    Trap(
        "a red claim without rewriting anywhere",
        Outcome.FAILED,
        suite=body("assert seen(look, tls_listener.id, False)"),
        arguments=("--assert=plain",),
        says="expected it to be yes, found no",
    ),
    Trap("a bare assert", Outcome.FAILED, suite=body(LOOKS, "assert 1 == 2"), says="1 == 2"),
    Trap("skipped in the middle", Outcome.NOT_RUN, suite=body(LOOKS, "pytest.skip('no time')")),
    Trap(
        "marked to be skipped",
        Outcome.NOT_RUN,
        suite=body(LOOKS, marks="@pytest.mark.skip(reason='no time')"),
        says="no time",
    ),
)
EXPECTED_FAILURES = (
    Trap("xpass", Outcome.ERROR, suite=body(LOOKS, marks="@pytest.mark.xfail"), says="expected"),
    Trap("strict xpass", Outcome.ERROR, suite=body(LOOKS, marks="@pytest.mark.xfail(strict=True)")),
    Trap(
        "xfail",
        Outcome.FAILED,
        suite=body("assert seen(look, tls_listener.id, False)", marks="@pytest.mark.xfail"),
    ),
    Trap(
        "xfail that is not run",
        Outcome.ERROR,
        suite=body(LOOKS, marks="@pytest.mark.xfail(run=False)"),
    ),
    Trap("xfail in the middle", Outcome.ERROR, suite=body(LOOKS, "pytest.xfail('known')")),
    Trap(
        "xfail under --runxfail",
        Outcome.ERROR,
        suite=body(LOOKS, marks="@pytest.mark.xfail"),
        arguments=("--runxfail",),
    ),
)
CLAIMED = (
    Trap("claims nothing", Outcome.ERROR, suite=body("assert True"), says="asserted nothing"),
    Trap(
        "claims what nobody looked at",
        Outcome.ERROR,
        suite=body("assert holds(Fact('it', True, 'mini', ()), '==', True)"),
        says="rests on nothing that was seen",
    ),
    Trap(
        "claims what another run saw",
        Outcome.ERROR,
        suite=body(LOOKS, "assert holds(Fact('that', True, 'mini', (10**6,)), '==', True)"),
        says="'that' rests on nothing that was seen",
    ),
    Trap(
        "claims to have seen the plan",
        Outcome.ERROR,
        suite=body("assert holds(Fact('it', True, 'mini', (1,)), '==', True)"),
        says="rests on nothing that was seen",
    ),
    Trap(
        "claims what is seen only later",
        Outcome.ERROR,
        suite=body(
            "found = look.note('mini', 'a test', 1)",
            "assert holds(Fact('it', True, 'mini', (found.number + 2,)), '==', True)",
            "assert look.note('mini', 'a test', 2).number == found.number + 2",
        ),
        says="rests on nothing that was seen",
    ),
    Trap(
        "could not tell, and does not say so",
        Outcome.INCONCLUSIVE,
        suite=body(LOOKS, "seen(look, tls_listener.id, None)"),
        says="found nothing",
    ),
    Trap(
        "could not tell",
        Outcome.INCONCLUSIVE,
        suite=body("assert seen(look, tls_listener.id, None)"),
        says="found nothing",
    ),
    Trap(
        "a red claim in a thread that nobody hears",
        Outcome.FAILED,
        suite=body(
            LOOKS,
            "import threading",
            "one = threading.Thread(target=lambda: seen(look, tls_listener.id, False))",
            "one.start(), one.join()",
        ),
        says="found no",
    ),
    Trap(
        "claims only in a thread",
        Outcome.INCONCLUSIVE,
        suite=body(
            "import threading",
            "one = threading.Thread(target=lambda: seen(look, tls_listener.id))",
            "one.start(), one.join()",
        ),
        says="claimed in a thread",
    ),
    Trap(
        "an end without a time zone",
        Outcome.ERROR,
        suite=body(
            "from datetime import datetime",
            "found = look.note(tls_listener.id, 'a test', 1)",
            "assert holds(found.fact('it', 1), '==', 1, until=datetime(2999, 1, 1))",
        ),
        says="expected an end with its time zone",
    ),
    Trap(
        "swallows its own red claim",
        Outcome.FAILED,
        suite=body(
            "try:",
            "    assert seen(look, tls_listener.id, False)",
            "except AssertionError:",
            "    pass",
        ),
        says="found no",
    ),
)
TRAPS = (
    *SELECTED, *ITEMS, *REPEATED, *ENDED, *LIMITS, *ASSERTED, *EXPECTED_FAILURES, *CLAIMED,
)  # fmt: skip
HELPER = "def demand(condition):\n    assert condition\n"


@pytest.fixture
def two(served: Site) -> Site:
    """A site whose listener is the pinned one, with the clauses of both checks required."""
    (served.folder / "helper.py").write_text(HELPER)
    return served.requiring(OBJECTIVES, "sec.tls/chain")


def test_without_a_trap_it_is_a_go(engine: Engine, two: Site) -> None:
    """The two checks pass, so that each trap below shows its own doing."""
    ended = engine.pytest(two, HEADER + HEALTHY)
    assert ended.code == 0
    assert ended.lines[-1].startswith("VERDICT=GO EXIT=0 RUN=")
    verdict = two.judged()
    assert verdict.decision is Decision.GO
    assert outcome(verdict, TRAPPED).outcome is Outcome.PASSED


@pytest.mark.parametrize("trap", TRAPS, ids=str)
def test_a_trap_never_leads_to_a_go(engine: Engine, two: Site, trap: Trap) -> None:
    """The case ends as it must, with the reason, and the verdict is not GO."""
    if trap.conftest:
        (two.folder / "conftest.py").write_text(trap.conftest)
    ended = engine.pytest(two, HEADER + trap.suite, *trap.arguments, **trap.variables)
    verdict = two.judged()
    found = outcome(verdict, TRAPPED)
    assert (found.outcome, trap.says in found.reason) == (trap.ends, True), found.reason
    assert verdict.decision is not Decision.GO
    assert "VERDICT=GO" not in ended.text


BOTH = """
asked = []


def answer():
    asked.append(1)
    if len(asked) == 1:
        signal.setitimer(signal.ITIMER_REAL, 0.01, 60)
        try:
            time.sleep(30)
        finally:
            open("undone", "w").close()
    return True


@pytest.fixture(scope="session")
def opening():
    asked.append(2)
    if len(asked) == 2:
        signal.setitimer(signal.ITIMER_REAL, 0.01, 60)
        time.sleep(30)
    return asked


@stands_for("OBJ-001")
def test_machine(environment, look):
    assert look.at("shared", "a test", answer)


@stands_for("TLS-001")
def test_clock(tls_listener, opening):
    raise AssertionError("never called")


@stands_for("TLS-002")
def test_environment(tls_listener, look, opening):
    assert look.at("shared", "a test", answer)
    assert asked == [1, 2, 2, 1], asked
    assert seen(look, tls_listener.id)
"""


def test_b2_a_limit_is_nobodys_answer(engine: Engine, two: Site) -> None:
    """What was asked, and what was set up, is asked for anew by the next case; undo was played."""
    head = HEADER.partition('@stands_for("OBJ-001")')[0]
    engine.pytest(two, head + BOTH)
    found = {one.case.key: (one.outcome, one.reason) for one in two.judged().cases}
    last = TRAPPED.replace("TLS-001", "TLS-002")
    limit = catalogue()["OBJ-001"].limit
    assert found[OTHER] == (
        Outcome.INCONCLUSIVE,
        f"no result within {limit:g} s, the check's limit",
    )
    assert found[TRAPPED][0] is Outcome.INCONCLUSIVE
    assert found[last][0] is Outcome.PASSED, found[last]
    assert (two.folder / "undone").exists()


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_tears_down_and_closes_the_record(engine: Engine, two: Site, number: str) -> None:
    """What a fixture put up is taken down, the record has its end, and that end is no GO."""
    suite = fixture("yield", "open('torn-down', 'w').close()") + body(
        LOOKS, f"os.kill(os.getpid(), signal.{number})", arguments="tls_listener, look, thing"
    )
    ended = engine.pytest(two, HEADER + suite)
    assert (two.folder / "torn-down").exists()
    assert ended.lines[-1].startswith("VERDICT=INCONCLUSIVE EXIT=130")
    record, verdict = two.record(), two.judged()
    assert [event["how"] for event in record.of("run-closed")] == ["interrupted"]
    assert verdict.decision is Decision.INCONCLUSIVE
    assert outcome(verdict, TRAPPED).outcome is not Outcome.PASSED


def test_last_failed_looks_at_a_part_only(engine: Engine, two: Site) -> None:
    """After a red case was mended, --lf runs that one alone, which is no GO."""
    red = HEADER + HEALTHY.replace("tls_listener.id)", "tls_listener.id, False)")
    assert engine.pytest(two, red).code == 1
    assert two.judged().decision is Decision.NO_GO
    mended = engine.pytest(two, HEADER + HEALTHY, "--lf")
    assert mended.code == 2
    verdict = two.judged()
    assert outcome(verdict, TRAPPED).outcome is Outcome.PASSED
    assert outcome(verdict, OTHER).outcome is Outcome.NOT_RUN
    assert verdict.decision is Decision.INCONCLUSIVE


def test_a_check_can_not_take_the_place_of_ours(engine: Engine, two: Site) -> None:
    """A check of a user's own under an id of the catalogue is refused, by name."""
    taken = HEADER + HEALTHY.replace(
        '@stands_for("TLS-001")',
        '@(lambda f: setattr(f, ATTRIBUTE, load_catalogue()["TLS-001"].model_copy('
        'update={"title": "All is well"})) or f)',
    )
    ended = engine.pytest(two, taken)
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "is not the check that the committed catalogue knows by that id" in ended.text
    assert two.judged().decision is Decision.INCONCLUSIVE


SPREADING = """
def pytest_addoption(parser):
    parser.addoption("--numprocesses", type=int)
    parser.addoption("--dist", default="no")
    parser.addoption("--tx", action="append", default=[])
"""


@pytest.mark.parametrize("how", ["--numprocesses=2", "--dist=load", "--tx=2*popen"])
def test_xdist_is_refused(engine: Engine, two: Site, how: str) -> None:
    """However it is asked for, nothing is opened."""
    (two.folder / "conftest.py").write_text(SPREADING)
    ended = engine.pytest(two, HEADER + HEALTHY, how)
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "pytest-xdist is refused" in ended.text
    assert not two.reports.exists()


def test_optimised_python_is_refused(two: Site) -> None:
    """Under -O assertions are gone: nothing is opened."""
    (two.folder / "test_suite.py").write_text(HEADER + HEALTHY)
    plugin = (
        "-m",
        "pytest",
        "-p",
        "readiness.running.pytest_plugin",
        "--env",
        str(two.environment),
    )
    ended = subprocess.run(
        [sys.executable, "-O", *plugin, "test_suite.py"],
        cwd=two.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "python -O strips assertions: refused" in ended.stderr
    assert not (two.folder / "reports").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "which environment?; expected --env FILE"),
        (("--env", "missing.yaml"), "missing.yaml"),
        (("--env", "environment.yaml", "--tier", "break"), "invalid choice: 'break'"),
    ],
)
def test_what_is_asked_wrong_by_hand_opens_nothing(
    engine: Engine, two: Site, arguments: tuple[str, ...], says: str
) -> None:
    """Pytest's own usage error, one line of ours, no report and no state."""
    ended = engine.run("pytest", ("-p", "readiness.running.pytest_plugin", *arguments), two)
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert says in ended.text
    assert "Traceback" not in ended.text
    assert not two.reports.exists()
    assert not two.state.exists()


def test_the_traps_are_told_apart() -> None:
    """Each trap has a name of its own."""
    names = [trap.name for trap in TRAPS]
    assert len(names) == len(set(names))
