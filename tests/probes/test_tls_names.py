"""What TLS listeners present for each declared name and for none, and what the checks say of it."""

import contextlib
import runpy
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from pki import NAME, NOW, Hierarchy, Identity, days, issue
from servers import Behaviour, postgresql, serve, server_context, silence, slam, tls

from readiness.evidence.claim import CURRENT, Answer, Claim, Found
from readiness.probes.tls_attempt import Attempt, Ending
from readiness.site.declared.listener import Listener
from readiness.site.documents import load_environment
from readiness.site.subjects import Endpoint, endpoints, names_beside
from readiness.systems.tls.asking import handshake
from readiness.systems.tls.asking.handshake import Heard, Question, Shown, ask_question
from readiness.systems.tls.reading.handshake import Handshake, Named

SECOND = "www.example.org"
ROOT = Path(__file__).parents[2]
LAB = ROOT / "environments/lab.yaml"
SUITE = runpy.run_path(str(ROOT / "suites/tls/test_certificates.py"))
CHECKS = {
    "TLS-001": SUITE["test_chain_is_trusted"],
    "TLS-002": SUITE["test_certificate_carries_the_names"],
    "TLS-003": SUITE["test_certificate_expiry"],
    "TLS-005": SUITE["test_keys_are_strong"],
}
ENDPOINT = Endpoint(
    "portal/edge1/v4",
    Listener(
        name="portal",
        protocol="tls",
        port=443,
        machines=("edge1",),
        names=(NAME, SECOND),
        authority="public",
    ),
    "edge1",
    "127.0.0.1",
)

NOTICE = SimpleNamespace(certificate_notice=timedelta(days=14).total_seconds())
REFUSED = ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
Served = ssl.SSLContext | int | None


def look(pki: Hierarchy, port: int, **more: Any) -> Handshake:
    """Ask for both names, and for none."""
    names = {"server_name": NAME, "required_names": (NAME, SECOND)}
    question = Question("127.0.0.1", port, pki.root.pem, **(names | more))
    return ask_question(question, NOW)


@contextlib.contextmanager
def choosing(first: ssl.SSLContext, others: dict[str | None, Served]) -> Iterator[int]:
    """Serve by name: another context, or a refusal by an alert of that number."""

    def choose(server: Any, name: str | None, _: ssl.SSLContext) -> int | None:
        found = others.get(name)
        if isinstance(found, ssl.SSLContext):
            server.context = found
            return None
        return found

    first.sni_callback = choose
    with serve(tls(first)) as port:
        yield port


