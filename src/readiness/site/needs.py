"""What a check needs declared, and what follows where it is not: known from the file alone.

Three things can be missing. What a site declares that it does not have is a finding: a clause about
it fails. What nobody declared leaves nothing to ask about. And something may be declared that the
gate is not allowed to look at. Each is told before anything runs, with the key that mends it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from readiness.model.errors import NotRun
from readiness.site.declared.database import Database
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.site.subjects import BackupList, backups_of, lists_of
from readiness.systems.balancing.declared import BalancingDrill, balancing_of
from readiness.systems.logs.declared import LogSource, LogStore

_LEAST_TO_LOSE_ONE: Final = 2
"""Members, of which one may be lost and another one serves."""


class Why(StrEnum):
    """Why a case of a check has nothing that it could ask."""

    ABSENT = "absent"
    """Declared as absent: nothing to ask about, and that is the finding."""
    SPARED = "spared"
    """Declared as absent, and its clauses are whole without it where another check answers them."""
    UNDECLARED = "undeclared"
    """Nothing of its kind is declared."""
    CLOSED = "closed"
    """Declared, and there is no way to look at it."""


@dataclass(frozen=True)
class Gap:
    """What is missing for one case, and the key of the environment file that declares it."""

    why: Why
    reason: str
    declare: str = ""


Need = Callable[[Environment, Any], Gap | None]


def _services(_: Environment, machine: Machine) -> Gap | None:
    if machine.services:
        return None
    reason = f"{machine.name}: no services are declared for it"
    return Gap(Why.UNDECLARED, reason, f"`services` of the machine {machine.name}")


def _listens(_: Environment, machine: Machine) -> Gap | None:
    if machine.listens is not None:
        return None
    reason = f"{machine.name}: no ports are declared under listens"
    return Gap(Why.UNDECLARED, reason, f"`listens` of the machine {machine.name}")


def _ssh(environment: Environment, subject: Any) -> Gap | None:
    machine: Machine = getattr(subject, "machine", subject)
    if environment.ssh is None:
        # Of a machine that nothing is declared of nobody asked SSH to show anything.
        bare = subject is machine and not machine.services and machine.listens is None
        why = Why.UNDECLARED if bare else Why.CLOSED
        return Gap(why, "the environment declares no SSH", "`ssh`")
    if machine.ssh:
        return None
    key = f"`ssh: true` for the machine {machine.name}"
    return Gap(Why.CLOSED, f"{machine.name}: no SSH is declared for it", key)


def _ssh_everywhere(environment: Environment, _: Any) -> Gap | None:
    """What is closed weighs more than what nobody declared, wherever either stands in the file."""
    found = [gap for one in environment.machines if (gap := _ssh(environment, one))]
    closed = [gap for gap in found if gap.why is Why.CLOSED]
    return next(iter([*closed, *found]), None)


def _balancer(environment: Environment, _: Any) -> Gap | None:
    return None if environment.balancers else section(environment, "balancers")


def _statistics(environment: Environment, subject: Any) -> Gap | None:
    """Of a whole environment: every balancer; of one backend what else shows it is enough."""
    own = None if subject is environment else subject.balancer
    silent = [one for one in ((own,) if own else environment.balancers) if one.status is None]
    if not silent:
        return _balancer(environment, subject)
    name = silent[0].name
    reason = (
        f"{name}: which servers it has only its own statistics tell: kind: observed is declared"
    )
    return Gap(Why.SPARED if own else Why.UNDECLARED, reason, f"`status` of the balancer {name}")


def _scans(environment: Environment, _: Any) -> Gap | None:
    return None if environment.scans else section(environment, "scans")


def _identities(environment: Environment, subject: Any) -> Gap | None:
    if environment.identities:
        return None
    return Gap(Why.UNDECLARED, f"{subject.id}: no identities are declared", "`identities`")


def _shared_address(environment: Environment, _: Any) -> Gap | None:
    if not environment.balancers:
        return section(environment, "balancers")
    fronts = [environment.listener(one.listener) for one in environment.balancers]
    if any(one.shared_addresses for one in fronts):
        return None
    reason = f"{environment.name}: no balancer's listener has a shared address"
    return Gap(Why.UNDECLARED, reason, "`shared_addresses` of a balancer's listener")


def _moved_by_keepalived(environment: Environment, _: Any) -> Gap | None:
    if environment.ssh is None:
        return Gap(Why.CLOSED, "the environment declares no SSH", "`ssh`")
    for one in environment.balancers:
        if one.moved_by == "keepalived" or not environment.listener(one.listener).shared_addresses:
            continue
        key = f"`moved_by: keepalived` of the balancer {one.name}"
        what = "not declared" if one.moved_by is None else "something that we can't look at"
        return Gap(Why.UNDECLARED, f"{one.name}: what moves its shared addresses is {what}", key)
    return None


def _database(subject: Any) -> Any:
    """The database that a subject is, is a member of, or holds the backups of."""
    return getattr(subject, "cluster", subject).database


def _standby(_: Environment, subject: Any) -> Gap | None:
    database = _database(subject)
    if len(database.members) > 1:
        return None
    reason = f"{database.name}: nothing would take over: one member is declared"
    return Gap(Why.ABSENT, reason, f"`members` of the database {database.name}")


def _synchronous(_: Environment, subject: Any) -> Gap | None:
    database = _database(subject)
    if database.synchronous_standbys:
        return None
    reason = f"{database.name}: no commit waits for a standby: synchronous_standbys: 0 is declared"
    return Gap(Why.ABSENT, reason, f"`synchronous_standbys` of the database {database.name}")


def _automation(_: Environment, subject: Any) -> Gap | None:
    database = _database(subject)
    if database.patroni:
        return None
    return _nothing_promotes(database, "database", "a standby", "patroni")


def _nothing_promotes(part: Any, kind: str, whom: str, key: str) -> Gap:
    if part.automation:
        reason = (
            f"{part.name}: nothing would promote {whom} by itself: automation: none is declared"
        )
        return Gap(Why.ABSENT, reason, f"`{key}` of the {kind} {part.name}")
    reason = f"{part.name}: what promotes {whom} is not declared"
    return Gap(Why.UNDECLARED, reason, f"`{key}`, or `automation: none`, of the {kind} {part.name}")


def _any(need: Need) -> Need:
    """The same need of a check whose clauses lack nothing where it is declared as absent."""

    def spared(environment: Environment, subject: Any) -> Gap | None:
        gap = need(environment, subject)
        return replace(gap, why=Why.SPARED) if gap and gap.why is Why.ABSENT else gap

    return spared


def _store(environment: Environment, subject: Any) -> Gap | None:
    database = _database(subject)
    if database.consensus:
        return None
    if gap := _automation(environment, subject):
        return gap
    reason = f"{database.name}: the consensus store of its automation is not declared"
    return Gap(Why.UNDECLARED, reason, f"`consensus` of the database {database.name}")


def _of_database(part: Callable[[Database], object], lacking: str, key: str) -> Need:
    """A part of a database; where it is not declared, the words for that and the key that does."""

    def need(_: Environment, subject: Any) -> Gap | None:
        database = _database(subject)
        if part(database):
            return None
        reason = f"{database.name}: {lacking}"
        return Gap(Why.UNDECLARED, reason, f"{key} of the database {database.name}")

    return need


_WITH_WAL: Final = "`backups` of `kind: pgbackrest` of the database {}"


def _only_lists(environment: Environment, one: BackupList) -> Gap | None:
    """What is said of a database whose only backups are listed; with WAL others answer it."""
    if not backups_of(environment, one.cluster):
        return None
    reason = f"{one.id}: {one.cluster.id} has backups with their WAL, too"
    return Gap(Why.SPARED, reason)


def _wal(environment: Environment, one: BackupList) -> Gap:
    """A list of backups says nothing of what was written since; those with WAL do."""
    if gap := _only_lists(environment, one):
        return gap
    reason = f"{one.id}: what is written after the newest of these backups is in none of them"
    return Gap(Why.UNDECLARED, reason, _WITH_WAL.format(one.cluster.id))


def _places(_: Environment, one: BackupList) -> Gap | None:
    if one.homes:
        return None
    reason = f"{one.id}: where its backups lie is stated only: nobody may look there"
    return Gap(Why.UNDECLARED, reason, f"`places` of the backups {one.id}")


def _backups(environment: Environment, cluster: Any) -> Gap | None:
    if backups_of(environment, cluster):
        return None
    missing = section(environment, "backups")
    if missing.why is Why.ABSENT:
        return missing
    if lists_of(environment, cluster):
        reason = f"{cluster.id}: no backups with their WAL are declared"
        return Gap(Why.UNDECLARED, reason, _WITH_WAL.format(cluster.id))
    reason = f"{cluster.id}: no backups are declared"
    return Gap(Why.UNDECLARED, reason, f"`backups` of the database {cluster.id}")


def _restore(environment: Environment, subject: Any) -> Gap | None:
    given = [subject.backup] if hasattr(subject, "backup") else _of_cluster(environment, subject)
    lacking = next((one for one in given if one.restore is None), None)
    if lacking is None:
        return None
    reason = f"{lacking.name}: no machine to restore to is declared"
    return Gap(Why.UNDECLARED, reason, f"`restore` of the backups {lacking.name}")


def _migrations(environment: Environment, cluster: Any) -> Gap | None:
    given = _of_cluster(environment, cluster)
    if any(one.restore and one.restore.migrations for one in given):
        return None
    reason = f"{cluster.id}: no migrations are declared for a restored copy"
    return Gap(Why.UNDECLARED, reason, f"`migrations` of a restore of the database {cluster.id}")


def _of_cluster(environment: Environment, cluster: Any) -> list[Any]:
    return [one.backup for one in backups_of(environment, cluster)]


def _encryption(_: Environment, repository: Any) -> Gap | None:
    backup = repository.backup
    if backup.encrypted:
        return None
    reason = f"{backup.name}: who reads the repository reads it all: encrypted: false is declared"
    return Gap(Why.ABSENT, reason, f"`encrypted` of the backups {backup.name}")


def _replica(_: Environment, subject: Any) -> Gap | None:
    cache = subject.cache
    if len(cache.members) > 1:
        return None
    reason = f"{cache.name}: nothing would take over: one member is declared"
    return Gap(Why.ABSENT, reason, f"`members` of the cache {cache.name}")


def _sentinel(_: Environment, subject: Any) -> Gap | None:
    cache = subject.cache
    return None if cache.sentinel else _nothing_promotes(cache, "cache", "a replica", "sentinel")


# Two Sentinels have a majority only together, so the loss of either stops every failover.
LEAST_VOTERS: Final = 3


def _voters(environment: Environment, subject: Any) -> Gap | None:
    cache = subject.cache
    if gap := _sentinel(environment, subject):
        return gap
    voters = len(cache.sentinel.machines)
    if voters >= LEAST_VOTERS:
        return None
    many = "1 machine is" if voters == 1 else f"{voters} machines are"
    reason = f"{cache.name}: no majority is left without one Sentinel: {many} declared"
    return Gap(Why.ABSENT, reason, f"`machines` of the Sentinels of the cache {cache.name}")


def _cache_failover(environment: Environment, subject: Any) -> Gap | None:
    cache = subject.cache
    if gap := _replica(environment, subject) or _sentinel(environment, subject):
        return gap
    if cache.failover:
        return None
    reason = f"{cache.name}: no failover drill is declared"
    return Gap(Why.UNDECLARED, reason, f"`failover` of the cache {cache.name}")


def _central_log(_: Environment, source: LogSource) -> Gap | None:
    if source.found_in:
        return None
    name = source.machine.name
    reason = f"{name}: it is not declared that it ships its lines to a central log"
    return Gap(Why.UNDECLARED, reason, f"`ships` of a central log, with {name}")


def _of_logs(part: Callable[[LogStore], object], lacking: str, key: str) -> Need:
    """A part of the central log that a subject is, is a node of, or ships to."""

    def need(_: Environment, subject: Any) -> Gap | None:
        store = getattr(getattr(subject, "found_in", subject), "store", None)
        if store is None or part(store):
            return None
        reason = f"{store.name}: {lacking}"
        return Gap(Why.UNDECLARED, reason, f"`{key}` of the central log {store.name}")

    return need


def _part_of(section_name: str, key: str, lacking: str) -> Need:
    """A part of a section that is asked once it is declared itself."""

    def need(environment: Environment, subject: Any) -> Gap | None:
        if getattr(getattr(environment, section_name), key, None) is not None:
            return None
        name = getattr(subject, "id", environment.name)
        return Gap(Why.UNDECLARED, f"{name}: {lacking}", f"`{key}` of `{section_name}`")

    return need


def _traffic(_: Environment, subject: Any) -> Gap | None:
    cluster = subject.declared
    if cluster.traffic is not None:
        return None
    reason = f"{cluster.name}: it is not declared which connections its policies let through"
    return Gap(Why.UNDECLARED, reason, f"`traffic` of the cluster {cluster.name}")


def _client_seen(environment: Environment, subject: Any) -> Gap | None:
    balancer = subject.balancer
    found = balancing_of(environment, balancer)
    if found and found.seen:
        return None
    reason = f"{balancer.name}: no page is declared that tells whom its servers see"
    return Gap(Why.UNDECLARED, reason, f"`seen` of `balancing` for the balancer {balancer.name}")


def _balancing(
    part: Callable[[BalancingDrill], object], members: str, lacking: str, key: str
) -> Need:
    """A part of the drill of a balancer; `members` are those of which another one must be left."""

    def need(environment: Environment, subject: Any) -> Gap | None:
        balancer = subject.balancer
        if len(getattr(balancer, members)) < _LEAST_TO_LOSE_ONE:
            reason = f"{balancer.name}: nothing would take over: one of its {members} is declared"
            return Gap(Why.ABSENT, reason, f"`{members}` of the balancer {balancer.name}")
        found = balancing_of(environment, balancer)
        if found and found.drill and part(found.drill):
            return None
        reason = f"{balancer.name}: {lacking}"
        declare = f"`{key}` of the drill of `balancing` for the balancer {balancer.name}"
        return Gap(Why.UNDECLARED, reason, declare)

    return need


def _its_shared_address(environment: Environment, subject: Any) -> Gap | None:
    balancer = subject.balancer
    if environment.listener(balancer.listener).shared_addresses:
        return None
    reason = f"{balancer.name}: its listener has no shared address"
    declare = f"`shared_addresses` of the listener {balancer.listener}"
    return Gap(Why.UNDECLARED, reason, declare)


NEEDS: Final[Mapping[str, Need]] = {
    "services": _services,
    "listens": _listens,
    "ssh": _ssh,
    "ssh everywhere": _ssh_everywhere,
    "held services": _part_of("hardening", "services", "how services run is not declared"),
    "known holes": _part_of("hardening", "known_holes", "no list of known holes is declared"),
    "integrity": _part_of("hardening", "integrity", "no kept digests of packages are declared"),
    "alike": _part_of("hardening", "alike", "nobody declared that machines of a role are alike"),
    "published logins": _part_of("secrets", "defaults", "no trial of published logins is declared"),
    "shown keys": _part_of("secrets", "keys", "no comparison of keys is declared"),
    "ages of secrets": _part_of("secrets", "ages", "how old secrets may be is not declared"),
    "balancer": _balancer,
    "scans": _scans,
    "statistics": _statistics,
    "identities": _identities,
    "shared address": _shared_address,
    "moved by keepalived": _moved_by_keepalived,
    "standby": _standby,
    "synchronous standby": _synchronous,
    "automation": _automation,
    "any automation": _any(_automation),
    "consensus store": _store,
    "failover drill": _of_database(
        lambda database: database.failover, "no failover drill is declared", "`failover`"
    ),
    "touch schema": _of_database(
        lambda database: database.rows_schema,
        "no schema of the touch login is declared for synthetic rows",
        "`touch_schema`",
    ),
    "touch login": _of_database(
        lambda database: database.logins.touch,
        "no touch login is declared",
        "`touch` among the logins",
    ),
    "application login": _of_database(
        lambda database: database.failover and database.failover.pooled.clients,
        "no login of the application is declared for its poolers",
        "`clients` of the poolers (`failover.pooled`)",
    ),
    "application roles": _of_database(
        lambda database: database.application,
        "the roles that the application logs in as are not declared",
        "`application`",
    ),
    "replication login": _of_database(
        lambda database: database.replication_login,
        "no program is declared that tries to replicate anew",
        "`replication_login`",
    ),
    "backups": _backups,
    "places": _places,
    "wal": _wal,
    "no wal": _only_lists,
    "restore": _restore,
    "migrations": _migrations,
    "encryption": _encryption,
    "replica": _replica,
    "sentinel": _sentinel,
    "any sentinel": _any(_sentinel),
    "voters": _voters,
    "cache failover drill": _cache_failover,
    "central log": _central_log,
    "log lines": _of_logs(
        lambda store: store.lines, "nobody is declared who writes lines", "lines"
    ),
    "log writer": _of_logs(
        lambda store: store.writer, "it is not declared as whom collectors ship", "writer"
    ),
    "log canaries": _of_logs(
        lambda store: store.never, "no value is declared that must be in no line", "never"
    ),
    "cluster traffic": _traffic,
    "log drill": _of_logs(lambda store: store.drill, "no drill is declared", "drill"),
    "client seen": _client_seen,
    "its shared address": _its_shared_address,
    "broken servers": _balancing(
        lambda drill: drill.breaking,
        "servers",
        "it is not declared how a server is broken",
        "breaking",
    ),
    "draining": _balancing(
        lambda drill: drill.draining,
        "servers",
        "it is not declared how a server is drained",
        "draining",
    ),
    "lost servers": _balancing(
        lambda drill: drill.application,
        "servers",
        "it is not declared what a lost server is",
        "application",
    ),
    "lost balancers": _balancing(
        lambda drill: drill.balancer,
        "machines",
        "it is not declared what a lost balancer is",
        "balancer",
    ),
    "balanced writes": _balancing(
        lambda drill: drill.writes,
        "servers",
        "it is not declared where its application keeps what it acknowledges",
        "writes",
    ),
}


def section(environment: Environment, name: str) -> Gap:
    """Why there is no subject of a whole section: declared as absent, or not declared."""
    words = name.replace("_", " ")
    if name in environment.absent:
        reason = f"{environment.name}: it is declared that there is none of its {words}"
        return Gap(Why.ABSENT, reason, f"`{name}`")
    if getattr(environment, name, ()):
        reason = f"{environment.name}: none of its {words} is of a kind that can show it"
        return Gap(Why.UNDECLARED, reason, f"`{name}` of another kind")
    reason = f"the environment declares no subject for it: declare `{name}`"
    return Gap(Why.UNDECLARED, reason, f"`{name}`")


def missing(environment: Environment, needs: tuple[str, ...], subject: Any) -> Gap | None:
    """The first gap of a case; what is declared as absent comes before what nobody declared."""
    found = [gap for name in needs if (gap := NEEDS[name](environment, subject))]
    order = list(Why)
    return min(found, key=lambda gap: order.index(gap.why), default=None)


def demand(environment: Environment, need: str, subject: Any) -> None:
    """Refuse to go on without it; for what runs though the plan should not have let it.

    Raises:
        NotRun: it is not declared.
    """
    if gap := NEEDS[need](environment, subject):
        raise NotRun(gap.reason, declare=gap.declare)
