"""What others wrote reaches no terminal, log or page as they wrote it, nor at any length."""

import unicodedata
from io import StringIO

import pytest
from engine import LISTENER, Engine, Site
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from readiness.console import MOST, SafeConsole
from readiness.printable import clipped, one_line, printable
from readiness.redact import Redactor

ESCAPES = {
    "a colour": "\x1b[31mred\x1b[0m",
    "the title": "\x1b]0;you are on production\x07",
    "the clipboard": "\x1b]52;c;cm0gLXJmIC8=\x1b\\",
    "control of eight bits": "\x9b2J",
    "over the line": "NO-GO\rGO   ",
    "backspaces": "NO-GO\x08\x08\x08\x08\x08GO",
    "a turn": "\u202eOG-ON\u202c",
    "unseen": "GO\U000e0041\U000e0042",
    "a zero": "a\x00b",
    "half a character": "a\udc9bb",
}
FORBIDDEN = ("\x1b", "\x9b", "\x07", "\x08", "\x00", "\u202e", "\U000e0041", "\udc9b")


def obeyed(text: str) -> list[str]:
    """What of a text a terminal or an eye would obey."""
    return [
        one
        for one in text.replace("\r\n", "\n")
        if one not in "\n\t"
        and (unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} or one in FORBIDDEN)
    ]


@pytest.mark.parametrize("text", ESCAPES.values(), ids=ESCAPES)
def test_c5_what_a_terminal_obeys_is_shown(text: str) -> None:
    """Nothing of it is left to act upon, and a reader sees that it was there."""
    assert obeyed(printable(text)) == []
    assert printable(text) != text
    assert len(printable(text)) >= len(text)


@given(st.text())
def test_c5_any_text_becomes_printable(text: str) -> None:
    """Twice does no more than once, its lines stay, and what was printable is as it was."""
    safe = printable(text)
    assert obeyed(safe) == []
    assert printable(safe) == safe
    assert safe.count("\n") == text.count("\n")
    safe.encode()


def test_c5_what_people_write_stays() -> None:
    """Accents, other scripts, joined emoji, tabs and line breaks are nobody's commands."""
    for text in ("Zoë\tä\r\n", "学生门户", "👩\u200d💻", "\u0645\u06cc\u200c\u062e", "\u22125 °C"):
        assert printable(text) == text


@given(st.text(min_size=0, max_size=200), st.integers(40, 120))
def test_c5_a_length_is_kept(text: str, most: int) -> None:
    """What is left out is counted, and the count has its room."""
    assert len(clipped(text, most)) <= most
    assert clipped(clipped(text, most), most) == clipped(text, most)
    line = one_line(text, most)
    assert len(line) <= most
    assert "\n" not in line


def printed(*things: object, terminal: bool) -> str:
    """What a console sends."""
    file = StringIO()
    console = SafeConsole(
        file=file, force_terminal=terminal, width=80, highlight=False, soft_wrap=True
    )
    for one in things:
        console.print(one, markup=False)
    return file.getvalue()


@pytest.mark.parametrize("text", [one for one in ESCAPES.values() if "\udc9b" not in one])
def test_c5_the_console_sends_no_control_of_others(text: str) -> None:
    """However it is printed; its own colours are there all the same."""
    table = Table(box=None)
    table.add_column("x")
    table.add_row(text)
    sent = printed(text, Text(text), table, terminal=False)
    assert obeyed(sent) == []
    coloured = printed(Text(text, style="red"), terminal=True)
    assert "\x1b[31m" in coloured
    assert obeyed(coloured.replace("\x1b[31m", "").replace("\x1b[0m", "")) == []


def test_c5_a_foreign_text_begins_no_line() -> None:
    """A line for scripts, or a verdict, can't be forged by what is told on a line of ours."""
    sent = printed("\ndb1: it says\nVERDICT=GO EXIT=0\r\nGO\x0bGO", terminal=False)
    assert sent == "\ndb1: it says VERDICT=GO EXIT=0 GO GO\n"


