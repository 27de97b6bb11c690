"""What people sign, judged: green as it should be, and nothing else is evidence."""

import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from signing import (
    APPROVAL,
    COMPLETE,
    CURRENT,
    GOVERNANCE,
    PEOPLE,
    PROCEDURES,
    RISK,
    TRAINED,
    Signing,
    clause,
)
from stories import CATALOGUE, SEEN_RED, Bad, make_check

from readiness.attesting.body import APPROVED, SIGNED
from readiness.attesting.making import allowed_signers
from readiness.evidence.record import now
from readiness.judging.verdict import Verdict
from readiness.model.words import Decision
from readiness.render import document, write_reports
from readiness.render.junit import junit_xml
from readiness.render.terminal import lines


@pytest.fixture
def site(tmp_path: Path) -> Signing:
    """A site with keys and rules where nobody has signed yet."""
    return Signing(tmp_path / "site").begin()


def statuses(verdict: Verdict) -> dict[str, str]:
    """What became of each clause of governance."""
    return {identity: clause(verdict, identity).status for identity in GOVERNANCE}


def test_everything_signed_is_a_go(site: Signing) -> None:
    """Each clause holds by whoever may sign it, and the verdict ends with the first of them."""
    site.sign_everything()
    verdict = site.verdict()
    assert statuses(verdict) == dict.fromkeys(GOVERNANCE, "held")
    assert verdict.decision is Decision.GO
    found = clause(verdict, APPROVAL)
    assert found.reason.startswith("signed by ciso on 20")
    assert "approved by dean, who saw ../report.txt (" in found.reason
    assert clause(verdict, TRAINED).subjects == PEOPLE


def test_nobody_signed(site: Signing) -> None:
    """An empty folder leaves everything unsigned, what is added up as well, and there is no GO."""
    verdict = site.verdict()
    assert statuses(verdict) == dict.fromkeys(GOVERNANCE, "unsigned")
    assert verdict.decision is Decision.INCONCLUSIVE
    assert clause(verdict, APPROVAL).reason == "campus: nobody signed it"
    assert clause(verdict, TRAINED).reason == "ana: nobody signed it; ben: nobody signed it"


