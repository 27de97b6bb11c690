"""The TLS probe against real servers on loopback, each with one property that must be seen."""

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from pki import NAME, NOW, Hierarchy, Identity, days, hierarchy, issue
from servers import (
    closed_port,
    dropping_old,
    postgresql,
    say,
    serve,
    server_context,
    silence,
    slam,
    tls,
)

from readiness.model.errors import AccessDenied, NotUnderstood, TimedOut, Unreachable, UsageError
from readiness.probes.certificates import read_certificate, trust_anchors
from readiness.probes.tls_attempt import Attempt, Ending
from readiness.probes.tls_contexts import VERSIONS, can_offer
from readiness.probes.tls_records import read_words
from readiness.systems.tls.asking import handshake
from readiness.systems.tls.asking.handshake import Heard, Question, Shown, ask_many, ask_question
from readiness.systems.tls.certificate import Access, Certificate
from readiness.systems.tls.reading.handshake import Handshake

V1, V1_1, V1_2, V1_3 = VERSIONS.values()
TODAY = {"TLSv1": "refused", "TLSv1.1": "refused", "TLSv1.2": "accepted", "TLSv1.3": "accepted"}


def look(pki: Hierarchy, port: int, address: str = "127.0.0.1", **more: object) -> Handshake:
    """Ask as the suites do, with the test's own root and reference time."""
    question = Question(address, port, pki.root.pem, NAME, **more)  # type: ignore[arg-type]
    return ask_question(question, NOW)


@contextlib.contextmanager
def presenting(leaf: Identity, folder: Path, *above: Identity, **settings: object) -> Iterator[int]:
    """Serve a leaf with exactly these certificates above it."""
    file = leaf.write(folder / "server.pem", *above)
    context = server_context(file, **settings)  # type: ignore[arg-type]
    with serve(tls(context)) as port:
        yield port


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_healthy_listener(pki: Hierarchy, healthy_file: Path, address: str) -> None:
    """Everything about a good listener is read, by IPv4 and by IPv6."""
    names = (NAME, address, "other.example.org")
    with serve(tls(server_context(healthy_file)), address) as port:
        found = look(pki, port, address, required_names=names)
    assert found.family == ("v6" if ":" in address else "v4")
    assert (found.answers, found.tls_offered, found.problem) == (True, True, "")
    assert (found.trusted, found.trust_problem) == (True, "")
    assert found.access is Access.GRANTED
    assert found.version == "TLSv1.3"
    assert found.name_matches == {NAME: True, address: True, "other.example.org": False}
    assert found.protocols == TODAY
    assert found.protocol_reasons["TLSv1.1"] == "alert protocol_version"
    assert [one.subject for one in found.chain] == [f"CN={NAME}", "CN=Test intermediate"]
    assert [one.issuer for one in found.chain] == ["CN=Test intermediate", "CN=Test root"]


def test_the_leaf_is_read_whole(pki: Hierarchy, healthy: Identity, healthy_file: Path) -> None:
    """Serial, fingerprint, times, key and signature are those of the certificate served."""
    with serve(tls(server_context(healthy_file))) as port:
        leaf = look(pki, port).leaf
    assert leaf is not None
    assert int(leaf.serial, 16) == healthy.certificate.serial_number
    assert (leaf.not_before, leaf.not_after, leaf.days_left) == (days(-1), days(90), 90)
    assert (leaf.key.type, leaf.key.size, leaf.key.strength) == ("EC", 256, 128)
    assert leaf.signature_hash == "sha256"
    assert leaf.names == (NAME, "127.0.0.1", "::1")
    assert len(leaf.fingerprint) == 64


