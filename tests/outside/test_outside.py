"""A look at a portal from outside: every finding red on one that has it, green on a healthy one."""

import socket
import ssl
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from pki import NAME, Hierarchy, days, hierarchy
from portal import (
    CAREFUL,
    HEADERS,
    LOOPBACK,
    PAGE,
    WITHIN,
    Answer,
    answering,
    checks,
    of,
    portal,
    wrong,
)
from servers import Behaviour, closed_port, say, serve, server_context, silence

from readiness.outside.finding import Weight
from readiness.outside.looking import AT_ONCE, look, plain_redirect
from readiness.outside.place import MOST_ADDRESSES, read_url
from readiness.outside.site import Outsider, environment
from readiness.systems.http.hidden import HIDDEN

GIT = Answer(b"ref: refs/heads/main\n", headers={"Content-Type": "text/plain"})
HANDSHAKES = {"TLS-001", "TLS-002", "TLS-003", "TLS-004", "TLS-005"}


def test_a_healthy_portal_is_fine(tmp_path: Path, authority: Hierarchy) -> None:
    """Nothing is wrong, all could be asked, and what was not looked at is said."""
    with portal(tmp_path, authority) as served:
        looked = served.looked_at()
    assert looked.exit_code == 0, [str(one) for one in looked.findings]
    assert checks(looked, Weight.FINE) == HANDSHAKES | {"WEB-001", "WEB-002"}
    (unseen,) = of(looked, Weight.UNSEEN)
    assert unseen.checks == ("TLS-007", "TLS-008")
    assert unseen.seen.startswith("sslyze is not installed: ")
    assert looked.last_line.startswith("0 wrong, 0 could not be asked, 1 not looked at, ")
    assert looked.last_line.endswith("no verdict.")


def test_what_is_wrong_with_a_certificate_is_found(tmp_path: Path, authority: Hierarchy) -> None:
    """Each by the check of the gate, with its remedy; what is right beside it stays green."""
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the finding
    insecure = partial(server_context, ciphers="ALL:@SECLEVEL=0")
    old = partial(server_context, lowest=ssl.TLSVersion.TLSv1)
    cases = {
        "TLS-001": portal(tmp_path, authority, leaf=hierarchy("Another").leaf()),
        "TLS-002": portal(tmp_path, authority, leaf=authority.leaf("other.example.org")),
        "TLS-003": portal(tmp_path, authority, leaf=authority.leaf(end=days(3))),
        "TLS-004": portal(tmp_path, authority, context=old),
        "TLS-005": portal(tmp_path, authority, leaf=authority.leaf(key=weak), context=insecure),
    }
    for check, case in cases.items():
        with case as served:
            looked = served.looked_at()
        assert looked.exit_code == 2
        assert check in checks(looked, Weight.WRONG), [str(one) for one in looked.findings]
        found = next(one for one in of(looked, Weight.WRONG) if check in one.checks)
        assert found.seen
        assert found.expected
        assert found.remedy
        if check != "TLS-005":  # whom nobody of today can build a chain to is not trusted, too
            assert checks(looked, Weight.WRONG) & HANDSHAKES == {check}