def test_ssh_keygen_verifies_what_we_signed(site: Signing) -> None:
    """A second tool, with the policy's signers, says the same of both signatures."""
    signed = site.sign_everything()[APPROVAL]
    rules = site.policy.attestations
    assert rules is not None
    allowed = site.folder / "allowed"
    allowed.write_text("\n".join(allowed_signers(rules)) + "\n")
    for name, namespace, ending in (
        ("ciso", SIGNED, ".sig"),
        ("dean", APPROVED, ".approved.sig"),
    ):
        command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", name, "-n", namespace]
        command += ["-s", f"{signed}{ending}"]
        done = subprocess.run(command, input=signed.read_bytes(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert b'Good "' in done.stdout


def test_what_ssh_keygen_signed_counts(site: Signing) -> None:
    """Whoever has the key in other hands than ours signs the same file with ssh-keygen."""
    signed = site.sign(PROCEDURES, "ciso")
    signature = signed.with_name(signed.name + ".sig")
    ours = signature.read_bytes()
    signature.unlink()
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", SIGNED, "-f", str(site.folder / "ciso")]
    subprocess.run([*command, str(signed)], check=True, capture_output=True)
    assert signature.read_bytes() == ours
    assert clause(site.verdict(), PROCEDURES).status == "held"


def edited(site: Signing, path: Path, old: str, new: str) -> None:
    """Change the words of a signed file, spelled as they would have been."""
    said = path.read_text()
    assert old in said
    path.write_text(said.replace(old, new))


def renewed(site: Signing, files: dict[str, Path], identity: str) -> None:
    """Take an attestation out of the folder, with its signatures."""
    for path in site.attestations.glob(f"{files[identity].name}*"):
        path.unlink()


def last_release(site: Signing, files: dict[str, Path]) -> str:
    """The release has moved on."""
    site.describing(release="2026.3")
    return "is about release '2026.2', this one is '2026.3'"


def no_release(site: Signing, files: dict[str, Path]) -> str:
    """Nobody says any more which release it is."""
    site.describing(release="")
    return "is about release '2026.2', this one is ''"


def other_name(site: Signing, files: dict[str, Path]) -> str:
    """The files lie beside another environment's."""
    site.describing(name="production")
    return "nobody signed it"


def other_system(site: Signing, files: dict[str, Path]) -> str:
    """Another system has taken the name."""
    site.pinning({"postgresql": {"student-db": "1"}, "ssh": {"edge1": "a"}})
    return "is about another system of that name: postgresql/student-db was pinned differently"


def nothing_in_common(site: Signing, files: dict[str, Path]) -> str:
    """Nothing that was pinned then is pinned now."""
    site.pinning({"ssh": {"edge9": "z"}})
    return "is about another system of that name: nothing that is pinned is in both"


def edited_words(site: Signing, files: dict[str, Path]) -> str:
    """Somebody made it say more than was signed."""
    edited(site, files[APPROVAL], "approval is given", "approval is given for all")
    return "was edited after it was signed"


def later_end(site: Signing, files: dict[str, Path]) -> str:
    """Somebody made it last longer than was signed."""
    end = json.loads(files[APPROVAL].read_text())["until"]
    edited(site, files[APPROVAL], f'"until": "{end}"', '"until": "2029-01-01"')
    return "was edited after it was signed"


def own_approval(site: Signing, files: dict[str, Path]) -> str:
    """Whoever signs approves: the tool refuses, so the approval is made by ssh-keygen."""
    site.trusting(ciso={"may_approve": ["security-approval"], "may_sign": ["security-approval"]})
    path = files[APPROVAL]
    by_hand(site, path, "ciso", APPROVED, ".approved.sig")
    return "is approved by ciso, who signed it"


def by_hand(site: Signing, path: Path, who: str, namespace: str, ending: str) -> None:
    """Sign with ssh-keygen, past everything that our command refuses."""
    signature = path.with_name(path.name + ".sig")
    kept, target = signature.read_bytes(), path.with_name(path.name + ending)
    signature.unlink()
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(site.folder / who)]
    subprocess.run([*command, str(path)], check=True, capture_output=True)
    made = signature.read_bytes()
    signature.write_bytes(kept)
    target.write_bytes(made)


def no_approval(site: Signing, files: dict[str, Path]) -> str:
    """The second signature was never given."""
    files[APPROVAL].with_name(files[APPROVAL].name + ".approved.sig").unlink()
    return "is approved by nobody: security-approval needs a second signature"


def strange_approval(site: Signing, files: dict[str, Path]) -> str:
    """Somebody approves whom the policy does not know."""
    by_hand(site, files[APPROVAL], "stranger", APPROVED, ".approved.sig")
    return "is approved by a key that the policy does not name"


def may_not_approve(site: Signing, files: dict[str, Path]) -> str:
    """The policy lets that person approve something else only."""
    by_hand(site, files[APPROVAL], "trainer", APPROVED, ".approved.sig")
    return "is approved by trainer, who may not approve security-approval"


def strange_signer(site: Signing, files: dict[str, Path]) -> str:
    """Somebody signs whom the policy does not know."""
    by_hand(site, files[APPROVAL], "stranger", SIGNED, ".sig")
    return "is signed by a key that the policy does not name"


def in_another_name(site: Signing, files: dict[str, Path]) -> str:
    """Somebody signs in the name of another."""
    by_hand(site, files[APPROVAL], "dean", SIGNED, ".sig")
    return "is signed by dean in the name of ciso"


def may_not_sign(site: Signing, files: dict[str, Path]) -> str:
    """The policy takes that class from the signer."""
    site.trusting(ciso={"may_sign": ["communication-procedures"]})
    return "is signed by ciso, who may not sign security-approval"


def revoked(site: Signing, files: dict[str, Path]) -> str:
    """The key was stolen, whenever it signed."""
    site.trusting(ciso={"revoked": str(now().date())})
    return "is signed by ciso, whose key is revoked"


def revoked_approver(site: Signing, files: dict[str, Path]) -> str:
    """The approver's key was stolen."""
    site.trusting(dean={"revoked": "2026-01-01"})
    return "is approved by dean, whose key is revoked"


def key_ended(site: Signing, files: dict[str, Path]) -> str:
    """The signer had left before that day."""
    site.trusting(ciso={"until": "2026-01-01"})
    return "is signed out of time: the key of ciso ended with 2026-01-01"


def key_too_young(site: Signing, files: dict[str, Path]) -> str:
    """The key is younger than the signature says."""
    site.trusting(ciso={"since": "2030-01-01"})
    return "is signed out of time: the key of ciso counts from 2030-01-01 on"


def changed_report(site: Signing, files: dict[str, Path]) -> str:
    """What was seen has changed since."""
    (site.folder / "report.txt").write_text("Three findings, two of them closed.\n")
    return "is not about what there is now: ../report.txt was changed"


def lost_report(site: Signing, files: dict[str, Path]) -> str:
    """What was seen is gone."""
    (site.folder / "report.txt").unlink()
    return "is not about what there is now: ../report.txt is missing"


def linked_report(site: Signing, files: dict[str, Path]) -> str:
    """What was seen is a link now, which may lead elsewhere tomorrow."""
    (site.folder / "report.txt").rename(site.folder / "moved.txt")
    (site.folder / "report.txt").symlink_to("moved.txt")
    return "is not about what there is now: ../report.txt is no regular file"


def unsigned_file(site: Signing, files: dict[str, Path]) -> str:
    """There is a file, and nobody signed it."""
    files[APPROVAL].with_name(files[APPROVAL].name + ".sig").unlink()
    return "is not signed"


def swapped_purpose(site: Signing, files: dict[str, Path]) -> str:
    """The clause of another class under the same signature."""
    said = files[APPROVAL].read_text().replace(APPROVAL, PROCEDURES)
    files[APPROVAL].write_text(said)
    return "nobody signed it"


def years_old(site: Signing, files: dict[str, Path]) -> str:
    """It was signed before the class's longest, for longer than the policy of today allows."""
    renewed(site, files, APPROVAL)
    before = now() - timedelta(days=80)
    old = site.sign(APPROVAL, "ciso", at=before, until=(before + timedelta(days=90)).date())
    site.approve(old, "dean")
    policy = json.loads((site.folder / "policy.yaml").read_text())
    policy["attestations"]["longest"] = {"security-approval": "60 d"}
    (site.folder / "policy.yaml").write_text(json.dumps(policy))
    return "is older than security-approval may be"


def expired(site: Signing, files: dict[str, Path]) -> str:
    """Its last day was yesterday."""
    renewed(site, files, APPROVAL)
    before = now() - timedelta(days=20)
    day = (now() - timedelta(days=1)).date()
    site.approve(site.sign(APPROVAL, "ciso", at=before, until=day), "dean")
    return f"ended with {day}"


def from_the_future(site: Signing, files: dict[str, Path]) -> str:
    """It was signed next week: some clock is wrong."""
    renewed(site, files, APPROVAL)
    site.approve(site.sign(APPROVAL, "ciso", at=now() + timedelta(days=7)), "dean")
    return "is signed in the future"


FALSE: tuple[Callable[[Signing, dict[str, Path]], str], ...] = (
    last_release, no_release, other_name, other_system, nothing_in_common, edited_words, later_end,
    own_approval, no_approval, strange_approval, may_not_approve, strange_signer, in_another_name,
    may_not_sign, revoked, revoked_approver, key_ended, key_too_young, changed_report, lost_report,
    linked_report, unsigned_file, swapped_purpose, years_old, expired, from_the_future,
)  # fmt: skip


@pytest.mark.parametrize("spoil", FALSE, ids=lambda one: one.__name__)
def test_it_is_no_evidence_and_the_reason_says_why(
    site: Signing, spoil: Callable[[Signing, dict[str, Path]], str]
) -> None:
    """One of six attestations is spoilt: there is no GO, and what is added up is not green."""
    reason = spoil(site, site.sign_everything())
    verdict = site.verdict()
    found = clause(verdict, APPROVAL)
    assert (found.status, verdict.decision) == ("unsigned", Decision.INCONCLUSIVE)
    assert reason in found.reason
    assert clause(verdict, CURRENT).status == "unsigned"
    late = spoil in {years_old, expired}
    assert clause(verdict, COMPLETE).status == ("held" if late else "unsigned")


def test_it_ends_while_nobody_looks(site: Signing) -> None:
    """The same record is a GO before the last day ends and none after, whenever it is judged."""
    site.sign_everything()
    policy = json.loads((site.folder / "policy.yaml").read_text())
    policy["evidence_age"] = {"default": "300 d"}
    (site.folder / "policy.yaml").write_text(json.dumps(policy))
    assert statuses(site.verdict(later=timedelta(days=29)))[RISK] == "held"
    after = site.verdict(later=timedelta(days=32))
    assert clause(after, RISK).status == "unsigned"
    assert " ended with " in clause(after, RISK).reason
    assert clause(after, COMPLETE).status == "held"


def test_what_was_read_long_ago_is_looked_at_again(site: Signing) -> None:
    """Nobody knows whether what was seen is still as it was: the look itself has an age."""
    site.sign_everything()
    found = clause(site.verdict(later=timedelta(days=2)), RISK)
    assert (found.status, found.reason) == (
        "inconclusive",
        "its evidence is too old, look again",
    )


def test_a_policy_without_people(site: Signing) -> None:
    """A clause over persons is never green over nobody."""
    site.sign_everything()
    site.trusting(people=())
    verdict = site.verdict()
    assert clause(verdict, TRAINED).status == "unsigned"
    assert clause(verdict, TRAINED).reason.startswith("the policy names no people")
    assert clause(verdict, COMPLETE).status == clause(verdict, CURRENT).status == "unsigned"


def test_one_more_person(site: Signing) -> None:
    """Who joins the team is not trained because the others are."""
    site.sign_everything()
    site.trusting(people=(*PEOPLE, "eve"))
    found = clause(site.verdict(), TRAINED)
    assert (found.status, found.reason) == ("unsigned", "eve: nobody signed it")


def test_nothing_that_people_sign_is_required(site: Signing) -> None:
    """Complete and current over nothing is not green."""
    site.required = [COMPLETE, CURRENT]
    site.trusting()
    verdict = site.verdict()
    assert {clause(verdict, one).status for one in (COMPLETE, CURRENT)} == {"unsigned"}
    assert verdict.decision is Decision.INCONCLUSIVE


def test_a_run_that_read_nothing(site: Signing) -> None:
    """A policy that asks for signatures finds none in a run that was made without it."""
    site.sign_everything()
    verdict = site.verdict()
    assert verdict.decision is Decision.GO
    record = site.folder / "run" / "record.jsonl"
    assert record.read_text().count('"kind":"attestation"') == 5


def test_renewed_in_time_is_green(site: Signing) -> None:
    """An expired one beside a fresh one harms nobody, nor does one of another environment."""
    before = now() - timedelta(days=20)
    day = (now() - timedelta(days=1)).date()
    site.approve(site.sign(APPROVAL, "ciso", at=before, until=day), "dean")
    site.describing(name="elsewhere")
    site.sign(PROCEDURES, "ciso")
    site.describing()
    site.sign_everything()
    assert site.verdict().decision is Decision.GO


def test_a_copy_is_no_second_attestation(site: Signing) -> None:
    """The same words under another name count once, and an unsigned copy takes nothing away."""
    signed = site.sign_everything()[RISK]
    copy = signed.with_name("a" + signed.name)
    copy.write_bytes(signed.read_bytes())
    assert site.verdict().decision is Decision.GO


def test_a_machine_more_is_the_same_site(site: Signing) -> None:
    """Who adds a machine has nobody sign again."""
    site.sign_everything()
    pins = {"postgresql": {"student-db": "7412345678901234567"}, "ssh": {"edge1": "a", "b": "c"}}
    site.pinning(pins)
    assert site.verdict().decision is Decision.GO


def test_a_clause_with_a_check_is_not_signed(site: Signing) -> None:
    """Where a check looks at what a clause says, no signature counts: what is red stays red."""
    site.sign_everything()
    look = make_check("HOST-009", "Somebody asks", APPROVAL, "environment")
    for bad, status, decision in (
        ({"HOST-009|campus": Bad()}, "failed", Decision.NO_GO),
        ({"HOST-009|campus": Bad(phase="inconclusive")}, "inconclusive", Decision.INCONCLUSIVE),
        ({}, "held", Decision.GO),
    ):
        checks = {**CATALOGUE, look.id: look}
        verdict = site.verdict(checks=checks, matrix=dict.fromkeys(checks, SEEN_RED), bad=bad)
        found = clause(verdict, APPROVAL)
        assert (found.status, found.attested, verdict.decision) == (status, (), decision)


def test_a_red_check_beside_signatures(site: Signing) -> None:
    """Everything is signed, one check is red: NO-GO."""
    site.sign_everything()
    verdict = site.verdict(bad={"PG-001|student-db": Bad()})
    assert verdict.decision is Decision.NO_GO
    assert statuses(verdict) == dict.fromkeys(GOVERNANCE, "held")


def test_every_report_says_unsigned(site: Signing) -> None:
    """Terminal, JSON, JUnit and page name what is unsigned, in the same sum as all the rest."""
    site.sign_everything()
    site.trusting(dean={"revoked": "2026-01-01"})
    verdict = site.verdict()
    shown = document(verdict)
    assert set(shown.counts.clauses.required_not_proven) == {APPROVAL, RISK, COMPLETE, CURRENT}
    said = " ".join(" ".join(lines(shown, 200)).split())
    assert "UNSIGNED 4 clauses" in said
    assert f"{RISK}: campus: gov.signoff.acceptable-risk-campus-" in said
    assert "readiness attest --env environments/campus.yaml --policy" in said
    junit = ET.fromstring(junit_xml(shown))  # noqa: S314 - our own
    errors = {one.get("name") for one in junit.iter("testcase") if one.find("error") is not None}
    assert errors >= {APPROVAL, RISK, COMPLETE, CURRENT}
    write_reports(verdict, site.folder / "run")
    page = (site.folder / "run" / "index.html").read_text()
    assert "unsigned" in page
    assert "whose key is revoked" in page


def test_a_policy_without_signers(site: Signing) -> None:
    """What is signed counts for nothing where the policy names nobody."""
    site.sign_everything()
    told = site.told()
    policy = json.loads((site.folder / "policy.yaml").read_text())
    del policy["attestations"]
    (site.folder / "policy.yaml").write_text(json.dumps(policy))
    verdict = site.verdict(told)
    assert statuses(verdict) == dict.fromkeys(GOVERNANCE, "unsigned")


def test_an_exception_stands_in_for_a_signature(site: Signing) -> None:
    """What the policy excepts needs no signature, and what is added up is added up without it."""
    files = site.sign_everything()
    renewed(site, files, RISK)
    policy = json.loads((site.folder / "policy.yaml").read_text())
    grant = {"clause": RISK, "reason": "The dean is away", "approver": "The rector"}
    grant["expires"] = str((now() + timedelta(days=9)).date())
    policy["exceptions"] = {"granted": [grant]}
    (site.folder / "policy.yaml").write_text(json.dumps(policy))
    verdict = site.verdict()
    found = statuses(verdict)
    assert found == dict.fromkeys(GOVERNANCE, "held") | {RISK: "not-applicable"}
    assert verdict.decision is Decision.GO
