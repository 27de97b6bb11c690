"""Who may ask a Redis or a Sentinel: a user that can do no harm there, and nobody else."""

from typing import Final

from readiness.model.errors import AccessDenied, NotUnderstood, OverPrivileged
from readiness.systems.redis.asking.resp import Conversation
from readiness.systems.redis.reading import Refusal, read_commands

# All that a user who only looks may be able to run: what tells nothing of keys, nor of users but
# their names, nor of settings (CONFIG GET would tell the password that replication uses).
_COMMANDS: Final = """
    acl acl|dryrun acl|help acl|users acl|whoami asking auth client client|getname client|help
    client|id client|setinfo client|setname command command|count command|docs command|getkeys
    command|getkeysandflags command|help command|info command|list echo hello info lastsave ping
    quit readonly readwrite reset role select time wait waitaof sentinel sentinel|ckquorum
    sentinel|get-master-addr-by-name sentinel|help sentinel|info-cache sentinel|master
    sentinel|masters sentinel|myid sentinel|replicas sentinel|sentinels sentinel|slaves
"""
HARMLESS: Final = frozenset(_COMMANDS.split())
_FORBIDDEN: Final = "no permissions to run"
_NO_USER: Final = "not found"


def log_in_harmless(talk: Conversation, user: str, password: str) -> None:
    """Log in, and go no further as somebody who could do harm.

    Raises:
        OverPrivileged: the user could do more than look.
    """
    talk.log_in(user, password)
    known = talk.require("ACL", "WHOAMI")
    if known != user:
        raise AccessDenied(f"{talk.target}: logged in as {user} and is known as {known}")
    dangerous = sorted(may_run(talk, user) - HARMLESS)
    if dangerous:
        raise OverPrivileged(
            f"{talk.target}: the user {user} could do harm and is refused: "
            f"{', '.join(dangerous[:5])}; give one that only looks"
        )


def may_run(talk: Conversation, user: str) -> set[str]:
    """Every command that a user may run on any key: each is tried dry (ACL DRYRUN, Redis 7).

    A user that does not exist may run nothing.

    Raises:
        ProbeError: we may not ask that.
    """
    commands = read_commands(talk.require("COMMAND"), where=str(talk.target))
    questions = [
        ("ACL", "DRYRUN", user, *name.split("|"), *["1"] * words)
        for name, words in commands.items()
    ]
    answers = talk.calls(questions)
    return {
        name
        for name, said in zip(commands, answers, strict=True)
        if _is_allowed(said, where=f"{talk.target}: ACL DRYRUN {name}")
    }


def _is_allowed(said: object, *, where: str) -> bool:
    """Whether a dry run got past the rights: an answer about keys or arguments is past them."""
    if isinstance(said, Refusal):
        if said.code in ("NOPERM", "NOAUTH"):
            raise AccessDenied(f"{where}: {said.text[:120]}")
        if said.text.endswith(_NO_USER):
            return False
        raise NotUnderstood(f"{where}: {said.text[:120]}")
    if not isinstance(said, str):
        raise NotUnderstood(f"{where}: no text")
    return _FORBIDDEN not in said
