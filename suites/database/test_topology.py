"""One primary, its standbys, and that every member agrees about it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from readiness import (
    Ask,
    Environment,
    Fact,
    Found,
    ProbeError,
    Severity,
    Unreachable,
    check,
    derive,
    holds,
)
from readiness.model.errors import TimedOut
from readiness.site.subjects import DATABASE_CLUSTER, DATABASE_MEMBER, Cluster, Member
from readiness.systems.etcd.reading import ETCD
from readiness.systems.patroni.reading import (
    PATRONI,
    PATRONI_STATUS,
    MemberReading,
    slot_name,
)
from readiness.systems.postgres.reading import ARCHIVE, POSTGRES, REPLAY
from readiness.systems.postgres.reading.archive import Archiving
from readiness.systems.postgres.reading.replay import ReplayProgress
from readiness.systems.postgres.reading.state import (
    READ_ONLY,
    RECOVERY_TARGETS,
    Override,
    Replica,
    ServerState,
    silence,
)

Replay = Callable[[Member], Found[ReplayProgress]]
Patroni = Callable[[Member], Found[MemberReading]]

READS = ("one read-only query of system views on every member",)
RIGHTS = "a login with pg_monitor and nothing more"
PATRONI_READS = ("GET /patroni, /cluster, /config, /history on every member",)
PATRONI_RIGHTS = "network access to the REST interface of every member"


def states(cluster: Cluster, ask: Ask) -> dict[str, Found[ServerState]]:
    """The state of every member of a cluster, by machine name; every one must answer."""
    return {one.machine.name: ask(POSTGRES, one) for one in cluster.members}


def primaries(cluster: Cluster, ask: Ask) -> Fact[list[str]]:
    """The members that are not in recovery, every member asked."""
    found = states(cluster, ask)
    names = [name for name, one in found.items() if not one.reading.in_recovery]
    return derive("primaries", cluster.id, names, *found.values())


def automated(cluster: Cluster) -> tuple[Member, ...]:
    """The members whose automation is declared and can be asked."""
    return cluster.members if cluster.database.patroni else ()


@check(
    "PG-001",
    "A cluster has exactly one primary, its automation names it everywhere, and sessions can write",
    clauses=("infra.database-ha/one-primary",),
    each=DATABASE_CLUSTER,
    severity=Severity.CRITICAL,
    risk="No primary refuses every write; two primaries lose some of them for good.",
    reads=READS + PATRONI_READS,
    rights=RIGHTS,
    remedy="compare pg_is_in_recovery() on every member with `patronictl list` and stop the wrong "
    "one; take default_transaction_read_only from servers, databases, and roles that write",
)
def test_one_primary(database_cluster: Cluster, ask: Ask) -> None:
    """One member is out of recovery, each view of the leader is that one, and it takes writes.

    Who is the primary, the servers say themselves; without an automation there is no other view.
    """
    found = primaries(database_cluster, ask)
    assert holds(derive("primaries", found.subject, len(found.value or ()), found), "==", 1)
    primary = (found.value or ["?"])[0]
    for member in automated(database_cluster):
        view = ask(PATRONI, member)
        leader = view.reading.cluster.leader
        seen = view.fact("leader that its automation names", leader.name if leader else "none")
        assert holds(seen, "==", primary)
    # Of standbys, too: what a server has of its own shows when it is the primary.
    for member in database_cluster.members:
        sessions_can_write(ask(POSTGRES, member))


def sessions_can_write(found: Found[ServerState]) -> None:
    """Claim that no session begins read-only by the server, and none that writes by its own."""
    state = found.reading
    given = [one for one in state.overrides if one.name == READ_ONLY]
    only = found.fact("sessions that can only read", reading_only(given, state.database))
    assert holds(only, "==", "none")
    own = [
        one
        for one in given
        if one.role in {"", state.user} and one.database in {"", state.database}
    ]
    why = f" of the server (hidden by what {state.user} is given)" if own else ""
    told = None if own else state.value(READ_ONLY)
    assert holds(found.fact(f"{READ_ONLY}{why}", told), "==", "off")


def reading_only(given: Sequence[Override], database: str) -> str | None:
    """Who may write in a database and begins read-only; None: whether he may is not known."""
    found = [one for one in given if one.database in {"", database} and not one.off]
    named = [
        f"role {one.role or 'all'} in database {one.database or 'all'}"
        for one in found
        if one.writes
    ]
    return ", ".join(named) or ("none" if all(one.writes is False for one in found) else None)


@check(
    "PG-002",
    "Every member that is not the primary streams from the primary",
    clauses=("infra.database-ha/standbys-stream",),
    each=DATABASE_MEMBER,
    declared=("standby",),
    severity=Severity.CRITICAL,
    risk="A standby that does not stream falls behind and can't take over.",
    reads=READS,
    rights=RIGHTS,
    remedy="see the standby's log, its primary_conninfo, and whether the primary kept its WAL",
)
def test_standby_streams(database_member: Member, ask: Ask) -> None:
    """The standby's receiver streams, the primary lists it as streaming, and heard it lately."""
    found = ask(POSTGRES, database_member)
    if is_the_primary(database_member, found, ask):
        return
    receiver = found.reading.receiver
    assert holds(found.fact("receiver", receiver.status if receiver else "none"), "==", "streaming")
    listed = {
        one.client_address: one.state
        for state in states(database_member.cluster, ask).values()
        for one in state.reading.replicas
        if not state.reading.in_recovery
    }
    own = [listed[address] for address in database_member.machine.addresses if address in listed]
    at_primary = derive(
        "state at the primary",
        database_member.id,
        own[0] if own else "not connected",
        *states(database_member.cluster, ask).values(),
    )
    assert holds(at_primary, "==", "streaming")
    assert is_heard(database_member, ask)


