"""Small runs written by the real record writer and judged by the real judge."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from readiness.attesting.folder import write as write_attested
from readiness.attesting.folder import write_waivers
from readiness.attesting.vouching import vouched
from readiness.attesting.waiving import given
from readiness.catalogue.checks import Check, catalogue_digest
from readiness.catalogue.clauses import load_clauses
from readiness.catalogue.matrix import Proof, ProvenOn
from readiness.evidence.record import RecordWriter, now, read_record
from readiness.evidence.redact import Described, Redactor
from readiness.judging.judge import judge
from readiness.judging.verdict import Verdict
from readiness.model.words import Case, Json, Severity, Tier
from readiness.session.plan import make_plan
from readiness.site.environment import Environment
from readiness.site.policy import Policy

STEP = 0.4


def make_check(identity: str, title: str, clause: str, each: str, **more: object) -> Check:
    """A check of the little catalogue."""
    area = {"TLS": "tls", "PG": "database", "HOST": "hosts"}[identity.partition("-")[0]]
    entry: dict[str, object] = {
        "id": identity,
        "title": title,
        "clauses": (clause,),
        "each": each,
        "severity": Severity.HIGH,
        "risk": "Students can't reach the portal.",
        "reads": ("what it reads",),
        "rights": "network access to the listener",
        "remedy": "install the leaf with its intermediates, in order, and reload the service",
        "source": f"suites/{area}/test_{area}.py::test_{identity.lower().replace('-', '_')}",
    }
    return Check.model_validate(entry | more)


CATALOGUE = {
    entry.id: entry
    for entry in (
        make_check(
            "TLS-001",
            "Every node presents a chain that a client with only the declared authority can build",
            "sec.tls/chain",
            "tls_listener",
            severity=Severity.CRITICAL,
        ),
        make_check(
            "TLS-003",
            "Every certificate of the presented chain lasts longer than the notice",
            "sec.tls/expiry",
            "tls_listener",
            remedy="renew the certificate and find out why the renewal did not",
        ),
        make_check(
            "HOST-001",
            "Every declared service is up and stays up on its machine",
            "infra.hosts/services-up",
            "machine",
            rights="an SSH login without sudo",
            remedy="read the journal of the service and start it",
        ),
        make_check(
            "PG-001",
            "The cluster has exactly one primary",
            "infra.database-ha/one-primary",
            "database_cluster",
            severity=Severity.CRITICAL,
            remedy="fence the member that should not be primary before anything writes to it",
        ),
        make_check(
            "PG-020",
            "A standby takes over within the recovery-time objective",
            "test.failover/database-in-time",
            "database_cluster",
            severity=Severity.CRITICAL,
            tier=Tier.DISRUPT,
            limit=600.0,
            remedy="see which step of the timeline took longest and shorten the TTL",
        ),
    )
}

ENVIRONMENT = {
    "schema": 1,
    "name": "campus",
    "kind": "staging",
    "release": "2026.2",
    "zones": ["edge", "data", "ops"],
    "looks_from": "ops",
    "permissions": {"tiers": ["observe", "disrupt"]},
    "authorities": {"public": "file:ca.pem"},
    "machines": [
        {
            "name": name,
            "zone": zone,
            "role": zone,
            "addresses": [f"198.18.{net}.{last}", f"2001:2:0:{net}::{last}"],
            "services": ["ssh"],
        }
        for name, zone, net, last in (
            ("edge1", "edge", 1, 11),
            ("edge2", "edge", 1, 12),
            ("db1", "data", 3, 11),
            ("db2", "data", 3, 12),
            ("db3", "data", 3, 13),
        )
    ],
    "listeners": [
        {
            "name": "portal",
            "protocol": "https",
            "port": 443,
            "machines": ["edge1", "edge2"],
            "names": ["portal.example.edu"],
            "authority": "public",
        },
    ],
    "databases": [
        {
            "name": "student-db",
            "database": "portal",
            "members": ["db1", "db2", "db3"],
            "authority": "public",
            "lag_bytes": "16 MiB",
            "lag_time": "10 s",
            "logins": {"observe": {"user": "observer", "password": "env:PW"}},
            "patroni": {"authority": "public"},
            "consensus": {"members": ["db1", "db2", "db3"], "authority": "public"},
            "failover": {
                "schema": "readiness",
                "local_user": "driller",
                "pooled": {"machines": ["edge1"], "port": 6432},
                "expiry": "150 s",
            },
        }
    ],
    "objectives": {
        "availability": 99.9,
        "recovery_time": "30 min",
        "recovery_point": "5 min",
        "database_recovery_time": "60 s",
    },
}

REQUIRED = (
    "sec.tls/chain",
    "sec.tls/expiry",
    "infra.hosts/services-up",
    "infra.database-ha/one-primary",
    "test.failover/database-in-time",
)
CLAUSES = sum(len(criterion.clauses) for criterion in load_clauses())
# Those that no check of the little catalogue serves.
UNSERVED = CLAUSES - len({clause for entry in CATALOGUE.values() for clause in entry.clauses})
POLICY = {
    "schema": 1,
    "name": "go-live",
    "owner": "Head of infrastructure",
    "required": list(REQUIRED),
}


@dataclass
class Bad:
    """How one case ends when it does not pass."""

    found: object = "unable to get local issuer certificate"
    answer: str = "no"
    phase: str = ""
    reason: str = ""


SEEN_RED = Proof(ProvenOn.REAL, ("a-fault",))


@dataclass
class Story:
    """A run that is written as told: everything passes but what `bad` says."""

    folder: Path
    bad: dict[str, Bad] = field(default_factory=dict)
    tier: Tier = Tier.DISRUPT
    only: tuple[str, ...] = ()
    closing: str | None = "finished"
    policy: Policy | None = field(
        default_factory=lambda: Policy.model_validate_json(json.dumps(POLICY))
    )
    earlier: Sequence[dict[str, object]] = ()
    drills: bool = True
    run_cases: bool = True
    later: timedelta = timedelta(minutes=3)
    number: int = 12
    identity: dict[str, object] | None = field(default_factory=dict)
    catalogue: str = field(default_factory=catalogue_digest)
    environment: dict[str, object] = field(default_factory=lambda: ENVIRONMENT)
    checks: dict[str, Check] = field(default_factory=lambda: CATALOGUE)
    drift_looks: Sequence[Sequence[int]] = ()
    own: dict[str, object] | None = None
    attested: Sequence[Json] = ()
    waived: Sequence[Json] = ()
    pins: dict[str, str] | None = None
    """What identifies the system, where the run read attestations."""
    matrix: dict[str, Proof] = field(default_factory=lambda: dict.fromkeys(CATALOGUE, SEEN_RED))

    def verdict(self) -> Verdict:
        """Write the record, and judge it some time later."""
        self.write()
        return self.verdict_under(self.policy)

    def verdict_under(self, policy: Policy | None) -> Verdict:
        """Judge the written record under a policy."""
        record, at = read_record(self.folder), datetime.now(UTC) + self.later
        return judge(
            record,
            policy=policy,
            catalogue=self.checks,
            criteria=load_clauses(),
            matrix=self.matrix,
            at=at,
            vouched=vouched(record, policy, load_clauses(), at),
            given=given(record, policy, at),
        )

    def write(self) -> None:
        """Write the record."""
        environment = Environment.model_validate_json(json.dumps(self.environment))
        plan = make_plan(self.checks, environment, self.tier, self.only)
        with RecordWriter(self.folder / "record.jsonl", Redactor()) as writer:
            _opening(writer, self)
            if self.pins is not None:
                write_attested(writer, self.attested, self.pins)
                write_waivers(writer, self.waived, self.pins)
            writer.write("plan", **(plan.event() | {"not_guarded": ["a fresh backup"]}))
            if self.identity is not None:
                writer.write("identity", pinned=True, members=[_PINNED | self.identity])
            for planned in plan.runs if self.run_cases else ():
                write_case(writer, planned.case, planned.check, self.bad.get(planned.case.key))
            if self.drills and self.tier is Tier.DISRUPT:
                write_drills(writer)
            if self.closing:
                writer.write("session-finished", interrupted=False)
                writer.write("run-closed", how=self.closing)


_PINNED = {
    "part": "postgresql",
    "of": "student-db/db1",
    "pinned": "7412345678901234567",
    "found": "7412345678901234567",
    "problem": "",
}


def _opening(writer: RecordWriter, story: Story) -> None:
    writer.write(
        "run-opened",
        schema=1,
        run=f"20261122T233144Z-{story.environment['name']}-{story.number:04x}",
        number=story.number,
        version="0.1.0",
        catalogue=story.catalogue,
        release=story.environment["release"],
        environment_file="environments/campus.yaml",
        environment_sha256="e" * 64,
        environment=Described(story.environment),
        policy_sha256="a" * 64,
        policy=story.policy.model_dump(mode="json", by_alias=True) if story.policy else None,
        policy_file="site/go live.yaml" if story.policy else None,
        earlier=list(story.earlier),
        drift_looks=story.drift_looks,
        own=story.own,
    )


def write_case(writer: RecordWriter, case: Case, check: Check, bad: Bad | None) -> None:
    """One case: an observation, two claims, three phases."""
    writer.write("case-started", case=case.key)
    seen = writer.write(
        "observation",
        case=case.key,
        subject=case.subject,
        source=check.id.partition("-")[0].lower(),
        reading={"answers": True, "chain": ["leaf", "intermediate"], "days_left": 61},
    )
    wrong = bad if bad and not bad.phase else None
    _claim(writer, case, seen, ("an answer at its address", True, True, "yes"))
    if wrong:
        _claim(writer, case, seen, ("trust problem", wrong.found, "none", wrong.answer))
    elif bad is None:
        _claim(writer, case, seen, ("trust problem", "none", "none", "yes"))
    call = "failed" if wrong else (bad.phase if bad else "passed")
    for when in ("setup", "call", "teardown"):
        result = call if when == "call" else "passed"
        reason = bad.reason if bad and when == "call" else ""
        writer.write("phase", case=case.key, when=when, result=result, reason=reason, seconds=0.01)
    writer.write("case-ended", case=case.key, seconds=STEP)


def _claim(
    writer: RecordWriter, case: Case, seen: int, made: tuple[str, object, object, str]
) -> None:
    name, observed, limit, answer = made
    writer.write(
        "claim",
        case=case.key,
        subject=case.subject,
        name=name,
        observed=observed,
        relation="==",
        limit=limit,
        answer=answer,
        reason=f"{case.subject}: expected {name} to be {limit}, found {observed}",
        rests_on=[seen],
        until=(now() + timedelta(days=47)).isoformat(),
    )


def write_drills(writer: RecordWriter) -> None:
    """A control trial, and one in which the primary was cut off."""
    chance = random.Random(7)  # noqa: S311 - a drawing, not a secret
    for trial, cut in (("0", None), ("1", 12.0), ("2", 14.5)):
        writer.write("drill", case="PG-020|student-db", trial=trial, **_trial(chance, cut))
    for _ in range(2):
        writer.write(
            "confidence",
            case="PG-020|student-db",
            trials=3,
            under=3,
            sentence="3 of 3 under 60 s: at least 36.8 % of such failovers at 95 % confidence",
        )


def _trial(chance: random.Random, cut: float | None) -> dict[str, object]:
    outages = {"pooled": (0.1, 29.4), "multi-host": (0.05, 27.8)} if cut else {}
    samples = []
    for tick in range(600):
        t = tick * 0.2
        for client in ("pooled", "multi-host"):
            start, length = outages.get(client, (0.0, 0.0))
            out = cut is not None and cut + start < t < cut + length
            outcome = chance.choice(["fail", "fail", "info"]) if out else "ok"
            samples.append([round(t, 2), client, outcome])
    marks = [("cut", 0.0), ("promoted", 26.1), ("reconnected", 75.2), ("rejoined", 81.7)]
    return {
        "fault": "partition" if cut else "none",
        "marks": [{"t": cut + t, "label": label} for label, t in marks] if cut else [],
        "outages": [
            {
                "client": client,
                "lower": length - start - 0.3,
                "upper": length - start,
                "start": (cut or 0) + start,
                "end": (cut or 0) + length,
            }
            for client, (start, length) in outages.items()
        ],
        "samples": samples[::3],
    }


RED = {
    "TLS-001|portal/edge2/v4": Bad(),
    "TLS-001|portal/edge2/v6": Bad(),
    "TLS-003|portal/edge1/v4": Bad(found="9 d left, 14 d wanted"),
    "HOST-001|db2": Bad(
        phase="inconclusive", reason="db2: no answer on port 22 within 5 s (198.18.3.12)"
    ),
    "HOST-001|db3": Bad(phase="error", reason="KeyError: 'systemd'"),
}
UNSURE = {
    "HOST-001|db2": Bad(
        phase="inconclusive", reason="db2: no answer on port 22 within 5 s (198.18.3.12)"
    ),
}
EARLIER = (
    {"number": 10, "run": "20261121T080000Z-campus-aaaa", "verdict": "NO-GO", "tier": "observe"},
    {"number": 11, "run": "20261121T090000Z-campus-bbbb", "verdict": "unfinished", "tier": "load"},
)

Tell = Callable[..., Story]
