"""Tests of what faults declare, offline: each word of it can be held against the product."""

import importlib
import inspect
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from replay import UNSEEN

from lab import defects, faults, matrix, product, proving, scene
from lab.cluster import MEMBERS
from lab.errors import LabError
from lab.faults import Fault, all_faults
from lab.home import REPOSITORY
from lab.product import Case
from lab.proving import Tried
from lab.rows import all_rows
from readiness.catalogue.checks import expected_cases, load_catalogue
from readiness.site.documents import load_environment

FACTS = dict(zip(("primary", "sync", "async"), MEMBERS, strict=True)) | {
    "master": "cache1",
    "replica": "cache2",
    "other": "cache3",
}
FOLDER = Path(faults.__file__).parent
TIERS = ("observe", "touch", "load", "disrupt")
FALSE_GREENS = {
    "certificate-wrong-on-one-edge",
    "intermediate-missing",
    "certificate-right-in-v4-only",
    "redirect-gone-on-one-edge",
    "standby-never-replays",
    "automation-paused",
    "no-standby-may-be-promoted",
    "commits-of-a-role-do-not-wait",
    "debian-patroni",
    "pooler-pinned-to-the-primary",
}
EVERY = pytest.mark.parametrize("fault", all_faults().values(), ids=list(all_faults()))


@cache
def known(site: str) -> set[tuple[str, str]]:
    """Every case that the product can have at a site of the lab."""
    environment = load_environment(product.committed(site))
    return {(case.check, case.subject) for case in expected_cases(load_catalogue(), environment)}


def test_every_file_and_every_row_is_a_fault_of_its_name() -> None:
    """One file or row, one fault; what begins with an underscore is shared."""
    files = {path.stem.replace("_", "-") for path in FOLDER.glob("[!_]*.py")}
    assert files | set(all_rows()) == set(all_faults())
    assert files & set(all_rows()) == set()


def test_every_check_has_a_fault() -> None:
    """A check that nothing turns red does not count; of some the lab has no subject."""
    reddened = {check for fault in all_faults().values() for check in fault.checks}
    assert set(product.catalogue()) - reddened == UNSEEN
    lab = load_environment(product.ENVIRONMENT)
    asked = {one.check for one in expected_cases(load_catalogue(), lab)}
    assert asked & UNSEEN == set()


def test_the_ten_false_greens_are_there() -> None:
    """The shapes that gates are known to miss."""
    shaped = {name for name, fault in all_faults().items() if fault.shape == "false-green"}
    assert shaped >= FALSE_GREENS


def test_no_two_faults_are_said_to_be_the_same() -> None:
    """Titles tell faults apart."""
    titles = [fault.title for fault in all_faults().values()]
    assert len(set(titles)) == len(titles)


@EVERY
def test_declared_cases_exist(fault: Fault) -> None:
    """Every check and subject that it names is one that the product has here."""
    declared = proving.declared_by(fault, FACTS)
    assert declared
    assert declared - known(fault.site) == set()


@EVERY
def test_patterns_ask_for_a_value(fault: Fault) -> None:
    """A reason has to name what was found: an empty or all-matching pattern proves nothing."""
    for pattern in faults.resolved(fault.reddens, FACTS).values():
        assert not re.search(pattern, "")
        assert re.search(r"found|at most|at least|to be|\bis\b|\bruns\b|\bmay\b", pattern)


@EVERY
def test_reddened_checks_are_run(fault: Fault) -> None:
    """What lies beyond the observe tier is named, and the tier reaches it."""
    tiers = product.catalogue()
    beyond = {check for check in fault.checks if tiers[check] != "observe"}
    assert beyond <= set(fault.only)
    assert all(TIERS.index(tiers[check]) <= TIERS.index(fault.tier) for check in fault.only)


@EVERY
def test_false_greens_bring_their_probe(fault: Fault) -> None:
    """A fault shaped like a false green shows the probe that misses it."""
    assert fault.shape == "plain" or fault.naive is not None


@EVERY
def test_everything_is_said(fault: Fault) -> None:
    """Title and reason are there, and a docstring for a file and its functions."""
    assert fault.title
    assert fault.why
    if fault.name in all_rows():
        return
    module = importlib.import_module(f"lab.faults.{fault.name.replace('-', '_')}")
    own = [one for _, one in inspect.getmembers(module, inspect.isfunction)]
    assert module.__doc__
    assert all(one.__doc__ for one in own)