def is_heard(member: Member, ask: Ask) -> bool:
    """Claim that whoever sends to a standby has its word, as lately as it is due.

    One that nobody lists as a replica is PG-002's matter.
    """
    everyone = states(member.cluster, ask)
    known = {name: one.reading for name, one in everyone.items()}
    here = everyone[member.machine.name]
    found = silence(here.reading, member.machine.addresses, known)
    if found is None:
        return True
    due = "none is due, ever" if found.due is None else f"one is due each {found.due:g} s"
    words = f"seconds since {found.sender} had a word of it ({due})"
    age = derive(words, member.id, found.seconds, here, everyone[found.sender])
    most = None if found.due is None else found.due + member.database.lag_time
    return bool(holds(age, "<=", most))


def is_the_primary(member: Member, found: Found[ServerState], ask: Ask) -> bool:
    """Claim that a member out of recovery is the one primary; False for a standby."""
    if found.reading.in_recovery:
        return False
    assert holds(primaries(member.cluster, ask), "==", [member.machine.name])
    return True


@check(
    "PG-003",
    "Every standby replays what the primary has written, and would follow the next one",
    clauses=("infra.database-ha/standbys-replay",),
    each=DATABASE_MEMBER,
    declared=("standby",),
    severity=Severity.CRITICAL,
    risk="A standby that streams and never replays serves old data and takes long to promote.",
    reads=(*READS, "the standby's replay position, until it reaches the primary's"),
    rights=RIGHTS,
    remedy="pg_wal_replay_resume() on the standby; look for recovery_min_apply_delay and conflicts "
    "and take back whatever is named recovery_target",
)
def test_standby_replays(database_member: Member, ask: Ask) -> None:
    """Replay is neither paused nor delayed, reaches the primary's position, and has no end set."""
    found = ask(POSTGRES, database_member)
    settings = found.reading.settings
    if not is_the_primary(database_member, found, ask):
        assert holds(found.fact("replay", found.reading.replay_pause), "==", "not paused")
        delay = settings["recovery_min_apply_delay"]
        assert holds(found.fact("apply delay", delay.value), "==", "0")
        caught_up = ask(REPLAY, database_member)
        assert holds(caught_up.fact("reached", caught_up.reading.reached), "==", True)
        for name in RECOVERY_TARGETS:
            target = found.reading.value(name)
            shown = "empty" if target == "" else target
            assert holds(found.fact(name, shown), "==", "empty")
        assert is_heard(database_member, ask)
    # Of the primary, too: it is a standby after the next failover.
    name = "recovery_target_timeline"
    assert holds(found.fact(name, found.reading.value(name)), "==", "latest")


