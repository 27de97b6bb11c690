"""The Patroni probe on answers of a real cluster of three (Patroni 4.1.5, synchronous mode)."""

import json
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import servers
from hypothesis import given
from hypothesis import strategies as st
from pki import NAME, Hierarchy
from servers import serve, slam

from readiness.model.errors import AccessDenied, NotUnderstood, Unreachable
from readiness.probes.rest import RestTarget
from readiness.systems.answer import RestAnswer
from readiness.systems.patroni import asking as patroni_asking
from readiness.systems.patroni import reading as patroni

RECORDED = Path(__file__).parents[1] / "recorded" / "patroni"


def recorded(case: str, member: str) -> patroni.MemberReading:
    """Read everything that one member answered in a case."""
    answer = json.loads((RECORDED / f"{case}.{member}.json").read_text())
    status = RestAnswer(answer["patroni"]["status"], answer["patroni"]["body"])
    return patroni.MemberReading(
        patroni.read_status(status, where=member),
        patroni.read_cluster(answer["cluster"]["body"], where=member),
        patroni.read_config(answer["config"]["body"], where=member),
        patroni.read_history(answer["history"]["body"], where=member),
    )


def replaying(answers: dict[str, tuple[int, bytes]], identity: Path) -> AbstractContextManager[int]:
    """Serve these answers by path over TLS; anything but a GET of them is 501 or 404."""
    return servers.replaying(
        identity, lambda path: answers.get(path, (404, b"{}")), leads_to="/patroni"
    )


@pytest.fixture
def target(pki: Hierarchy, tmp_path: Path) -> RestTarget:
    """A member on loopback whose port is still to be filled in."""
    (tmp_path / "ca.pem").write_bytes(pki.root.pem)
    return RestTarget("db1", NAME, "127.0.0.1", 0, tmp_path / "ca.pem")


def served(case: str, member: str) -> dict[str, tuple[int, bytes]]:
    """Return a member's recorded answers by path."""
    answer = json.loads((RECORDED / f"{case}.{member}.json").read_text())
    return {f"/{q}": (a["status"], json.dumps(a["body"]).encode()) for q, a in answer.items()}


def test_a_member_is_asked_everything_over_tls(target: RestTarget, healthy_file: Path) -> None:
    """The four questions go out as GET over verified TLS and give the same reading."""
    with replaying(served("healthy", "db1"), healthy_file) as port:
        found = patroni_asking.member(replace(target, port=port))
    clock = found.status.clock
    assert replace(found, status=replace(found.status, clock=None)) == recorded("healthy", "db1")
    assert clock is not None


def lost() -> RestAnswer:
    """What Patroni 4.1.5 told 23 s after everything between it and its etcd was dropped."""
    found = json.loads((RECORDED / "without-store.db2.json").read_text())["patroni"]
    return RestAnswer(found["status"], found["body"], found["date"])


def test_d6_a_member_without_its_store_says_so_by_its_own_clock() -> None:
    """It is no leader's follower any more, and knows since when."""
    status = patroni.read_status(lost(), where="db2")
    assert (status.state, status.status, status.cluster_unlocked) == ("running", 200, True)
    assert status.without_store == 23.0
    assert replace(status, clock=None).without_store is None
    # Its clock tells whole seconds, and the last contact may be of the one that has just begun.
    assert replace(status, dcs_last_seen=1795973364).without_store == 0.0


def test_d6_why_it_answers_nothing_else_is_told(target: RestTarget, healthy_file: Path) -> None:
    """Its other answers come from the store: the message names that."""
    told = {"/patroni": (200, json.dumps(lost().body).encode()), "/cluster": (503, b"{}")}
    with (
        replaying(told, healthy_file) as port,
        pytest.raises(NotUnderstood, match=r"/cluster answered HTTP 503.*lost its consensus store"),
    ):
        patroni_asking.member(replace(target, port=port))


