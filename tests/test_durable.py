"""Appending: whole or an error, torn only by a kill or a power cut, and then sealed and marked."""

import os
import random
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from children import child, hear
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness.evidence import durable
from readiness.model.errors import StateError

LINES = st.binary(max_size=40).filter(
    lambda data: b"\n" not in data and not data.endswith(durable.SEAL)
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that does not exist yet."""
    return tmp_path / "lines.jsonl"


def append(path: Path, *lines: bytes) -> None:
    """Append lines with a descriptor of their own."""
    descriptor = durable.open_append(path)
    try:
        for line in lines:
            durable.append_line(descriptor, line)
    finally:
        os.close(descriptor)


def test_lines_are_read_back_in_order(path: Path) -> None:
    """What was appended, by one descriptor or several, is what is read."""
    append(path, b"one", b"")
    append(path, b"three")
    lines = durable.read_lines(path)
    assert [(line.number, line.raw, line.torn) for line in lines] == [
        (1, b"one", False),
        (2, b"", False),
        (3, b"three", False),
    ]


def test_a_missing_file_has_no_lines(path: Path) -> None:
    """Looking at a log that nobody wrote creates nothing."""
    assert durable.read_lines(path) == []
    assert not path.exists()


def test_files_are_private_and_links_are_refused(path: Path) -> None:
    """A created file has mode 0600, and a link put in its place is not followed."""
    append(path, b"one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(StateError, match=r"link: cannot be opened"):
        durable.open_append(link)


def test_a_folder_is_made_private(tmp_path: Path) -> None:
    """A new folder and one that was open to others both end with mode 0700."""
    folder = tmp_path / "a" / "b"
    assert stat.S_IMODE(durable.make_folder(folder).stat().st_mode) == 0o700
    folder.chmod(0o755)
    assert stat.S_IMODE(durable.make_folder(folder).stat().st_mode) == 0o700


def test_a_folder_under_a_file_is_refused(path: Path) -> None:
    """Where no folder can be, one clear error says so."""
    path.touch()
    with pytest.raises(StateError, match="cannot be a private folder"):
        durable.make_folder(path / "inside")


def test_a_line_with_a_newline_is_the_callers_mistake(path: Path) -> None:
    """One call never writes two lines, nor one that reads as torn."""
    for data in (b"a\nb", b"a" + durable.SEAL):
        with pytest.raises(ValueError, match="no newline"):
            append(path, data)


@given(lines=st.lists(LINES, min_size=1, max_size=4), data=st.data())
@settings(max_examples=60)
def test_a_power_cut_anywhere_loses_only_the_last_line(
    lines: list[bytes], data: st.DataObject
) -> None:
    """However often the file is cut within its last write, whole lines stay and torn ones show."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lines")
        whole: list[bytes] = []
        for line in lines:
            before = path.stat().st_size if path.exists() else 0
            append(path, line)
            after = path.stat().st_size
            cut = data.draw(st.integers(before, after))
            os.truncate(path, cut)
            if cut == after:
                whole.append(line)
            assert [each.raw for each in durable.read_lines(path) if not each.torn] == whole
        append(path, b"last")
        read = durable.read_lines(path)
        assert [each.raw for each in read if not each.torn] == [*whole, b"last"]


def test_a_torn_line_is_kept_and_marked(path: Path) -> None:
    """Its bytes stay in the file, sealed by the next append, and never read as whole."""
    append(path, b'{"a":1}')
    with path.open("ab") as file:
        file.write(b'{"b":2}')  # looks whole, but its end never reached the disk
    append(path, b'{"c":3}')
    assert [(line.raw, line.torn) for line in durable.read_lines(path)] == [
        (b'{"a":1}', False),
        (b'{"b":2}', True),
        (b'{"c":3}', False),
    ]


APPENDER = """
    import sys
    from pathlib import Path
    from readiness import durable
    descriptor = durable.open_append(Path(sys.argv[1]))
    number = int(sys.argv[2])
    while True:
        durable.append_line(descriptor, b"%d " % number + b"x" * 300_000)
        print(number, flush=True)
        number += 1
"""


PIECES = st.lists(st.sampled_from([b"{}", b"\n", durable.SEAL, b" ", b"#torn", b"\r"]), max_size=12)


@given(pieces=PIECES)
def test_a_long_file_is_read_like_a_short_one(pieces: list[bytes]) -> None:
    """`read_whole` finds the lines and the tears that `read_lines` finds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file.jsonl"
        file.write_bytes(b"".join(pieces))
        lines = durable.read_lines(file)
        whole, torn = durable.read_whole(file)
    assert whole == [line.raw for line in lines if not line.torn]
    assert torn == [line.number for line in lines if line.torn]


def test_what_was_acknowledged_survives_kill_9(path: Path) -> None:
    """A writer killed at random moments, six times over, loses nothing that it had acknowledged."""
    moments = random.Random(7)  # noqa: S311 - moments, not keys
    acknowledged: list[int] = []
    for generation in range(6):
        with child(APPENDER, path, generation * 10**6) as process:
            acknowledged.append(int(hear(process)))
            time.sleep(moments.uniform(0, 0.02))  # any moment is right: the kill is the test
            process.kill()
            acknowledged += [int(line) for line in process.communicate()[0].split()]
    lines = durable.read_lines(path)
    whole = [int(line.raw.split()[0]) for line in lines if not line.torn]
    assert set(acknowledged) <= set(whole)
    assert whole == sorted(set(whole))
    assert all(len(line.raw.split()[1]) == 300_000 for line in lines if not line.torn)


def test_a_full_device_is_a_clear_error() -> None:
    """ENOSPC names the file."""
    descriptor = os.open("/dev/full", os.O_RDWR)
    try:
        with pytest.raises(StateError, match="/dev/full: nothing was appended: No space left"):
            durable.append_line(descriptor, b"line")
    finally:
        os.close(descriptor)


FILLER = """
    import os, resource, sys
    from pathlib import Path
    from readiness import durable
    from readiness.model.errors import StateError
    path = Path(sys.argv[1])
    if sys.argv[2:]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    descriptor = durable.open_append(path)
    try:
        for number in range(1000):
            durable.append_line(descriptor, b"%d " % number + b"x" * 995)
    except StateError as error:
        lines = durable.read_lines(path)
        print(number, len(lines), any(line.torn for line in lines), error)
"""


def test_a_write_that_comes_up_short_is_put_back(path: Path) -> None:
    """When a limit lets only half a line in, the file ends with the line before."""
    with child(FILLER, path, 10_500) as process:
        number, lines, torn, error = hear(process).split(" ", 3)
    assert (number, lines, torn) == (str(len(durable.read_lines(path))), number, "False")
    assert error.startswith(f"{path}: nothing was appended: it took only")
    append(path, b"room again")
    assert durable.read_lines(path)[-1].raw == b"room again"


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system of its own needs root")
def test_a_full_disk_is_put_back(tmp_path: Path) -> None:
    """On a file system without room the line that did not fit leaves nothing behind."""
    script = 'mount -t tmpfs -o size=64k none "$1" && exec "$2" -c "$3" "$1/lines"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable]
    command.append(textwrap.dedent(FILLER))
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    number, lines, torn, error = answer.stdout.split(" ", 3)
    assert (lines, torn) == (number, "False")
    assert int(number) > 10
    assert "lines: nothing was appended: " in error