@check(
    "PG-004",
    "A commit waits for as many standbys as declared, they are there, and no session may skip them",
    clauses=("infra.database-ha/synchronous-standby",),
    each=DATABASE_CLUSTER,
    declared=("standby", "synchronous standby"),
    severity=Severity.CRITICAL,
    risk="A commit that no standby has is lost with the primary although it was acknowledged.",
    reads=READS,
    rights=RIGHTS,
    remedy="where too few are waited for, set synchronous_mode and synchronous_node_count, or "
    "bring the standby back; where sessions skip them, remove what is named from that role",
)
def test_synchronous_standby(database_cluster: Cluster, ask: Ask) -> None:
    """The primary reports the declared number of synchronous standbys, and commits wait for it.

    Of a quorum each counts as synchronous, and a commit waits for some of them only.
    """
    found = states(database_cluster, ask)
    only = [one for one in found.values() if not one.reading.in_recovery]
    assert holds(primaries(database_cluster, ask), "!=", [])
    for primary in only:
        in_step = [
            one
            for one in primary.reading.replicas
            if one.sync_state in {"sync", "quorum"} and one.state == "streaming"
        ]
        count = primary.fact("synchronous standbys", len(in_step))
        assert holds(count, ">=", database_cluster.database.synchronous_standbys)
        names = primary.reading.settings["synchronous_standby_names"].value
        assert holds(primary.fact("synchronous_standby_names", names or "empty"), "!=", "empty")
        waits = primary.fact("standbys that a commit waits for", primary.reading.commits_wait_for)
        assert holds(waits, ">=", database_cluster.database.synchronous_standbys)
        enough = primary.fact("synchronous standbys, of those that it waits for", len(in_step))
        assert holds(enough, ">=", waits.value)
        commit = primary.reading.settings["synchronous_commit"].value
        assert holds(primary.fact("synchronous_commit", commit), "in", WAITING)
        assert holds(primary.fact("sessions that may skip them", skipping(primary)), "==", "none")


WAITING = ("on", "remote_write", "remote_apply")


def skipping(found: Found[ServerState]) -> str:
    """Roles and databases whose own setting lets commits go without a standby."""
    named = [
        f"role {one.role or 'all'} in database {one.database or 'all'}: {one.value}"
        for one in found.reading.overrides
        if one.name == "synchronous_commit" and one.value not in WAITING
    ]
    return ", ".join(named) or "none"


@check(
    "PG-005",
    "No member is barred from promotion",
    clauses=("infra.database-ha/not-barred",),
    each=DATABASE_MEMBER,
    declared=("standby", "automation"),
    severity=Severity.CRITICAL,
    risk="Automation looks healthy and promotes nobody when the primary is gone.",
    reads=PATRONI_READS,
    rights=PATRONI_RIGHTS,
    remedy="remove nofailover, failover_priority 0 and, in synchronous mode, nosync from the "
    "member's tags and reload it; make the watchdog device that its automation requires writable",
)
def test_not_barred(database_member: Member, ask: Ask) -> None:
    """Neither the member nor any other sees a tag that bars it, and no watchdog is missing."""
    name = database_member.machine.name
    own = ask(PATRONI, database_member)
    barred = own.reading.config.bars(own.reading.status.tags)
    assert holds(own.fact("barred from promotion, by itself", barred), "==", False)
    failed = own.reading.status.watchdog_failed
    assert holds(own.fact("required watchdog that does not work", failed), "==", False)
    for other in database_member.cluster.members:
        view = ask(PATRONI, other)
        seen = [
            view.reading.config.bars(one.tags)
            for one in view.reading.cluster.members
            if one.name == name
        ]
        fact = derive(
            f"barred from promotion, as {other.machine.name} sees it",
            database_member.id,
            any(seen) if seen else None,
            view,
        )
        assert holds(fact, "==", False)


@check(
    "PG-006",
    "The synchronous standby could be promoted now",
    clauses=("infra.database-ha/promotable",),
    each=DATABASE_CLUSTER,
    declared=("standby", "synchronous standby", "automation"),
    severity=Severity.CRITICAL,
    risk="The standby that holds every commit is the one that can't take over.",
    reads=READS + PATRONI_READS,
    rights=RIGHTS,
    remedy="see that standby's automation: running, untagged, on the leader's timeline, in step",
)
def test_synchronous_standby_is_promotable(database_cluster: Cluster, ask: Ask) -> None:
    """A standby that every member calls synchronous has nothing against its promotion."""
    name = database_cluster.id
    views = {one.machine.name: ask(PATRONI, one) for one in database_cluster.members}
    server = states(database_cluster, ask)
    in_step = [set(view.reading.cluster.sync_standbys) for view in views.values()]
    agreed = set.intersection(*in_step) if in_step else set()
    fit = [one for one in sorted(agreed) if not _against(one, views, server)]
    why = "; ".join(f"{one}: {_against(one, views, server)}" for one in sorted(agreed))
    count = derive(
        "promotable synchronous standbys" + (f" ({why})" if why and not fit else ""),
        name,
        len(fit),
        *views.values(),
        *server.values(),
    )
    assert holds(count, ">=", _enough(agreed, views, server))