def test_a_member_unfit_for_service_still_tells_its_state(
    target: RestTarget, healthy_file: Path
) -> None:
    """503 from /patroni is an answer with a state in it."""
    _, body = served("healthy", "db2")["/patroni"]
    with replaying({"/patroni": (503, body)}, healthy_file) as port:
        status = patroni_asking.status(replace(target, port=port))
    assert (status.status, status.name) == (503, "db2")


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (404, b"{}", NotUnderstood, "/config answered HTTP 404, expected 200"),
        (302, b"{}", NotUnderstood, "/config answered HTTP 302, expected 200"),
        (200, b"<html>", NotUnderstood, "/config answered HTTP 200 without JSON"),
        (200, b"[]", NotUnderstood, "/config is list, expected an object"),
        (401, b"no", AccessDenied, "/config answered HTTP 401"),
    ],
)
def test_a_bad_answer_is_one_line(
    target: RestTarget,
    healthy_file: Path,
    status: int,
    body: bytes,
    error: type[Exception],
    words: str,
) -> None:
    """Whatever isn't the configuration is said in one line that names member and address."""
    with replaying({"/config": (status, body)}, healthy_file) as port:
        here = replace(target, port=port)
        with pytest.raises(error) as refused:
            patroni_asking.config(here)
    assert str(refused.value) == f"db1 (127.0.0.1:{port}): {words}"


def test_a_member_that_hangs_up_is_unreachable(target: RestTarget) -> None:
    """A port that closes without a word is no answer."""
    with serve(slam) as port, pytest.raises(Unreachable, match=r"^db1 \(127"):
        patroni_asking.status(replace(target, port=port))


def test_a_healthy_cluster_looks_the_same_from_each_member() -> None:
    """Same leader, same synchronous standby, same configuration, whoever is asked."""
    found = [recorded("healthy", name) for name in ("db1", "db2", "db3")]
    for one in found:
        assert one.cluster.leader is not None
        assert one.cluster.leader.name == "db1"
        assert one.cluster.sync_standbys == ("db2",)
        assert not one.cluster.paused
        assert one.config == found[0].config
        assert one.history == ()
    assert {one.status.system_identifier for one in found} == {"7711143400575633641"}


def test_the_leader_tells_its_state() -> None:
    """The leader: primary, running, with its position and the cluster's name."""
    status = recorded("healthy", "db1").status
    assert (status.name, status.scope, status.patroni_version) == ("db1", "paws", "4.1.5")
    assert (status.role, status.state, status.timeline) == ("primary", "running", 1)
    assert (status.location, status.received, status.sync_standby) == (67109000, None, False)
    assert not status.pending_restart


def test_the_synchronous_standby_tells_its_state() -> None:
    """The standby: streaming, replaying, synchronous by its own word."""
    status = recorded("healthy", "db2").status
    assert (status.role, status.replication_state) == ("replica", "streaming")
    assert status.sync_standby
    assert (status.received, status.location, status.replay_paused) == (67109000, 67109000, False)


def test_lag_is_bytes_and_the_leader_has_none() -> None:
    """Standbys tell how far they are behind, the leader has nothing to be behind of."""
    view = recorded("healthy", "db1").cluster
    assert {one.name: (one.lag, one.receive_lag, one.replay_lag) for one in view.members} == {
        "db1": (None, None, None),
        "db2": (0, 0, 0),
        "db3": (0, 0, 0),
    }


def test_a_member_barred_from_promotion_is_seen() -> None:
    """db3 carries nofailover, the others a priority."""
    view = recorded("healthy", "db2").cluster
    assert {one.name: one.tags.barred_from_promotion for one in view.members} == {
        "db1": False,
        "db2": False,
        "db3": True,
    }


def test_the_configuration_is_read() -> None:
    """The times that decide a failover, in seconds, and what synchronous mode is."""
    config = recorded("healthy", "db3").config
    assert (config.ttl, config.loop_wait, config.retry_timeout) == (20, 5, 5)
    assert config.maximum_lag_on_failover == 1048576
    assert (config.synchronous_mode, config.synchronous_mode_strict) == ("on", False)
    assert config.parameters["wal_log_hints"] == "on"