@pytest.fixture
def served(tmp_path: Path) -> Callable[..., ssl.SSLContext]:
    """Makes a server's settings that present a leaf with what is above it."""

    def make(leaf: Identity, *, lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> ssl.SSLContext:
        file = tmp_path / f"{leaf.certificate.serial_number}.pem"
        return server_context(leaf.write(file, *leaf.above), lowest=lowest)

    return make


@pytest.fixture
def both(pki: Hierarchy, served: Callable[..., ssl.SSLContext]) -> ssl.SSLContext:
    """Presents a certificate that is right for both names."""
    return served(pki.leaf(NAME, SECOND))


def judged(reading: Handshake, endpoint: Endpoint = ENDPOINT) -> dict[str, str]:
    """How each check ends on a reading; red and unknown with the reason."""
    return {check: end for check in CHECKS if (end := ending(check, reading, endpoint)) != "green"}


def ending(check: str, reading: Handshake, endpoint: Endpoint, notice: object = NOTICE) -> str:
    """How one check ends on a reading."""
    claims: list[Claim] = []
    log = SimpleNamespace(claim=lambda claim, **_: claims.append(claim))
    token = CURRENT.set(log)
    found = Found(reading, ENDPOINT.id, 0)
    more = {"objectives": notice} if check == "TLS-003" else {}
    try:
        CHECKS[check](endpoint, lambda *_: found, **more)
    except AssertionError:
        pass
    finally:
        CURRENT.reset(token)
    assert claims
    bad = [one for one in claims if one.answer is not Answer.YES]
    return f"{bad[0].answer}: {bad[0]}" if bad else "green"


def test_one_certificate_for_every_name(pki: Hierarchy, both: ssl.SSLContext) -> None:
    """Each name is asked for and none is; the one certificate is not judged twice."""
    with choosing(both, {}) as port:
        found = look(pki, port)
    assert found.by_name == (Named(SECOND, "presented"), Named(None, "presented"))
    assert found.further == ()
    assert judged(found) == {}


def test_a_good_certificate_of_its_own_for_the_second_name(
    pki: Hierarchy, both: ssl.SSLContext, served: Callable[..., ssl.SSLContext]
) -> None:
    """It is judged by that name alone, and one of the names is enough for who asks for none."""
    own = served(pki.leaf(SECOND))
    with choosing(both, {SECOND: own, None: own}) as port:
        found = look(pki, port)
    second, none = found.further
    assert (second.server_name, second.trusted) == (SECOND, True)
    assert second.name_matches == {SECOND: True}
    assert (none.server_name, none.trusted) == (None, True)
    assert none.name_matches == {NAME: False, SECOND: True}
    assert judged(found) == {}


def test_where_every_client_asks_for_a_name_nothing_else_is_judged(
    pki: Hierarchy, both: ssl.SSLContext, served: Callable[..., ssl.SSLContext]
) -> None:
    """What such a listener presents to who asks for none is not even asked for."""
    made = served(pki.leaf("ingress.local"))
    with choosing(both, {None: made}) as port:
        found = look(pki, port, nameless=False)
        assert judged(look(pki, port))
    assert [one.name for one in found.by_name] == [SECOND]
    listener = ENDPOINT.listener.model_copy(update={"names_only": True})
    assert judged(found, replace(ENDPOINT, listener=listener)) == {}


@pytest.mark.parametrize(("name", "words"), [(SECOND, SECOND), (None, "no name")])
def test_a_foreign_certificate_behind_one_name(
    pki: Hierarchy, both: ssl.SSLContext, served: Callable[..., ssl.SSLContext],
    name: str | None, words: str,
) -> None:  # fmt: skip
    """Who asks for the first name sees nothing of it; trust, names and expiry are red."""
    old = served(issue("old", names=("old.example.org",), end=days(3)))
    with choosing(both, {name: old}) as port:
        found = look(pki, port)
    assert (found.trusted, found.further[0].trusted) == (True, False)
    red = judged(found)
    assert sorted(red) == ["TLS-001", "TLS-002", "TLS-003"]
    assert all(f"(asked for {words})" in one for one in red.values())
    assert "trust problem" in red["TLS-001"]
    assert SECOND in red["TLS-002"].partition("found ")[2]
    assert red["TLS-003"].endswith("at least 14, found 3")


def test_a_weak_key_behind_no_name(
    pki: Hierarchy, both: ssl.SSLContext, served: Callable[..., ssl.SSLContext]
) -> None:
    """The key of what old clients get counts like any other."""
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    with choosing(both, {None: served(pki.leaf(NAME, SECOND, key=weak))}) as port:
        red = judged(look(pki, port))
    assert sorted(red) == ["TLS-001", "TLS-005"]
    assert red["TLS-005"].endswith("at least 112, found 80")


def test_the_same_leaf_without_its_intermediate(
    pki: Hierarchy, tmp_path: Path, served: Callable[..., ssl.SSLContext]
) -> None:
    """Not the leaf but the chain tells whether it is the same."""
    leaf = pki.leaf(NAME, SECOND)
    bare = server_context(leaf.write(tmp_path / "bare.pem"))
    with choosing(served(leaf), {SECOND: bare}) as port:
        red = judged(look(pki, port))
    assert sorted(red) == ["TLS-001"]
    assert "unable to get local issuer" in red["TLS-001"]


def test_a_good_certificate_over_old_tls_only() -> None:
    """The same chain is judged apart where clients of today get no connection."""
    seen = Attempt(Ending.COMPLETED)
    question = Question("127.0.0.1", 443, b"", NAME, (NAME, SECOND))
    second = Shown(Attempt(Ending.ALERT, "alert protocol_version"), seen)
    heard = Heard(Shown(seen), {}, by_name=((SECOND, second),))
    (further,) = handshake.read(question, heard, NOW).further
    assert not further.trusted
    assert "protocol_version" in further.trust_problem


def test_who_asks_for_no_name_may_be_turned_away(pki: Hierarchy, both: ssl.SSLContext) -> None:
    """A refusal by the alert that says so is on record, and no defect."""
    with choosing(both, {None: REFUSED}) as port:
        found = look(pki, port)
    assert found.by_name[1].answer == "refused"
    assert "unrecognized_name" in found.by_name[1].reason
    assert judged(found) == {}


def test_a_declared_name_may_not_be_turned_away(pki: Hierarchy, both: ssl.SSLContext) -> None:
    """The same refusal of a name that is declared is red, with the alert."""
    with choosing(both, {SECOND: REFUSED}) as port:
        red = judged(look(pki, port))
    assert sorted(red) == sorted(CHECKS)
    assert all(one.startswith("no: ") and one.endswith("found refused") for one in red.values())
    assert all(f"{SECOND} gets" in one and "unrecognized_name" in one for one in red.values())


@pytest.mark.parametrize(
    ("alert", "answer"),
    [
        (ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE, "refused"),
        (ssl.ALERT_DESCRIPTION_INTERNAL_ERROR, "refused"),
        (ssl.ALERT_DESCRIPTION_ACCESS_DENIED, "unknown"),
        (ssl.ALERT_DESCRIPTION_DECODE_ERROR, "unknown"),
    ],
)
def test_only_some_alerts_turn_away(
    pki: Hierarchy, both: ssl.SSLContext, alert: int, answer: str
) -> None:
    """An alert that does not speak of the name shows nothing, and nothing is never green."""
    with choosing(both, {None: alert}) as port:
        found = look(pki, port)
    assert found.by_name[1].answer == answer
    assert bool(judged(found)) == (answer == "unknown")


def unless_named(named: Behaviour, then: Behaviour, *names: str) -> Behaviour:
    """Behave otherwise to a hello that carries none of these names."""

    def behave(connection: socket.socket) -> None:
        hello = connection.recv(4096, socket.MSG_PEEK)
        (named if any(name.encode() in hello for name in names) else then)(connection)

    return behave


@pytest.mark.parametrize(
    ("then", "names", "left"), [
        (silence, (NAME, SECOND), "no name"), (slam, (NAME, SECOND), "no name"),
        (silence, (NAME,), SECOND), (slam, (NAME,), SECOND),
    ],
)  # fmt: skip
def test_no_answer_for_a_name_is_inconclusive(
    pki: Hierarchy, both: ssl.SSLContext, then: Behaviour, names: tuple[str, ...], left: str
) -> None:
    """Silence and a drop prove nothing, for a declared name or none; the reason says which."""
    with serve(unless_named(tls(both), then, *names)) as port:
        unknown = judged(look(pki, port, timeout=0.5))
    assert sorted(unknown) == sorted(CHECKS)
    assert all(one.startswith("unknown: ") for one in unknown.values())
    assert all(f"who asks for {left} gets (" in one for one in unknown.values())


def test_names_that_were_not_asked_for_are_never_green(
    pki: Hierarchy, both: ssl.SSLContext
) -> None:
    """A reading that holds nothing about the second name, or about none, shows nothing."""
    with choosing(both, {}) as port:
        first_only = look(pki, port, required_names=(NAME,))
        found = look(pki, port)
    nothing = Handshake(**{**vars(found), "by_name": ()})
    named = Handshake(**{**vars(found), "by_name": found.by_name[:1]})
    for reading in (first_only, nothing, named):
        ends = judged(reading)
        assert {"TLS-001", "TLS-003", "TLS-005"} <= set(ends)
        assert all(one.startswith("unknown") for one in ends.values() if "asks for" in one)
    assert all("no name gets" in one for one in judged(named).values())


def test_names_of_a_listener_beside_it_count_for_who_asks_for_none(
    pki: Hierarchy, both: ssl.SSLContext, served: Callable[..., ssl.SSLContext]
) -> None:
    """Two listeners at one address share what is given to those who name neither."""
    other = served(pki.leaf("other.example.org"))
    with choosing(both, {None: other}) as port:
        alone = look(pki, port)
        together = look(pki, port, fallback_names=(NAME, SECOND, "other.example.org"))
    assert sorted(judged(alone)) == ["TLS-002"]
    assert judged(together) == {}


def test_postgresql_is_asked_by_every_name(pki: Hierarchy, both: ssl.SSLContext) -> None:
    """Behind SSLRequest names work as everywhere."""
    with serve(postgresql(b"S", tls(both))) as port:
        found = look(pki, port, starttls="postgresql")
    assert [(one.name, one.answer) for one in found.by_name] == [
        (SECOND, "presented"), (None, "presented"),
    ]  # fmt: skip
    assert judged(found) == {}


def test_names_beside_are_those_of_the_same_address_and_port() -> None:
    """Another listener's names count where it is declared at this very place, and only there."""
    site = load_environment(LAB)
    portal = next(one for one in site.listeners if one.name == "portal")
    beside = portal.model_copy(
        update={"name": "beside", "names": ("beside.lab.test",), "machines": ("edge1",)}
    )
    both = site.model_copy(update={"listeners": (*site.listeners, beside)})
    names = {one.id: names_beside(both, one) for one in endpoints(both)}
    assert names["portal/edge1/v6"] == ("portal.lab.test", "beside.lab.test")
    assert names["portal/edge2/v6"] == ("portal.lab.test",)
    assert names["patroni/db1/v4"] == ("db1",)


@pytest.mark.parametrize(
    ("notice", "left", "green"),
    [
        (timedelta(hours=12), timedelta(hours=1), False),
        (timedelta(hours=12), timedelta(hours=13), True),
        (timedelta(hours=36), timedelta(hours=30), False),
        (timedelta(days=1), timedelta(hours=23, minutes=59, seconds=59), False),
        (timedelta(days=1), timedelta(days=1), True),
    ],
)
def test_a7_a_notice_in_hours_is_kept_to_the_second(
    pki: Hierarchy, both: ssl.SSLContext, notice: timedelta, left: timedelta, *, green: bool
) -> None:
    """Neither the notice nor what is left is counted in whole days."""
    with serve(tls(both)) as port:
        reading = look(pki, port)
    assert reading.leaf is not None
    short = replace(
        reading.leaf, not_after=NOW + left, days_left=left / timedelta(days=1), not_before=NOW
    )
    seen = replace(reading, chain=(short, *reading.chain[1:]), further=(), by_name=reading.by_name)
    objectives = SimpleNamespace(certificate_notice=notice.total_seconds())
    end = ending("TLS-003", seen, ENDPOINT, objectives)
    assert (end == "green") is green, end
    assert green or "days left before the chain expires at least" in end