def _enough(
    agreed: set[str], views: dict[str, Found[MemberReading]], server: dict[str, Found[ServerState]]
) -> int | None:
    """How many of them have to be fit, so that one of those has every commit.

    Each synchronous standby has them all. Of a quorum a commit waits for some only: with `ANY 1 (a,
    b)` whatever a has not got may be b's alone.
    """
    roles = {
        one.role
        for view in views.values()
        for one in view.reading.cluster.members
        if one.name in agreed
    }
    primary = next((one.reading for one in server.values() if not one.reading.in_recovery), None)
    if "quorum_standby" not in roles or primary is None:
        return 1
    waits = primary.commits_wait_for
    return None if waits is None else max(len(agreed) - waits + 1, 1)


def _against(
    name: str, views: dict[str, Found[MemberReading]], server: dict[str, Found[ServerState]]
) -> str:
    """What speaks against promoting a member, as itself, the leader and the server say."""
    own, state = views[name].reading, server[name].reading
    leader = own.cluster.leader
    primary = next((one.reading for one in server.values() if not one.reading.in_recovery), None)
    listed = next((one for one in own.cluster.members if one.name == name), None)
    limit = own.config.maximum_lag_on_failover
    reasons = {
        "its automation does not run": own.status.state != "running",
        "it is barred by a tag": own.status.tags.barred_from_promotion,
        "its watchdog does not work": own.status.watchdog_failed,
        "it is no standby": not state.in_recovery,
        "the automation is paused": own.status.paused or own.config.paused,
        "it knows no leader": leader is None,
        "it is on another timeline": primary is None or state.timeline != primary.timeline,
        "replay is paused": state.replay_pause != "not paused",
        "it is not listed": listed is None,
        "its lag is unknown": bool(listed and limit and limit > 0 and listed.behind is None),
        "it lags too far": bool(listed and limit and limit > 0 and (listed.behind or 0) > limit),
        "the server does not stream": state.receiver is None
        or state.receiver.status != "streaming",
    }
    return ", ".join(reason for reason, true in reasons.items() if true)


@check(
    "PG-008",
    "The failover automation is active on every member",
    clauses=("infra.database-ha/automation-active",),
    each=DATABASE_MEMBER,
    declared=("automation",),
    severity=Severity.CRITICAL,
    risk="A paused automation watches the primary die and does nothing.",
    reads=PATRONI_READS,
    rights=PATRONI_RIGHTS,
    remedy="`patronictl resume`, after finding out who paused it and why; where it has lost its "
    "consensus store, see the way from that member to each etcd member",
)
def test_automation_is_active(database_member: Member, ask: Ask) -> None:
    """The member's automation runs, is in touch with its store, knows a leader, is not paused.

    One that has lost its store says so itself, and answers nothing else.
    """
    own = ask(PATRONI_STATUS, database_member)
    assert holds(own.fact("state", own.reading.state), "==", "running")
    lock = "free" if own.reading.cluster_unlocked else "held"
    assert holds(own.fact("leader lock", lock), "==", "held")
    told = configured(database_member.cluster, ask)
    without = derive(
        "seconds without its consensus store (the ttl is the limit)",
        database_member.id,
        own.reading.without_store,
        own,
        *told[:1],
    )
    assert holds(without, "<=", told[0].reading.config.ttl if told else None)
    found = ask(PATRONI, database_member)
    view, config = found.reading.cluster, found.reading.config
    paused = found.reading.status.paused or view.paused or config.paused
    assert holds(found.fact("automation", "paused" if paused else "active"), "==", "active")


def stored(cluster: Cluster) -> set[str]:
    """The declared members of the consensus store."""
    return {one.machine.name for one in cluster.store}


def configured(cluster: Cluster, ask: Ask) -> list[Found[MemberReading]]:
    """The members that tell the cluster's configuration; one without its store does not."""
    found = []
    for member in cluster.members:
        with suppress(ProbeError):
            found.append(ask(PATRONI, member))
    return found


