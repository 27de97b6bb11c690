"""How runbooks are read: what is foreign ends bounded, and no command of theirs is run."""

import gc
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_prometheus import endless, saying, server
from wrong_files import ENVIRONMENTS

from readiness.model.errors import NotRun, NotUnderstood, ProbeError, UsageError
from readiness.site.documents import load_environment
from readiness.systems.runbooks import asking
from readiness.systems.runbooks.declared import Page, Runbook, Runbooks
from readiness.systems.runbooks.pages import anchor_of, decoded, read_html, read_markdown
from readiness.systems.runbooks.reading import COMMANDS, LINK, PAGE, PATHS, Written
from readiness.systems.runbooks.shell import named

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
ALERTS = ("MachineDown", "PortalDown")
PAGE_TEXT = """---
owner: ada
reviewed: 2026-11-01
---
# Site

## PortalDown

Look at the portal.

```sh at=web1
systemctl status nginx
```

## PortalDown

Again.
"""


def read(text: str) -> Written:
    """A page in Markdown, read on the first of December."""
    return read_markdown(text, ALERTS, NOW, "page")


@pytest.mark.parametrize(
    ("text", "commands", "paths"),
    [
        ("systemctl status x | tail -n 20", "systemctl tail", ""),
        ("sudo -u postgres psql -c 'select 1' > /tmp/x 2>&1", "sudo psql", ""),
        ("$ ls -l /srv/page/*.html\n/no/such/output", "ls", "/srv/page"),
        ("for f in /etc/x/a; do cat $f; done", "cat", ""),
        ("if test -f /etc/a/b; then rm /etc/a/b; fi", "rm", "/etc/a/b"),
        ("A=1 env B=c timeout 5 pg_ctl -D /var/lib/pg stop", "env timeout pg_ctl", "/var/lib/pg"),
        ("cat <<EOF > /etc/hello\nfoo /bar/x\nEOF\nid", "cat id", ""),
        ("patronictl -c /etc/patroni/<cluster>.yml list", "patronictl", "/etc/patroni"),
        ("tar xf a.tgz -C /opt/foo \\\n  --strip 1", "tar", "/opt/foo"),
        ("x=$(date +%s); journalctl -u a # see /etc/foo/bar", "date journalctl", ""),
        ("psql -c 'select 1\nfrom x' --file=/srv/a.sql", "psql", "/srv/a.sql"),
        ("curl -s http://localhost:9090/-/healthy", "curl", ""),
        ("cd /srv && ./run.sh", "", "/srv"),
    ],
)
def test_what_a_block_names(text: str, commands: str, paths: str) -> None:
    """Programs where a command stands, and absolute paths that are neither written nor guessed."""
    found = named(text)
    assert " ".join(found.commands) == commands
    assert " ".join(found.paths) == paths
    assert found.unread == ()


def test_a_quotation_without_an_end_is_not_understood() -> None:
    """It is said so, and nothing is taken from it."""
    assert named("id\necho 'for ever\nls").unread == ("echo 'for ever\nls",)


def test_a_page_is_read() -> None:
    """Owner, day, sections by their links, which alerts they name, and blocks with their place."""
    found = read(PAGE_TEXT)
    assert (found.owner, found.reviewed, found.age) == ("ada", "2026-11-01", 30)
    assert [one.anchor for one in found.passages] == ["site", "portaldown", "portaldown-1"]
    assert [one.alerts for one in found.passages] == [("PortalDown",)] * 3
    (block,) = found.blocks
    assert (block.at, block.commands, block.line) == (("web1",), ("systemctl",), 11)


def test_links_are_made_as_others_make_them() -> None:
    """Small letters, blanks as dashes, no punctuation; a heading may say its own."""
    assert anchor_of("What if: it's DOWN?") == "what-if-its-down"
    assert read("# Gone {#here}\n").passages[0].anchor == "here"


@pytest.mark.parametrize(
    "front",
    ["", "---\nowner: [a, b]\nreviewed: yesterday\n---\n", "---\n- a\n---\n", "---\nowner: x\n"],
)
def test_what_is_not_said_is_not_there(front: str) -> None:
    """A list is no name, a word is no day, and a beginning without an end is text."""
    found = read(f"{front}# A\n")
    assert (found.owner, found.reviewed, found.age) == ("", "", None)


def test_an_alias_bomb_is_no_name() -> None:
    """Aliases of aliases are never written out."""
    lines = ["a: &a [x, x]"] + [f"{b}: &{b} [*{a}, *{a}]" for a, b in pairwise("abcdefghi")]
    begun = time.monotonic()
    assert read("---\n" + "\n".join(lines) + "\nowner: *i\n---\n# A\n").owner == ""
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "body",
    [b"caf\xe9 is Latin-1", b"# A\x00B", b"x" * (1024 * 1024 + 1)],
    ids=["latin 1", "nul", "large"],
)
def test_what_is_no_text_is_inconclusive(body: bytes) -> None:
    """In one line; with a byte order mark UTF-8 and UTF-16 are text."""
    with pytest.raises(NotUnderstood):
        decoded(body, "page")
    assert decoded("\ufeffä".encode(), "page") == "ä"
    assert decoded("ä".encode("utf-16"), "page").endswith("ä")


def test_a_page_of_a_thousand_quotations_ends() -> None:
    """Deep nesting is cut by the parser."""
    read("> " * 20000 + "x\n" + "* " * 20000 + "\n# A\n")


def test_a_form_to_sign_in_is_no_runbook() -> None:
    """A page for browsers where Markdown is declared is inconclusive."""
    with pytest.raises(NotUnderstood, match="a page of HTML, expected Markdown"):
        read("<!DOCTYPE html><title>Sign in</title>")


