"""Asks a listener for its TLS: chain, trust, names, expiry, keys, and which versions it accepts.

`ask` talks to one address, `ask_many` to many at once; `read` is the pure half.

Everything is asked for the first name. What clients get that know one kind of key only, ask for
another declared name or for none (no SNI, as old clients and health probes) is judged apart where
it is another chain.

A version is `refused` on positive evidence only: an alert that says so, or silence from an endpoint
that completes another handshake right before and right after, twice; and only if this client has
proved that it can offer that version. Everything else is `unknown`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from ssl import SSLContext

from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut, Unreachable
from readiness.probes import wire
from readiness.probes.certificates import read_certificate
from readiness.probes.tls_attempt import Attempt, Ending, StartTls, attempt
from readiness.probes.tls_contexts import (
    KINDS,
    VERSIONS,
    ClientCertificate,
    can_offer,
    knowing_only,
    trusting_all,
    trusting_only,
)
from readiness.systems.tls.reading.handshake import Answer, Handshake, Named, Offer

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
# How servers turn away who asks for no name: RFC 6066, 3; RFC 8446, 9.2; large networks; Go.
_NAMELESS_ALERTS = {
    "unrecognized_name",
    "missing_extension",
    "handshake_failure",
    "internal_error",
}


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
    """Seconds for each handshake that shows a chain, and for all that ask for versions."""
    fallback_names: tuple[str, ...] = ()
    """All names at this address and port, one of which the leaf must carry that is presented to
    clients that ask for none; `required_names` when empty."""
    nameless: bool = True
    """Whether to ask for no name, too."""

    @property
    def place(self) -> str:
        """Address and port as people write them."""
        return wire.place(self.address, self.port)

    @property
    def names(self) -> tuple[str, ...]:
        """The names to look for in the leaf."""
        return self.required_names or ((self.server_name,) if self.server_name else ())

    def by_name(self, name: str | None) -> "Question":
        """The same listener as a client asks it for another of its names, or for none."""
        wanted = (self.fallback_names or self.names) if name is None else (name,)
        return replace(self, server_name=name, required_names=wanted)


@dataclass(frozen=True)
class Shown:
    """What a client of today gets for one name."""

    trusting: Attempt
    """Today's settings, trusting only the given store."""
    looking: Attempt | None = None
    """Every version, trusting everything; only where the first did not complete."""

    @property
    def seen(self) -> Attempt | None:
        """The completed attempt that shows the chain."""
        if self.trusting.completed:
            return self.trusting
        return self.looking if self.looking and self.looking.completed else None

    @property
    def last(self) -> Attempt:
        """The attempt that says why there is no chain."""
        return self.looking or self.trusting


@dataclass(frozen=True)
class Heard:
    """Everything that came back for one question."""

    first: Shown
    """For the first name."""
    versions: Mapping[str, tuple[Attempt, ...]]
    """The tries of each other version: one, or try, control, try, control."""
    unofferable: frozenset[str] = frozenset()
    """Versions that this client cannot offer."""
    by_kind: tuple[tuple[Attempt, Attempt | None], ...] = ()
    """As clients that know one kind of key only: looking, and trusting where it is another leaf."""
    by_name: tuple[tuple[str | None, Shown], ...] = ()
    """For each further name, and for none."""


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
    first = _show(shake, question)
    seen = first.seen
    if seen is None:
        return Heard(first, {})
    unofferable = frozenset(version for version in VERSIONS if not can_offer(version))
    deadline = wire.Deadline(question.timeout)

    def try_version(version: str) -> Attempt:
        return shake(trusting_all(version, question.client_certificate), deadline=deadline)

    spoken = seen.version
    others = [version for version in VERSIONS if version not in {spoken, *unofferable}]
    tries = {version: _try(try_version, version, spoken) for version in others}
    by_kind = _by_kind(shake, question, seen)
    return Heard(first, tries, unofferable, by_kind, _by_name(shake, question))