@check(
    "PG-009",
    "The consensus store has a quorum with a member to spare",
    clauses=("infra.database-ha/consensus-quorum",),
    each=DATABASE_CLUSTER,
    declared=("consensus store",),
    severity=Severity.CRITICAL,
    risk="With one more member gone the automation demotes the primary and nothing is writable.",
    reads=(
        "GET /health and the read-only status, member list and alarm calls of every etcd member",
    ),
    rights="a client certificate of the store, no key is read",
    remedy="bring a missing member back, or promote one that is listed and has no vote; see "
    "`etcdctl member list` and `etcdctl endpoint status --cluster`",
)
def test_consensus_quorum(database_cluster: Cluster, ask: Ask) -> None:
    """Every declared member votes, enough are healthy and agree on leader and cluster; no alarm.

    A member that does not answer is missing. Of one that refuses us nothing is known but what the
    others say of it: a learner refuses to list members.
    """
    reached, silent, refused = [], [], []
    for member in database_cluster.store:
        try:
            reached.append(ask(ETCD, member))
        except (Unreachable, TimedOut) as error:
            silent.append(f"{member.machine.name} ({error})")
        except ProbeError as error:
            refused.append(error)
    name = database_cluster.id
    if refused and not reached:
        raise refused[0]
    voters = {
        one.member_id for found in reached for one in found.reading.members if not one.learner
    }
    needed = len(voters) // 2 + 1 + 1
    # A learner says that it is healthy, too, and its vote does not count.
    healthy = [
        one
        for one in reached
        if one.reading.health.healthy and one.reading.status.member_id in voters
    ]
    missing = f" (missing: {'; '.join(silent)})" if silent else ""
    assert reached, f"{name}: no member of the consensus store answers{missing}"
    lists = [{one.name for one in found.reading.members if not one.learner} for found in reached]
    voting = derive("members that vote", name, set.intersection(*lists), *reached)
    assert holds(voting, "includes", stored(database_cluster))
    if refused and len(healthy) + len(refused) >= needed:
        raise refused[0]
    able = derive(f"healthy members of {len(voters)}{missing}", name, len(healthy), *reached)
    assert holds(able, ">=", needed)
    leaders = derive("leaders", name, {one.reading.status.leader_id for one in reached}, *reached)
    assert holds(derive("leaders named", name, len(leaders.value or ()), leaders), "==", 1)
    assert holds(
        derive("leader", name, "".join(leaders.value or ()) or "none", leaders), "!=", "none"
    )
    clusters = {one.reading.status.cluster_id for one in reached}
    assert holds(derive("clusters", name, len(clusters), *reached), "==", 1)
    alarms = [alarm.kind for one in reached for alarm in one.reading.alarms]
    assert holds(derive("alarms", name, ", ".join(alarms) or "none", *reached), "==", "none")


@check(
    "PG-011",
    "The members found are the members declared",
    clauses=("infra.database-ha/members-as-declared",),
    each=DATABASE_CLUSTER,
    severity=Severity.HIGH,
    risk="A stranger replicates student data, or a member everyone counts on is not there.",
    reads=READS + PATRONI_READS,
    rights=RIGHTS,
    remedy="declare the member or remove it, in the cluster, the consensus store and the firewall, "
    "with its replication slot; declare the automation or the backups that were found",
)
def test_members_as_declared(
    database_cluster: Cluster,
    site: Environment,
    ask: Ask,
) -> None:
    """Automation, replication and consensus store list exactly the declared members, everywhere.

    No server runs under an automation that is not declared, nor archives where the file says that
    there are no backups.
    """
    declared = set(database_cluster.database.members)
    for member in automated(database_cluster):
        view = ask(PATRONI, member)
        names = {one.name for one in view.reading.cluster.members}
        assert holds(view.fact("members that its automation lists", names), "==", declared)
    owners = {
        a: one.machine.name for one in database_cluster.members for a in one.machine.addresses
    }
    everyone = states(database_cluster, ask)
    for name, found in everyone.items():
        strangers = ", ".join(undeclared_clients(name, found.reading.replicas, owners)) or "none"
        assert holds(found.fact("undeclared replication clients", strangers), "==", "none")
        # Who has one need not be there: the WAL is kept for him until the disk is full.
        slots = undeclared_slots(database_cluster, found.reading, everyone)
        kept = None if slots is None else ", ".join(sorted(slots)) or "none"
        fact = derive("undeclared replication slots", found.subject, kept, *everyone.values())
        assert holds(fact, "==", "none")
        if not database_cluster.database.patroni:
            runs = found.reading.run_by_patroni
            assert holds(found.fact("started by a Patroni that is not declared", runs), "==", False)
    for member in database_cluster.members if "backups" in site.absent else ():
        sent = ask(ARCHIVE, member)
        last = sent.reading.last_archived if archives(sent.reading) else ""
        words = "WAL that it archived last (backups are declared as absent)"
        assert holds(sent.fact(words, last or "none"), "==", "none")
    for store in database_cluster.store:
        listed = ask(ETCD, store)
        names = {one.name for one in listed.reading.members}
        told = listed.fact("members that its consensus store lists", names)
        assert holds(told, "==", stored(database_cluster))


