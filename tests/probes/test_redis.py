"""Redis: INFO read as the lab's members printed it, and a real server asked over TLS."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from local_redis import PASSWORD, USERS, LocalRedis, local_redis
from pki import Hierarchy
from servers import closed_port, say, serve

from readiness.model.errors import AccessDenied, NotUnderstood, OverPrivileged, Unreachable
from readiness.systems.redis import asking, reading
from readiness.systems.redis.asking import door, resp
from readiness.systems.sentinel import asking as sentinel

RECORDED = Path(__file__).parents[1] / "recorded/redis"
LOGIN = ("looker", PASSWORD)


def info(name: str) -> str:
    """What a member of the lab printed."""
    return (RECORDED / f"{name}.txt").read_text()


@pytest.fixture(scope="module")
def local(pki: Hierarchy) -> Iterator[LocalRedis]:
    """A Redis whose default user is off."""
    with local_redis(pki, USERS) as local:
        yield local


@pytest.fixture(scope="module")
def open_to_all(pki: Hierarchy) -> Iterator[LocalRedis]:
    """A Redis that lets everybody in."""
    users = {
        "default": "on nopass +ping",
        "looker": USERS["looker"],
        "legacy": "on nopass +@all",
        "gone": "off nopass +@all",
    }
    with local_redis(pki, users) as local:
        yield local


def test_a_master_is_read() -> None:
    """It has no link, and says of each replica where it is and how far."""
    found = reading.read(info("master"), where="cache1")
    assert (found.role, found.link, found.policy) == ("master", None, "noeviction")
    assert {one.address for one in found.followers} == {"198.18.3.22", "198.18.3.23"}
    assert {one.state for one in found.followers} == {"online"}
    assert found.good_replicas == 2


def test_a_replica_is_read() -> None:
    """It says whom it follows, and whether the link is up."""
    found = reading.read(info("replica"), where="cache2")
    assert found.link is not None
    assert (found.link.address, found.link.port, found.link.status) == ("198.18.3.21", 6379, "up")
    assert (found.link.priority, found.link.read_only, found.link.announced) == (100, True, True)


@pytest.mark.parametrize("field", ["role", "aof_enabled", "maxmemory_policy", "evicted_keys"])
def test_a_field_that_is_missing_is_never_a_default(field: str) -> None:
    """An answer that lacks what is asserted later can't be read."""
    text = "\n".join(line for line in info("master").splitlines() if not line.startswith(field))
    with pytest.raises(NotUnderstood, match=field):
        reading.read(text, where="cache1")


def test_a_real_server_is_read(local: LocalRedis) -> None:
    """What a login that only looks is told is enough."""
    found = asking.state(local.redis, "looker", PASSWORD)
    assert (found.role, found.port, found.aof_enabled) == ("master", local.redis.port, True)


@pytest.mark.parametrize(("user", "command"), [("reader", "get"), ("asker", "config|get")])
def test_a_login_that_could_do_more_is_refused(local: LocalRedis, user: str, command: str) -> None:
    """Reading keys of one pattern, or the settings with their passwords, is more than looking."""
    with pytest.raises(OverPrivileged, match=f"{user} could do harm and is refused: .*{command}"):
        asking.state(local.redis, user, PASSWORD)


def test_a_login_whose_rights_can_not_be_tried_is_not_used(local: LocalRedis) -> None:
    """Without ACL WHOAMI nobody knows what it may do."""
    with pytest.raises(AccessDenied, match="ACL WHOAMI: NOPERM"):
        asking.state(local.redis, "blind", PASSWORD)


def test_a_guess_is_named_and_not_told(local: LocalRedis) -> None:
    """The message has the user and the server's code."""
    with pytest.raises(AccessDenied, match="the login looker is refused: WRONGPASS") as caught:
        asking.state(local.redis, "looker", "another secret")
    assert "another secret" not in str(caught.value)


def test_another_name_in_the_certificate_is_no_answer(local: LocalRedis) -> None:
    """Whoever answers has to prove to be the declared machine."""
    target = replace(local.redis, host="other.example.org")
    with pytest.raises(NotUnderstood, match="TLS"):
        asking.state(target, "looker", PASSWORD)


def test_nobody_is_unreachable(local: LocalRedis) -> None:
    """A closed port is no finding about Redis."""
    target = replace(local.redis, port=closed_port())
    with pytest.raises(Unreachable):
        asking.state(target, "looker", PASSWORD)


def test_commands_are_read_with_their_subcommands() -> None:
    """A container is tried by its subcommands; words are those beside the name."""
    answer = [
        ["get", 2, [], 1, 1, 1, [], [], [], []],
        ["config", -2, [], 0, 0, 0, [], [], [], [["config|set", -4, []], ["config|get", -3, []]]],
    ]
    assert reading.read_commands(answer, where="r") == {"get": 1, "config|set": 2, "config|get": 1}


@pytest.mark.parametrize("answer", [None, [], "OK", [["get"]], [[1, 2]]])
def test_no_list_of_commands_is_no_list_of_harmless_ones(answer: object) -> None:
    """Without the commands nothing is known about rights."""
    with pytest.raises(NotUnderstood):
        reading.read_commands(answer, where="r")


