"""Tests that files which people write are read as plain values, and dangerous ones are refused."""

import os
from pathlib import Path

import pytest

from readiness.model.errors import UsageError
from readiness.site.yaml_file import MAX_BYTES, MAX_DEPTH, Place, read_yaml, written


def _file(folder: Path, content: str | bytes) -> Path:
    path = folder / "written.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_scalars_are_those_of_yaml_1_2_that_json_knows(tmp_path: Path) -> None:
    """`yes`, dates, hexadecimal and infinity stay texts; nobody is surprised by a `no`."""
    text = (
        "a: 1\nb: 1.5\nc: true\nd: ~\ne: yes\nf: 2026-01-02\ng: .inf\nh: 0x10\ni: '1'\nj: 1e999\n"
    )
    assert read_yaml(_file(tmp_path, text)).data == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
        "e": "yes",
        "f": "2026-01-02",
        "g": ".inf",
        "h": "0x10",
        "i": "1",
        "j": "1e999",
    }


def test_places_are_remembered(tmp_path: Path) -> None:
    """Keys and values have their own places, and what is missing has that of what is around it."""
    source = read_yaml(_file(tmp_path, "a:\n  - b: 1\n    c: [x, y]\n"))
    assert source.keys["a", 0, "c"] == Place(3, 5)
    assert source.place(("a", 0, "c", 1)) == Place(3, 12)
    assert source.place(("a", 0, "missing", "deeper")) == Place(2, 5)


def test_key_paths_read_as_people_write_them() -> None:
    """Lists by index, and no key that looks like a value."""
    assert written(("databases", 0, "members", 1)) == "databases[0].members[1]"
    assert "p4ss w0rd" not in written(("a", "p4ss w0rd!"))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", ": is empty"),
        ("# only a comment\n", ": is empty"),
        ("---\n", ": is empty"),
        ("- a\n", ": holds no keys; expected a mapping, found a list"),
        ("a: [1\nb: 2\n", ":2:2: is not YAML: expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", ":2:1: is not YAML"),
        ("a: b: c\n", ":1:5: is not YAML: mapping values are not allowed here"),
        ("a: 'x\n", ":2:1: is not YAML: found unexpected end of stream"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", ":4:3: b.c: appears twice (first in line 3)"),
        ("a: 1\n---\nb: 1\n", ":2:1: has more than one document"),
        ("%YAML 1.1\n---\na: 1\n", "has a % directive"),
        ("[a]: b\n", ":1:1: has a key that is a list or mapping"),
        ("a: &x 1\nb: *x\n", ":1:4: a: has an anchor (&)"),
        ("a: *x\n", ":1:4: a: is an alias (*)"),
        ("a: !!python/object/apply:os.system [id]\n", ":1:4: a: has a tag (!)"),
        ('a: "\\ud800"\n', ":1:4: has half a character"),
        ('a: "\\UFFFFFFFF"\n', ": is not YAML"),
        (b"a: 1\nb: \xe9\n", ":2:4: is not UTF-8; expected a text file, found the byte 0xe9"),
        (b"a: \x07\n", ":1:4: has a character that YAML does not allow"),
        (bytes(range(256)), "is not UTF-8"),
        ("x" * (MAX_BYTES + 1), f": is too big; expected at most {MAX_BYTES} bytes"),
        ("[" * 100_000, "is nested too deeply"),
        ("a: " + "{a: " * (MAX_DEPTH + 1), "is nested too deeply"),
        ("a: [" + "1, " * 60_000 + "1]\n", "holds too much"),
    ],
)
def test_what_is_not_a_plain_mapping_is_refused(
    tmp_path: Path, content: str | bytes, line: str
) -> None:
    """One line, with line and column where there is one."""
    path = _file(tmp_path, content)
    with pytest.raises(UsageError) as caught:
        read_yaml(path)
    assert line in str(caught.value).removeprefix(str(path))


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor(tmp_path: Path) -> None:
    """A few lines that would grow to a billion values are never expanded."""
    layers = ["a0: &a0 [x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    with pytest.raises(UsageError, match="1:5: a0: has an anchor"):
        read_yaml(_file(tmp_path, "\n".join(layers)))


def test_a_tag_does_not_run_code(tmp_path: Path) -> None:
    """The file that the tag would have made is not there."""
    made = tmp_path / "made"
    text = f"a: !!python/object/apply:pathlib.Path.touch [!!python/name:pathlib.Path {made}]\n"
    with pytest.raises(UsageError, match="has a tag"):
        read_yaml(_file(tmp_path, text))
    assert not made.exists()


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    """Missing, a folder, a pipe that would block, a device without end, a loop of links."""
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for path, problem in (
        (tmp_path / "missing.yaml", "does not exist"),
        (tmp_path, "is a folder"),
        (pipe, "is not a regular file"),
        (Path("/dev/zero"), "is not a regular file"),
        (loop, "can't be read"),
        (tmp_path / ("x" * 300), "can't be read"),
    ):
        with pytest.raises(UsageError, match=problem):
            read_yaml(path)
