"""Tests of the healthy variants, offline: what a row says can be held against the product."""

import gzip
import json
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import at_once, digests, examined, matrix, mending, product, proving, recording, steps
from lab.errors import LabError
from lab.faults import Fault, all_faults
from lab.home import Home
from lab.product import Case
from lab.proving import Tried
from lab.site import Site
from lab.variants import all_variants, called
from readiness.catalogue.checks import expected_cases, load_catalogue
from readiness.site.documents import load_environment

TIERS = ("observe", "touch", "load", "disrupt")
EVERY = pytest.mark.parametrize("variant", all_variants().values(), ids=list(all_variants()))
ONE = all_variants()["redirects-with-308"]
LEAST = 12


@cache
def checks(site: str) -> set[str]:
    """The checks that have cases at a site of the lab."""
    environment = load_environment(product.committed(site))
    return {case.check for case in expected_cases(load_catalogue(), environment)}


def test_there_are_enough() -> None:
    """False alarms are tried as often as the issue asks for, in more than one area."""
    assert len(all_variants()) >= LEAST
    assert len({one.kind for one in all_variants().values()}) >= LEAST // 2


@EVERY
def test_a_variant_is_healthy_and_tempts(variant: Fault) -> None:
    """Nothing is red under it by declaration, and what it tempts is asked in the lab."""
    assert not variant.reddens
    assert not variant.blinds
    assert variant.tempts
    assert set(variant.tempts) <= checks(variant.site)
    tiers = product.catalogue()
    asked = {*product.observing(scan=variant.scan, site=variant.site), *variant.only}
    assert set(variant.tempts) <= asked
    assert all(TIERS.index(tiers[check]) <= TIERS.index(variant.tier) for check in variant.only)


@EVERY
def test_its_environment_file_is_still_one(variant: Fault, tmp_path: Path) -> None:
    """What it makes of the environment file loads, and differs."""
    if variant.environment is None:
        return
    text = product.committed(variant.site).read_text()
    path = tmp_path / "altered.yaml"
    path.write_text(variant.environment(text))
    assert path.read_text() != text
    assert load_environment(path).name == variant.site


@EVERY
def test_it_is_found_by_name(variant: Fault) -> None:
    """An undo that is played by another process finds it; no fault has its name."""
    assert called(variant.name) is variant
    assert variant.name not in all_faults()


def test_no_such_variant() -> None:
    """The error names what there is, faults and variants."""
    with pytest.raises(LabError, match=r"automation-paused.*redirects-with-308"):
        called("redirects-with-309")


def tried(*cases: Case) -> Tried:
    """A result of trying a variant."""
    problems = tuple(proving.compare(ONE, {}, cases))
    return Tried(ONE.name, 7, tuple(case for case in cases if not case.green), problems, {}, "", 8)


@pytest.mark.parametrize("outcome", ["failed", "inconclusive", "error", "not-run"])
def test_whatever_is_not_green_is_a_problem(outcome: str) -> None:
    """A false alarm, and a check that can't tell, are both no proof of health."""
    green = Case("WEB-002", "portal/edge1/v4", "passed", "")
    assert tried(green).proven
    assert not tried(green, Case("WEB-001", "portal/edge1/v4", outcome, "status 308")).proven


def test_a_variant_proves_no_check() -> None:
    """It has a place of its own in the matrix, and no check counts as seen red by it."""
    document = matrix.load(Path("none.json"))
    document["variants"][ONE.name] = matrix.entry(ONE, tried())
    assert matrix.proven(document["faults"]) == {}
    page = matrix.render(document)
    assert "Healthy variants green: 1 of 1" in page
    assert f"**{ONE.name}**" in page
    assert f"{ONE.name}: not tried" not in matrix.complete(document)
    assert "ssh-started-by-its-socket: not tried" in matrix.complete(document)


