"""`readiness look` as people type it: its lines, its JSON, its exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from engine import Engine, Site
from pki import NAME, Hierarchy
from portal import PAGE, portal

GIVEN = ("--connect-to", "127.0.0.1", "--within", "60", "--authority")


def test_lines_and_counts(engine: Engine, bare: Site, authority: Hierarchy) -> None:
    """The weightiest first, the counts last, and no 1: that is a verdict."""
    with portal(bare.folder, authority, {"/": PAGE.without("X-Content-Type-Options")}) as served:
        ended = engine.cli(bare, "look", served.plain_url, *GIVEN, served.authority)
        fine = engine.cli(bare, "look", served.url, *GIVEN, served.authority)
    assert ended.code == fine.code == 2
    first, *_, last = ended.lines
    assert first == (
        f"wrong               127.0.0.1:{served.port}  whether browsers guess what a file is: "
        "no X-Content-Type-Options; expected X-Content-Type-Options: nosniff; to do: send "
        "X-Content-Type-Options: nosniff with every answer"
    )
    assert last.startswith("1 wrong, 0 could not be asked, 1 not looked at, ")
    weights = [line[:18].strip() for line in ended.lines[:-1]]
    order = ["wrong", "could not be asked", "not looked at", "fine"]
    assert weights == sorted(weights, key=order.index)


def test_nothing_wrong_ends_with_0(engine: Engine, bare: Site, authority: Hierarchy) -> None:
    """And nothing is left behind: no state, no record, no file."""
    before = {*bare.folder.iterdir()}
    with portal(bare.folder, authority) as served:
        ended = engine.cli(bare, "look", served.plain_url, *GIVEN, served.authority)
    assert ended.code == 0, ended.text
    left = {one.name for one in {*bare.folder.iterdir()} - before}
    assert left == {"leaf.pem", "root.pem", "output0"} - {one.name for one in before}


def test_json(engine: Engine, bare: Site, authority: Hierarchy) -> None:
    """The same for programs, the exit code included."""
    with portal(bare.folder, authority) as served:
        given = (served.plain_url, *GIVEN, served.authority, "--json")
        ended = engine.cli(bare, "look", *given)
    said = json.loads(ended.text)
    assert said["schema"] == 1
    assert said["exit"] == ended.code == 0
    assert said["url"] == served.plain_url
    assert sum(said["counts"].values()) == len(said["findings"])
    keys = {"weight", "severity", "where", "seen", "expected", "remedy", "checks"}
    assert all(set(one) == keys for one in said["findings"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("portal.example.edu",), "readiness: URL: is no address of the web; expected https://"),
        (("https://u:p@portal.example.edu",), "readiness: URL: holds credentials; expected "),
        ((f"https://{NAME}", "--connect-to", "db1"), "readiness: --connect-to: is wrong; expected"),
        ((f"https://{NAME}", "--authority", "none.pem"), "none.pem: --authority: can't be read"),
        ((f"https://{NAME}", "--within", "0"), "expected 1 to 600 seconds, found 0"),
        ((), "URL"),
    ],
)
def test_wrong_input_ends_with_64(
    engine: Engine, bare: Site, words: tuple[str, ...], says: str
) -> None:
    """One line, and nothing was asked."""
    ended = engine.cli(bare, "look", *words)
    assert ended.code == 64
    assert says in ended.line


def test_it_writes_nothing_of_a_secret(engine: Engine, bare: Site) -> None:
    """Credentials in an address are not repeated."""
    ended = engine.cli(bare, "look", "https://registrar:hunter2@portal.example.edu/")
    assert "hunter2" not in ended.text
    assert not Path(bare.state).exists()


def test_without_assertions_nothing_is_fine_by_itself(bare: Site, authority: Hierarchy) -> None:
    """`python -O` leaves the claims of the checks out: what claimed nothing is no yes."""
    command = (
        sys.executable,
        "-O",
        "-c",
        "from readiness.commands.cli import main; main()",
        "look",
    )
    with portal(bare.folder, authority) as served:
        words = (*command, served.plain_url, *GIVEN, served.authority, "--json")
        done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 2, done.stderr
    findings = json.loads(done.stdout)["findings"]
    silent = [one for one in findings if "ended without a claim" in one["seen"]]
    assert {check for one in silent for check in one["checks"]} >= {"TLS-001", "TLS-004", "WEB-002"}
    assert all(one["weight"] == "could not be asked" for one in silent)