@EVERY
def test_an_altered_environment_file_is_still_one(fault: Fault, tmp_path: Path) -> None:
    """What a fault makes of the environment file loads, and differs."""
    if fault.environment is None:
        return
    text = product.committed(fault.site).read_text()
    path = tmp_path / "altered.yaml"
    path.write_text(fault.environment(text))
    assert path.read_text() != text
    assert load_environment(path).name == fault.site


def test_a_placeholder_without_a_fact_is_refused() -> None:
    """A declaration can't silently be about nobody."""
    with pytest.raises(LabError, match="<nobody>"):
        faults.resolved({"PG-001": {"paws360-db/<nobody>": "found"}}, FACTS)


def test_no_such_fault() -> None:
    """The error names what there is."""
    with pytest.raises(LabError, match="automation-paused"):
        faults.fault_called("automation-pawsed")


STALLED = all_faults()["standby-never-replays"]


def answers() -> Iterator[Case]:
    """What the product says under a replay that stands still, as declared, and one green case."""
    for check in ("PG-003", "PG-007"):
        subject = f"paws360-db/{FACTS['async']}"
        yield Case(check, subject, "failed", f"{subject}: expected reached to be yes, found no")
    cluster = f"paws360-db: expected row on {FACTS['async']} in time to be yes, found no"
    yield Case("PG-013", "paws360-db", "failed", cluster)
    yield Case("PG-001", "paws360-db", "passed", "")


def test_the_declared_red_set_is_no_problem() -> None:
    """Equal sets with matching reasons compare clean."""
    assert proving.compare(STALLED, FACTS, answers()) == []


@pytest.mark.parametrize(
    ("outcome", "reason", "problem"),
    [
        ("passed", "", "expected failed"),
        ("inconclusive", "could not look", "expected failed"),
        ("error", "the tool broke", "expected failed"),
        ("failed", "paws360-db/db3: something else", "expected /"),
        ("failed", "expected reached to be yes, found no", "does not name it"),
    ],
)
def test_a_case_that_is_not_as_declared(outcome: str, reason: str, problem: str) -> None:
    """Green, unsure, broken, another reason, no subject: each is a problem."""
    first, *rest = answers()
    other = Case(first.check, first.subject, outcome, reason)
    found = proving.compare(STALLED, FACTS, [other, *rest])
    assert len(found) == 1
    assert problem in found[0]


@given(st.sampled_from(["inconclusive", "not-run"]))
def test_what_a_fault_keeps_from_being_answered_is_no_false_alarm(outcome: str) -> None:
    """It blocks a GO, says why, and needs no row; a healthy variant may keep nothing from it."""
    extra = Case("PG-009", "paws360-db", outcome, "paws360-db: no quorum")
    assert proving.compare(STALLED, FACTS, [*answers(), extra]) == []
    unusual = replace(STALLED, reddens={}, tempts=("PG-009",))
    assert proving.compare(unusual, FACTS, [extra]) == [f"not declared: {extra}"]


@given(st.sampled_from(["failed", "error"]))
def test_a_red_case_that_is_not_declared(outcome: str) -> None:
    """Whatever is red and not declared is a problem."""
    extra = Case("PG-009", "paws360-db", outcome, "paws360-db: no quorum")
    found = proving.compare(STALLED, FACTS, [*answers(), extra])
    assert found == [f"not declared: {extra}"]


def test_a_declared_case_that_was_not_looked_at() -> None:
    """A case that is missing is not red."""
    found = proving.compare(STALLED, FACTS, list(answers())[1:])
    assert found == [f"PG-003 paws360-db/{FACTS['async']}: was not looked at"]


def shell(script: str, *words: Path) -> int:
    """Run a script of the scene here instead of in a machine."""
    argv = ["sh", "-c", script, "fault", *map(str, words)]
    return subprocess.run(argv, check=False, capture_output=True).returncode


def test_a_changed_file_comes_back_with_owner_and_mode(tmp_path: Path) -> None:
    """Kept once, put back as often as wanted."""
    file, kept = tmp_path / "etc/x.conf", tmp_path / "kept/etc/x.conf"
    file.parent.mkdir()
    file.write_text("right")
    file.chmod(0o640)
    for text in ("wrong", "worse"):
        assert shell(scene.KEEP, file, kept) == 0
        file.write_text(text)
    for _ in range(2):
        assert shell(scene.PUT_BACK, file, kept) == 0
        assert file.read_text() == "right"
        assert file.stat().st_mode & 0o777 == 0o640


