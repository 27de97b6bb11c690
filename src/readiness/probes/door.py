"""How a Redis or a Sentinel treats who has no login there, tried and not read from a setting."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from readiness.errors import NotUnderstood, ProbeError
from readiness.probes.redis import may_run, read_commands
from readiness.probes.resp import Conversation, Refusal, Reply, RespTarget, spoken_in_the_clear

# Every connection may run these, whoever it is: that is how it logs in and leaves.
_ALWAYS = frozenset({"auth", "hello", "quit", "reset"})

_DRY = ("ACL", "DRYRUN")
_CHANGES = (
    ("SET", "key", "1"),
    ("DEL", "key"),
    ("EXPIRE", "key", "1"),
    ("HSET", "key", "field", "1"),
    ("SADD", "key", "1"),
    ("ZADD", "key", "1", "1"),
    ("RPUSH", "key", "1"),
)
# The transaction by which a Sentinel makes a replica the master (sentinel.c of Redis 7): where one
# of these is refused, EXEC does nothing.
_ORDERS = (
    ("MULTI",),
    ("SLAVEOF", "NO", "ONE"),
    ("CONFIG", "REWRITE"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("EXEC",),
)
# What a replica asks of its master before it is sent anything (replication.c).
_FOLLOWS = (("PING",), ("REPLCONF", "listening-port", "6379"), ("PSYNC", "?", "-1"))


@dataclass(frozen=True)
class Door:
    """What somebody without a login tried over TLS at one address of a port."""

    stranger: str  # what a PING without a login was answered
    accepted: tuple[str, ...]  # logins with a wrong password that were accepted
    default_runs: tuple[str, ...]  # commands that the user `default` could run
    default_lacks: tuple[str, ...]  # changes of any key that it could not make
    promoter_lacks: tuple[str, ...] | None = None  # Sentinel's orders that its user may not give
    follower_lacks: tuple[str, ...] | None = None  # a replica's words that its user may not say
    users: tuple[str, ...] | None = None  # every user that there is, by name


@dataclass(frozen=True)
class Admission:
    """What became of a program's own login at a port, and what its user may run there."""

    user: str
    answer: str  # to AUTH with the declared password: OK, or the code of the error
    runs: tuple[str, ...]  # commands that the user may run; on which keys is not known
    lacks: tuple[str, ...]  # the server's other commands


@dataclass(frozen=True)
class Admissions:
    """The declared programs at one port."""

    clients: tuple[Admission, ...]


@dataclass(frozen=True)
class Wire:
    """How one address of a port speaks."""

    clear: str  # what a PING without TLS was answered; empty: nothing
    tls: str  # the version agreed on with who has the authority; empty: no TLS


def knock(
    target: RespTarget,
    login: tuple[str, str],
    promoter: str | None = None,
    follower: str | None = None,
) -> Door:
    """Try to get in without a login; nothing that would do anything is sent.

    Args:
        target: the port.
        login: our own user there, and its password.
        promoter: the user that Sentinel is there, where it is one that a Sentinel may promote.
        follower: the user that a replica would be there.

    Raises:
        ProbeError: the port does not answer over TLS, or does not let our own login ask.
    """
    with Conversation(target) as talk:
        talk.log_in(*login)
        names = read_names(talk.require("ACL", "USERS"), where=str(target))
        runs = may_run(talk, "default")
        lacks = _lacks(talk, "default", _CHANGES)
        orders = None if promoter is None else _lacks(talk, promoter, _ORDERS)
        follows = None if follower is None else _lacks(talk, follower, _FOLLOWS)
    with Conversation(target) as talk:
        stranger = _said(talk.call("PING"))
        wrong = secrets.token_urlsafe(12)
        tries = {"default without a password": ("default", "")}
        tries |= {f"{name} with a wrong password": (name, wrong) for name in names}
        accepted = [name for name, pair in tries.items() if talk.call("AUTH", *pair) == "OK"]
    runs -= _ALWAYS
    return Door(stranger, tuple(accepted), tuple(sorted(runs)), lacks, orders, follows, names)


def admit(
    target: RespTarget, login: tuple[str, str], clients: Sequence[tuple[str, str]]
) -> Admissions:
    """Log in as each client, on a connection of its own that is left at once.

    Args:
        target: the port.
        login: our own user there, and its password; it asks what the clients' users may run.
        clients: each user with its password.

    Raises:
        ProbeError: the port does not answer over TLS, or does not let our own login ask.
    """
    with Conversation(target) as talk:
        talk.log_in(*login)
        everything = frozenset(read_commands(talk.require("COMMAND"), where=str(target)))
        runs = {user: may_run(talk, user) for user, _ in clients}
    answers = {}
    for user, password in clients:
        with Conversation(target) as talk:
            answers[user] = _said(talk.call("AUTH", user, password))
    return Admissions(
        tuple(
            Admission(user, said, tuple(sorted(runs[user])), tuple(sorted(everything - runs[user])))
            for user, said in answers.items()
        )
    )


def _lacks(talk: Conversation, user: str, commands: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Those that a dry run refuses to that user, by first word; all where there is no such user."""
    return tuple(words[0] for words in commands if talk.call(*_DRY, user, *words) != "OK")


def read_names(answer: Reply, *, where: str) -> tuple[str, ...]:
    """Read ACL USERS: every user that there is; `default` always is."""
    if not isinstance(answer, list) or "default" not in answer:
        raise NotUnderstood(f"{where}: ACL USERS lists no user default")
    return tuple(sorted(map(str, answer)))


def listen(target: RespTarget) -> Wire:
    """Try both ways to speak.

    Raises:
        ProbeError: nobody accepts the connection, or hangs up.
    """
    clear = spoken_in_the_clear(target)
    try:
        with Conversation(target) as talk:
            return Wire(clear, talk.tls_version)
    except NotUnderstood:
        return Wire(clear, "")
    except ProbeError:
        if not clear:
            raise
        return Wire(clear, "")  # a plain Redis waits for the rest of what it takes for a command


def _said(reply: Reply) -> str:
    """The code of an error, or what was answered."""
    return reply.code if isinstance(reply, Refusal) else str(reply)
