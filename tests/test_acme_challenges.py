"""Challenges that a redirect swallows: reported of real sites, whose renewal failed later."""

from pathlib import Path

import pytest
from engine import OBJECTIVES, Ended, Engine, Site, outcome
from pki import NAME
from servers import say, serve

from readiness.model.errors import UsageError
from readiness.model.words import Outcome
from readiness.site.documents import load_environment

ANSWERED = "sec.tls/challenge-answered"
PATH = "/.well-known/acme-challenge/canary"
CONTENT = "answered here"
DECLARED = f"acme_challenges:\n  - {{listener: web, path: {PATH}, content: {CONTENT}}}\n"
CASE = "TLS-006|web/box/v4"
LISTENER = """\
listeners:
  - name: web
    protocol: https
    port: 44300
    machines: [box]
    names: [{name}]
    authority: own
    plain_http: {{port: {plain}}}
identity: file:identity.json
"""


def moved(location: str) -> bytes:
    """A redirect of every path."""
    return f"HTTP/1.1 301 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def gate(folder: Path, engine: Engine, answer: bytes, declared: str) -> tuple[Ended, Site]:
    """A gate over a listener whose plain port answers everything so, and the site."""
    site = Site(folder)
    (folder / "identity.json").write_text('{"schema": 1, "tls": {}}')
    with serve(say(answer)) as plain:
        text = LISTENER.format(name=NAME, plain=plain) + declared
        site.describe(text, required=(OBJECTIVES, ANSWERED))
        return engine.gate(site), site


@pytest.mark.parametrize(
    ("answer", "outcome_", "reason"),
    [
        (f"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{CONTENT}\n".encode(), Outcome.PASSED, ""),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Outcome.FAILED, "found HTTP 404"),
        (moved(f"https://{NAME}:8443{PATH}"), Outcome.FAILED, "found a redirect to port 8443"),
        (moved(f"https://{NAME}{PATH}"), Outcome.FAILED, "found connection refused at https://"),
        (moved("https://ca.example.com/x"), Outcome.INCONCLUSIVE, "no declared listener"),
    ],
)
def test_a_challenge_is_asked_as_an_authority_does(
    tmp_path: Path, engine: Engine, answer: bytes, outcome_: Outcome, reason: str
) -> None:
    """Answered, not answered, led where no authority goes, or to a host that is not ours."""
    _, site = gate(tmp_path, engine, answer, DECLARED)
    found = outcome(site.judged(), CASE)
    assert found.outcome is outcome_, found
    assert reason in found.reason


def test_undeclared_it_says_what_to_declare(tmp_path: Path, engine: Engine) -> None:
    """A policy that requires it can't be satisfied by declaring nothing."""
    ended, _ = gate(tmp_path, engine, moved("/"), "")
    assert ended.code == 2
    assert "declare `acme_challenges`" in ended.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("listener: web", "listener: nobody"),
        (PATH, "/challenge"),
        (PATH, "/.well-known/acme-challenge/"),
        (PATH, "/.well-known/acme-challenge/a.txt"),
        (CONTENT, '" answered"'),
        ("    plain_http: {port: 80}\n", ""),
        (f"names: [{NAME}]", f"names: ['*.{NAME}']"),
    ],
)
def test_what_can_not_be_asked_is_refused(tmp_path: Path, old: str, new: str) -> None:
    """A file that no authority would ask for, or a listener without plain HTTP or a name."""
    site = Site(tmp_path).describe(LISTENER.format(name=NAME, plain=80) + DECLARED)
    load_environment(site.environment)
    text = site.environment.read_text()
    assert old in text
    site.environment.write_text(text.replace(old, new))
    with pytest.raises(UsageError):
        load_environment(site.environment)
