"""Asks a listener for its TLS: chain, trust, names, expiry, keys, and which versions it accepts.

`ask` talks to one address, `ask_many` to many at once; `read` is the pure half. Trust is what a
client finds that holds the declared store only and builds the chain from what is presented (RFC
5280); the rest is read from the certificates themselves, also where nobody trusts them.

A version is `refused` on positive evidence only: an alert that says so, or silence from an endpoint
that completes another handshake right before and right after, twice; and only if this client has
proved that it can offer that version. Everything else is `unknown`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from readiness.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut, Unreachable
from readiness.probes import wire
from readiness.probes.certificates import Certificate, Key, read_certificate
from readiness.probes.tls_attempt import Access, Attempt, Ending, StartTls, attempt
from readiness.probes.tls_contexts import (
    KINDS,
    VERSIONS,
    ClientCertificate,
    can_offer,
    knowing_only,
    trusting_all,
    trusting_only,
)

Offer = Literal["accepted", "refused", "unknown"]

# After these a second look would find the same.
_FINAL = (
    Ending.TIMED_OUT,
    Ending.UNREACHABLE,
    Ending.CONNECTION_REFUSED,
    Ending.NOT_OFFERED,
    Ending.NOT_TLS,
)
_SILENT = (Ending.TIMED_OUT, Ending.UNREACHABLE, Ending.CONNECTION_REFUSED)
_DROPS = (Ending.CLOSED, Ending.RESET, Ending.ALERT)
_REFUSING_ALERTS = {"protocol_version", "handshake_failure", "insufficient_security"}


@dataclass(frozen=True)
class Question:
    """One listener and how to ask it."""

    address: str
    port: int
    authority_pem: bytes
    """PEM store; its self-signed certificates are all that is trusted."""
    server_name: str | None = None
    """Sent as SNI, unless it is an address."""
    required_names: tuple[str, ...] = ()
    """Names and addresses the leaf must be issued for; `server_name` when empty."""
    starttls: StartTls | None = None
    client_certificate: ClientCertificate | None = None
    timeout: float = 5.0
    """Seconds for each of the three parts: trust, chain, versions."""

    @property
    def place(self) -> str:
        """Address and port as people write them."""
        return wire.place(self.address, self.port)

    @property
    def names(self) -> tuple[str, ...]:
        """The names to look for in the leaf."""
        return self.required_names or ((self.server_name,) if self.server_name else ())


@dataclass(frozen=True)
class Heard:
    """Everything that came back for one question."""

    trusting: Attempt
    """Today's settings, trusting only the given store."""
    looking: Attempt | None
    """Every version, trusting everything; only where the first did not complete."""
    versions: Mapping[str, tuple[Attempt, ...]]
    """The tries of each other version: one, or try, control, try, control."""
    unofferable: frozenset[str] = frozenset()
    """Versions that this client cannot offer."""
    by_kind: tuple[tuple[Attempt, Attempt | None], ...] = ()
    """As clients that know one kind of key only: looking, and trusting where it is another leaf."""

    @property
    def seen(self) -> Attempt | None:
        """The completed attempt that shows the chain."""
        if self.trusting.completed:
            return self.trusting
        return self.looking if self.looking and self.looking.completed else None


@dataclass(frozen=True)
class Handshake:
    """What one listener presents and accepts."""

    address: str
    port: int
    family: str
    """`v4` or `v6`."""
    server_name: str | None
    asked_at: datetime
    """The reference time of `days_left`; trust goes by the system's clock."""
    answers: bool = True
    """False when the connection was refused."""
    tls_offered: bool = True
    """False when PostgreSQL declined TLS."""
    problem: str = ""
    """Why there is no chain to read; empty when there is one."""
    trusted: bool = False
    trust_problem: str = ""
    """Why a client with that store only does not trust it; empty when it does."""
    access: Access = Access.UNKNOWN
    """Whether the server took our client certificate, or took us without one."""
    access_problem: str = ""
    version: str = ""
    """The version negotiated by today's settings, such as `TLSv1.3`."""
    name_matches: Mapping[str, bool] = field(default_factory=dict)
    """Each required name: is the leaf issued for it?"""
    chain: tuple[Certificate, ...] = ()
    """As presented, leaf first."""
    protocols: Mapping[str, Offer] = field(default_factory=dict)
    """Each version: `accepted`, `refused` or `unknown`."""
    protocol_reasons: Mapping[str, str] = field(default_factory=dict)
    """Each version: what that rests on."""
    kinds_answered: bool = True
    """False when it was silent to a client that knows RSA or ECDSA only."""
    further: tuple["Handshake", ...] = ()
    """What clients get that know RSA or ECDSA only, where that is another certificate."""

    @property
    def leaf(self) -> Certificate | None:
        """The listener's own certificate."""
        return self.chain[0] if self.chain else None

    @property
    def first_to_expire(self) -> Certificate | None:
        """The presented certificate that expires first."""
        return min(self.chain, key=lambda one: one.not_after, default=None)

    @property
    def weakest_key(self) -> Key | None:
        """The presented key with the least security strength."""
        return min((one.key for one in self.chain), key=lambda key: key.strength, default=None)