def test_a_scan_is_part_of_it(
    tmp_path: Path, authority: Hierarchy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Suites beyond the profile are red, and those of a careful portal green."""
    monkeypatch.delenv("READINESS_TLS_SCAN")
    with portal(tmp_path, authority) as served:
        looked = served.looked_at()
    assert "TLS-007" in checks(looked, Weight.FINE), [str(one) for one in looked.findings]
    # Nobody publishes what this authority revokes.
    assert "TLS-008" in checks(looked, Weight.UNSEEN)
    careless = partial(server_context, ciphers="AES128-SHA:" + CAREFUL)
    leaf = authority.leaf(key=rsa.generate_private_key(65537, 2048))
    with portal(tmp_path, authority, leaf=leaf, context=careless) as served:
        looked = served.looked_at()
    assert "TLS-007" in checks(looked, Weight.WRONG)
    assert any("TLS_RSA_WITH_AES_128_CBC_SHA" in one for one in wrong(looked))


@pytest.mark.parametrize(
    ("redirect", "seen"),
    [
        (Answer(), "answered 200 instead of redirecting"),
        (
            Answer(b"", "308 Permanent Redirect", {"Location": "https://elsewhere.example.org/"}),
            "leads to elsewhere.example.org",
        ),
    ],
)
def test_a_redirect_that_is_wrong_is_found(
    tmp_path: Path, authority: Hierarchy, redirect: Answer, seen: str
) -> None:
    """WEB-001, as the gate judges it."""
    with portal(tmp_path, authority, redirect=redirect) as served:
        looked = served.looked_at()
    assert checks(looked, Weight.WRONG) == {"WEB-001"}
    assert any(seen in one for one in wrong(looked))


def test_a_portal_in_the_clear_is_looked_at_all_the_same(tmp_path: Path) -> None:
    """Without a redirect nobody knows where TLS is spoken: that is said, and the rest is asked."""
    roots = tmp_path / "root.pem"
    roots.write_bytes(hierarchy().root.pem)
    with serve(answering({"/": PAGE, "/.git/HEAD": GIT})) as port:
        looked = look(f"http://{NAME}:{port}", LOOPBACK, roots, WITHIN)
    assert checks(looked, Weight.WRONG) == {"WEB-001"}
    assert checks(looked, Weight.UNSEEN) >= HANDSHAKES
    assert "/.git/HEAD answers: a Git repository with its history" in wrong(looked)


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        (
            PAGE.without("Strict-Transport-Security"),
            "the policy of /: no header",
        ),
        (PAGE.having(Strict_Transport_Security="max-age=60"), "seconds that browsers remember /"),
        (PAGE.without("X-Content-Type-Options"), "no X-Content-Type-Options"),
        (PAGE.without("Content-Security-Policy"), "no Content-Security-Policy"),
        (PAGE.without("Content-Security-Policy"), "no frame-ancestors"),
        (PAGE.having(Set_Cookie="JSESSIONID=1; HttpOnly; SameSite=Lax"), "JSESSIONID: no Secure"),
        (PAGE.having(Set_Cookie="sid=1; Secure"), "sid: no HttpOnly, no SameSite"),
        (Answer(b"down", "503 Service Unavailable"), "answers 503"),
        (Answer(b"", "302 Found", {**HEADERS, "Location": "/"}), "redirects without an end"),
    ],
)
def test_what_is_wrong_with_the_page_is_found(
    tmp_path: Path, authority: Hierarchy, page: Answer, seen: str
) -> None:
    """What browsers rely on, whether it answers, and whether it is a page at all."""
    if "Location" in page.headers:
        page = page.without("Set-Cookie")
    with portal(tmp_path, authority, {"/": page}) as served:
        looked = served.looked_at(served.url)
    assert looked.exit_code == 2
    assert any(seen in one for one in wrong(looked)), [str(one) for one in looked.findings]


def test_redirects_are_followed_within_the_host(tmp_path: Path, authority: Hierarchy) -> None:
    """What browsers rely on is asked of the page at their end; another site is another look."""
    sign_in = Answer(b"", "302 Found", {**HEADERS, "Location": "/sign-in"})
    bare = PAGE.without("X-Content-Type-Options")
    with portal(tmp_path, authority, {"/": sign_in, "/sign-in": bare}) as served:
        looked = served.looked_at(served.url)
    assert len(wrong(looked)) == 1
    assert any("/sign-in answers 200" in one.seen for one in of(looked, Weight.FINE))
    away = Answer(b"", "302 Found", {**HEADERS, "Location": "https://sso.example.org/"})
    with portal(tmp_path, authority, {"/": away}) as served:
        looked = served.looked_at(served.url)
    assert looked.exit_code == 0
    assert any("leads to https://sso.example.org/" in one.seen for one in of(looked, Weight.UNSEEN))


def test_who_sets_a_cookie_may_lead_out_of_the_circle(tmp_path: Path, authority: Hierarchy) -> None:
    """A browser sends it back, which a look does not: not known, and not wrong."""
    circle = Answer(b"", "302 Found", {**HEADERS, "Location": "/"})
    with portal(tmp_path, authority, {"/": circle}) as served:
        looked = served.looked_at(served.url)
    assert wrong(looked) == []
    assert any("for who keeps no cookies" in one.seen for one in of(looked, Weight.UNASKED))


def test_what_must_never_answer_is_found(tmp_path: Path, authority: Hierarchy) -> None:
    """By content: an answer of 200 that is a page is none."""
    paths = {
        "/": PAGE,
        "/.git/HEAD": GIT,
        "/.env": Answer(b"<h1>Courses</h1>"),
        "/actuator/env": Answer(b'{"activeProfiles": [], "propertySources": []}'),
    }
    with portal(tmp_path, authority, paths) as served:
        looked = served.looked_at(served.url)
    assert sorted(wrong(looked)) == [
        "/.git/HEAD answers: a Git repository with its history",
        "/actuator/env answers: Spring Boot's settings",
    ]
    assert any("(one that does not exist: HTTP 404)" in one.seen for one in looked.findings)


def test_a_site_that_answers_everything_is_fine(tmp_path: Path, authority: Hierarchy) -> None:
    """An application of one page answers 200 to every path: the control says so."""
    with portal(tmp_path, authority, otherwise=PAGE) as served:
        looked = served.looked_at(served.url)
    assert looked.exit_code == 0
    assert any("(one that does not exist: HTTP 200)" in one.seen for one in looked.findings)


def test_what_answers_everything_alike_tells_nothing(tmp_path: Path, authority: Hierarchy) -> None:
    """A path is no finding where one that nobody has gives the same."""
    with portal(tmp_path, authority, otherwise=GIT) as served:
        looked = served.looked_at(served.url)
    assert wrong(looked) == []
    unasked = [one.seen for one in of(looked, Weight.UNASKED)]
    assert unasked == ["/.git/HEAD is answered as a path is that does not exist"]


def test_a_busy_server_tells_nothing(tmp_path: Path, authority: Hierarchy) -> None:
    """Who is told to come later has not found out that nothing is there."""
    later = Answer(b"", "429 Too Many Requests")
    with portal(tmp_path, authority, otherwise=later) as served:
        looked = served.looked_at(served.url)
    assert looked.exit_code == 2
    assert any("the server is busy: HTTP 429" in one.seen for one in of(looked, Weight.UNASKED))


def test_at_most_four_connections_ask_for_hidden_paths(
    tmp_path: Path, authority: Hierarchy
) -> None:
    """Counted by the server, each path of them once and the control once."""
    asked: list[str] = []
    open_now, most = [0], [0]

    def behave(connection: socket.socket) -> None:
        open_now[0] += 1
        path = connection.recv(4096).split(b" ")[1].decode()
        asked.append(path)
        if path != "/":
            most[0] = max(most[0], open_now[0])
        time.sleep(0.02)
        connection.sendall(answering_404)
        open_now[0] -= 1

    answering_404 = Answer(b"", "404 Not Found").wire
    with serve(behave) as port:
        look(f"http://{NAME}:{port}", LOOPBACK, root_of(tmp_path, authority), WITHIN)
    hidden = [one for one in asked if one != "/"]
    assert len(hidden) == len(set(hidden)) == len(HIDDEN) + 1
    assert most[0] <= AT_ONCE + 1  # the page itself beside them


def root_of(folder: Path, authority: Hierarchy) -> Path:
    """The file of an authority."""
    path = folder / "root.pem"
    path.write_bytes(authority.root.pem)
    return path


def test_each_address_is_asked(tmp_path: Path, authority: Hierarchy) -> None:
    """One that is silent is told beside one that is fine."""
    with portal(tmp_path, authority) as served:
        looked = served.looked_at(served.url, "127.0.0.1", "::1")
    assert {one.where for one in of(looked, Weight.WRONG)} == {f"[::1]:{served.port}"}
    assert any("connection refused" in one for one in map(str, looked.findings))
    fine = {one.where for one in of(looked, Weight.FINE) if set(one.checks) & HANDSHAKES}
    assert fine == {f"127.0.0.1:{served.port}"}


def test_addresses_beyond_a_handful_are_told(
    tmp_path: Path, authority: Hierarchy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name with six of them: four are asked, two are not and have the option that does."""
    # What the system's resolver says of a name is not for a test to change.
    six = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", 0)) for n in range(1, 7)]
    with portal(tmp_path, authority, address="0.0.0.0") as served:  # noqa: S104 - all of 127/8
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: six)
        looked = look(served.url, (), served.authority, WITHIN)
    assert looked.exit_code == 0, [str(one) for one in looked.findings]
    left = [one for one in of(looked, Weight.UNSEEN) if one.remedy.startswith("--connect-to")]
    assert [one.remedy for one in left] == [
        "--connect-to 127.0.0.5 asks this one",
        "--connect-to 127.0.0.6 asks this one",
    ]
    asked = {one.where for one in of(looked, Weight.FINE)}
    assert len(asked) == MOST_ADDRESSES


