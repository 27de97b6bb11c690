"""How long a case may take: what its check says, or longer where what is declared takes longer.

A limit ends what hangs, it foretells nothing: every step is counted with the longest that it may
take by itself, so that a drill that goes on as declared never meets it.
"""

from typing import Final

from readiness.catalogue.checks import Check
from readiness.model.words import Tier
from readiness.site.declared.backup import Backup
from readiness.site.declared.database import Database
from readiness.site.environment import Environment
from readiness.site.subjects import backups_of, clusters, endpoints
from readiness.systems.balancing.declared import drill_of
from readiness.systems.tls.limits import scan_limit

PROMOTION_LIMIT: Final = 120.0
REJOIN_LIMIT: Final = 120.0
"""Seconds within which a cluster is whole again, before a trial and after its cut."""
STABLE: Final = 10.0
"""Seconds for which service must have lasted before an outage counts as over."""
SLACK: Final = 60.0
"""Seconds for what has limits of its own: logging in, asking for pages, reading rows."""


def trial_limit(database: Database, objective: float) -> float:
    """Seconds that one trial of a failover drill may take, `objective` being how long an outage."""
    drill = database.failover
    if drill is None:
        return 0.0
    cut = min(PROMOTION_LIMIT, drill.expiry / 2) + drill.expiry
    reading = STABLE * len(database.members)
    after = max(objective + 5, STABLE + 2)
    # The phase before the cut is a share of the automation's TTL, which no cut may outlast.
    before = REJOIN_LIMIT + drill.baseline + drill.expiry
    return before + cut + REJOIN_LIMIT + after + reading + SLACK


def limit_of(check: Check, environment: Environment, subject: str) -> float:
    """Seconds that a case of a check may take."""
    if check.gate_only:
        # Whichever case is the first waits for the scan of all.
        return check.limit + scan_limit(len(endpoints(environment)))
    needed = {
        (Tier.DISRUPT, "database_cluster"): _failover,
        (Tier.DISRUPT, "cache"): _cache_failover,
        (Tier.DISRUPT, "cache_node"): _cache_failover,
        (Tier.DISRUPT, "backend"): _served,
        (Tier.DISRUPT, "balancer"): _served,
        (Tier.LOAD, "load_test"): _load,
        (Tier.LOAD, "backup_repository"): _restore,
        (Tier.LOAD, "database_cluster"): _restores,
    }.get((check.tier, check.each))
    return max(check.limit, needed(environment, subject, check.limit)) if needed else check.limit


def _failover(environment: Environment, subject: str, _: float) -> float:
    """The control trial, and the declared ones of each experiment."""
    database = environment.database(subject)
    drill = database.failover
    kinds = len(drill.experiments) + len(drill.own_experiments) if drill else 0
    trials = drill.trials * kinds + 1 if drill else 0
    return trials * trial_limit(database, environment.objectives.database_recovery_time) + SLACK


def _cache_failover(environment: Environment, subject: str, _: float) -> float:
    """The control trial and the declared cuts of a cache; a node is called after its cache."""
    name = subject.partition("/")[0]
    cache = next(one for one in environment.caches if one.name == name)
    drill, watch = cache.failover, cache.sentinel
    if drill is None or watch is None:
        return SLACK
    cut = min(PROMOTION_LIMIT, drill.expiry / 2) + drill.expiry
    trial = 2 * REJOIN_LIMIT + drill.baseline + watch.down_after + cut + STABLE + SLACK
    return (drill.trials + 1) * trial + SLACK


def _served(environment: Environment, subject: str, _: float) -> float:
    """The control trial and every declared way; a server is called after its balancer."""
    balancer = environment.balancer(subject.partition("/")[0])
    drill = drill_of(environment, balancer)
    if drill is None:
        return SLACK
    # A process killed and a machine cut off, each of which a check may have to wait for.
    ways = max(len(drill.breaking), 2)
    trial = 2 * REJOIN_LIMIT + drill.baseline + drill.expiry + drill.returns + SLACK
    return (drill.trials * ways + 1) * trial + SLACK


def _load(environment: Environment, subject: str, least: float) -> float:
    """The load, besides what its check allows for everything around it."""
    declared = next(one for one in environment.load_tests if one.name == subject)
    return least + declared.warm_up + declared.duration + declared.timeout


def _restore(environment: Environment, subject: str, least: float) -> float:
    """The restore and the migrations, besides what its check allows for everything around them."""
    found = (one for one in environment.backups if isinstance(one, Backup))
    backup = next(one for one in found if one.name == subject)
    migrations = backup.restore.migrations if backup.restore else None
    migrating = 3 * migrations.limit if migrations else 0.0
    return least + environment.objectives.recovery_time + 2 * backup.wal_age + migrating


def _restores(environment: Environment, subject: str, least: float) -> float:
    """The restores of every backup of a database, which one check waits for."""
    (cluster,) = (one for one in clusters(environment) if one.id == subject)
    each = (_restore(environment, one.id, least) for one in backups_of(environment, cluster))
    return sum(each)