def test_a_paused_cluster_and_its_last_switch_are_seen() -> None:
    """After a switchover and a pause: every member says paused, history names the new leader."""
    for name in ("db1", "db2", "db3"):
        found = recorded("switched-and-paused", name)
        assert found.cluster.paused
        assert found.config.paused
        assert found.status.paused
        assert found.cluster.leader is not None
        assert found.cluster.leader.name == "db2"
        [switch] = found.history
        assert (switch.timeline, switch.position, switch.new_leader) == (1, 67109296, "db2")


@pytest.mark.parametrize(
    ("tags", "barred"),
    [
        ({}, False),
        ({"nofailover": True}, True),
        ({"nofailover": False, "failover_priority": 0}, False),
        ({"failover_priority": 0}, True),
        ({"failover_priority": "0"}, True),
        ({"failover_priority": 1}, False),
        ({"nofailover": "on"}, True),
    ],
)
def test_tags_bar_as_patroni_reads_them(tags: dict[str, Any], *, barred: bool) -> None:
    """`nofailover` wins over `failover_priority`; zero bars; spellings of a switch count."""
    assert patroni.read_tags(tags).barred_from_promotion is barred


@pytest.mark.parametrize(
    ("mode", "tags", "barred"),
    [
        (True, {}, False),
        (True, {"nosync": True}, True),
        ("quorum", {"nosync": True}, True),
        (False, {"nosync": True}, False),
        (True, {"sync_priority": 0}, True),
        (True, {"nosync": False, "sync_priority": 0}, False),
        (True, {"sync_priority": 2}, False),
        (False, {"nofailover": True}, True),
    ],
)
def test_who_is_never_synchronous_is_barred_in_synchronous_mode(
    mode: object, tags: dict[str, Any], *, barred: bool
) -> None:
    """Only a standby in step is promoted there; without that mode the tag means nothing."""
    config = patroni.read_config({"synchronous_mode": mode}, where="a")
    assert config.bars(patroni.read_tags(tags)) is barred


@pytest.mark.parametrize(
    ("member", "slot"),
    [("db1", "db1"), ("DB-1.example", "db_1_example"), ("db 1", "dbu00321"), ("a" * 70, "a" * 63)],
)
def test_a_slot_is_named_as_patroni_does(member: str, slot: str) -> None:
    """Lower case, dash and dot underscores, the rest by its code point, 63 bytes at most."""
    assert patroni.slot_name(member) == slot


def test_an_older_leader_and_an_unknown_lag_are_read() -> None:
    """Patroni 3 says master, and `unknown` where it can't tell a lag: None, never zero."""
    body = {
        "members": [
            {"name": "a", "role": "leader", "state": "running"},
            {"name": "b", "role": "replica", "state": "stopped", "lag": "unknown"},
        ]
    }
    view = patroni.read_cluster(body, where="a")
    assert view.leader is not None
    assert view.leader.name == "a"
    assert view.members[1].lag is None


def test_an_empty_cluster_has_no_leader() -> None:
    """No members: no leader and no synchronous standby, not an error of the probe."""
    view = patroni.read_cluster({"members": []}, where="a")
    assert (view.leader, view.sync_standbys) == (None, ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["members", "patroni", "name", "tags", "ttl", "xlog", "lag", "state"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_noise_is_read_or_refused_but_never_crashes(body: Any) -> None:
    """Whatever JSON comes back, there is a reading or NotUnderstood with the member's name."""
    for read in (patroni.read_cluster, patroni.read_config, patroni.read_history):
        with suppress(NotUnderstood):
            assert read(body, where="db1") is not None
    with pytest.raises(NotUnderstood):
        patroni.read_status(RestAnswer(404, body), where="db1")
