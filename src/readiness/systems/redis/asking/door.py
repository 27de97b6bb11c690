"""How a Redis or a Sentinel treats who has no login there, tried and not read from a setting."""

import secrets
from collections.abc import Sequence

from readiness.model.errors import NotUnderstood, ProbeError
from readiness.systems.redis.asking.login import may_run
from readiness.systems.redis.asking.resp import Conversation, RespTarget, spoken_in_the_clear
from readiness.systems.redis.reading import (
    Admission,
    Admissions,
    Door,
    Refusal,
    Reply,
    Wire,
    read_commands,
    read_names,
)

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