def test_a_variant_that_was_called_sick_is_missing() -> None:
    """100 % needs every variant green."""
    document = matrix.load(Path("none.json"))
    sick = tried(Case("WEB-001", "portal/edge1/v4", "failed", "status 308"))
    document["variants"][ONE.name] = matrix.entry(ONE, sick)
    assert any(
        line.startswith(f"{ONE.name}: not declared: WEB-001") for line in matrix.complete(document)
    )
    assert "NOT PROVEN" in matrix.render(document)


def test_a_result_is_outdated_when_its_row_or_its_checks_change() -> None:
    """Each part of what a result is about shows, for faults and variants alike."""
    for one in (ONE, all_faults()["automation-paused"]):
        kept = matrix.entry(one, tried())
        assert matrix.state(one, kept) == matrix.PROVEN
        assert matrix.state(one, None) == "not tried"
        assert matrix.state(one, {**kept, "digest": "other"}) == "changed since it was proven"
        other = {**kept, "checks": {**kept["checks"], one.about[0]: "other"}}
        assert matrix.state(one, other) == f"{one.about[0]} changed since it was proven"
        assert matrix.state(one, {**kept, "proven": False}) == "not proven"


def test_a_result_from_before_parts_were_kept_is_outdated() -> None:
    """What isn't known to be unchanged is tried again."""
    kept = matrix.entry(ONE, tried())
    for part, said in (
        ("checks", "WEB-001 changed since it was proven"),
        ("readings", "proven before readings and roles were kept"),
        ("roles", "proven before readings and roles were kept"),
    ):
        old = {key: value for key, value in kept.items() if key != part}
        assert matrix.state(ONE, old) == said


def test_a_result_is_outdated_when_what_it_rests_on_changes() -> None:
    """The modules that read what its checks judge, and the roles of the machines it touched."""
    result = replace(tried(), touches=("edge2", "db1"))
    kept = matrix.entry(ONE, result, {"primary": "db1"})
    assert kept["touches"] == ["<primary>", "edge2"]
    assert list(kept["roles"]) == ["base", "db", "drilled", "edge"]
    assert matrix.state(ONE, kept) == matrix.PROVEN
    read = {**kept, "readings": {**kept["readings"], "WEB-001": "other"}}
    assert matrix.state(ONE, read) == "what WEB-001 reads changed since it was proven"
    laid = {**kept, "roles": {**kept["roles"], "db": "other"}}
    assert matrix.state(ONE, laid) == "role db changed since it was proven"