def test_a_second_certificate_is_seen(
    pki: Hierarchy, healthy: Identity, healthy_file: Path, tmp_path: Path
) -> None:
    """Beside its good ECDSA certificate a server has an RSA one that nobody should trust."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    other = issue("forgotten", names=("old.example.org",), key=key, end=days(3))
    context = server_context(healthy_file)
    context.load_cert_chain(other.write(tmp_path / "other.pem"))
    with serve(tls(context)) as port:
        found = look(pki, port)
    assert (found.trusted, found.chain[0].key.type) == (True, "EC")
    (second,) = found.further
    assert not second.trusted
    assert second.trust_problem
    assert second.name_matches == {NAME: False}
    assert second.weakest_key is not None
    assert (second.weakest_key.type, second.weakest_key.size) == ("RSA", 1024)
    assert second.first_to_expire is not None
    assert second.first_to_expire.days_left == 3


def test_one_certificate_is_not_seen_twice(pki: Hierarchy, healthy_file: Path) -> None:
    """Who refuses RSA and presents the same ECDSA certificate again has nothing further."""
    with serve(tls(server_context(healthy_file))) as port:
        assert look(pki, port).further == ()


def test_a_missing_intermediate(pki: Hierarchy, healthy: Identity, tmp_path: Path) -> None:
    """Without its intermediate the chain ends nowhere, also if the store holds the intermediate."""
    store = pki.root.pem + pki.intermediate.pem
    with presenting(healthy, tmp_path) as port:
        for authority in (pki.root.pem, store):
            found = handshake.ask("127.0.0.1", port, authority_pem=authority, server_name=NAME)
            assert not found.trusted
            assert "unable to get local issuer" in found.trust_problem
            assert len(found.chain) == 1
            assert found.name_matches == {NAME: True}
            assert found.protocols == TODAY


def test_the_wrong_root(pki: Hierarchy, tmp_path: Path) -> None:
    """A chain to another root is not trusted, root presented or not, and still read."""
    other = hierarchy("Other")
    leaf = other.leaf()
    for above in ((other.intermediate,), (other.intermediate, other.root)):
        with presenting(leaf, tmp_path, *above) as port:
            found = look(pki, port)
        assert not found.trusted
        assert found.trust_problem
        assert len(found.chain) == 1 + len(above)


def test_a_self_signed_leaf(pki: Hierarchy, tmp_path: Path) -> None:
    """A self-signed certificate is named as such."""
    with presenting(issue(NAME, names=(NAME,)), tmp_path) as port:
        found = look(pki, port)
    assert not found.trusted
    assert "self-signed" in found.trust_problem


@pytest.mark.parametrize(
    ("start", "end", "problem", "left"),
    [(-30, -2, "expired", -2), (3, 60, "not yet valid", 60)],
)
def test_outside_its_validity(
    pki: Hierarchy, tmp_path: Path, start: int, end: int, problem: str, left: float
) -> None:
    """An expired and a not yet valid leaf are not trusted, and the days are counted."""
    leaf = pki.leaf(start=days(start), end=days(end))
    with presenting(leaf, tmp_path, pki.intermediate) as port:
        found = look(pki, port)
    assert not found.trusted
    assert problem in found.trust_problem
    assert found.leaf is not None
    assert found.leaf.days_left == left


def test_the_intermediate_expires_first(pki: Hierarchy, tmp_path: Path) -> None:
    """The earliest expiry of the presented chain need not be the leaf's."""
    short = issue("Short", pki.root, is_authority=True, end=days(5))
    leaf = issue(NAME, short, names=(NAME,))
    with presenting(leaf, tmp_path, short) as port:
        found = look(pki, port)
    assert found.trusted
    assert found.first_to_expire is not None
    assert (found.first_to_expire.subject, found.first_to_expire.days_left) == ("CN=Short", 5)


def test_a_weak_key(pki: Hierarchy, tmp_path: Path) -> None:
    """RSA of 1024 bits is the weakest key of the chain, and today's clients refuse it."""
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505
    with presenting(pki.leaf(key=weak), tmp_path, pki.intermediate) as port:
        found = look(pki, port)
    assert found.weakest_key is not None
    assert (found.weakest_key.type, found.weakest_key.size) == ("RSA", 1024)
    assert found.weakest_key.strength == 80
    assert not found.trusted
    assert "key too weak" in found.trust_problem