def _show(shake: Callable[..., Attempt], question: Question) -> Shown:
    """Ask as a client of today, and look where that one gives up."""
    client, name = question.client_certificate, question.server_name

    def once(context: SSLContext) -> Attempt:
        deadline = wire.Deadline(question.timeout)
        return shake(context, server_name=name, deadline=deadline)

    trusting = once(trusting_only(question.authority_pem, client))
    if trusting.completed or trusting.ending in _FINAL:
        return Shown(trusting)
    return Shown(trusting, once(trusting_all(None, client)))


def _by_name(
    shake: Callable[..., Attempt], question: Question
) -> tuple[tuple[str | None, Shown], ...]:
    """Ask for each further name, and as a client that asks for none."""
    asked = (*question.names, *((None,) if question.nameless else ()))
    further = (name for name in dict.fromkeys(asked) if name != question.server_name)
    return tuple((name, _show(shake, question.by_name(name))) for name in further)


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
    trusting = heard.first.trusting
    if trusting.ending is Ending.CONNECTION_REFUSED:
        return replace(reading, answers=False, problem=str(trusting), trust_problem=str(trusting))
    if trusting.ending is Ending.NOT_OFFERED:
        return replace(
            reading, tls_offered=False, problem=str(trusting), trust_problem=str(trusting)
        )
    seen = heard.first.seen
    if seen is not None:
        return _read_with_chain(question, heard, seen, reading)
    if trusting.ending is not Ending.UNTRUSTED:
        _raise_unanswered(question, heard.first.last)
    return _read_without_chain(question, heard.first, reading)


def _read_without_chain(question: Question, shown: Shown, reading: Handshake) -> Handshake:
    """A refusal or a broken trust is a finding also without a chain."""
    return replace(
        reading,
        problem=f"no chain seen: {shown.last}",
        trust_problem=_trust_problem(shown.trusting),
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
    by_kind = (
        _read_presented(question, trusting, looking, reading)
        for looking, trusting in heard.by_kind
        if trusting
    )
    by_name = (
        _read_other(question.by_name(name), one, heard.first, reading)
        for name, one in heard.by_name
    )
    return replace(
        _read_presented(question, heard.first.trusting, seen, reading),
        access=seen.access,
        access_problem=seen.reason,
        protocols={version: offer for version, (offer, _) in offers.items()},
        protocol_reasons={version: reason for version, (_, reason) in offers.items()},
        by_name=tuple(_read_answer(name, one) for name, one in heard.by_name),
        further=(*by_kind, *filter(None, by_name)),
        kinds_answered=all(one.ending not in _SILENT for one, _ in heard.by_kind),
    )


def _read_answer(name: str | None, shown: Shown) -> Named:
    """Whether a client that asks for this name is presented a certificate.

    To turn away who asks for no name is no defect; only an alert that says so shows it.
    """
    last = shown.last
    if shown.seen or shown.trusting.ending is Ending.UNTRUSTED:
        return Named(name, "presented")
    refused = last.ending in (Ending.CONNECTION_REFUSED, Ending.NOT_OFFERED, Ending.ALERT)
    if name is None:
        refused = last.ending is Ending.ALERT and last.alert in _NAMELESS_ALERTS
    answer: Answer = "refused" if refused and not last.wants_certificate else "unknown"
    return Named(name, answer, str(last))


def _read_other(
    question: Question, shown: Shown, first: Shown, reading: Handshake
) -> Handshake | None:
    """What a client is presented that asks for another name, where that differs from the first."""
    reading = replace(reading, server_name=question.server_name)
    if shown.seen is None:
        untrusted = shown.trusting.ending is Ending.UNTRUSTED
        return _read_without_chain(question, shown, reading) if untrusted else None
    alike = first.seen is not None and shown.seen.presented == first.seen.presented
    if alike and shown.trusting.completed == first.trusting.completed:
        return None
    return _read_presented(question, shown.trusting, shown.seen, reading)


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