SUITE = '''"""A suite."""
LIMIT = 3
OTHER = 4
def used(value: int) -> bool:
    """Compare."""
    return value < LIMIT
@check("X-001", "a title", remedy="do this")
def test_x(value: int) -> None:
    """What it is for."""
    assert used(value)
'''


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("a title", "another title", ""),
        ("do this", "do that", ""),
        ("What it is for.", "What else it is for.", ""),
        ("Compare.", "Compare two.", ""),
        ("    assert used", "    # Why.\n    assert used", ""),
        ("OTHER = 4", "OTHER = 5", ""),
        ("LIMIT = 3", "LIMIT = 5", "the digest"),
        ("value < LIMIT", "value <= LIMIT", "the digest"),
        ("assert used(value)", "assert not used(value)", "the digest"),
    ],
)
def test_a_check_changes_by_what_decides(
    old: str, new: str, changes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its function and what that uses of its file; not what people are told about it."""

    def digest(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(examined, "source_of", lambda _: f"{name}::test_x")
        return examined.check(name)

    monkeypatch.setattr(examined, "REPOSITORY", tmp_path)
    assert old in SUITE
    # What was digested once is remembered by its name.
    before = digest(f"{tmp_path.name}-before.py", SUITE)
    after = digest(f"{tmp_path.name}-after.py", SUITE.replace(old, new))
    assert (before != after) is bool(changes)


TABLE = '''"""A table."""
WORD = "right"
VARIANTS = (variant("odd", "A title", "Why.", kind="web", steps=(said(WORD),), alone=False),)
'''


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("A title", "Another title", ""),
        ("Why.", "Because.", ""),
        ("alone=False", "alone=True", ""),
        ('"right"', '"left"', "the digest"),
        ("said(WORD)", "sung(WORD)", "the digest"),
        ('kind="web"', 'kind="tls"', "the digest"),
    ],
)
def test_a_row_changes_by_what_it_does(
    old: str, new: str, changes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its steps and what they use of the table; not what people are told about it."""
    monkeypatch.setattr(examined, "REPOSITORY", tmp_path)
    assert old in TABLE
    digests = []
    for name, text in (("before", TABLE), ("after", TABLE.replace(old, new))):
        table = f"{tmp_path.name}-{name}.py"
        (tmp_path / table).write_text(text)
        digests.append(examined.row(table, "odd"))
    assert (digests[0] != digests[1]) is bool(changes)


def test_every_check_and_row_has_a_digest() -> None:
    """Nothing in catalogue or tables is where it can't be found, and no two are the same."""
    checks = {examined.check(name) for name in product.catalogue()}
    rows = {digests.digest(one) for one in all_variants().values()}
    assert len(checks) == len(product.catalogue())
    assert len(rows) == len(all_variants())


class Recorded:
    """A scene that notes what it is asked to do."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.facts = {"master": "cache2", "next": "abc"}
        self.said: list[tuple[Any, ...]] = []

    def run(self, *words: str, **_: Any) -> str:
        """Note it."""
        self.said.append(words)
        return ""


def test_steps_are_taken_back_in_reverse_with_the_facts() -> None:
    """What came last goes first, and names stand for what was surveyed."""
    rows = (
        steps.shell(["<master>"], "one", "not one"),
        steps.told(["cache1"], ("ACL", "SETUSER", "portal", "><next>"), ("PING",)),
    )
    scene: Any = Recorded()
    steps.applied(rows)(scene)
    assert [words[0] for words in scene.said] == ["cache2", "cache1"]
    assert scene.said[1][-1] == ">abc"
    scene.said.clear()
    steps.taken_back(rows)(scene)
    assert [words[0] for words in scene.said] == ["cache1", "cache2"]
    assert scene.said[1][-1] == "set -e; not one"


def test_a_recording_keeps_what_tempted_checks_asked(tmp_path: Path) -> None:
    """A green run has no red case: the sources of the named checks are kept, and no others."""
    seen = [
        {"n": 1, "kind": "observation", "subject": "a", "source": "http", "reading": 1},
        {"n": 2, "kind": "observation", "subject": "a", "source": "tls", "reading": 2},
        {"n": 3, "kind": "claim", "case": "WEB-001|a", "rests_on": [1]},
        {"n": 4, "kind": "claim", "case": "TLS-001|a", "rests_on": [2]},
    ]
    events = [{"n": 0, "kind": "opened", "environment": {}}, *seen]
    (tmp_path / "record.jsonl").write_text("\n".join(map(json.dumps, events)))
    looked: Any = SimpleNamespace(folder=tmp_path, red=())
    path = recording.save(looked, "odd", {}, tmp_path, green=("WEB-001",))
    kept = json.loads(gzip.decompress(path.read_bytes()))
    assert [one["source"] for one in kept["observations"]] == ["http"]


def test_a_narrow_try_of_a_variant_proves_nothing() -> None:
    """As with faults: nobody looked at the rest."""
    assert proving.checks_under(ONE, narrow=True) == ONE.tempts
    assert not replace(tried(), narrow=True).proven


def test_committed_matrix_is_about_variants_that_exist() -> None:
    """Results of variants that are gone are gone, too."""
    assert set(matrix.load()["variants"]) <= set(all_variants())


class Rehearsed:
    """A lab in which variants are planted, looked at and taken back, on paper."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Everything is green, and stays in force."""
        self.red: tuple[Case, ...] = ()
        self.gone: set[str] = set()
        self.done: list[str] = []
        self.kept: list[str] = []
        self.folder = tmp_path
        for name, double in (
            ("holding", lambda _: nullcontext()),
            ("plant", self.plant),
            ("mend", lambda *_, **__: self.done.append("taken back")),
            ("let_settle", lambda _: None),
        ):
            monkeypatch.setattr(mending, name, double)
        monkeypatch.setattr(product, "look", self.look)
        monkeypatch.setattr(product, "environment_file", lambda *_: tmp_path / "lab.yaml")
        monkeypatch.setattr(recording, "save", lambda _, name, *__, **___: self.kept.append(name))

    def plant(self, _: Any, one: Fault, beside: tuple[str, ...] = ()) -> Any:
        """Note it; what waits on it finds what it shows."""
        self.done.append(f"{one.name} beside {len(beside)}")

        def wait(what: str, *_: Any) -> str:
            if one.name in self.gone:
                raise LabError(f"{one.name}: not within 60 s: {what}")
            return "in force"

        scene = SimpleNamespace(facts={}, wait=wait, touched=set())
        scene.looking = lambda: scene
        return scene

    def look(self, *_: Any, **__: Any) -> product.Looked:
        """What the product found."""
        self.done.append("looked at")
        cases = self.red or (Case("WEB-002", "portal/edge1/v4", "passed", ""),)
        return product.Looked(9, "run", self.folder, cases, 1.0)


TWO = [all_variants()[name] for name in ("redirects-with-308", "hsts-written-otherwise")]


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rehearsed:
    """Such a lab."""
    return Rehearsed(monkeypatch, tmp_path)


def test_variants_at_once_are_all_proven_by_one_look(rehearsed: Rehearsed) -> None:
    """Planted one beside the other, looked at, taken back and looked at again; each is recorded."""
    site = Site(Home(Path("/nonexistent/lab")))
    tried = at_once.variants(site, TWO)
    assert [one.proven for one in tried] == [True, True]
    first, second = (one.name for one in TWO)
    planted = [f"{first} beside 0", f"{second} beside 1"]
    assert rehearsed.done == [*planted, "looked at", "taken back", "looked at"]
    assert rehearsed.kept == [first, second]


def test_a_problem_at_once_is_everybodys(rehearsed: Rehearsed) -> None:
    """Whose it is shows when each is tried alone: nobody is proven, nothing is recorded."""
    rehearsed.red = (Case("HOST-001", "app1", "failed", "sick"),)
    site = Site(Home(Path("/nonexistent/lab")))
    assert [one.proven for one in at_once.variants(site, TWO)] == [False, False]
    assert matrix._variants_at_once(site, TWO) == {}
    assert rehearsed.kept == []


def test_who_is_taken_back_by_another_is_not_looked_at(rehearsed: Rehearsed) -> None:
    """A variant that is no longer in force proves nothing; whatever was planted is taken back."""
    rehearsed.gone = {TWO[0].name}
    site = Site(Home(Path("/nonexistent/lab")))
    with pytest.raises(LabError, match="in force beside the others"):
        at_once.variants(site, TWO)
    assert rehearsed.done[-1] == "taken back"
    assert "looked at" not in rehearsed.done


def test_the_page_tells_what_changed_since() -> None:
    """Whoever reads a result sees that it is about an older check, of faults and variants."""
    fault = all_faults()["automation-paused"]
    document = matrix.load(Path("none.json"))
    for part, one in (("variants", ONE), ("faults", fault)):
        old = dict.fromkeys(one.about[:1], "older")
        document[part][one.name] = {**matrix.entry(one, tried()), "checks": old}
    document["variants"][TWO[1].name] = matrix.entry(TWO[1], tried())
    page = matrix.render(document)
    assert "(**WEB-001 changed since**)" in page
    assert f"(**{', '.join(fault.about)} changed since**)" in page
    assert page.count("changed since**") == len(document["variants"]) + len(document["faults"]) - 1
    assert "they or their checks changed since: 2." in page


HELPER = '''"""What faults share."""
LEAST = 3
def planted(scene):
    """Plant it."""
    return scene > LEAST
def other(scene):
    """Is not used."""
'''
FAULTY = '''"""A fault."""
from lab.cluster import planted
from lab import cluster
FAULT = Fault(name="odd", title="A title", why="Why.", apply=planted, undo=cluster.planted)
'''


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("A title", "Another title", ""),
        ("Why.", "Because.", ""),
        ("Plant it.", "Plant it again.", ""),
        ("Is not used.", "Is never used.", ""),
        ("What faults share.", "What all faults share.", ""),
        ("other(scene)", "another(scene, two)", ""),
        ("LEAST = 3", "LEAST = 4", "the digest"),
        ("scene > LEAST", "scene >= LEAST", "the digest"),
        ("undo=cluster.planted", "undo=planted", "the digest"),
        ('"odd"', '"even"', "the digest"),
    ],
)
def test_a_fault_changes_by_what_it_does(
    old: str, new: str, changes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its definition and what that uses of its file and of the helpers, however imported."""
    assert old in HELPER + FAULTY
    digests = []
    for name, change in (("before", ("", "")), ("after", (old, new))):
        root = tmp_path / name
        (root / "lab").mkdir(parents=True)
        (root / "lab/cluster.py").write_text(HELPER.replace(*change))
        (root / "lab/odd.py").write_text(FAULTY.replace(*change))
        monkeypatch.setattr(examined, "REPOSITORY", root)
        for remembered in (examined._parsed, examined._definitions, examined._imports):
            remembered.cache_clear()
        digests.append(examined.fault.__wrapped__("lab/odd.py"))
    monkeypatch.undo()
    for remembered in (examined._parsed, examined._definitions, examined._imports):
        remembered.cache_clear()
    assert (digests[0] != digests[1]) is bool(changes)


def test_a_role_changes_by_what_it_lays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that are comments count for nothing; a file, its mode and its place do."""
    folder = tmp_path / "rootfs/etc"
    folder.mkdir(parents=True)
    file = folder / "a.conf"
    monkeypatch.setattr(examined, "REPOSITORY", tmp_path)
    monkeypatch.setattr(examined, "load", lambda _: SimpleNamespace(folder=tmp_path, trees={}))

    def digest(text: str, mode: int = 0o644) -> str:
        file.write_text(text)
        file.chmod(mode)
        return examined.role.__wrapped__("any")

    first = digest("a = 1\n")
    assert digest("# why\n\na = 1\n") == first
    assert digest("a = 2\n") != first
    assert digest("a = 1\n", 0o755) != first


def test_what_the_site_has_for_a_role_changes_it_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packages, passwords, machines and flows lay nothing; whose a file is does."""
    monkeypatch.setattr(examined, "REPOSITORY", tmp_path)
    monkeypatch.setattr(examined, "load", lambda _: SimpleNamespace(folder=tmp_path, trees={}))

    def digest(text: str) -> str:
        (tmp_path / "role.toml").write_text(text)
        return examined.role.__wrapped__("any")

    laid = 'enable = ["a.service"]\n[files]\n"/etc/a" = "a:a 0600"\n'
    first = digest(laid)
    assert digest(f'{laid}\n[site]\npackages = ["a"]\n[[site.flows]]\nfrom = "*"\n') == first
    assert digest(f"{laid}[site.machines]\na1 = {{ number = 2 }}\n[trees]\n") != first
    assert digest(laid.replace("0600", "0644")) != first


def test_every_check_that_reads_tells_what_it_reads() -> None:
    """One that asks machines depends on a module that reads their answers."""
    nothing = {name for name in product.catalogue() if not examined.readers(name)}
    # One compares what was promised, the other knows by the declaration that nobody can tell.
    assert nothing == {"OBJ-001", "BKP-017"}