def test_the_common_name_counts_for_nothing(pki: Hierarchy, tmp_path: Path) -> None:
    """A leaf that carries the name only in its subject matches nothing."""
    with presenting(issue(NAME, pki.intermediate), tmp_path, pki.intermediate) as port:
        found = look(pki, port)
    assert found.trusted
    assert found.name_matches == {NAME: False}
    assert found.leaf is not None
    assert found.leaf.names == ()


@pytest.mark.parametrize("version", list(VERSIONS))
def test_each_version_is_told_apart(pki: Hierarchy, healthy_file: Path, version: str) -> None:
    """A listener of one version accepts that one and refuses the three others."""
    one = VERSIONS[version]
    with serve(tls(server_context(healthy_file, lowest=one, highest=one))) as port:
        found = look(pki, port)
    assert found.protocols == {
        name: "accepted" if name == version else "refused" for name in VERSIONS
    }, found.protocol_reasons
    assert found.trusted == (version in ("TLSv1.2", "TLSv1.3"))
    assert len(found.chain) == 2


def test_old_versions_beside_new_ones(pki: Hierarchy, healthy_file: Path) -> None:
    """A listener that still accepts TLS 1.0 and 1.1 beside the new ones is found out."""
    with serve(tls(server_context(healthy_file, lowest=V1))) as port:
        found = look(pki, port)
    assert found.trusted
    assert set(found.protocols.values()) == {"accepted"}


def test_this_client_can_offer_every_version() -> None:
    """The control of this machine's OpenSSL holds, so that refusals mean something."""
    assert [can_offer(version) for version in VERSIONS] == [True] * 4


def test_silently_dropped_versions_are_refused(pki: Hierarchy, healthy_file: Path) -> None:
    """A drop without an alert counts as refusal when its neighbours complete."""
    with serve(dropping_old(server_context(healthy_file))) as port:
        found = look(pki, port)
    assert found.protocols == TODAY
    assert found.protocol_reasons["TLSv1"].startswith("twice")


def test_a_listener_that_dies_proves_nothing(pki: Hierarchy, healthy_file: Path) -> None:
    """Versions tried on a listener that stopped working are unknown, not refused."""
    good = tls(server_context(healthy_file))
    turn, counter = itertools.count(), threading.Lock()

    def once(connection: socket.socket) -> None:
        with counter:
            mine = next(turn)
        (slam if mine else good)(connection)

    with serve(once) as port:
        found = look(pki, port)
    assert found.trusted
    assert found.protocols == {**dict.fromkeys(VERSIONS, "unknown"), "TLSv1.3": "accepted"}


DROP, GOOD = Attempt(Ending.CLOSED), Attempt(Ending.COMPLETED, version="TLSv1.3")
SLOW, ANSWERED = Attempt(Ending.TIMED_OUT), Attempt(Ending.COMPLETED, version="TLSv1")


@pytest.mark.parametrize(
    ("tries", "offer"),
    [
        ((DROP, GOOD, DROP, GOOD), "refused"),
        ((DROP, DROP, DROP, GOOD), "unknown"),
        ((DROP, GOOD, DROP, SLOW), "unknown"),
        ((DROP, GOOD, SLOW, GOOD), "unknown"),
        ((DROP, GOOD, ANSWERED, GOOD), "accepted"),
        ((SLOW,), "unknown"),
        ((ANSWERED,), "accepted"),
        ((), "unknown"),
    ],
)
def test_what_a_bracket_proves(tries: tuple[Attempt, ...], offer: str) -> None:
    """Only two drops, each beside controls that completed, are a refusal."""
    question = Question("127.0.0.1", 443, b"")
    found = handshake.read(question, Heard(Shown(GOOD), {"TLSv1": tries}), NOW)
    assert found.protocols["TLSv1"] == offer


def test_a_version_that_we_cannot_offer_is_unknown() -> None:
    """Where this client's control failed, no answer of the server's counts."""
    question = Question("127.0.0.1", 443, b"")
    heard = Heard(Shown(GOOD), {}, frozenset({"TLSv1"}))
    assert handshake.read(question, heard, NOW).protocols["TLSv1"] == "unknown"


