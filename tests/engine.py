"""Drives the engine as people do: small sites, suites of a few lines, the gate and pytest.

Processes are forked from one server that has imported the product, so that each costs a fraction
of a second. The product is a copy of this tree whose detection matrix knows every check as proven:
whether anything says GO here never depends on how far the real matrix has come.
"""

import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from pki import NAME, Hierarchy
from servers import Behaviour, say, serve

from readiness.catalogue.checks import load_catalogue
from readiness.catalogue.clauses import load_clauses
from readiness.catalogue.matrix import Proof, ProvenOn
from readiness.evidence.record import Record, now, read_record
from readiness.judging.judge import judge
from readiness.judging.verdict import CaseVerdict, Verdict
from readiness.model.words import Json
from readiness.probes.certificates import anchors
from readiness.site.policy import Policy

ROOT: Final = Path(__file__).resolve().parents[1]
DEADLINE: Final = 120.0
OBJECTIVES: Final = "slo.objectives/objectives-consistent"
SERVICES: Final = "infra.hosts/services-up"
TLS: Final = (
    "sec.tls/chain", "sec.tls/name", "sec.tls/expiry", "sec.tls/protocols", "sec.tls/key",
    "sec.tls/hsts", "infra.load-balancer/http-redirected",
)  # fmt: skip
PROVEN: Final = {name: Proof(ProvenOn.REAL, ("a fault",)) for name in load_catalogue()}

ENVIRONMENT: Final = """\
schema: 1
name: mini
kind: rehearsal
zones: [all]
looks_from: all
authorities: {own: "file:root.pem"}
machines:
  - {name: box, zone: all, role: web, addresses: [127.0.0.1]}
objectives:
  availability: 99.9
  recovery_time: 30 min
  recovery_point: 5 min
  database_recovery_time: 60 s
"""
LISTENER: Final = """\
listeners:
  - name: web
    protocol: https
    port: {port}
    machines: [box]
    names: [{name}]
    authority: own
    plain_http: {{port: {plain}}}
"""


@dataclass(frozen=True)
class Site:
    """An environment and a policy in a folder of their own, with state and reports beside them."""

    folder: Path
    parts: str = ""
    """What every description of it declares besides, such as the listener that pins it."""

    @property
    def environment(self) -> Path:
        """The environment file."""
        return self.folder / "environment.yaml"

    @property
    def policy(self) -> Path:
        """The policy file."""
        return self.folder / "policy.yaml"

    @property
    def reports(self) -> Path:
        """Where runs are kept."""
        return self.folder / "reports"

    @property
    def state(self) -> Path:
        """The state folder of this site alone."""
        return self.folder / "state"

    def resumed(self, folder: Path) -> dict[str, str]:
        """What a gate tells its pytest process."""
        return {
            "READINESS_RUN_FOLDER": str(folder),
            "READINESS_ENVIRONMENT_FILE": str(self.environment),
        }

    def describe(self, *more: str, required: Sequence[str] = (OBJECTIVES,)) -> "Site":
        """Write both files; `more` goes to the end of the environment."""
        self.environment.write_text(ENVIRONMENT + self.parts + "".join(more))
        authority = self.folder / "root.pem"
        if not authority.exists():
            authority.write_text("nothing of the site chains to it\n")
        return self.requiring(*required)

    def requiring(self, *clauses: str) -> "Site":
        """Write the policy anew: a GO needs these and nothing else."""
        policy = {"schema": 1, "name": "small", "owner": "tests", "required": clauses}
        self.policy.write_text(json.dumps(policy | {"blocking_severities": []}))
        return self

    def runs(self) -> list[Path]:
        """The folders of all runs, oldest first."""
        return sorted(one for one in self.reports.glob("mini-*") if one.is_dir())

    def record(self) -> Record:
        """The record of the newest run."""
        return read_record(self.runs()[-1])

    def judged(self) -> Verdict:
        """The newest run judged here and now, every check taken as proven."""
        return judged(self.record())


@contextmanager
def web(
    site: Site, authority: Hierarchy, secure: Behaviour, *, pinned: bool = True
) -> Iterator[Site]:
    """The site with a web listener: one port behaves as told, its plain twin redirects to it."""
    with serve(secure) as port:
        target = f"Location: https://{NAME}:{port}/?from=readiness\r\nContent-Length: 0\r\n\r\n"
        with serve(say(f"HTTP/1.1 308 Permanent Redirect\r\n{target}".encode())) as plain:
            listener = LISTENER.format(port=port, plain=plain, name=NAME)
            (site.folder / "root.pem").write_bytes(authority.root.pem)
            if pinned:
                ((_, anchor),) = anchors(authority.root.pem)
                pins = {"schema": 1, "tls": {"web/box": f"{NAME} under {anchor}"}}
                (site.folder / "identity.json").write_text(json.dumps(pins))
                listener += "identity: file:identity.json\n"
            yield replace(site, parts=listener).describe(required=(OBJECTIVES, *TLS))