def test_a_wiki_shows_sections_too() -> None:
    """A link leads to what stands under the heading; scripts are nothing that people read."""
    words = "one two three four five six seven eight nine ten"
    page = (
        f"<html><script>MachineDown</script><h2 id=portal>PortalDown</h2><p>{words}"
        f"<h2><a name=other></a>Other</h2>{words}</html>"
    )
    found = read_html(page, ALERTS, "page")
    assert [(one.anchor, one.alerts) for one in found.passages] == [
        ("portal", ("PortalDown",)),
        ("other", ()),
    ]
    assert found.alerts == ("PortalDown",)
    with pytest.raises(NotUnderstood, match="less than ten words"):
        read_html("<html><script>fill()</script></html>", ALERTS, "page")


@pytest.fixture
def swept() -> Iterator[None]:
    """A connection that was broken off is collected in its own test (docs/next.md)."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def asker(source: Any) -> Callable[..., Any]:
    """How a source is asked."""
    found: Any = next(one for one in asking.ASKERS if one.source is source)
    return found.ask  # type: ignore[no-any-return]


def page_at(port: int) -> tuple[Any, Runbook]:
    """A site with one page on a server of loopback."""
    page = Page(name="p", url=f"http://127.0.0.1:{port}/p.md")
    books = Runbooks.model_construct(reviewed_within=1.0, pages=(page,))
    site = SimpleNamespace(machines=(), alerting=None, runbooks=books)
    return SimpleNamespace(site=site), Runbook(books, page)


@pytest.mark.parametrize(
    "answer",
    [
        saying(401, b"who are you"),
        saying(404, b"# gone"),
        saying(302, b"", Location="http://127.0.0.1/login"),
        saying(503, b"# later"),
        saying(200, b"<html>Sign in</html>"),
        saying(200, b"\xff\xfe\x00\xd8"),
        endless,
    ],
    ids=["login", "gone", "redirect", "error", "page", "half", "200 MB"],
)
@pytest.mark.usefixtures("swept")
def test_what_is_no_page_is_inconclusive(answer: Any) -> None:
    """It ends soon, in one line, and is never a reading."""
    begun = time.monotonic()
    with server(answer) as at, pytest.raises(ProbeError) as caught:
        asker(PAGE)(*page_at(at.port))
    assert time.monotonic() - begun < 12
    assert "\n" not in str(caught.value)


def test_a_link_is_followed_on_declared_servers_only() -> None:
    """What a rule says is foreign: elsewhere nobody is asked, and 404 is a finding."""
    with server(saying(404, b"gone")) as at:
        connections, _ = page_at(at.port)
        assert asker(LINK)(connections, f"http://127.0.0.1:{at.port}/q.md", None).page is None
        with pytest.raises(NotRun, match="no page of the runbooks is on the server"):
            asker(LINK)(connections, "http://198.18.0.1/q.md", None)


class Session:
    """A machine where nginx is in /usr/sbin, and a folder is closed."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def run(self, command: str) -> SimpleNamespace:
        """Answer as that machine would."""
        self.asked.append(command)
        there = {"command -v tail", "test -x /usr/sbin/nginx", "test -e /etc/passwd"}
        there |= {f"test -{one} {path}" for one in "dx" for path in ("/", "/etc")}
        there |= {"test -d /etc/closed"}
        return SimpleNamespace(exit_code=0 if command in there else 1)


def test_things_are_looked_for_and_never_run() -> None:
    """An administrator's path counts; what lies behind a closed door is unknown."""
    session = Session()
    connections = SimpleNamespace(session=lambda _: session)
    machine = SimpleNamespace(name="web1")
    has = asker(COMMANDS)(connections, ("tail", "nginx", "nginxctl"), machine).has
    assert has == {"tail": True, "nginx": True, "nginxctl": False}
    lies = asker(PATHS)(connections, ("/etc/passwd", "/etc/x/y", "/etc/closed/z"), machine).has
    assert lies == {"/etc/passwd": True, "/etc/x/y": False, "/etc/closed/z": None}
    assert all(one.startswith(("command -v ", "test -")) for one in session.asked)
    with pytest.raises(NotUnderstood, match="over 300"):
        asker(COMMANDS)(connections, tuple(map(str, range(301))), machine)


WATCHED = (ENVIRONMENTS / "watched.yaml").read_text(encoding="utf-8")
URL = "url: http://pager.lab.test:8080/runbooks/watch.md"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (URL, "parts: {}", "expected a `file`, a `url`, or both"),
        (URL, f"{URL}#x", "expected the address of a page, without a section"),
        (URL, "url: file:///etc/passwd", "runbooks.pages[0].url"),
        (URL, f"{URL}\n      at: [wbe1]", "did you mean 'web1'?"),
        (URL, f"{URL}\n      authority: x", "expected a declared authority"),
        (URL, f"{URL}\n      parts: {{summary: X}}", "runbooks.pages[0].parts"),
        ("reviewed_within: 180 d", "reviewed_within: 180", "a duration such as '30 s'"),
        ("- uid: site", "- uid: 'a b'", "dashboards.boards[0].uid"),
        ("- uid: site", "- uid: site\n    - uid: site", "expected each dashboard once"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """With file, line, key, what was expected and what was found."""
    assert old in WATCHED
    text = WATCHED.replace(old, new, 1)
    if "parts: {" in new:
        text = text.split("      parts:\n")[0] + "\nobjectives:" + text.split("objectives:")[1]
    file = tmp_path / "site.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_environment(file)
    assert said in "\n".join(caught.value.lines)
