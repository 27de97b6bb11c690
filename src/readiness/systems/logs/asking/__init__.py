"""Asks every node of a central log for itself, at its own address."""

import socket
from typing import Final

from readiness.model.errors import NotUnderstood, ProbeError, Unreachable
from readiness.site.declared.machine import Machine
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.logs import queries
from readiness.systems.logs.asking.client import BUSY, Target, require, send
from readiness.systems.logs.declared import LogNode, LogPort, LogStore
from readiness.systems.logs.reading import (
    DOOR,
    KEPT,
    SHIPPED,
    STATE,
    LogDoor,
    LogsKept,
    LogsShipped,
    LogState,
    names,
    number,
    of,
    read_allocates,
    read_blocks,
    read_hidden,
    read_kept,
    read_largest,
    read_newest,
    read_room,
)
from readiness.systems.logs.searched import read_fields

PATIENCE: Final = 5.0  # seconds for a port that may speak to nobody without TLS
_STATUS: Final = b"HTTP/1."
# What a stranger may be tempted by: the node, what there is, and the lines themselves.
_TEMPTING: Final = ("/", "/_cat/indices", "/{indices}/_search?size=1", "/_cluster/settings")
_WRONG: Final = "readiness-is-not-the-password"
# What comes with OpenSearch's demo configuration, and with Elasticsearch before 8 and its images.
_KNOWN: Final = {
    "admin": "admin",
    "kibanaserver": "kibanaserver",
    "kibanaro": "kibanaro",
    "logstash": "logstash",
    "readall": "readall",
    "snapshotrestore": "snapshotrestore",
    "elastic": "changeme",
}
_SET: Final = "*.cluster.routing.allocation.enable,*.cluster.max_shards_per_node"
MOST_INDICES: Final = 5_000  # of one store, in which lines are counted


def target(
    connections: Connections, node: LogNode, address: str, login: tuple[str, str] | None
) -> Target:
    """A node at an address, as somebody."""
    site, store = connections.site, node.store
    return Target(
        name=node.id,
        host=node.machine.name,
        address=address,
        port=store.port,
        ca_file=site.path(site.authorities[store.authority]),
        login=login,
    )


def reader(connections: Connections, node: LogNode, address: str = "") -> Target:
    """A node as the one who reads, at its first address unless told another."""
    login = node.store.login
    pair = (login.user, connections.site.secret(login.password))
    return target(connections, node, address or node.machine.addresses[0], pair)


def _listed(where: Target, indices: str) -> object:
    columns = "index,status,creation.date,docs.count,pri,rep"
    path = f"/_cat/indices/{indices}?format=json&h={columns}&expand_wildcards=all"
    return require(where, "GET", path)


def listed_names(where: Target, indices: str) -> set[str]:
    """The names of the indices that a pattern means, hidden and closed ones included.

    Raises:
        ProbeError: the node can't be asked.
    """
    return names(_listed(where, indices), where=str(where))


def hidden_lines(where: Target, store: LogStore, *, nested: bool | None = None) -> int:
    """How many lines there are that our login is not shown, by rights on single lines.

    Objects in a line may count as lines of their own, so where there are such nothing is known
    and none is told.

    Raises:
        ProbeError: the node can't be asked.
    """
    listed = _listed(where, store.indices)
    counted = queries.by_index(MOST_INDICES)
    said = require(where, "POST", queries.whole(store.indices), counted)
    hidden = read_hidden(listed, said, where=str(where))
    if hidden and nested is None:
        caps = require(where, "GET", f"/{store.indices}/_field_caps?fields=*")
        nested = read_fields(caps, where=str(where)).has_nested
    return 0 if nested else hidden


def _state(connections: Connections, node: LogNode) -> LogState:
    store, where = node.store, reader(connections, node)
    who, said = str(where), require(where, "GET", "/")
    listed = _listed(where, store.indices)
    indices = names(listed, where=who)
    path = f"/_cluster/health/{store.indices}?local=true&timeout=1s"
    health = require(where, "GET", path)
    blocks = require(where, "GET", "/_cluster/state/blocks?local=true")
    settings = require(where, "GET", f"/_cluster/settings?include_defaults=true&filter_path={_SET}")
    every = require(where, "GET", "/_cluster/health?local=true&timeout=1s")
    return LogState(
        version=str(of(said, "version", "number", where=who))[:40],
        cluster=str(of(said, "cluster_uuid", where=who))[:40],
        health=str(of(health, "status", where=who))[:10],
        nodes=number(health, "number_of_nodes", where=who),
        indices=len(indices),
        closed_to_writes=read_blocks(blocks, indices, where=who),
        room=read_room(settings, every, where=who),
        largest=read_largest(listed, where=who),
        allocates=read_allocates(settings, where=who),
    )


