"""Verbs at work, offline: what they do to a machine, what shows it, and that all of it goes back.

The machine is this one: its shell is real, and its files lie in a folder of the test's own.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import rows, scene
from lab.errors import LabError
from lab.faults import Fault
from lab.machines import Done
from lab.rows import read_table
from lab.scene import Scene

BEFORE = "server one\nserver two\n"
ROW = """\
sick:
  title: A file is not as it was
  why: Somebody was there.
  at: app1
  break:
%s
  reddens:
    HOST-001: {app1: found}
"""


def run(_: str, argv: Sequence[str], *, stdin: str | None, timeout: float) -> Done:
    """What a machine's lab does, on this one."""
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=False, timeout=timeout
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A scene whose machines are all this one, under a fault called sick."""
    monkeypatch.setattr(scene, "KEPT", tmp_path / "kept")
    (tmp_path / "x.conf").write_text(BEFORE)
    site: Any = SimpleNamespace(lab=SimpleNamespace(run=run))
    return Scene(site, {}, "sick")


def fault(tmp_path: Path, *lines: str) -> Fault:
    """The fault of a row that breaks like this; `FILE` is the test's own."""
    steps = "\n".join(f"    {line}" for line in lines).replace("FILE", str(tmp_path / "x.conf"))
    table = tmp_path / "hosts.yaml"
    table.write_text(ROW % steps)
    return read_table(table)["sick"].fault


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("file.replace: {path: FILE, old: one, new: three}", "server three\nserver two\n"),
        ('file.sub: {path: FILE, pattern: "^server", new: "client"}', "client one\nclient two\n"),
        ('file.sub: {path: FILE, pattern: "(?<=one\\n).+", new: ""}', "server one\n"),
        ('file.append: {path: FILE, text: "server three\\n"}', f"{BEFORE}server three\n"),
    ],
)
def test_an_edited_file_goes_back(line: str, after: str, here: Scene, tmp_path: Path) -> None:
    """It shows while it is edited and no longer; twice back does no harm."""
    one, file = fault(tmp_path, line), tmp_path / "x.conf"
    assert not one.took_effect(here)
    one.apply(here)
    assert file.read_text() == after
    assert one.took_effect(here)
    for _ in range(2):
        one.undo(here)
        assert file.read_text() == BEFORE
        assert not one.took_effect(here)


def test_a_file_that_is_not_as_expected_is_left_alone(here: Scene, tmp_path: Path) -> None:
    """A row that would change nothing plants nothing."""
    one = fault(tmp_path, "file.replace: {path: FILE, old: nine, new: ten}")
    with pytest.raises(LabError, match="is not as the fault sick expects it"):
        one.apply(here)
    assert (tmp_path / "x.conf").read_text() == BEFORE


def test_several_edits_of_one_file_go_back_together(here: Scene, tmp_path: Path) -> None:
    """The original is what was there before the first."""
    one = fault(
        tmp_path,
        "- file.replace: {path: FILE, old: one, new: three}",
        "- file.replace: {path: FILE, old: two, new: four}",
    )
    one.apply(here)
    assert (tmp_path / "x.conf").read_text() == "server three\nserver four\n"
    one.undo(here)
    assert (tmp_path / "x.conf").read_text() == BEFORE


def test_a_new_file_goes(here: Scene, tmp_path: Path) -> None:
    """Its folder is made, and one that is gone already is fine."""
    file = tmp_path / "below/new.sh"
    one = fault(tmp_path, f'file.new: {{path: {file}, text: "exit 0\\n", mode: "0755"}}')
    one.apply(here)
    assert one.took_effect(here)
    assert file.stat().st_mode & 0o777 == 0o755
    for _ in range(2):
        one.undo(here)
        assert not file.exists()


def test_a_script_breaks_shows_and_mends(here: Scene, tmp_path: Path) -> None:
    """What shows it is what it prints; a script that fails shows nothing, and breaks loudly."""
    mark = tmp_path / "mark"
    one = fault(tmp_path, f"sh: {{break: touch {mark}, seen: ls {mark}, mend: rm -f {mark}}}")
    assert not one.took_effect(here)
    one.apply(here)
    assert one.took_effect(here) == f"app1: {mark}"
    for _ in range(2):
        one.undo(here)
        assert not one.took_effect(here)
    with pytest.raises(LabError, match="ended with 1"):
        fault(tmp_path, "sh: {break: false; true, seen: ls}").apply(here)


def test_what_was_done_last_is_taken_back_first(here: Scene, tmp_path: Path) -> None:
    """As a stack: each finds what it left."""
    log = tmp_path / "log"
    steps = [
        f"- sh: {{break: echo do {n} >>{log}, seen: cat {log}, mend: echo undo {n} >>{log}}}"
        for n in (1, 2)
    ]
    one = fault(tmp_path, *steps)
    one.apply(here)
    one.undo(here)
    assert log.read_text().splitlines() == ["do 1", "do 2", "undo 2", "undo 1"]


def test_whoever_looks_touches_nothing(here: Scene, tmp_path: Path) -> None:
    """Only what may change a machine counts for who may be in force beside it."""
    fault(tmp_path, "file.replace: {path: FILE, old: one, new: three}")
    table = tmp_path / "hosts.yaml"
    more = f"  mended:\n    file.says: {{at: app2, path: {tmp_path / 'x.conf'}, has: one}}\n"
    table.write_text(table.read_text() + more)
    one = read_table(table)["sick"].fault
    one.took_effect(here.looking())
    assert here.touched == set()
    one.apply(here)
    one.undo(here)
    assert here.touched == {"app1"}


def test_what_is_not_mended_is_told(
    here: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken back is not enough where the row says what has to show."""
    monkeypatch.setattr(rows, "MENDED_LIMIT", 0.1)
    fault(tmp_path, "file.replace: {path: FILE, old: one, new: three}")
    table = tmp_path / "hosts.yaml"
    more = f"  mended:\n    file.says: {{path: {tmp_path / 'x.conf'}, has: nine}}\n"
    table.write_text(table.read_text() + more)
    one = read_table(table)["sick"].fault
    one.apply(here)
    with pytest.raises(LabError, match="it is mended"):
        one.undo(here)