@pytest.mark.parametrize(("name", "sent"), [(NAME, NAME), ("127.0.0.1", None), (None, None)])
def test_the_name_goes_out_as_sni(
    pki: Hierarchy, healthy_file: Path, name: str | None, sent: str | None
) -> None:
    """Every handshake but one names the host, and never an address (RFC 6066, 3)."""
    context = server_context(healthy_file)
    named: list[str | None] = []
    context.sni_callback = lambda _tls, host, _context: named.append(host)
    with serve(tls(context)) as port:
        handshake.ask("127.0.0.1", port, authority_pem=pki.root.pem, server_name=name)
    assert set(named) == {sent, None}
    assert named.count(None) == 1 or not sent


def test_versions_that_time_out_are_unknown(pki: Hierarchy, healthy_file: Path) -> None:
    """Silence on an old hello is not a refusal."""
    good = tls(server_context(healthy_file))

    def behave(connection: socket.socket) -> None:
        old = connection.recv(16, socket.MSG_PEEK)[9:11] < b"\x03\x03"
        (silence if old else good)(connection)

    with serve(behave) as port:
        found = look(pki, port, timeout=0.5)
    assert found.protocols["TLSv1"] == found.protocols["TLSv1.1"] == "unknown"
    assert "timed out" in found.protocol_reasons["TLSv1"]


@pytest.mark.parametrize("tickets", [0, 2])
@pytest.mark.parametrize("highest", [V1_2, V1_3])
def test_a_client_certificate_that_is_taken(
    pki: Hierarchy, healthy_file: Path, tmp_path: Path, highest: ssl.TLSVersion, tickets: int
) -> None:
    """With the right client certificate the listener reads like any other."""
    client = str(pki.leaf("client").write(tmp_path / "client.pem", pki.intermediate))
    context = server_context(
        healthy_file, clients_of=pki.root.pem, highest=highest, tickets=tickets
    )
    with serve(tls(context)) as port:
        found = look(pki, port, client_certificate=(client, client))
    assert found.trusted
    assert found.access is Access.GRANTED
    assert found.protocols["TLSv1.2"] == "accepted"


@pytest.mark.parametrize("tickets", [0, 2])
def test_a_refusal_that_comes_after_the_handshake(
    pki: Hierarchy, healthy_file: Path, tickets: int
) -> None:
    """In TLS 1.3 the client is done before it is refused; the refusal is heard, the chain read."""
    context = server_context(healthy_file, clients_of=pki.root.pem, tickets=tickets)
    with serve(tls(context)) as port:
        found = look(pki, port)
    assert found.trusted
    assert len(found.chain) == 2
    assert found.access is Access.REFUSED
    assert found.access_problem == "alert certificate_required"
    assert found.protocols == TODAY, found.protocol_reasons