def drip(connection: socket.socket) -> None:
    """Begin an answer, and go on with a byte now and then."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.1)


def endless(connection: socket.socket) -> None:
    """Announce a gigabyte, and send it as long as somebody reads."""
    connection.recv(4096)
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {10**9}\r\n\r\n".encode())
    for _ in range(1_000):
        connection.sendall(b"x" * 1_000_000)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("behave", [silence, drip, endless, say(b"SSH-2.0-OpenSSH\r\n")])
def test_servers_that_are_none_end_with_a_sentence(
    tmp_path: Path, authority: Hierarchy, scheme: str, behave: Behaviour
) -> None:
    """Silence, drips, a gigabyte and another protocol, in the clear and where TLS should be."""
    with serve(behave) as port:
        roots = root_of(tmp_path, authority)
        looked = look(f"{scheme}://{NAME}:{port}", LOOPBACK, roots, 3)
    assert looked.exit_code == 2
    heavy = [*of(looked, Weight.WRONG), *of(looked, Weight.UNASKED)]
    assert heavy
    assert all(one.seen and one.where == f"127.0.0.1:{port}" for one in heavy)
    if scheme == "https":
        assert not checks(looked, Weight.FINE)
    if behave is silence:
        assert any("no answer within 3 s" in one.seen for one in heavy)


def test_a_closed_port_is_told(tmp_path: Path, authority: Hierarchy) -> None:
    """Nobody answers there: a finding over TLS, and nothing to ask in the clear."""
    roots, port = root_of(tmp_path, authority), closed_port()
    looked = look(f"https://{NAME}:{port}", LOOPBACK, roots, WITHIN)
    assert checks(looked, Weight.WRONG) >= HANDSHAKES
    assert any("connection refused" in one for one in map(str, looked.findings))
    looked = look(f"http://{NAME}:{port}", LOOPBACK, roots, WITHIN)
    assert [str(one.weight) for one in looked.findings] == ["could not be asked"]


def test_a_name_without_an_address_is_told(
    tmp_path: Path, authority: Hierarchy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not resolve, or whoever should know does not answer in time."""
    roots = root_of(tmp_path, authority)

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    # What the system's resolver says of a name is not for a test to change.
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    (found,) = look("https://nothing.example.edu", (), roots, WITHIN).findings
    assert found.weight is Weight.UNASKED
    assert found.seen == "the name nothing.example.edu does not resolve: Name or service not known"
    over = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait())
    (found,) = look("https://nothing.example.edu", (), roots, 1).findings
    over.set()
    assert found.seen == "the resolver: no answer within 1 s"