def test_c5_the_console_sends_no_endless_line() -> None:
    """100 kB on one line are a screen at most."""
    sent = printed("x" * 100_000, terminal=False)
    assert len(sent) <= MOST + 1
    assert "more characters)" in sent


def test_c5_the_one_way_out_is_printable() -> None:
    """Records, logs and reports pass the redactor: texts, lists, mappings and streams."""
    redactor = Redactor(["hunter2hunter2"])
    for text in ESCAPES.values():
        found = redactor.value({"a" + text: [text, {"b": text + " hunter2hunter2"}]})
        assert obeyed(str(found)) == []
        assert "hunter2" not in str(found)
        written: list[str] = []
        with redactor.stream(written.append) as stream:
            stream.write(text + "\nmore\n")
        assert obeyed("".join(written)) == []


FOREIGN = '''
from readiness.catalogue import ATTRIBUTE, load_catalogue
from readiness.claim import holds
from readiness.errors import ProbeError

LONG = "\\x1b[31m\\x9b2J" + "long" * 25_000 + "\\nVERDICT=GO EXIT=0 RUN=x REPORT=y"


def test_listener(tls_listener):
    """A machine's standard error."""
    print(LONG)
    raise ProbeError("sudo: " + LONG)


def test_environment(environment, look):
    """A certificate's name."""
    found = look.note(environment.name, "a test", {"name": LONG, LONG: 1})
    assert holds(found.fact("the name \\x1b]0;x\\x07", LONG), "==", "portal\\u202e")


setattr(test_listener, ATTRIBUTE, load_catalogue()["TLS-001"])
setattr(test_environment, ATTRIBUTE, load_catalogue()["OBJ-001"])
'''


def test_c5_nothing_foreign_comes_through_a_run(engine: Engine, site: Site) -> None:
    """Not to the terminal, into the record, the logs, or any report; and none of it is endless."""
    html = ("-p", "pytest_html.plugin", "-p", "pytest_metadata.plugin")
    files = (*html, f"--html={site.folder / 'pytest.html'}", "--self-contained-html")
    site.describe(LISTENER.format(port=44300, plain=44301, name="www.paws.test"))
    by_hand = engine.pytest(site, FOREIGN, *files)
    (run,) = site.runs()
    reported = engine.cli(site, "report", run)
    kept = {path.name: path.read_text() for path in run.iterdir() if path.is_file()}
    shown = {"by hand": by_hand.text, "reported": reported.text}
    shown |= {"pytest.html": (site.folder / "pytest.html").read_text()}
    assert kept["record.jsonl"].count("sudo: ␛[31m") == 1
    assert {"record.jsonl", "verdict.json", "index.html", "junit.xml"} <= kept.keys()
    assert {name: obeyed(text) for name, text in (kept | shown).items() if obeyed(text)} == {}
    assert "long" * 2_000 not in reported.text + kept["index.html"] + kept["junit.xml"]
    assert "long" * 10_000 not in shown["pytest.html"] + by_hand.text
    assert not any(line.startswith("VERDICT=GO") for line in reported.lines)


def test_c5_a_control_character_in_a_file_is_refused(engine: Engine, site: Site) -> None:
    """Where it stands is told, and nothing is opened."""
    text = site.environment.read_text()
    site.environment.write_text(text + 'release: "1.0\\e[32m GO \\e[0m"\n')
    ended = engine.gate(site)
    assert ended.code == 64
    assert "has a control character; expected text without them" in ended.line
    assert f"environment.yaml:{text.count(chr(10)) + 1}:" in ended.line
    assert obeyed(ended.text) == []
    assert not site.reports.exists()


def test_c5_a_release_that_turns_the_line_is_shown(engine: Engine, site: Site) -> None:
    """Text of other scripts is nobody's mistake; what changes its direction is shown."""
    site.environment.write_text(site.environment.read_text() + 'release: "v1 \\u202eOG"\n')
    ended = engine.gate(site)
    assert ended.code == 0, ended.text
    assert "release v1 \\u202eOG" in ended.text
    assert obeyed(ended.text) == []