# Commands that archive nothing and say that they did, as the digests that a server tells.
IDLE_COMMANDS = frozenset(
    hashlib.md5(f"{command} ".encode(), usedforsecurity=False).hexdigest()
    for command in (":", "true", "/bin/true", "/usr/bin/true", "exit 0", "cd .")
)


def archives(server: Archiving) -> bool:
    """Whether a server archives its WAL, and not by a command that does nothing."""
    return server.mode != "off" and server.configured and server.digest not in IDLE_COMMANDS


def undeclared_slots(
    cluster: Cluster, server: ServerState, everyone: Mapping[str, Found[ServerState]]
) -> set[str] | None:
    """The replication slots that no declared member has.

    Patroni names them by its members. Elsewhere a slot is whose who receives through it; on a
    standby one may wait for the next failover.

    Returns:
        their names; None where a standby receives nothing, and one that is left may be its own.
    """
    names = {one.name for one in server.slots}
    if cluster.database.patroni:
        return names - {slot_name(one) for one in cluster.database.members}
    standbys = [one.reading for one in everyone.values() if one.reading.in_recovery]
    used = {one.receiver.slot for one in standbys if one.receiver}
    if server.in_recovery:
        names = {one.name for one in server.slots if one.active}
    elif names - used and any(one.receiver is None for one in standbys):
        return None
    return names - used


def undeclared_clients(
    server: str, replicas: Sequence[Replica], owners: Mapping[str, str]
) -> list[str]:
    """Whoever receives a server's WAL and is not the one standby that another member may be.

    Over the socket it is the server's own machine. Patroni itself asks for a moment who a server
    is, as a replication client that starts nothing.
    """
    known, found = {server}, []
    for one in replicas:
        owner = owners.get(one.client_address)
        if one.state == "startup":
            continue
        if owner is None or owner in known:
            found.append(f"{one.application_name} at {one.client_address or 'its own socket'}")
        else:
            known.add(owner)
    return found


@check(
    "PG-012",
    "Every standby follows this cluster's primary and is the primary of nothing else",
    clauses=("infra.database-ha/standby-of-this-primary",),
    each=DATABASE_MEMBER,
    declared=("standby",),
    severity=Severity.CRITICAL,
    risk="A member that belongs to another cluster counts as redundancy and is none.",
    reads=READS,
    rights=RIGHTS,
    remedy="see in that member's log whom it follows and why; rebuild it from this cluster's "
    "primary (`patronictl reinit`) once it is sure which that is (PG-001): its own changes end",
)
def test_standby_of_this_primary(database_member: Member, ask: Ask) -> None:
    """Same system identifier and timeline, receives from the primary, and feeds only members."""
    cluster = database_member.cluster
    found = ask(POSTGRES, database_member)
    everyone = states(cluster, ask)
    identities = {one.reading.system_identifier for one in everyone.values()}
    same = derive(
        "system identifiers in the cluster", database_member.id, identities, *everyone.values()
    )
    assert holds(same, "==", {found.reading.system_identifier})
    if is_the_primary(database_member, found, ask):
        return
    leading = primaries(cluster, ask)
    assert holds(leading, "!=", [])
    primary = everyone[(leading.value or [""])[0]]
    receiver = found.reading.receiver
    machine = next(
        one.machine for one in cluster.members if one.machine.name == (leading.value or [""])[0]
    )
    host = receiver.sender_host if receiver else "none"
    # By its name or by an address: either is right.
    who = machine.name if machine.known_as(host) else host
    sender = found.fact("server it receives from", who)
    assert holds(sender, "in", (machine.name, *machine.addresses))
    # Who receives nothing knows only the timeline of its last restart point.
    timeline = found.fact("timeline", found.reading.timeline)
    assert holds(timeline, "==", primary.reading.timeline)
    assert is_heard(database_member, ask)
