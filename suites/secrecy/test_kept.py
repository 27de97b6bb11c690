"""Whether secrets are a site's own: not a vendor's, not published, not shared, not too old."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from readiness import Ask, Found, Severity, check, derive, holds
from readiness.site.environment import Environment
from readiness.site.subjects import (
    DATABASE_MEMBER,
    ENVIRONMENT,
    Member,
    endpoints,
    reached_machines,
)
from readiness.systems.secrets.declared import secrets_of
from readiness.systems.secrets.reading.kept import (
    LOGINS,
    ROTATIONS,
    SSH_KEYS,
    TLS_KEYS,
    VALUES,
    Keys,
    Value,
    Values,
    alike,
)
from readiness.systems.tls.reading import TLS

NONE = "none"
MOST_TOLD = 5
"""Findings in one sentence; the record has all of them."""
DAY = 86400.0
SLACK = DAY
"""Seconds: whoever writes a log may do so a day after the value was changed."""
NOT_TRIED = ("caches", "balancers", "logs", "prometheus", "alertmanager", "clusters")
"""Sections of components with published logins that nothing tries yet."""
KEYS_READS = (
    "the host keys that each machine's SSH server shows",
    "the certificate that each listener presents",
    "of declared secrets a digest, which is made on their machine",
)
KEYS_RIGHTS = "none for keys; sudo for exactly the declared files"


@check(
    "SEC-003",
    "No member of a database takes a login that everybody can read about",
    clauses=("sec.secrets/no-default",),
    each=DATABASE_MEMBER,
    declared=("published logins",),
    severity=Severity.CRITICAL,
    risk="What a vendor's documentation says is what is tried first, by everybody.",
    reads=("one login each: the documented ones, and the application's roles by their own names",),
    rights="none: reaching the port, or forwarding to it",
    remedy="give the role that is named a password of its own (`\\password` in psql), or take "
    "LOGIN from it; then look who has logged in as it",
)
def test_no_published_login_is_taken(database_member: Member, site: Environment, ask: Ask) -> None:
    """Each login was tried once and refused. What is not a database is not tried yet."""
    found = ask(LOGINS, database_member)
    here = found.reading
    assert holds(found.fact("published logins that were refused", len(here.refused)), ">=", 1)
    taken = found.fact("published logins that are taken", told(here.accepted))
    assert holds(taken, "==", NONE)
    name = f"all were tried{f', but not {told(here.unclear)}' * bool(here.unclear)}"
    assert holds(found.fact(name, None if here.unclear else True), "==", True)
    others = [one for one in NOT_TRIED if getattr(site, one, None)]
    if database_member.database.consensus:
        others.append("consensus")
    name = f"all components were tried{f', but not {told(others)}' * bool(others)}"
    assert holds(found.fact(name, None if others else True), "==", True)


@check(
    "SEC-004",
    "No key that is shown and no declared secret is one that everybody can download",
    clauses=("sec.secrets/no-published",),
    each=ENVIRONMENT,
    declared=("ssh everywhere", "shown keys"),
    severity=Severity.CRITICAL,
    risk="Whoever downloads the example has the key: they pass for the site, and read along.",
    reads=KEYS_READS,
    rights=KEYS_RIGHTS,
    remedy="make a new key or value where it is used, and have the old one refused (revoke its "
    "certificate)",
)
def test_no_secret_is_published(environment: Environment, ask: Ask) -> None:
    """Each key and each value was looked at, and none is in the table of what is published."""
    keys, values = keys_of(environment, ask), values_of(environment, ask)
    sources: tuple[Found[Any], ...] = (*keys.values(), *values.values())
    shown = [(name, key) for name, found in keys.items() for key in found.reading.keys]
    number = derive("keys that were looked at", environment.name, len(shown), *sources)
    assert holds(number, ">=", 1)
    wrong = [f"{key.kind} key of {name} ({key.published})" for name, key in shown if key.published]
    wrong += [f"{one.name} ({one.published})" for one in all_values(values) if one.published]
    count = len(list(all_values(values)))
    name = f"keys and secrets that are published (of {count} declared secrets)"
    assert holds(derive(name, environment.name, told(wrong), *sources), "==", NONE)


@check(
    "SEC-005",
    "No two machines, listeners or declared places have one secret, unless they are meant to",
    clauses=("sec.secrets/no-shared",),
    each=ENVIRONMENT,
    declared=("ssh everywhere", "shown keys"),
    severity=Severity.HIGH,
    risk="Whoever has one has the other: the smallest machine is as dear as the greatest.",
    reads=KEYS_READS,
    rights=KEYS_RIGHTS,
    remedy="make a new one for each of those that are named; declare under `secrets.keys.shared`, "
    "or as a value's `as_on`, what is meant to be one, with a reason",
)
def test_no_secret_is_shared(environment: Environment, ask: Ask) -> None:
    """Keys differ between machines and between listeners, values from each other.

    A listener's own machines have its key together.
    """
    keys, values = keys_of(environment, ask), values_of(environment, ask)
    sources: tuple[Found[Any], ...] = (*keys.values(), *values.values())
    said = secrets_of(environment)
    owners = {one.id: one.listener.name for one in endpoints(environment)}
    shown = [
        (owners.get(name, name), key.digest)
        for name, found in keys.items()
        for key in found.reading.keys
    ]
    number = derive("keys that were compared", environment.name, len(shown), *sources)
    assert holds(number, ">=", 1)
    meant = [set(one.of) for one in (said.keys.shared if said.keys else ())]
    same = [names for names in alike(shown) if not any(set(names) <= each for each in meant)]
    fact = derive("who shows one key", environment.name, pairs(same), *sources)
    assert holds(fact, "==", NONE)
    together = {one.name: {one.name, *one.as_on} for one in said.values}
    digests = [(one.name, one.digest) for one in all_values(values)]
    same = [
        names
        for names in alike(digests)
        if not any(set(names) <= together.get(each, set()) for each in names)
    ]
    name = f"which of {len(digests)} declared secrets are one"
    assert holds(derive(name, environment.name, pairs(same), *sources), "==", NONE)


@check(
    "SEC-006",
    "No certificate and no declared secret is older than the site lets it be",
    clauses=("sec.secrets/age-within-policy",),
    each=ENVIRONMENT,
    declared=("ages of secrets",),
    severity=Severity.MEDIUM,
    risk="Whoever took it once, a year ago or before they left, still has what it opens.",
    reads=(
        "the certificate that each listener presents",
        "the declared logs of rotations; when the files of those secrets were changed",
    ),
    rights="an SSH login that reads the log; sudo for exactly the declared files",
    remedy="give it a new value, and have that written down; a log that says so while the file is "
    "older was written by a job that changed nothing",
)
def test_secrets_are_young(environment: Environment, ask: Ask) -> None:
    """By its own record: a certificate's beginning, the log of rotations, which the file bears out.

    A file's time alone says nothing: a copy is young.
    """
    ages, now = secrets_of(environment).ages, time.time()
    assert ages is not None
    sources: list[Found[Any]] = []
    old: list[str] = []
    judged = 0
    for one in endpoints(environment) if ages.certificates else ():
        certificate = ask(TLS, one)
        sources.append(certificate)
        leaf = certificate.reading.leaf
        assert holds(certificate.fact("it presents a certificate", leaf is not None), "==", True)
        assert leaf is not None
        assert ages.certificates is not None
        judged += 1
        if now - leaf.not_before.timestamp() > ages.certificates:
            old.append(f"certificate of {one.id} since {leaf.not_before:%Y-%m-%d}")
    values = values_of(environment, ask) if ages.rotated else {}
    seen = {one.name: one for one in all_values(values)}
    for rule in ages.rotated:
        log = ask(ROTATIONS, environment.machine(rule.machine))
        sources += [log, *values.values()]
        for name in rule.values:
            judged += 1
            old += too_old(seen[name], log.reading.last.get(name), now - rule.every)
    number = derive("secrets whose age was looked at", environment.name, judged, *sources)
    assert holds(number, ">=", 1)
    fact = derive("secrets that are older than they may be", environment.name, told(old), *sources)
    assert holds(fact, "==", NONE)


def too_old(value: Value, rotated: float | None, since: float) -> list[str]:
    """What is wrong with a secret's age: no rotation is known, too long ago, or it was none."""
    if rotated is None:
        return [f"{value.name}, which no log of rotations names"]
    if rotated < since:
        return [f"{value.name} since {day(rotated)}"]
    if value.changed < rotated - SLACK:
        return [
            f"{value.name}, whose file is of {day(value.changed)} and its log says {day(rotated)}"
        ]
    return []


def day(moment: float) -> str:
    """A day as people write it."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"


def keys_of(environment: Environment, ask: Ask) -> dict[str, Found[Keys]]:
    """The keys that every machine and every listener shows."""
    machines = {one.name: ask(SSH_KEYS, one) for one in reached_machines(environment)}
    return machines | {one.id: ask(TLS_KEYS, one) for one in endpoints(environment)}


def values_of(environment: Environment, ask: Ask) -> dict[str, Found[Values]]:
    """The declared secrets of each machine that has some."""
    names = sorted({one.machine for one in secrets_of(environment).values})
    return {name: ask(VALUES, environment.machine(name)) for name in names}


def all_values(values: dict[str, Found[Values]]) -> Iterable[Value]:
    """Those of all machines."""
    return (one for found in values.values() for one in found.reading.values)


def pairs(groups: list[tuple[str, ...]]) -> str:
    """Who has one secret, as one text."""
    return told([" and ".join(one) for one in groups])


def told(findings: Iterable[str]) -> str:
    """Findings as one text."""
    all_of = list(findings)
    more = f" and {len(all_of) - MOST_TOLD} more" if len(all_of) > MOST_TOLD else ""
    return "; ".join(all_of[:MOST_TOLD]) + more if all_of else NONE