def ask(
    address: str,
    port: int,
    *,
    authority_pem: bytes,
    server_name: str | None = None,
    required_names: tuple[str, ...] = (),
    starttls: StartTls | None = None,
    client_certificate: ClientCertificate | None = None,
    timeout: float = 5.0,
    now: datetime | None = None,
) -> Handshake:
    """Ask one listener; see `Question` for the arguments, `now` is the time that days count from.

    Raises:
        TimedOut, Unreachable, AccessDenied, NotUnderstood: It could not be found out.
        UsageError: An argument is wrong.
    """
    question = Question(
        address,
        port,
        authority_pem,
        server_name,
        required_names,
        starttls,
        client_certificate,
        timeout,
    )
    return ask_question(question, now or datetime.now(UTC))


def ask_question(question: Question, now: datetime) -> Handshake:
    """Ask one listener and read what came back; raises as `ask` does."""
    return read(question, listen(question), now)


def ask_many(
    questions: Iterable[Question], *, concurrency: int = 16, now: datetime | None = None
) -> list[Handshake | ProbeError]:
    """Ask many listeners at once; readings or errors, in the order of the questions."""
    one_now = now or datetime.now(UTC)
    return wire.at_once(lambda one: ask_question(one, one_now), questions, concurrency)


def listen(question: Question) -> Heard:
    """Do the talking: a handshake that trusts, one that looks if need be, one per version."""
    shake = partial(
        attempt,
        question.address,
        question.port,
        server_name=question.server_name,
        starttls=question.starttls,
    )
    client = question.client_certificate
    trusting = shake(
        trusting_only(question.authority_pem, client), deadline=wire.Deadline(question.timeout)
    )
    looking = None
    if not trusting.completed and trusting.ending not in _FINAL:
        looking = shake(trusting_all(None, client), deadline=wire.Deadline(question.timeout))
    heard = Heard(trusting, looking, {})
    if heard.seen is None:
        return heard
    unofferable = frozenset(version for version in VERSIONS if not can_offer(version))
    deadline = wire.Deadline(question.timeout)

    def try_version(version: str) -> Attempt:
        return shake(trusting_all(version, client), deadline=deadline)

    spoken = heard.seen.version
    others = [version for version in VERSIONS if version not in {spoken, *unofferable}]
    tries = {version: _try(try_version, version, spoken) for version in others}
    return Heard(trusting, looking, tries, unofferable, _by_kind(shake, question, heard.seen))


def _by_kind(
    shake: Callable[..., Attempt], question: Question, seen: Attempt
) -> tuple[tuple[Attempt, Attempt | None], ...]:
    """Ask as clients that know one kind of key, and again with trust where that shows another."""
    deadline, client = wire.Deadline(question.timeout), question.client_certificate
    found = []
    for kind in KINDS:
        looking = shake(knowing_only(kind, trusting_all(None, client)), deadline=deadline)
        trusting = None
        if looking.completed and looking.presented[:1] != seen.presented[:1]:
            careful = knowing_only(kind, trusting_only(question.authority_pem, client))
            trusting = shake(careful, deadline=deadline)
        found.append((looking, trusting))
    return tuple(found)


def _try(try_version: Callable[[str], Attempt], version: str, spoken: str) -> tuple[Attempt, ...]:
    """Try a version; where the answer is a mere drop, try again between two controls."""
    first = try_version(version)
    if not _dropped(first) or _definite(version, first):
        return (first,)
    return (first, *(try_version(one) for one in (spoken, version, spoken)))


def read(question: Question, heard: Heard, now: datetime) -> Handshake:
    """Read what came back for one question.

    Raises:
        TimedOut, Unreachable, AccessDenied, NotUnderstood: It says nothing about the listener.
    """
    reading = Handshake(
        question.address,
        question.port,
        wire.family(question.address),
        question.server_name,
        now,
    )
    trusting = heard.trusting
    if trusting.ending is Ending.CONNECTION_REFUSED:
        return replace(reading, answers=False, problem=str(trusting), trust_problem=str(trusting))
    if trusting.ending is Ending.NOT_OFFERED:
        return replace(
            reading, tls_offered=False, problem=str(trusting), trust_problem=str(trusting)
        )
    if heard.seen is None:
        return _read_without_chain(question, heard, reading)
    return _read_with_chain(question, heard, heard.seen, reading)