def test_a_file_that_was_never_changed_stays(tmp_path: Path) -> None:
    """An undo after a kill before the change does nothing."""
    file = tmp_path / "x.conf"
    file.write_text("right")
    assert shell(scene.PUT_BACK, file, tmp_path / "kept") == 0
    assert file.read_text() == "right"


def test_a_certificate_has_the_chosen_defect_only() -> None:
    """Names, life and key are as wanted."""
    authority = defects.strange_authority()
    wanted = defects.Wanted("a.lab.test", ("a.lab.test", "198.18.0.1"), defects.WEEK, 1024)
    certificate = x509.load_pem_x509_certificate(defects.issue(authority, wanted).certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert names.get_values_for_type(x509.DNSName) == ["a.lab.test"]
    assert life - defects.WEEK < defects.WEEK / 7
    assert certificate.public_key().key_size == 1024  # type: ignore[union-attr]


def tried(*, problems: tuple[str, ...] = ()) -> Tried:
    """A result of trying the replay that stands still."""
    red = tuple(case for case in answers() if not case.green)
    return Tried(STALLED.name, 7, red, problems, FACTS, "two standbys stream", 8)


def test_only_proven_faults_prove_checks() -> None:
    """A fault that did something else than it declares proves nothing."""
    good = matrix.entry(STALLED, tried())
    bad = matrix.entry(STALLED, tried(problems=("not declared: something",)))
    assert matrix.proven({"good": good, "bad": bad}) == {
        "PG-003": {"on": "real", "faults": ["good"]},
        "PG-007": {"on": "real", "faults": ["good"]},
        "PG-013": {"on": "real", "faults": ["good"]},
    }


def test_a_narrow_try_proves_nothing() -> None:
    """Nobody looked whether anything else went red: it can't count in the matrix."""
    narrow = replace(tried(), narrow=True)
    assert narrow.problems == ()
    assert matrix.proven({STALLED.name: matrix.entry(STALLED, narrow)}) == {}


def test_what_is_looked_at_under_a_fault() -> None:
    """Narrowly what it declares; wholly the observe tier and what it names besides."""
    assert proving.checks_under(STALLED, narrow=True) == ("PG-003", "PG-007", "PG-013")
    whole = proving.checks_under(STALLED, narrow=False)
    assert whole == (*product.observing(), "PG-013")


def test_the_page_shows_runs_and_reasons(tmp_path: Path) -> None:
    """Data and page are written together; the page holds numbers, reasons and what is missing."""
    document = matrix.load(tmp_path / "none.json")
    document["healthy_runs"] = [4, 5, 6]
    document["faults"][STALLED.name] = matrix.entry(STALLED, tried())
    data, page = tmp_path / "matrix.json", tmp_path / "page.md"
    matrix.save(document, data, page)
    text = page.read_text()
    assert "4, 5, 6" in text
    assert "expected reached to be yes, found no" in text
    assert "Faults proven: 1 of 1" in text
    assert json.loads(data.read_text())["proven"]["PG-003"]["faults"] == [STALLED.name]
    assert f"{STALLED.name}: not tried" not in matrix.complete(document)
    assert "automation-paused: not tried" in matrix.complete(document)


def test_a_selection_is_by_name_or_check() -> None:
    """Names and checks add up; what is unknown is refused."""
    chosen = {fault.name for fault in matrix.selected("lab", ["clock-source-lost"], ["PG-009"])}
    assert chosen == {
        "clock-source-lost",
        "etcd-member-cut-off",
        "etcd-member-never-promoted",
        "ipv6-comes-first",
    }
    with pytest.raises(LabError, match="no fault reddens"):
        matrix.selected("lab", [], ["XX-999"])


def test_committed_matrix_is_about_faults_that_exist() -> None:
    """Results of faults that are gone are gone, too."""
    data = REPOSITORY / "src/readiness/data/matrix.json"
    if not data.exists():
        pytest.skip("no matrix has been worked out yet")
    assert set(json.loads(data.read_text())["faults"]) <= set(all_faults())
