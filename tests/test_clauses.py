"""The packaged criteria are whole and well-formed, and broken ones are refused."""

import json
import re

import pytest

from readiness.catalogue.clauses import SUBJECT_KINDS, Clause, load_clauses, parse_clauses
from readiness.site.kinds import KINDS

CRITERIA = [
    "infra.kubernetes", "infra.database-ha", "infra.cache", "infra.load-balancer",
    "infra.hosts", "infra.cdn", "infra.pipeline", "infra.provisioning", "sec.tls",
    "sec.firewall", "sec.secrets", "sec.ferpa", "sec.hardening", "sec.ids", "sec.pentest",
    "obs.metrics", "obs.dashboards", "obs.apm", "obs.alerting", "obs.logging", "ops.backup",
    "ops.recovery", "ops.autoscaling", "ops.incident", "ops.runbook", "ops.rollout",
    "test.migrations", "test.performance", "test.load", "test.failover", "gov.signoff",
    "slo.availability", "slo.objectives",
]  # fmt: skip

CLAUSE_IDS = {
    "infra.database-ha": {
        "one-primary", "standbys-stream", "standbys-replay", "synchronous-standby",
        "lag-within-limits", "promotable", "not-barred", "automation-active", "consensus-quorum",
        "durability-settings", "members-as-declared", "standby-of-this-primary",
        "client-path-follows-primary", "restart-safe", "kept-sessions-as-given",
        "replication-begins-anew",
    },
    "infra.hosts": {
        "services-up", "clock-synchronised", "members-as-declared",
        "nothing-undeclared-listening", "machines-of-a-role-equal", "disk-headroom",
        "inode-headroom",
    },
    "sec.tls": {
        "chain", "name", "expiry", "key", "protocols", "ciphers", "revocation", "hsts",
        "challenge-answered", "renewal-performed",
    },
    "slo.objectives": {"objectives-consistent", "settings-consistent"},
}  # fmt: skip

GOOD = b"""{
 "schema": 1,
 "criteria": [
  {"id": "sec.tls", "text": "Certificates are trusted.", "clauses": [
   {"id": "sec.tls/chain", "each": "tls_listener", "by": "check", "text": "The chain is whole."}]}]
}"""


def all_clauses() -> list[Clause]:
    """Every packaged clause in the order of the file."""
    return [clause for criterion in load_clauses() for clause in criterion.clauses]


def test_every_criterion_of_the_story_is_present() -> None:
    """The criteria are those of the acceptance list, in its order."""
    assert [criterion.id for criterion in load_clauses()] == CRITERIA


def test_every_criterion_has_clauses_of_its_own() -> None:
    """Each criterion has at least one clause, and its clauses carry its id."""
    for criterion in load_clauses():
        assert criterion.clauses
        assert {clause.criterion for clause in criterion.clauses} == {criterion.id}


def test_clause_ids_are_unique_and_well_formed() -> None:
    """Clause ids are short kebab-case below their criterion, each used once."""
    ids = [clause.id for clause in all_clauses()]
    assert len(ids) == len(set(ids))
    kebab = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
    malformed = [one for one in ids if not re.fullmatch(rf"[a-z]+\.{kebab}/{kebab}", one)]
    assert malformed == []
    assert max(len(one.partition("/")[2]) for one in ids) <= 32


@pytest.mark.parametrize("criterion", CLAUSE_IDS)
def test_agreed_clause_ids_are_kept(criterion: str) -> None:
    """Ids that checks and policies already name stay what they are."""
    (found,) = (one for one in load_clauses() if one.id == criterion)
    assert {clause.id for clause in found.clauses} == {
        f"{criterion}/{fact}" for fact in CLAUSE_IDS[criterion]
    }


def test_every_text_is_one_sentence_of_its_own() -> None:
    """Texts are single sentences, and no two clauses of a criterion say the same."""
    texts = [clause.text for clause in all_clauses()] + [one.text for one in load_clauses()]
    assert [text for text in texts if not re.fullmatch(r"[A-Z].*[^.]\.", text)] == []
    assert [text for text in texts if re.search(r"[.!?]\s+[A-Z]", text)] == []
    for criterion in load_clauses():
        own = [clause.text for clause in criterion.clauses]
        assert len(own) == len(set(own))