def _read_without_chain(question: Question, heard: Heard, reading: Handshake) -> Handshake:
    """A refusal or a broken trust is a finding also without a chain; the rest is no answer."""
    trusting, last = heard.trusting, heard.looking or heard.trusting
    if trusting.ending is not Ending.UNTRUSTED:
        _raise_unanswered(question, last)
    return replace(
        reading,
        problem=f"no chain seen: {last}",
        trust_problem=_trust_problem(trusting),
        name_matches=dict.fromkeys(question.names, False),
    )


def _raise_unanswered(question: Question, last: Attempt) -> None:
    """Raise what an unfinished attempt means, unless the server refused by an alert of its own."""
    where = question.place
    if last.wants_certificate:
        given = "the one given" if question.client_certificate else "a client without one"
        raise AccessDenied(f"{where}: the server refused {given}: {last.reason}")
    match last.ending:
        case Ending.ALERT:
            return
        case Ending.TIMED_OUT:
            raise TimedOut(f"{where}: no TLS handshake within {question.timeout:g} s")
        case Ending.UNREACHABLE | Ending.CONNECTION_REFUSED:
            raise Unreachable(f"{where}: {last}")
        case _:
            raise NotUnderstood(f"{where}: no TLS handshake: {last}")


def _read_with_chain(
    question: Question, heard: Heard, seen: Attempt, reading: Handshake
) -> Handshake:
    offers = {version: _read_version(version, heard, seen) for version in VERSIONS}
    return replace(
        _read_presented(question, heard.trusting, seen, reading),
        access=seen.access,
        access_problem=seen.reason,
        protocols={version: offer for version, (offer, _) in offers.items()},
        protocol_reasons={version: reason for version, (_, reason) in offers.items()},
        further=tuple(
            _read_presented(question, trusting, looking, reading)
            for looking, trusting in heard.by_kind
            if trusting
        ),
        kinds_answered=all(one.ending not in _SILENT for one, _ in heard.by_kind),
    )


def _read_presented(
    question: Question, trusting: Attempt, seen: Attempt, reading: Handshake
) -> Handshake:
    """Read one chain: its certificates, their names, and whether it is trusted."""
    try:
        chain = tuple(read_certificate(der, reading.asked_at) for der in seen.presented)
    except NotUnderstood as error:
        raise NotUnderstood(f"{question.place}: {error}") from error
    return replace(
        reading,
        trusted=trusting.completed,
        trust_problem=_trust_problem(trusting),
        version=trusting.version,
        name_matches={name: bool(chain) and chain[0].good_for(name) for name in question.names},
        chain=chain,
    )


def _trust_problem(trusting: Attempt) -> str:
    if trusting.completed:
        return ""
    if trusting.ending is Ending.UNTRUSTED:
        return trusting.reason
    return f"a client with today's settings gets no connection: {trusting}"


def _read_version(version: str, heard: Heard, seen: Attempt) -> tuple[Offer, str]:
    """Return what is known of one version, and what that rests on."""
    if version == seen.version:
        return "accepted", "handshake completed"
    if version in heard.unofferable:
        return "unknown", "this client cannot offer it"
    tries = heard.versions.get(version, ())
    if not tries:
        return "unknown", "not tried"
    own, controls = tries[::2], tries[1::2]
    for tried in own:
        if definite := _definite(version, tried):
            return definite
    if len(own) > 1 and all(map(_dropped, own)) and all(one.completed for one in controls):
        return "refused", f"twice {tries[0].ending}, between handshakes that completed"
    return "unknown", str(tries[0])


def _definite(version: str, tried: Attempt) -> tuple[Offer, str] | None:
    """Return what one try proves by itself, if anything."""
    if tried.completed:
        return "accepted", "handshake completed"
    picked = tried.words.version
    if picked == version and tried.wants_certificate:
        return "accepted", "picked by the server, which then wanted a client certificate"
    if picked and picked != version:
        return "refused", f"answered with {picked}"
    if not picked and tried.words.alert in _REFUSING_ALERTS:
        return "refused", tried.reason
    return None


def _dropped(tried: Attempt) -> bool:
    """Whether the server ended the handshake before it picked a version."""
    return tried.ending in _DROPS and not tried.words.version
