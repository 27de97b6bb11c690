"""Running the product against the lab as its users do, and reading what it found.

The lab knows the product from outside only: its command line, its catalogue and verdict.json.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.home import DEFAULT_HOME, LAB, REPOSITORY, beside
from lab.inventory import VANTAGE
from lab.progress import step
from lab.secrets import write_private
from lab.site import Site
from readiness.site.documents import load_policy

Alter = Callable[[str], str]
ENVIRONMENTS = REPOSITORY / "environments"
ENVIRONMENT = ENVIRONMENTS / "lab.yaml"
CATALOGUE = REPOSITORY / "src/readiness/data/catalogue.json"
READINESS = REPOSITORY / ".venv/bin/readiness"
GREEN = "passed"
LOOK_LIMIT = 900.0
DRILL_LIMIT = 3600.0


@dataclass(frozen=True)
class Case:
    """One check about one subject, as the verdict has it."""

    check: str
    subject: str
    outcome: str
    reason: str

    @property
    def key(self) -> tuple[str, str]:
        """Check and subject."""
        return self.check, self.subject

    @property
    def green(self) -> bool:
        """Whether it passed; everything else is not green."""
        return self.outcome == GREEN

    def __str__(self) -> str:
        return f"{self.check} {self.subject} {self.outcome}: {self.reason}"


@dataclass(frozen=True)
class Looked:
    """One run of the product."""

    number: int
    run: str
    folder: Path
    cases: tuple[Case, ...]
    seconds: float

    @property
    def red(self) -> tuple[Case, ...]:
        """The cases that are not green."""
        return tuple(case for case in self.cases if not case.green)


@cache
def _entries() -> list[dict[str, Any]]:
    try:
        entries: list[dict[str, Any]] = json.loads(CATALOGUE.read_text())
    except (OSError, ValueError) as error:
        raise LabError(f"{CATALOGUE}: {error}") from error
    return entries


def catalogue() -> dict[str, str]:
    """Check -> the tier it needs.

    Raises:
        LabError: there is no catalogue.
    """
    return {entry["id"]: entry["tier"] for entry in _entries()}


def source_of(check: str) -> str:
    """The file and function of a check, ``FILE::FUNCTION``.

    Raises:
        LabError: there is no such check.
    """
    for entry in _entries():
        if entry["id"] == check:
            return str(entry["source"])
    raise LabError(f"no check is called {check!r}")


def observing(*, scan: bool = False, gate_only: bool = False, site: str = LAB) -> tuple[str, ...]:
    """The ids of the checks of the observe tier that a GO of the site needs.

    Those that scan the network, and those that only a gate asks, are among them only where that is
    asked for.
    """
    required = frozenset(load_policy(policy(site)).required or ())
    return tuple(
        entry["id"]
        for entry in _entries()
        if entry["tier"] == "observe"
        and (scan or not entry["permission"])
        and (gate_only or not entry["gate_only"])
        and required & {*entry["clauses"]}
    )


def committed(site: str) -> Path:
    """The environment file of a site, as it is committed."""
    return ENVIRONMENTS / f"{site}.yaml"


def policy(site: str) -> Path:
    """What a GO of a site needs."""
    return ENVIRONMENTS / ("policy.yaml" if site == LAB else f"policy-{site}.yaml")


def environment_file(site: Site, name: str = "", alter: Alter | None = None) -> Path:
    """The environment file of this lab; a copy under its home where it is not as committed.

    Raises:
        LabError: it should be altered and nothing changed.
    """
    file = committed(site.home.site)
    given = file.read_text()
    usual = beside(DEFAULT_HOME, site.home.site)
    text = given.replace(f"{usual}/", f"{site.home.path}/")
    altered = alter(text) if alter else text
    if alter and altered == text:
        raise LabError(f"{file} is not as {name} expects it")
    if altered == given:
        return file
    path = site.home.path / "environments" / f"{name or site.home.site}.yaml"
    # What lies beside the committed file does not lie beside its copy.
    altered = altered.replace("file:../", f"file:{REPOSITORY}/")
    write_private(path, altered.encode())
    return path


def kept_in(site: Site) -> Path:
    """Where the runs of the product are kept."""
    return site.home.path / "reports"


def look(
    site: Site,
    *,
    tier: str = "observe",
    scan: bool = False,
    gate_only: bool = False,
    checks: Sequence[str] = (),
    environment: Path | None = None,
    title: str = "the product looks",
) -> Looked:
    """Run the named checks, or all observe checks, from where the gate stands.

    Which of the observe checks those are, :func:`observing` says.

    Raises:
        LabError: the product came to no verdict.
    """
    checks = checks or observing(scan=scan, gate_only=gate_only, site=site.home.site)
    reports = kept_in(site)
    reports.mkdir(mode=0o700, exist_ok=True)
    only = [word for check in checks for word in ("--only", check)]
    given = environment or environment_file(site)
    argv = [str(READINESS), "gate", "--env", str(given), "--policy", str(policy(site.home.site))]
    argv += ["--tier", tier, *only, "--reports", str(reports)]
    argv += ["--scan"] if scan else []
    limit = LOOK_LIMIT if tier == "observe" else DRILL_LIMIT
    started = time.monotonic()
    with step(title):
        out = _output(site, argv, limit)
    return _read(reports, out, checks, time.monotonic() - started)


def _output(site: Site, argv: Sequence[str], limit: float) -> str:
    words = site.lab.look_from(VANTAGE, argv)
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "NO_COLOR": "1", "TERM": "dumb"},
        cwd=REPOSITORY,
        text=True,
    ) as child:
        try:
            return child.communicate(timeout=limit)[0]
        except subprocess.TimeoutExpired as error:
            child.terminate()
            child.communicate()
            raise LabError(f"the product took longer than {limit:.0f} s") from error


def _read(reports: Path, out: str, checks: Iterable[str], seconds: float) -> Looked:
    last = (out.strip().splitlines() or ["nothing"])[-1]
    facts = dict(word.split("=", 1) for word in last.split() if "=" in word)
    folder = reports / facts.get("RUN", "none")
    try:
        verdict: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
    except (OSError, ValueError) as error:
        raise LabError(f"the product came to no verdict; it said: {out.strip()[-600:]}") from error
    wanted = set(checks)
    cases = tuple(
        Case(one["check"], one["subject"], one["outcome"], one["reason"])
        for one in verdict["cases"]
        if one["check"] in wanted
    )
    if not cases:
        raise LabError(f"{folder}: the verdict holds no case of the checks that were asked for")
    return Looked(verdict["number"], verdict["run"], folder, cases, seconds)
