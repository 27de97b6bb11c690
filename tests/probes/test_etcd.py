"""The etcd probe against a real cluster of three, and recorded answers."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from local_etcd import EtcdCluster, etcd_cluster
from local_servers import free_port, wait_until
from pki import Hierarchy, hierarchy
from servers import serve

from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut, Unreachable
from readiness.probes import rest
from readiness.probes.rest import RestTarget
from readiness.systems.answer import RestAnswer
from readiness.systems.etcd import asking as etcd_asking
from readiness.systems.etcd import reading as etcd

RECORDED = Path(__file__).parents[1] / "recorded" / "etcd"


@pytest.fixture(scope="module")
def cluster(pki: Hierarchy) -> Iterator[EtcdCluster]:
    """Three members for the whole module."""
    with etcd_cluster(pki) as running:
        yield running


@pytest.fixture
def one(cluster: EtcdCluster) -> RestTarget:
    """The first member."""
    return cluster.targets["e1"]


def test_three_members_tell_the_same_story(cluster: EtcdCluster) -> None:
    """Every member is healthy, names itself, and all agree on cluster, leader, term and list."""
    found = {name: etcd_asking.member(target) for name, target in cluster.targets.items()}
    assert all(one.health.healthy for one in found.values())
    assert len({one.status.cluster_id for one in found.values()}) == 1
    assert len({one.status.leader_id for one in found.values()}) == 1
    assert len({one.status.raft_term for one in found.values()}) == 1
    assert sum(one.status.leads for one in found.values()) == 1
    for name, one in found.items():
        assert [member.name for member in one.members] == ["e1", "e2", "e3"]
        listed = next(member for member in one.members if member.name == name)
        assert listed.member_id == one.status.member_id
        assert listed.client_urls == (cluster.targets[name].origin,)
        assert not listed.learner
        assert (one.alarms, one.status.errors) == ((), ())
        assert one.status.raft_index >= one.status.raft_applied_index > 0
        assert one.status.db_size > 0


def test_without_quorum_the_survivor_says_so(pki: Hierarchy) -> None:
    """Two of three stopped: the last one is unhealthy by its own word and knows no leader."""
    with etcd_cluster(pki) as cluster:
        cluster.stop["e2"].close()
        cluster.stop["e3"].close()
        last = cluster.targets["e1"]
        wait_until(lambda: not etcd_asking.health(last).healthy, "e1 is unhealthy")
        wait_until(lambda: etcd_asking.status(last).leader_id == "", "e1 knows no leader")
        with pytest.raises(ProbeError):
            etcd_asking.status(cluster.targets["e2"])


def test_without_a_client_certificate_we_are_denied(one: RestTarget) -> None:
    """The server asks for a certificate and we have none: AccessDenied, one line."""
    with pytest.raises(AccessDenied, match="TLS refused us") as refused:
        etcd_asking.health(replace(one, certificate=None, key=None))
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(f"e1 (127.0.0.1:{one.port}): ")


def test_a_missing_certificate_file_is_named(one: RestTarget) -> None:
    """A certificate of ours that isn't there is our problem, and named."""
    gone = Path("/nowhere/client.pem")
    with pytest.raises(AccessDenied, match=r"/nowhere/client\.pem"):
        etcd_asking.health(replace(one, certificate=gone, key=gone))


def test_another_name_is_not_accepted(one: RestTarget) -> None:
    """The certificate must bear the declared name although we connect to an address."""
    with pytest.raises(NotUnderstood, match=r"other\.example\.org"):
        etcd_asking.health(replace(one, host="other.example.org"))


def test_another_authority_is_not_accepted(one: RestTarget, tmp_path: Path) -> None:
    """A chain to some other authority ends the conversation."""
    foreign = tmp_path / "foreign.pem"
    foreign.write_bytes(hierarchy("Foreign").root.pem)
    with pytest.raises(NotUnderstood, match="certificate verify failed"):
        etcd_asking.health(replace(one, ca_file=foreign))


def test_nobody_listening_is_unreachable(one: RestTarget) -> None:
    """A closed port is Unreachable, with the reason in words."""
    with pytest.raises(Unreachable, match="Connection refused"):
        etcd_asking.health(replace(one, port=free_port()))


def _says_nothing(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def test_a_silent_member_times_out(one: RestTarget) -> None:
    """A member that accepts and says nothing ends at the limit."""
    with (
        serve(_says_nothing) as port,
        pytest.raises(TimedOut, match=r"no answer to /health within 0\.3 s"),
    ):
        rest.ask(replace(one, port=port), "/health", timeout=0.3)


def test_proxy_variables_are_not_followed(one: RestTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """What we look at is what was declared, whatever the environment says about proxies."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    assert etcd_asking.health(one).healthy


@pytest.mark.parametrize("name", ["e1", "e2", "e3"])
def test_a_recorded_answer_reads_the_same(name: str) -> None:
    """What a real member answered once is still understood, without a member."""
    answer = json.loads((RECORDED / f"{name}.json").read_text())
    status = etcd.read_status(answer["status"], where=name)
    listed = etcd.read_members(answer["members"], where=name)
    assert status.member_id in {member.member_id for member in listed}
    assert etcd.read_health(RestAnswer(200, answer["health"]), where=name).healthy
    assert etcd.read_alarms(answer["alarms"], where=name) == ()


def test_an_alarm_and_a_learner_are_read() -> None:
    """The gateway's spelling of an alarm, of a learner and of a member that never started."""
    alarm = {"alarms": [{"memberID": "10501334649042878790", "alarm": "NOSPACE"}]}
    assert etcd.read_alarms(alarm, where="x") == (etcd.Alarm("91bc3c398fb3c146", "NOSPACE"),)
    [member] = etcd.read_members({"members": [{"ID": "255", "isLearner": True}]}, where="x")
    assert (member.member_id, member.name, member.learner) == ("ff", "", True)


def test_a_recorded_learner_says_that_it_is_healthy() -> None:
    """What a real one answered: healthy, no vote, and no word about members."""
    answer = json.loads((RECORDED / "learner.json").read_text())
    status = etcd.read_status(answer["status"], where="e3")
    listed = etcd.read_members(answer["members"], where="e1")
    assert etcd.read_health(RestAnswer(200, answer["health"]), where="e3").healthy
    assert status.learner
    assert [one.member_id for one in listed if one.learner] == [status.member_id]
    with pytest.raises(NotUnderstood, match=r"^e3: "):
        etcd.read_members(answer["refused"], where="e3")


@pytest.mark.parametrize("body", [None, [], {}, {"header": {}}, "text", {"members": [{}]}])
def test_noise_is_not_understood(body: object) -> None:
    """Anything that isn't etcd's answer is NotUnderstood, naming the member."""
    with pytest.raises(NotUnderstood, match=r"^e1: "):
        etcd.read_status(body, where="e1")
    with pytest.raises(NotUnderstood, match=r"^e1: "):
        etcd.read_members(body, where="e1")
    with pytest.raises(NotUnderstood, match=r"^e1: "):
        etcd.read_health(RestAnswer(200, body), where="e1")