def test_what_a_server_says_is_not_obeyed(tmp_path: Path, authority: Hierarchy) -> None:
    """An escape sequence in a cookie's name is shown, on one line."""
    page = PAGE.having(Set_Cookie="a\x1b[31msid=1")
    with portal(tmp_path, authority, {"/": page}) as served:
        looked = served.looked_at(served.url)
    lines = [str(one) for one in looked.findings]
    assert any("␛[31msid: no Secure" in one for one in lines), lines
    assert "\x1b" not in "".join(lines) + str(looked.as_json())


def test_that_plain_http_is_closed_is_as_good(tmp_path: Path, authority: Hierarchy) -> None:
    """A site may leave port 80 closed; who begins there is told that nobody answers."""
    with portal(tmp_path, authority) as served:
        url = read_url(served.url)
        site = environment(url, LOOPBACK, closed_port(), served.authority)
        (endpoint,) = Outsider(site).endpoints.values()
        for typed, weight in ((url, Weight.FINE), (replace(url, scheme="http"), Weight.WRONG)):
            (found,) = plain_redirect(endpoint, Outsider(site), typed=typed).ask()
            assert (found.weight, found.checks) == (weight, ("WEB-001",)), str(found)


def test_an_address_without_a_way_is_told(tmp_path: Path, authority: Hierarchy) -> None:
    """That this machine can't send there says nothing about the site; reaching nothing is no 0."""
    nowhere = "255.255.255.255"  # what no program may send to unless it asks for it
    with portal(tmp_path, authority) as served:
        looked = served.looked_at(served.plain_url, "127.0.0.1", nowhere)
        alone = served.looked_at(served.plain_url, nowhere)
    assert looked.exit_code == 0
    assert any("this machine has no way there" in one.seen for one in of(looked, Weight.UNSEEN))
    assert [one.weight for one in alone.findings] == [Weight.UNASKED]
    assert alone.exit_code == 2


def test_who_asks_for_no_name_is_not_asked_about(tmp_path: Path, authority: Hierarchy) -> None:
    """A network of many sites presents its own certificate then: browsers name the host."""
    folder = tmp_path / "named"
    folder.mkdir()
    leaf = authority.leaf()
    named = server_context(leaf.write(folder / "leaf.pem", *leaf.above), ciphers=CAREFUL)

    def by_name(identity: Path) -> ssl.SSLContext:
        def choose(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: object) -> None:
            if name == NAME:
                connection.context = named

        context = server_context(identity, ciphers=CAREFUL)
        context.sni_callback = choose
        return context

    other = authority.leaf("front.example.net")
    with portal(tmp_path, authority, leaf=other, context=by_name) as served:
        looked = served.looked_at()
    assert looked.exit_code == 0, [str(one) for one in looked.findings]