def test_a_refusal_that_comes_after_our_goodbye(pki: Hierarchy, healthy_file: Path) -> None:
    """A server that looks at the client late is still heard."""
    context = server_context(healthy_file, clients_of=pki.root.pem, tickets=0)

    def late(connection: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(connection.recv(4096))
        with contextlib.suppress(ssl.SSLWantReadError):
            server.do_handshake()
        connection.sendall(outgoing.read())
        flight, goodbye = connection.recv(4096), connection.recv(4096)
        incoming.write(flight + goodbye)
        with contextlib.suppress(ssl.SSLError):
            server.do_handshake()
        connection.sendall(outgoing.read())

    with serve(late) as port:
        found = look(pki, port)
    assert found.access is Access.REFUSED
    assert found.access_problem == "alert certificate_required"


def test_a_wrong_client_certificate(pki: Hierarchy, healthy_file: Path, tmp_path: Path) -> None:
    """A client certificate of another authority is refused under that name."""
    other = str(hierarchy("Other").leaf("client").write(tmp_path / "client.pem"))
    with serve(tls(server_context(healthy_file, clients_of=pki.root.pem))) as port:
        found = look(pki, port, client_certificate=(other, other))
    assert found.access is Access.REFUSED
    assert "unknown_ca" in found.access_problem


def test_a_missing_client_certificate_before_tls_1_3(pki: Hierarchy, healthy_file: Path) -> None:
    """Up to TLS 1.2 the refusal hides the chain, so that access is what is missing."""
    context = server_context(healthy_file, clients_of=pki.root.pem, highest=V1_2)
    with serve(tls(context)) as port, pytest.raises(AccessDenied, match=f"127.0.0.1:{port}"):
        look(pki, port)


def test_an_unusable_client_key(pki: Hierarchy, tmp_path: Path) -> None:
    """A client certificate that cannot be loaded is named."""
    with pytest.raises(AccessDenied, match="nowhere"):
        look(pki, closed_port(), client_certificate=("nowhere.pem", str(tmp_path)))


def test_postgresql_with_tls(pki: Hierarchy, healthy_file: Path) -> None:
    """Behind SSLRequest a PostgreSQL listener reads like any other."""
    with serve(postgresql(b"S", tls(server_context(healthy_file, tickets=0)))) as port:
        found = look(pki, port, starttls="postgresql")
    assert found.trusted
    assert found.access is Access.GRANTED
    assert found.protocols == TODAY


def test_postgresql_without_tls(pki: Hierarchy) -> None:
    """A no to SSLRequest is a finding."""
    with serve(postgresql(b"N", silence)) as port:
        found = look(pki, port, starttls="postgresql")
    assert found.answers
    assert not found.tls_offered
    assert not found.trusted
    assert "N" in found.problem


def test_postgresql_that_answers_something_else(pki: Hierarchy) -> None:
    """An error message instead of S or N is not understood."""
    with (
        serve(postgresql(b"E", silence)) as port,
        pytest.raises(NotUnderstood, match="SSLRequest"),
    ):
        look(pki, port, starttls="postgresql")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_refused_connection_is_a_finding(pki: Hierarchy, address: str) -> None:
    """Where nobody listens the reading says so."""
    found = look(pki, closed_port(address), address)
    assert not found.answers
    assert found.problem == "connection refused"
    assert not found.trusted
    assert found.protocols == {}


def test_a_server_that_never_answers(pki: Hierarchy) -> None:
    """Silence is a time-out that names the address."""
    with serve(silence) as port, pytest.raises(TimedOut, match=f"127.0.0.1:{port}: .* 0.3 s"):
        look(pki, port, timeout=0.3)


def test_a_server_that_closes_at_once(pki: Hierarchy) -> None:
    """Closing on every hello is no answer that can be read."""
    with serve(slam) as port, pytest.raises(NotUnderstood, match="without a word"):
        look(pki, port)


@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", b"\0" * 64, b"x"]
)
def test_a_server_that_does_not_speak_tls(pki: Hierarchy, garbage: bytes) -> None:
    """Another protocol is not understood, and its first bytes are shown."""
    with serve(say(garbage)) as port, pytest.raises(NotUnderstood, match="begins with"):
        look(pki, port)


def test_a_server_that_refuses_everybody(pki: Hierarchy) -> None:
    """A fatal alert to every hello is a finding without a chain."""
    with serve(say(bytes.fromhex("15030300020270"))) as port:
        found = look(pki, port)
    assert found.answers
    assert not found.trusted
    assert "alert unrecognized_name" in found.problem
    assert found.chain == ()
    assert found.protocols == {}


def test_no_route(pki: Hierarchy) -> None:
    """An address that cannot be reached says so; multicast takes no connection, anywhere."""
    with pytest.raises(Unreachable, match=r"224\.0\.0\.1:443"):
        look(pki, 443, "224.0.0.1", timeout=1)


def test_a_name_is_no_address(pki: Hierarchy) -> None:
    """The probe never asks a resolver."""
    with pytest.raises(UsageError, match="not an IP address"):
        look(pki, 443, "localhost")