def test_a_closed_door(local: LocalRedis) -> None:
    """A stranger is told to log in, no wrong login is accepted, and rights are read."""
    found = {
        name: door.knock(target, LOGIN)
        for name, target in (("redis", local.redis), ("sentinel", local.sentinel))
    }
    assert {(one.stranger, one.accepted) for one in found.values()} == {("NOAUTH", ())}
    assert found["sentinel"].default_runs == ()
    assert found["redis"].default_lacks == ()
    assert found["redis"].users == tuple(sorted(USERS))
    assert found["sentinel"].users == ("default", "looker")


def test_an_open_door(open_to_all: LocalRedis) -> None:
    """A stranger gets an answer, and default is accepted with any password."""
    found = door.knock(open_to_all.redis, LOGIN)
    assert found.stranger == "PONG"
    assert found.accepted == (
        "default without a password",
        "default with a wrong password",
        "legacy with a wrong password",
    )
    assert found.default_runs == ("ping",)
    assert "SET" in found.default_lacks


@pytest.mark.parametrize(
    ("promoter", "lacks"),
    [
        ("default", ()),
        ("helper", ("SLAVEOF", "CONFIG")),
        ("nobody", ("MULTI", "SLAVEOF", "CONFIG", "CLIENT", "EXEC")),
        (None, None),
    ],
)
def test_what_sentinel_may_not_order(
    local: LocalRedis, promoter: str | None, lacks: tuple[str, ...] | None
) -> None:
    """Each order of a promotion is tried dry as its user; one that does not exist may give none."""
    found = door.knock(local.redis, LOGIN, promoter)
    assert found.promoter_lacks == lacks
    assert (found.stranger, found.accepted) == ("NOAUTH", ())


@pytest.mark.parametrize(
    ("follower", "lacks"),
    [
        ("default", ()),
        ("helper", ("REPLCONF", "PSYNC")),
        ("nobody", ("PING", "REPLCONF", "PSYNC")),
        (None, None),
    ],
)
def test_what_a_replica_may_not_say(
    local: LocalRedis, follower: str | None, lacks: tuple[str, ...] | None
) -> None:
    """Each word before it is sent anything is tried dry as the user of replication."""
    assert door.knock(local.redis, LOGIN, follower=follower).follower_lacks == lacks


def test_a_door_whose_users_are_not_told_is_none(local: LocalRedis) -> None:
    """A user that nobody tried may be the one without a password."""
    with pytest.raises(AccessDenied, match="ACL USERS"):
        door.knock(local.redis, ("nameless", PASSWORD))


@pytest.mark.parametrize("answer", [None, [], "default", ["looker"]])
def test_no_list_of_users_is_no_list_without_users(answer: reading.Reply) -> None:
    """The user default is always there."""
    with pytest.raises(NotUnderstood):
        reading.read_names(answer, where="r")


def test_tls_only_is_told_from_plain(local: LocalRedis) -> None:
    """A TLS port answers nothing in the clear, a plain one agrees on no TLS."""
    assert door.listen(local.redis) == reading.Wire("", "TLSv1.3")
    assert door.listen(local.clear) == reading.Wire("+PONG", "")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03", b""])
def test_what_is_not_redis_speaks_no_redis_in_the_clear(answer: bytes) -> None:
    """Another protocol, an alert of TLS and silence are no answer of Redis."""
    with serve(say(answer)) as port:
        target = resp.RespTarget("r", "r", "127.0.0.1", port, b"")
        assert resp.spoken_in_the_clear(target) == ""


def test_a_real_sentinel_is_read(local: LocalRedis) -> None:
    """It watches the Redis, knows nobody else, and has no majority to speak of but its own."""
    found = sentinel.state(local.sentinel, "looker", PASSWORD, "sessions")
    assert found.watched is not None
    assert (found.watched.seen.port, found.watched.quorum) == (local.redis.port, 1)
    assert (found.names, found.others, found.tilt) == (("sessions",), (), False)


def test_a_sentinel_that_watches_something_else(local: LocalRedis) -> None:
    """A name that it does not know leaves everything about it empty."""
    found = sentinel.state(local.sentinel, "looker", PASSWORD, "mymaster")
    assert (found.watched, found.replicas, found.others) == (None, (), ())
    assert "No such master" in found.quorum


def test_missed_1_a_program_is_let_in_by_its_own_password_only(local: LocalRedis) -> None:
    """What the server answers is told for each, with what its user may run, and no password."""
    tried = (("reader", PASSWORD), ("helper", "rotated"), ("nobody", PASSWORD))
    found = door.admit(local.redis, LOGIN, tried)
    assert [(one.user, one.answer) for one in found.clients] == [
        ("reader", "OK"), ("helper", "WRONGPASS"), ("nobody", "WRONGPASS"),
    ]  # fmt: skip
    reader, helper, nobody = found.clients
    assert "get" in reader.runs
    assert "set" in reader.lacks
    assert "multi" in helper.runs
    assert nobody.runs == ()
    assert "rotated" not in str(found)


def test_missed_1_a_program_is_tried_at_a_sentinel_too(local: LocalRedis) -> None:
    """Its users are its own as well."""
    (found,) = door.admit(local.sentinel, LOGIN, [("portal", PASSWORD)]).clients
    assert (found.answer, found.runs) == ("WRONGPASS", ())