def _shipped(connections: Connections, node: LogNode) -> LogsShipped:
    store, where = node.store, reader(connections, node)
    asked = queries.newest(store, _shipping(connections, store))
    found = require(where, "POST", queries.whole(store.indices), asked)
    return LogsShipped(queries.now(), read_newest(found, where=str(where)))


def _kept(connections: Connections, node: LogNode) -> LogsKept:
    store, where, now = node.store, reader(connections, node), queries.now()
    asked = queries.kept(store, _shipping(connections, store), now)
    found = require(where, "POST", queries.whole(store.indices), asked)
    listed, hidden = _listed(where, store.indices), hidden_lines(where, store)
    return read_kept(found, listed, store, now, hidden, where=str(where))


def _shipping(connections: Connections, store: LogStore) -> list[Machine]:
    return [connections.site.machine(name) for name in store.ships]


def _door(connections: Connections, port: LogPort) -> LogDoor:
    node, store = port.node, port.node.store
    if not _is_open(port):
        return LogDoor(is_open=False)
    spoken = _in_the_clear(port)
    stranger = target(connections, node, port.address, None)
    paths = [one.format(indices=store.indices) for one in _TEMPTING]
    guess = target(connections, node, port.address, (store.login.user, _WRONG))
    search = f"/{store.indices}/_search?size=0"
    try:
        return LogDoor(
            is_open=True,
            in_the_clear=spoken,
            stranger={path: _status(stranger, path) for path in paths},
            guess=_status(guess, search),
            known={
                user: _status(target(connections, node, port.address, (user, word)), search)
                for user, word in _KNOWN.items()
            },
            reader=_status(reader(connections, node, port.address), search),
        )
    except NotUnderstood:
        # Where it is spoken in the clear, that there is no TLS is no surprise, and the finding.
        if spoken is None:
            raise
        return LogDoor(is_open=True, in_the_clear=spoken)


def _status(who: Target, path: str) -> int:
    """The status that somebody is answered.

    Raises:
        Unreachable: the node is busy, or does not work: that says nothing of who may come in.
    """
    status = send(who, "GET", path).status
    if status in BUSY:
        raise Unreachable(f"{who}: GET {path.partition('?')[0]} answered HTTP {status}")
    return status


def _is_open(port: LogPort) -> bool:
    """Whether somebody accepts the connection; a refusal is an answer, silence is none.

    Raises:
        ProbeError: nobody answers.
    """
    try:
        _connected(port).close()
    except ConnectionRefusedError:
        return False
    except OSError as error:
        raise _silent(port, error) from error
    return True


def _in_the_clear(port: LogPort) -> int | None:
    """The status that is answered without TLS; None where no HTTP is."""
    request = f"GET / HTTP/1.0\r\nHost: {port.node.machine.name}\r\n\r\n".encode()
    try:
        with _connected(port) as line:
            line.sendall(request)
            said = line.recv(64)
    except TimeoutError:
        return None  # it waits for what TLS would begin with
    except OSError:
        return None  # it hung up
    if not said.startswith(_STATUS):
        return None
    status = said[9:12]
    if not status.isdigit():
        raise NotUnderstood(f"{port.id}: answers HTTP without a status")
    return int(status)


def _connected(port: LogPort) -> socket.socket:
    return socket.create_connection((port.address, port.node.store.port), timeout=PATIENCE)


def _silent(port: LogPort, error: OSError) -> ProbeError:
    return Unreachable(f"{port.id}: {error.strerror or 'no answer'}")


ASKERS: Final[Askers] = (
    Asker(STATE, _state),
    Asker(SHIPPED, _shipped),
    Asker(KEPT, _kept),
    Asker(DOOR, _door),
)