def judged(record: Record, policy: Policy | None = None, **changes: Any) -> Verdict:
    """Judge a record under its own policy unless told otherwise, every check taken as proven."""
    written = record.opening.get("policy")
    if policy is None and written:
        policy = Policy.model_validate_json(json.dumps(written))
    given: Json = {"catalogue": load_catalogue(), "criteria": load_clauses(), "at": now()}
    return judge(record, policy=policy, matrix=PROVEN, **(given | changes))


def outcome(verdict: Verdict, case: str) -> CaseVerdict:
    """What became of one case."""
    return next(one for one in verdict.cases if one.case.key == case)


@dataclass
class Started:
    """A process of the engine with what it prints."""

    process: BaseProcess
    output: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def text(self) -> str:
        """Everything that it printed so far."""
        return self.output.read_text(errors="replace")

    def end(self) -> "Ended":
        """Wait for it."""
        self.process.join(DEADLINE)
        code = self.process.exitcode
        assert code is not None, f"still running: {self.text}"
        return Ended(code, self.text)


@dataclass(frozen=True)
class Ended:
    """How a process ended; negative is the signal that killed it."""

    code: int
    text: str
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", self.text.splitlines())

    @property
    def line(self) -> str:
        """The only line that it printed."""
        assert len(self.lines) == 1, self.text
        return self.lines[0]


class Engine:
    """Starts the product's commands and plain pytest."""

    def __init__(self, product: Path) -> None:
        self.product = product
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(
            ["readiness.commands.cli", "readiness.running.pytest_plugin"]
        )
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = str(product)
        forkserver.ensure_running()
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before

    @contextmanager
    def started(
        self,
        call: str,
        argv: Sequence[object],
        site: Site,
        *,
        room: int = 0,
        ignored: Sequence[signal.Signals] = (),
        **variables: str,
    ) -> Iterator[Started]:
        """Start one of the calls below; what is left at the end is killed.

        With `room` no file may grow beyond so many bytes, as on a disk that fills up; `ignored` are
        signals that whoever starts it has it ignore, as `&` in a script and nohup do.
        """
        count = len(list(site.folder.glob("output*")))
        output = site.folder / f"output{count}"
        output.touch()
        scrubbed = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ
        }
        scrubbed |= {"READINESS_STATE": str(site.state), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        # A scan takes longer than all else here; who wants one takes this away again.
        scrubbed["READINESS_TLS_SCAN"] = str(site.folder / "no-scanner")
        arguments = (call, list(map(str, argv)), site.folder, scrubbed | variables, output)
        process = self._context.Process(target=_become, args=(*arguments, room, tuple(ignored)))
        process.start()
        try:
            yield Started(process, output)
        finally:
            process.kill()
            process.join()

    def run(
        self, call: str, argv: Sequence[object], site: Site, *, room: int = 0, **variables: str
    ) -> Ended:
        """Start one of the calls below and wait for its end."""
        with self.started(call, argv, site, room=room, ignored=(), **variables) as begun:
            return begun.end()

    def cli(self, site: Site, *argv: object, **variables: str) -> Ended:
        """`readiness ARGV…` in the site's folder."""
        return self.run("cli", argv, site, room=0, **variables)

    def gate(self, site: Site, *argv: object, **variables: str) -> Ended:
        """`readiness gate` for the site."""
        return self.cli(site, *gate_of(site), *argv, **variables)

    def pytest(self, site: Site, suite: str, *argv: object, **variables: str) -> Ended:
        """`pytest` by hand over a suite of that text, which stands in the site's folder."""
        (site.folder / "test_suite.py").write_text(suite)
        given = ("-p", "readiness.running.pytest_plugin", "--env", site.environment)
        reports = ("--policy", site.policy, "--reports", site.reports)
        arguments = (*given, *reports, *argv, "test_suite.py")
        return self.run("pytest", arguments, site, room=0, **variables)


def gate_of(site: Site) -> tuple[object, ...]:
    """The arguments that start a gate for the site."""
    files = ("--env", site.environment, "--policy", site.policy, "--reports", site.reports)
    return ("gate", *files)


def _become(
    call: str,
    argv: list[str],
    folder: Path,
    variables: dict[str, str],
    output: Path,
    room: int,
    ignored: Sequence[signal.Signals],
) -> None:
    """Turn this forked process into that command."""
    os.setsid()
    # Not as whoever started the tests had it: a test run behind `&` ignores SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    if room:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    sys.argv = [call, *argv]
    if call == "pytest":
        import pytest  # noqa: PLC0415 - only the child needs it

        sys.exit(int(pytest.main(argv)))
    from readiness.commands.cli import main  # noqa: PLC0415

    main()


@cache
def product_copy(folder: Path) -> Path:
    """A copy of the product in which every check is proven; returns its source folder."""
    source = folder / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / "suites", folder / "suites", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / "loadtests", folder / "loadtests")
    for name in ("pytest.ini", "conftest.py"):
        shutil.copy(ROOT / name, folder / name)
    proven = {name: {"on": "real", "faults": ["a-fault"]} for name in load_catalogue()}
    matrix = source / "readiness" / "data" / "matrix.json"
    matrix.write_text(json.dumps({"schema": 1, "proven": proven}))
    return source