def test_many_at_once_keep_their_order(pki: Hierarchy, healthy_file: Path) -> None:
    """Readings and errors stand in the order of the questions, also with little concurrency."""
    with serve(tls(server_context(healthy_file))) as good, serve(slam) as bad:
        ports = [good, bad, closed_port(), *[good] * 17]
        questions = [Question("127.0.0.1", port, pki.root.pem, NAME) for port in ports]
        found = ask_many(questions, concurrency=8, now=NOW)
    assert isinstance(found[1], NotUnderstood)
    assert [one.port for one in found if isinstance(one, Handshake)] == [
        port for port in ports if port != bad
    ]
    assert all(isinstance(one, Handshake) and one.trusted for one in found[3:])


def certificate(*names: str) -> Certificate:
    """Read a throw-away certificate with these names."""
    der = ssl.PEM_cert_to_DER_cert(issue("x", names=names, key=KEY).pem.decode())
    return read_certificate(der, NOW)


KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("issued", "asked", "good"),
    [
        ("a.example.org", "A.Example.ORG.", True),
        ("*.example.org", "a.example.org", True),
        ("*.example.org", "a.b.example.org", False),
        ("*.example.org", "example.org", False),
        ("a*.example.org", "ab.example.org", False),
        ("*.org", "example.org", False),
        ("*", "localhost", False),
        ("198.18.0.1", "198.18.0.1", True),
        ("198.18.0.1", "198.18.0.2", False),
        ("2001:2::1", "2001:2:0:0:0:0:0:1", True),
        ("*.18.0.1", "198.18.0.1", False),
    ],
)
def test_names_match_as_openssl_matches_them(
    *, issued: str, asked: str, good: bool, tmp_path: Path
) -> None:
    """Our reading of RFC 9525 agrees with a handshake that checks the name."""
    leaf = issue("x", names=(issued,), key=KEY)
    server = server_context(leaf.write(tmp_path / "leaf.pem"))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.hostname_checks_common_name = False
    client.load_verify_locations(cadata=leaf.pem.decode())
    assert certificate(issued).good_for(asked) is good
    assert handshakes(client, server, asked) is good


def handshakes(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> bool:
    """Whether a handshake in memory completes under this name."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(back, there, server_hostname=name.removesuffix("."))
    far = server.wrap_bio(there, back, server_side=True)
    try:
        for _ in range(4):
            for end in (near, far):
                with contextlib.suppress(ssl.SSLWantReadError):
                    end.do_handshake()
    except ssl.SSLCertVerificationError:
        return False
    return True


def test_an_address_in_a_dns_entry_is_no_address() -> None:
    """An address asked for needs an address entry, never a DNS name that looks like one."""
    found = certificate("a.example.org")
    assert found.dns_names == ("a.example.org",)
    assert found.ip_names == ()
    assert not found.good_for("198.18.0.1")


def test_a_store_without_a_root_is_refused(pki: Hierarchy) -> None:
    """A store that trusts nothing is an error of whoever wrote it, with what was found."""
    with pytest.raises(UsageError, match="no root"):
        trust_anchors(pki.intermediate.pem)
    with pytest.raises(UsageError, match="not PEM"):
        trust_anchors(b"hello")


@given(st.binary(max_size=200))
def test_certificate_noise_is_not_understood(noise: bytes) -> None:
    """Whatever bytes a server presents, reading them ends in a reading or in NotUnderstood."""
    with pytest.raises(NotUnderstood):
        read_certificate(noise, NOW)


@given(st.binary(max_size=400))
def test_noise_never_trips_the_record_reader(noise: bytes) -> None:
    """Any bytes at all are read without an exception, also behind a true record header."""
    read_words(noise)
    read_words(b"\x16\x03\x03" + len(noise).to_bytes(2) + noise)
    read_words(b"\x16\x03\x03\x01\x94\x02\x00\x01\x90" + noise.ljust(400, b"\0"))
