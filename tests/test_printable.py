"""What others wrote reaches no terminal, log or page as they wrote it, nor at any length."""

import unicodedata
from io import StringIO

import pytest
from engine import LISTENER, Engine, Site
from hypothesis import assume, given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from readiness.commands.console import MOST, SafeConsole
from readiness.evidence.redact import Redactor
from readiness.model.printable import clipped, one_line, printable

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
    "no width": "ad\u200bmin",
    "no break": "ad\ufeffmin",
    "joined": "ad\u200dmin",
    "a soft hyphen": "ad\u00admin",
    "a letter of somebody's own": "a\ue000b",
    "a letter that is none": "a\u0378b",
    "no character at all": "a\uffffb",
    "another's line break": "a\u2028b\u2029c\x85d",
    "an annotation": "a\ufff9b\ufffac\ufffb",
    "an isolated turn": "\u2066a\u2069\u061cb\u200fc",
    "a filler that is a letter": "ad\u3164min\uffa0\u115f\u1160",
    "a mark that nobody sees": "ad\u034fmin\ufe0f\U000e0100\u180b",
}
# Control, format, surrogate, private use, unassigned, line and paragraph (Unicode, chapter 4.5).
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks that are drawn as nothing (DerivedCoreProperties: Default_Ignorable_Code_Point).
IGNORED = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")


def obeyed(text: str) -> list[str]:
    """What of a text a terminal or an eye would obey."""
    return [
        one
        for one in text.replace("\r\n", "\n")
        if one not in "\n\t"
        and (unicodedata.category(one) in UNSEEN or one in IGNORED or selects(one))
    ]


def selects(one: str) -> bool:
    """Whether it chooses between shapes of the character before it, and is drawn as nothing."""
    return "\ufe00" <= one <= "\ufe0f" or "\U000e0100" <= one <= "\U000e01ef"


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
    """Accents, other scripts, emoji, tabs and line breaks are nobody's commands."""
    for text in ("Zoë\tä\r\n", "学生门户", "👩💻", "\u0645\u06cc\u062e", "\u22125 °C", "e\u0301"):
        assert printable(text) == text


def test_c5_what_joins_is_shown_in_words_too() -> None:
    """In Persian and in emoji it is legitimate; in a name nobody would see it, so it is told."""
    assert printable("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\\u200c\u062e"
    assert printable("👩\u200d💻") == "👩\\u200d💻"


@given(st.characters(), st.characters())
def test_c5_names_that_differ_do_not_look_alike(one: str, other: str) -> None:
    """What is shown instead of a character is never nothing."""
    for text in (one, other):
        assert printable(f"ad{text}min") != "admin"
    assume(not "\u2400" <= other <= "\u2421")  # the pictures that stand for controls
    assume(not "\u2400" <= one <= "\u2421")
    if one != other:
        assert printable(f"ad{one}min") != printable(f"ad{other}min")


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
from readiness.catalogue.checks import ATTRIBUTE, load_catalogue
from readiness.evidence.claim import holds
from readiness.model.errors import ProbeError

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


def test_c5_nothing_foreign_comes_through_a_run(engine: Engine, bare: Site) -> None:
    """Not to the terminal, into the record, the logs, or any report; and none of it is endless."""
    html = ("-p", "pytest_html.plugin", "-p", "pytest_metadata.plugin")
    files = (*html, f"--html={bare.folder / 'pytest.html'}", "--self-contained-html")
    bare.describe(LISTENER.format(port=44300, plain=44301, name="www.paws.test"))
    by_hand = engine.pytest(bare, FOREIGN, *files)
    (run,) = bare.runs()
    reported = engine.cli(bare, "report", run)
    kept = {path.name: path.read_text() for path in run.iterdir() if path.is_file()}
    shown = {"by hand": by_hand.text, "reported": reported.text}
    shown |= {"pytest.html": (bare.folder / "pytest.html").read_text()}
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
