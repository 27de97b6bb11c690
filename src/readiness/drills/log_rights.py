"""Tries at every node what who reads and who ships must not be able to do.

Nothing is changed where it is possible after all: a line is added under an id that is taken, one
is deleted that nobody has, and so is an index whose name only resembles those that there are.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from readiness.drills.permit import Permit
from readiness.model.errors import NotRun, NotUnderstood
from readiness.model.words import Tier
from readiness.systems.asker import Connections
from readiness.systems.logs import queries
from readiness.systems.logs.asking import listed_names, reader, target
from readiness.systems.logs.asking.client import BUSY, Target, require, send
from readiness.systems.logs.declared import LogNode
from readiness.systems.logs.reading import complete, of

_DIGITS: Final = re.compile(r"\d+")


@dataclass(frozen=True)
class LogRights:
    """HTTP statuses at one node, by what was tried."""

    reader: Mapping[str, int]
    writer: Mapping[str, int]


def try_rights(connections: Connections, permit: Permit, node: LogNode) -> LogRights:
    """Try at one node.

    Raises:
        NotRun: it is not declared who ships.
        ProbeError: the node does not answer, or has no line.
    """
    permit.require(Tier.TOUCH)
    login = node.store.writer
    if login is None:
        raise NotRun(f"{node.id}: it is not declared as whom collectors ship", declare="`writer`")
    who = reader(connections, node)
    index, line = _newest(node, who)
    there = listed_names(who, node.store.indices)
    pair = (login.user, connections.site.secret(login.password))
    writer = target(connections, node, who.address, pair)
    return LogRights(
        reader={
            "add a line": _tried(who, "PUT", f"/{index}/_create/{line}", {}),
            **_deletions(node, who, index, there),
        },
        writer={
            **_deletions(node, writer, index, there),
            "read every line": _tried(writer, "POST", f"/{node.store.indices}/_search?size=0"),
        },
    )


def _newest(node: LogNode, who: Target) -> tuple[str, str]:
    """Index and id of the newest line."""
    store = node.store
    newest = {"size": 1, "_source": False, "sort": [{store.fields.time: "desc"}]}
    found = complete(require(who, "POST", queries.whole(store.indices), newest), where=str(who))
    hits = of(found, "hits", "hits", where=str(who))
    if not hits:
        raise NotUnderstood(f"{who}: there is no line that could be tried")
    return str(of(hits[0], "_index", where=str(who))), str(of(hits[0], "_id", where=str(who)))


def _shaped(index: str) -> str:
    """A name of the same shape, with other digits, as a role may name it: logs-????.??.??.

    No date has nines where each of its parts begins, and no rollover gets so far.
    """
    return _DIGITS.sub(
        lambda one: "9" + "".join(secrets.choice("456789") for _ in one[0][1:]), index
    )


def _deletions(node: LogNode, who: Target, index: str, there: set[str]) -> dict[str, int]:
    """Deleting a line that nobody has, and indices that are not there."""
    chance = secrets.token_hex(8)
    alike = node.store.indices.replace("*", f"readiness-{chance}")
    # Without a wildcard there is one index, and that is not to be tried on.
    names = {f"{index}-{chance}", alike, _shaped(index)} - {node.store.indices, index}
    statuses = [_tried(who, "DELETE", f"/{name}") for name in sorted(names - there)]
    refused = [one for one in statuses if one not in (401, 403)]
    return {
        "delete a line": _tried(who, "DELETE", f"/{index}/_doc/readiness-{chance}"),
        "delete an index": (refused or statuses)[0],
    }


def _tried(who: Target, method: str, path: str, body: Any = None) -> int:
    """The status of an attempt.

    Raises:
        NotUnderstood: the node is busy, or does not work: that says nothing of rights.
    """
    status = send(who, method, path, body).status
    if status in BUSY:
        raise NotUnderstood(f"{who}: {method} answered HTTP {status}")
    return status