def test_only_people_vouch_for_sign_offs() -> None:
    """What only people can vouch for is an attestation: training, approval, wording."""
    attested = {clause.id for clause in all_clauses() if clause.by == "attestation"}
    assert attested == {
        "gov.signoff/security-approval",
        "gov.signoff/acceptable-risk",
        "gov.signoff/team-trained",
        "gov.signoff/communication-procedures",
        "sec.ferpa/annual-notice-wording",
        "sec.ferpa/copy-fee",
    }


def test_reading_twice_gives_the_same_tuple() -> None:
    """The packaged file is parsed once for each process."""
    assert load_clauses() is load_clauses()


def test_a_small_file_parses() -> None:
    """The file that the refusals below spoil is itself good."""
    (criterion,) = parse_clauses(GOOD)
    assert criterion.clauses == (
        Clause("sec.tls/chain", "The chain is whole.", "tls_listener", "check"),
    )


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"schema": 1', '"schema": 2', "Invalid enum value 2 - at `$.schema`"),
        ('"schema": 1', '"schema": true', "Expected `int`, got `bool` - at `$.schema`"),
        ("sec.tls/chain", "sec.ids/chain", "sec.tls: expected ids below sec.tls/"),
        ("sec.tls/chain", "sec.tls/Chain", "expected an id like sec.tls/chain"),
        ('"id": "sec.tls",', '"id": "TLS",', "expected an id like sec.tls, found 'TLS'"),
        ("tls_listener", "planet", "expected a known kind of subject, found 'planet'"),
        ('"check"', '"oracle"', "expected check, attestation or computed, found 'oracle'"),
        ('"check"', '"attestation"', "expected a class exactly where people prove it, found ''"),
        ('"by"', '"class": "training", "by"', "a class exactly where people prove it"),
        ('"by"', '"extra": 1, "by"', "Object contains unknown field `extra`"),
        ('"by": "check", ', "", "Object missing required field `by`"),
        ('"The chain is whole."', '""', "sec.tls/chain: expected a text"),
        ('"The chain is whole."', "7", "Expected `str`, got `int` - at `$.criteria[0].clauses[0]"),
        ("}]}]\n}", "}]}", "Input data was truncated"),
    ],
)
def test_a_broken_file_is_refused(old: str, new: str, named: str) -> None:
    """The error names the entry, what was expected and what was found."""
    assert old.encode() in GOOD
    with pytest.raises(ValueError, match=r"^clauses\.json: ") as refusal:
        parse_clauses(GOOD.replace(old.encode(), new.encode()))
    assert named in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[1]", id="list"),
        pytest.param(b'{"schema": 1, "criteria": []}', id="no criteria"),
        pytest.param(b'{"schema": 1, "criteria": [1]}', id="number for a criterion"),
        pytest.param(
            b'{"schema": 1, "criteria": [{"id": "sec.tls", "text": "A text.", "clauses": []}]}',
            id="no clauses",
        ),
    ],
)
def test_an_empty_or_misshapen_file_is_refused(text: bytes) -> None:
    """Nothing is never a catalogue."""
    with pytest.raises(ValueError, match=r"^clauses\.json: .*([Ee]xpected|truncated)"):
        parse_clauses(text)


def test_an_id_used_twice_is_refused() -> None:
    """A criterion and a clause each stand once."""
    document = json.loads(GOOD)
    (criterion,) = document["criteria"]
    twice = {**criterion, "clauses": criterion["clauses"] * 2}
    with pytest.raises(ValueError, match=r"sec\.tls/chain: expected an id used once"):
        parse_clauses(json.dumps({**document, "criteria": [twice]}).encode())
    with pytest.raises(ValueError, match=r"sec\.tls: expected an id used once"):
        parse_clauses(json.dumps({**document, "criteria": [criterion] * 2}).encode())


def test_a_kind_of_subject_has_one_spelling() -> None:
    """What a check is repeated for is what a clause may be about, by the same word."""
    assert set(KINDS) <= SUBJECT_KINDS
    assert not [kind for kind in SUBJECT_KINDS if "-" in kind]
