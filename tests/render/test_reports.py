"""The written files: whole, private, self-contained, and free of what a server could smuggle in."""

import json
import re
import stat
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from stories import Bad, Tell

from readiness.judging.verdict import Verdict
from readiness.model.errors import StateError
from readiness.render import write_reports
from readiness.render.files import write_whole

NAMES = {"verdict.json", "index.html", "junit.xml"}
INJECTION = "<script>alert(1)</script><img src=x onerror=alert(2)>"


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.found.append((tag, dict(attrs)))


def test_three_private_files_and_nothing_else(go: Verdict, tmp_path: Path) -> None:
    """The reports appear beside the record, readable by their owner only."""
    folder = tmp_path / "reports"
    folder.mkdir()
    write_reports(go, folder)
    assert {path.name for path in folder.iterdir()} == NAMES
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    assert json.loads((folder / "verdict.json").read_text())["verdict"] == "GO"


def test_writing_twice_gives_the_same(no_go: Verdict, tmp_path: Path) -> None:
    """The same verdict renders to the same bytes."""
    write_reports(no_go, tmp_path)
    first = {name: (tmp_path / name).read_bytes() for name in NAMES}
    write_reports(no_go, tmp_path)
    assert first == {name: (tmp_path / name).read_bytes() for name in NAMES}


def test_failure_to_write_keeps_the_old_file(tmp_path: Path) -> None:
    """A report that can't be replaced stays as it was, and no rest is left behind."""
    (tmp_path / "index.html").mkdir()
    with pytest.raises(StateError, match=r"index\.html: cannot be written"):
        write_whole(tmp_path / "index.html", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_page_needs_nobody(no_go: Verdict, tmp_path: Path) -> None:
    """The page refers to nothing outside itself, and forbids itself to."""
    write_reports(no_go, tmp_path)
    tags = Tags((tmp_path / "index.html").read_text()).found
    targets = [
        value or ""
        for tag, attributes in tags
        for name, value in attributes.items()
        if name in {"src", "href", "action", "srcset", "data"}
    ]
    assert all(target.startswith(("#", "data:")) for target in targets)
    assert any("default-src 'none'" in (one.get("content") or "") for _, one in tags)


def test_links_lead_somewhere(no_go: Verdict, tmp_path: Path) -> None:
    """Every claim leads to what it rests on."""
    write_reports(no_go, tmp_path)
    tags = Tags((tmp_path / "index.html").read_text()).found
    anchors = {attributes["id"] for _, attributes in tags if "id" in attributes}
    links = {attributes["href"] for tag, attributes in tags if tag == "a"}
    assert {str(link).removeprefix("#") for link in links} <= anchors
    assert any(str(link).startswith("#seen-") for link in links)


def test_answers_of_servers_stay_text(tell: Tell, tmp_path: Path) -> None:
    """What a server answered can't become part of the page."""
    bad = {"TLS-001|portal/edge1/v4": Bad(found=INJECTION)}
    write_reports(tell(bad=bad).verdict(), tmp_path)
    text = (tmp_path / "index.html").read_text()
    assert len(re.findall(r"<script\b", text)) == 1
    assert "img" not in {tag for tag, _ in Tags(text).found}
    assert "&lt;script&gt;alert(1)" in text


def test_reports_are_redacted_again(no_go: Verdict, tmp_path: Path) -> None:
    """A secret that somehow came into a verdict is in no report."""
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVPmB92K27u"
    leaking = replace(no_go, notes=(f"refused with Authorization: Bearer {token}",))
    write_reports(leaking, tmp_path)
    texts = [(tmp_path / name).read_text() for name in NAMES]
    assert all("refused with" in text for text in texts)
    assert not any("eyJzdWIi" in text for text in texts)


def test_drills_are_drawn_with_their_brackets(go: Verdict, tmp_path: Path) -> None:
    """Each trial has a drawing; a trial with a fault has a bracket for each kind of client."""
    write_reports(go, tmp_path)
    tags = Tags((tmp_path / "index.html").read_text()).found
    assert sum(tag == "svg" for tag, _ in tags) == 3
    assert sum(one.get("class") == "bracket" for _, one in tags) == 4


def test_a_run_of_nothing_still_has_reports(tell: Tell, tmp_path: Path) -> None:
    """A record that stops right after its plan renders, and is no GO."""
    verdict = tell(closing=None, bad={}, drills=False, run_cases=False).verdict()
    write_reports(verdict, tmp_path)
    shown = json.loads((tmp_path / "verdict.json").read_text())
    assert shown["verdict"] == "INCONCLUSIVE"
    assert shown["blockers"]
