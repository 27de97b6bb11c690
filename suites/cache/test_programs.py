"""Whether the programs that use a cache are let in wherever they may be sent.

Users are kept by each server for itself: neither Redis nor Sentinel hands them on (Redis 7 manual,
ACL). Logging in is tried, because whoever compares passwords has to be able to read them.
"""

from collections import Counter

from readiness import Ask, Environment, Found, NotRun, NotUnderstood, Severity, check, derive, holds
from readiness.systems.redis.declared import (
    CACHE,
    NODE,
    CacheCluster,
    CacheNode,
    cache_of,
    first_port,
)
from readiness.systems.redis.reading import ADMISSIONS, STATE, Admissions

READS = (
    "AUTH as each declared program, and nothing else as that",
    "ACL DRYRUN of every command for its user",
)
RIGHTS = "the passwords of the declared programs; a user with +acl|dryrun and +command"


def let_in(found: Found[Admissions], usual: Found[Admissions]) -> bool:
    """Claim that each program is let in here, and may run what it usually may."""
    for one, other in zip(found.reading.clients, usual.reading.clients, strict=True):
        if not holds(found.fact(f"answer to the login of {one.user}", one.answer), "==", "OK"):
            return False
        # What one of them does not know, being older, neither has nor lacks the right to.
        rights = {
            "more": set(one.runs) & set(other.lacks),
            "not": set(one.lacks) & set(other.runs),
        }
        for what, left in rights.items():
            name = f"commands that {one.user} may {what} run here"
            fact = derive(name, found.subject, sorted(left) or "none", found, usual)
            if not holds(fact, "==", "none"):
                return False
    return True


@check(
    "CACHE-011",
    "Every Redis lets each declared program log in, with the rights that it has at the master",
    clauses=("infra.cache/programs-log-in",),
    each=NODE,
    severity=Severity.CRITICAL,
    risk="A failover goes well, and nobody can log in: the new master knows another password.",
    reads=READS,
    rights=RIGHTS,
    remedy="give that Redis the user with the password and the rights of the master: users are not "
    "replicated (ACL SETUSER and ACL SAVE at every node)",
)
def test_programs_log_in(cache_node: CacheNode, site: Environment, ask: Ask) -> None:
    """Each is let in by its own password, and may run neither more nor less than at the master."""
    cache = cache_node.cache
    if not cache.clients:
        raise NotRun(
            f"{cache_node.id}: it is not declared which programs log in",
            declare=f"`clients` of the cache {cache.name}",
        )
    nodes = cache_of(site, cache_node).nodes
    masters = [one for one in nodes if ask(STATE, one).reading.role == "master"]
    if len(masters) != 1:
        raise NotUnderstood(f"{cache_node.id}: {len(masters)} members say that they are the master")
    master = ask(ADMISSIONS, first_port(masters[0]))
    assert let_in(ask(ADMISSIONS, first_port(cache_node)), master)


@check(
    "CACHE-012",
    "Every Sentinel lets each declared program log in, with the rights that it has elsewhere",
    clauses=("infra.cache/programs-find-master",),
    each=CACHE,
    declared=("sentinel",),
    severity=Severity.HIGH,
    risk="A program that asks this Sentinel for the master is turned away; with the others gone, "
    "all are.",
    reads=READS,
    rights=RIGHTS,
    remedy="give that Sentinel the user with the same password and rights: Sentinels do not hand "
    "their users on (ACL SETUSER and SENTINEL FLUSHCONFIG at every one)",
)
def test_programs_find_the_master(cache: CacheCluster, ask: Ask) -> None:
    """Each is let in by its own password, and may run what it may at most Sentinels."""
    if not cache.watch.clients:
        raise NotRun(
            f"{cache.id}: it is not declared which programs ask for the master",
            declare=f"`clients` of `sentinel` of the cache {cache.id}",
        )
    seen = [ask(ADMISSIONS, first_port(one)) for one in cache.sentinels]
    common = Counter(tuple(one.runs for one in found.reading.clients) for found in seen)
    ((usual, _),) = common.most_common(1)
    example = next(one for one in seen if tuple(c.runs for c in one.reading.clients) == usual)
    assert all(let_in(found, example) for found in seen)
