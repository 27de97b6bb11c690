"""What a new user meets in the first hour: nothing ends in a traceback, and 1 is always a NO-GO."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import packages_distributions, requires, version
from pathlib import Path

import pytest
from engine import Engine, Site, gate_of
from stories import Story

from readiness.model.extras import RUN
from readiness.site.examples import write_examples

START = "import sys; from readiness.commands.cli import main; sys.argv[0] = 'readiness'; main()"
FULL = "/dev/full"


def readiness(
    folder: Path, *argv: object, stdout: int = subprocess.PIPE, room: int = 0
) -> subprocess.CompletedProcess[str]:
    """`readiness ARGV…` as a process; with `room` no file may grow beyond so many bytes."""
    limit = f"import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({room}, {room}));" if room else ""
    return subprocess.run(
        [sys.executable, "-c", limit + START, *map(str, argv)],
        cwd=folder,
        env={**os.environ, "READINESS_STATE": str(folder / "state")},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """What `readiness init` wrote, and nothing of what it refers to."""
    write_examples(tmp_path)
    return tmp_path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that is over."""
    folder = tmp_path / "run"
    folder.mkdir()
    Story(folder).write()
    return folder


def test_first_hour_doctor_names_every_file_that_is_not_there(new: Path) -> None:
    """Each listener is told of its own authority's file, each line is a finding, and 2 is no GO."""
    done = readiness(new, "doctor", "--env", "environment.yaml")
    assert (done.returncode, done.stderr) == (2, "")
    lines = done.stdout.splitlines()
    assert {line[:4] for line in lines[:-1]} == {"FAIL"}
    for where, file in (("portal/lb1/v4", "public-root"), ("etcd/pg1/v4", "internal-root")):
        (line,) = (one for one in lines if one.startswith(f"FAIL  tls {where}:"))
        assert f"/ca/{file}.pem: can't be read (No such file or directory)" in line


@pytest.mark.parametrize("file", ["ca/public-root.pem", "secrets/observe.password"])
def test_first_hour_doctor_reads_a_file_that_is_something_else(new: Path, file: str) -> None:
    """A file that holds no certificate, or no text, is a finding too."""
    (new / file).parent.mkdir()
    (new / file).write_bytes(b"\xff\xfe not what was asked for")
    done = readiness(new, "doctor", "--env", "environment.yaml")
    assert (done.returncode, done.stderr) == (2, "")


def test_first_hour_the_version_is_printed(tmp_path: Path) -> None:
    """One line, before a command is asked for."""
    done = readiness(tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, f"readiness {version('readiness')}\n")


def test_first_hour_the_extra_is_looked_for_as_it_is_declared() -> None:
    """Each package that the extra installs is one that a gate looks for before it begins."""
    declared = {
        re.split(r"[^A-Za-z0-9-]", one)[0].lower()
        for one in requires("readiness") or ()
        if 'extra == "run"' in one.replace("'", '"')
    }
    found = packages_distributions()
    assert declared <= {name.lower() for module in RUN for name in found[module]}


@pytest.mark.parametrize("words", [("plan", "--env", "environment.yaml"), ("checks",), ("--help",)])
def test_first_hour_a_reader_that_stops_reading(new: Path, words: Sequence[str]) -> None:
    """`readiness plan | head` ends as if all of it had been read."""
    read, write = os.pipe()
    os.close(read)
    done = readiness(new, *words, stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_first_hour_a_verdict_that_nobody_reads(run: Path) -> None:
    """The exit code is the verdict's, whether somebody reads along or not."""
    told = readiness(run, "judge", ".")
    read, write = os.pipe()
    os.close(read)
    alone = readiness(run, "judge", ".", stdout=write)
    os.close(write)
    assert f"EXIT={told.returncode} " in told.stdout
    assert (alone.returncode, alone.stderr) == (told.returncode, "")


def test_first_hour_output_on_a_full_disk(new: Path) -> None:
    """What was to be 0 is not: somebody wanted to keep what was printed."""
    with Path(FULL).open("w") as full:
        done = readiness(new, "plan", "--env", "environment.yaml", stdout=full.fileno())
    assert done.returncode == 74
    assert done.stderr == (
        "readiness: what was printed could not be written: No space left on device\n"
    )


def test_first_hour_a_gate_that_nobody_reads(engine: Engine, tmp_path: Path) -> None:
    """The run goes on to its end, and its reports are there."""
    site = Site(tmp_path).describe()
    told = engine.gate(site)
    read, write = os.pipe()
    os.close(read)
    alone = readiness(tmp_path, *gate_of(site), stdout=write)
    os.close(write)
    assert (alone.returncode, alone.stderr) == (told.code, "")
    assert (site.runs()[-1] / "index.html").exists()
    assert len(site.runs()) == 2


@pytest.mark.parametrize("words", [("report", "."), ("judge", ".", "--out", "again")])
def test_first_hour_reports_on_a_full_disk(run: Path, words: Sequence[str]) -> None:
    """One line that names a file, and never the exit code of a NO-GO."""
    done = readiness(run, *words, room=2_000)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert "File too large" in line


def test_first_hour_reports_of_a_gate_on_a_full_disk(engine: Engine, tmp_path: Path) -> None:
    """The record is whole; the line says what the run found and how its reports come about."""
    site = Site(tmp_path).describe()
    engine.gate(site)
    room = (site.runs()[-1] / "record.jsonl").stat().st_size + 4_000
    done = readiness(tmp_path, *gate_of(site), room=room)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert f"readiness report {site.runs()[-1]}" in line


def test_first_hour_reports_in_a_folder_that_takes_none(engine: Engine, tmp_path: Path) -> None:
    """A folder that nobody can write into is refused with exit 64, before anything is taken."""
    site = Site(tmp_path).describe()
    done = readiness(tmp_path, "gate", "--env", site.environment, "--reports", "/proc/self")
    assert done.returncode == 64, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("readiness: /proc/self: --reports: can't hold runs (")
    assert not list((tmp_path / "state").rglob("runs.jsonl"))


def test_first_hour_a_mistake_of_ours_is_no_verdict(run: Path) -> None:
    """What breaks in readiness itself is told as that, with its traceback, and exits 2."""
    broken = "import readiness.running.finish as f; f.judge = None; "
    done = subprocess.run(
        [sys.executable, "-c", broken + START, "explain", "TLS-001"],
        cwd=run,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    broken = "import readiness.catalogue.checks as c; c.load_catalogue = lambda: 1 / 0; "
    done = subprocess.run(
        [sys.executable, "-c", broken + START, "explain", "TLS-001"],
        cwd=run,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "ZeroDivisionError" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("readiness: broke: this is a mistake of")
