"""Asks Sentinels over TLS, as a user that only looks."""

from typing import Final

from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.redis.asking import target
from readiness.systems.redis.asking.login import log_in_harmless
from readiness.systems.redis.asking.resp import Conversation, RespTarget
from readiness.systems.redis.declared import SentinelNode
from readiness.systems.sentinel.reading import SENTINEL, SentinelState, read


def state(target: RespTarget, user: str, password: str, name: str) -> SentinelState:
    """Ask one Sentinel about the master of that name, as a user that may do no harm.

    Raises:
        OverPrivileged: the user could do more than look.
        ProbeError: it does not answer, refuses us, or answers something else.
    """
    with Conversation(target) as talk:
        log_in_harmless(talk, user, password)
        run_id = talk.require("SENTINEL", "MYID")
        info = talk.require("INFO", "sentinel")
        masters = talk.require("SENTINEL", "MASTERS")
        about = talk.calls(("SENTINEL", word, name) for word in ("REPLICAS", "SENTINELS"))
        quorum = talk.call("SENTINEL", "CKQUORUM", name)
    return read(
        name,
        {
            "myid": run_id,
            "info": info,
            "masters": masters,
            "replicas": about[0],
            "sentinels": about[1],
            "ckquorum": quorum,
        },
        where=str(target),
    )


def _state(connections: Connections, node: SentinelNode) -> SentinelState:
    declared, login = node.sentinels, node.sentinels.login
    where = target(connections, node, node.machine.addresses[0], declared.port)
    password = connections.site.secret(login.password)
    return state(where, login.user, password, declared.watches)


ASKERS: Final[Askers] = (Asker(SENTINEL, _state),)
