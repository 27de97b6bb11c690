"""Tests of faults in force together, offline: who may be, what counts, and who is tried alone."""

import gzip
import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from narrow import Batches

from lab import at_once, batches, matrix, mending, product, proving, recording
from lab.errors import LabError
from lab.faults import Fault, all_faults
from lab.home import Home
from lab.product import Case
from lab.scene import Scene
from lab.site import Site
from lab.variants import all_variants

FACTS = {
    "primary": "db1",
    "sync": "db2",
    "async": "db3",
    "master": "cache1",
    "replica": "cache2",
    "other": "cache3",
}
NO_SITE = Site(Home(Path("/nonexistent/lab")))
NEVER = float("inf")


def fault(name: str, *cases: str, **more: Any) -> Fault:
    """One that reddens these cases, ``CHECK subject``."""
    reddens: dict[str, dict[str, str]] = {}
    for case in cases:
        check, subject = case.split()
        reddens.setdefault(check, {})[subject] = "found"
    return Fault(name, name, "", "hosts", reddens, lambda _: "it shows", **more)


ONE = fault("one", "HOST-001 app1")
TWO = fault("two", "HOST-001 cache2")
CLUSTER = fault("cluster", "PG-006 paws360-db")
MEMBER = fault("member", "PG-010 paws360-db/<sync>")
OTHER = fault("other", "PG-010 paws360-db/<async>")
TOUCHES: dict[str, list[str]] = {
    "one": ["app1"],
    "two": ["cache2"],
    "cluster": ["db1"],
    "member": ["<sync>"],
    "other": ["<async>"],
}


@pytest.mark.parametrize(
    ("subject", "machines"),
    [
        ("app1", {"app1"}),
        ("portal/edge2/v6", {"edge2"}),
        ("paws360-db/db3", {"db3"}),
        ("paws360-db", {"db1", "db2", "db3"}),
        ("sessions", {"cache1", "cache2", "cache3"}),
        ("paws360-backup", {"backup1", "spare"}),
        ("lab", set()),
    ],
)
def test_a_subject_is_about_the_machines_of_what_it_names(subject: str, machines: set[str]) -> None:
    """A member is itself; a cluster is all its members."""
    assert batches.machines_of(subject) == machines


def test_every_word_of_a_shared_address_is_its_listener() -> None:
    """Whoever answers at a shared address may be any of its machines."""
    assert {"edge1", "edge2"} <= batches.machines_of("portal/shared/v4")


@pytest.mark.parametrize(
    ("left", "right", "meet"),
    [
        (ONE, TWO, False),
        (CLUSTER, ONE, False),
        (CLUSTER, MEMBER, True),
        (MEMBER, OTHER, False),
        (fault("one", "HOST-003 app2"), fault("two", "HOST-003 app2"), True),
    ],
)
def test_faults_meet_in_a_machine_or_a_case(left: Fault, right: Fault, *, meet: bool) -> None:
    """What they touched, and what their subjects are about, must have nothing in common."""
    one, two = (batches.reach(each, FACTS, TOUCHES[each.name]) for each in (left, right))
    assert one.meets(two) is meet
    assert two.meets(one) is meet


def test_what_was_touched_counts_whatever_is_declared() -> None:
    """A fault of a cache that was seen to touch an application server meets one of that server."""
    stranger = batches.reach(TWO, FACTS, ["cache2", "app1"])
    assert stranger.meets(batches.reach(ONE, FACTS, TOUCHES["one"]))


def test_touched_machines_are_kept_by_their_parts() -> None:
    """The next time another machine may have that part."""
    assert batches.noted(["db2", "app1", "cache1"], FACTS) == ["<master>", "<sync>", "app1"]


NAMES = sorted(TOUCHES)
KNOWN = {one.name: one for one in (ONE, TWO, CLUSTER, MEMBER, OTHER)}


@given(st.lists(st.sampled_from(NAMES), unique=True), st.sets(st.sampled_from(NAMES)))
def test_batches_hold_everybody_once_and_nobody_meets(names: list[str], measured: set[str]) -> None:
    """Who was never measured is by itself; within a batch there is nothing in common."""
    touches = {name: TOUCHES[name] for name in measured}
    waiting = [KNOWN[name] for name in names]
    found = batches.all_batches(waiting, FACTS, touches)
    assert sorted(one.name for several in found for one in several) == sorted(names)
    for several in found:
        assert len(several) == 1 or {one.name for one in several} <= measured
        reaches = [batches.reach(one, FACTS, TOUCHES[one.name]) for one in several]
        assert not any(left.meets(right) for n, left in enumerate(reaches) for right in reaches[:n])


def test_a_batch_is_not_larger_than_it_pays() -> None:
    """However many there are that do not meet."""
    machines = sorted(batches.NAMES)
    several = [fault(f"at-{name}", f"HOST-001 {name}") for name in machines]
    touches = {f"at-{name}": [name] for name in machines}
    assert len(machines) > batches.MOST
    assert len(batches.next_batch(several, FACTS, touches)) == batches.MOST


@pytest.mark.parametrize(
    "more",
    [
        {"alone": True},
        {"scan": True},
        {"tier": "touch"},
        {"environment": lambda text: text + "\n"},
        {"arrange": lambda _: None},
        {"tempts": ("HOST-001",)},
    ],
)
def test_who_can_not_have_another_beside_it_stands_alone(more: dict[str, Any]) -> None:
    """What it needs would disturb the others, or the others it."""
    several = [replace(ONE, **more), TWO]
    assert batches.next_batch(several, FACTS, TOUCHES) == [TWO]
    assert batches.why_alone(several[0])


def test_who_depends_on_more_than_parts_stands_alone() -> None:
    """Its cases are known only once it was surveyed."""
    several = [ONE, fault("two", "HOST-001 <elsewhere>")]
    assert batches.all_batches(several, FACTS, TOUCHES) == [[several[0]], [several[1]]]


def red(check: str, subject: str, outcome: str = "failed") -> Case:
    """A case as somebody declares it."""
    return Case(check, subject, outcome, f"{subject}: expected nothing, found it")


def test_the_union_of_what_is_declared_is_no_problem() -> None:
    """Each has its own cases, and there are no others."""
    cases = [red("HOST-001", "app1"), red("HOST-001", "cache2"), Case("X", "y", "passed", "")]
    facts = {"one": FACTS, "two": FACTS}
    assert proving.compare_all([ONE, TWO], facts, cases) == {"one": [], "two": []}


def test_a_declared_case_that_is_green_is_that_fault_s_problem_alone() -> None:
    """The other one is as it declares."""
    cases = [Case("HOST-001", "app1", "passed", ""), red("HOST-001", "cache2")]
    found = proving.compare_all([ONE, TWO], {"one": FACTS, "two": FACTS}, cases)
    assert found["two"] == []
    assert "expected failed" in found["one"][0]


def test_what_nobody_declares_is_everybody_s_problem() -> None:
    """Whose it is shows only when each is tried alone."""
    cases = [red("HOST-001", "app1"), red("HOST-001", "cache2"), red("HOST-003", "mon1")]
    found = proving.compare_all([ONE, TWO], {"one": FACTS, "two": FACTS}, cases)
    assert found["one"] == found["two"] == [f"not declared: {cases[2]}"]


def test_a_blind_case_counts_as_declared() -> None:
    """It has to be undecided, and red is another thing."""
    blind = replace(TWO, blinds={"HOST-002": {"cache2": "found"}})
    facts = {"one": FACTS, "two": FACTS}
    cases = [red("HOST-001", "app1"), red("HOST-001", "cache2")]
    unsure = red("HOST-002", "cache2", "inconclusive")
    assert proving.compare_all([ONE, blind], facts, [*cases, unsure])["two"] == []
    assert proving.compare_all([ONE, blind], facts, [*cases, red("HOST-002", "cache2")])["two"]


def test_a_case_that_may_be_red_is_so_for_the_declared_reason_or_green() -> None:
    """Who happens to be asked decides; another reason, or no answer, is a problem."""
    maybe = replace(ONE, may_redden={"WEB-003": {"app1": "found it"}})
    facts = {"one": FACTS}
    mine = red("HOST-001", "app1")
    for good in (red("WEB-003", "app1"), Case("WEB-003", "app1", "passed", "")):
        assert proving.compare_all([maybe], facts, [mine, good]) == {"one": []}
    for bad in (red("WEB-003", "app1", "inconclusive"), Case("WEB-003", "app1", "failed", "app1")):
        assert len(proving.compare_all([maybe], facts, [mine, bad])["one"]) == 1
    assert batches.reach(maybe, FACTS, []).meets(
        batches.reach(fault("other", "WEB-003 app1"), FACTS, [])
    )


class Rehearsed:
    """A lab in which faults are planted, looked at and mended, on paper."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.looks: list[tuple[Case, ...]] = []
        self.touched = {"one": {"app1"}, "two": {"cache2"}}
        self.done: list[str] = []
        self.kept: dict[str, Any] = {}
        self.folder = tmp_path
        for name, double in (
            ("holding", lambda _: nullcontext()),
            ("plant_at_once", self.plant),
            ("mend_at_once", lambda *_: self.done.append("mended")),
            ("mend", lambda *_: self.done.append("mended in order")),
            ("let_settle", lambda _: self.done.append("settled")),
        ):
            monkeypatch.setattr(mending, name, double)
        monkeypatch.setattr(product, "look", self.look)
        monkeypatch.setattr(
            recording,
            "save",
            lambda _, name, *__, cases, site: self.kept.update({name: cases}),
        )

    def plant(self, site: Any, several: list[Fault]) -> dict[str, Scene]:
        """Note it."""
        self.done.append(f"planted {len(several)}")
        return {
            one.name: Scene(site, FACTS, one.name, touched={*self.touched[one.name]})
            for one in several
        }

    def look(self, *_: Any, **__: Any) -> product.Looked:
        """What the product found."""
        self.done.append("looked at")
        return product.Looked(9, "run", self.folder, self.looks.pop(0), 1.0)


RED = (red("HOST-001", "app1"), red("HOST-001", "cache2"))
GREEN = (Case("HOST-001", "app1", "passed", ""),)


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rehearsed:
    """Such a lab."""
    return Rehearsed(monkeypatch, tmp_path)


def test_several_are_proven_by_two_looks(rehearsed: Rehearsed) -> None:
    """One while they are in force and one when they are mended; each keeps its own red cases."""
    rehearsed.looks = [RED, GREEN]
    tried = at_once.faults(NO_SITE, [ONE, TWO])
    assert [one.proven for one in tried] == [True, True]
    order = ["planted 2", "settled", "looked at", "mended", "settled", "looked at"]
    assert rehearsed.done == order
    assert rehearsed.kept == {"one": {RED[0].key}, "two": {RED[1].key}}
    assert [one.red for one in tried] == [(RED[0],), (RED[1],)]
    assert [one.beside for one in tried] == [("two",), ("one",)]
    assert [one.touches for one in tried] == [("app1",), ("cache2",)]


def test_a_narrow_look_is_about_what_they_declare(rehearsed: Rehearsed) -> None:
    """It proves nothing, and nobody looks at the mended lab."""
    rehearsed.looks = [RED]
    tried = at_once.faults(NO_SITE, [ONE, TWO], narrow=True)
    assert [(one.problems, one.proven) for one in tried] == [((), False)] * 2
    assert rehearsed.kept == {}


def test_who_touches_what_another_touches_is_in_doubt(rehearsed: Rehearsed) -> None:
    """What was measured then need not be true now."""
    rehearsed.looks = [RED, GREEN]
    rehearsed.touched["two"] |= {"app1"}
    tried = at_once.faults(NO_SITE, [ONE, TWO])
    assert [one.problems for one in tried] == [
        ("it touches app1, as two does",),
        ("it touches app1, as one does",),
    ]


def test_who_was_planted_by_facts_that_changed_is_in_doubt(rehearsed: Rehearsed) -> None:
    """Another machine has the part now."""
    rehearsed.looks = [RED, GREEN]
    moved = replace(TWO, survey=lambda _: {**FACTS, "master": "cache3"})
    tried = at_once.faults(NO_SITE, [ONE, moved])
    assert [one.problems for one in tried] == [(), ("master is cache3, and was cache1",)]


def test_who_can_not_be_surveyed_again_is_in_no_doubt(rehearsed: Rehearsed) -> None:
    """A fault may well keep from telling who has which part."""

    def silent(_: Scene) -> dict[str, str]:
        raise LabError("nobody says")

    rehearsed.looks = [RED, GREEN]
    tried = at_once.faults(NO_SITE, [replace(ONE, survey=silent), TWO])
    assert [one.proven for one in tried] == [True, True]


def test_a_mended_lab_that_is_not_green_is_everybody_s(rehearsed: Rehearsed) -> None:
    """Nobody is proven, and nothing is recorded."""
    rehearsed.looks = [RED, RED[:1]]
    tried = at_once.faults(NO_SITE, [ONE, TWO])
    assert all(matrix.mended_badly(one) for one in tried)
    assert rehearsed.kept == {}


def test_what_can_not_be_planted_is_taken_back_in_order(
    rehearsed: Rehearsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever of it is there; and the error is told."""

    def fails(*_: Any) -> Any:
        raise LabError("one did not take effect")

    monkeypatch.setattr(mending, "plant_at_once", fails)
    with pytest.raises(LabError, match="did not take effect"):
        at_once.faults(NO_SITE, [ONE, TWO])
    assert rehearsed.done == ["mended in order"]


@pytest.fixture
def real(rehearsed: Rehearsed, monkeypatch: pytest.MonkeyPatch) -> Rehearsed:
    """The same for faults of the matrix, of which each alone would be proven."""
    monkeypatch.setattr(matrix, "parts", lambda _: FACTS)
    monkeypatch.setattr(
        proving,
        "attempt",
        lambda _, one: proving.Tried(one.name, 11, (), (), FACTS, mended_number=12),
    )
    monkeypatch.setattr(mending, "in_force", lambda _: [])
    monkeypatch.setattr(mending, "start_anew", lambda _: rehearsed.done.append("anew"))
    return rehearsed


def test_who_is_not_as_declared_is_tried_alone_and_told_so(
    real: Rehearsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other is proven beside it; its entry says why it was tried twice."""
    names = ["automation-paused", "debug-server-listens"]
    several = [all_faults()[name] for name in names]

    def tried(*_: Any) -> list[proving.Tried]:
        good = proving.Tried(names[0], 7, (), (), FACTS, beside=(names[1],), touches=("db1",))
        return [good, proving.Tried(names[1], 7, (), ("not red",), FACTS, beside=(names[0],))]

    monkeypatch.setattr(at_once, "faults", tried)
    found = {one.name: entry for one, entry in matrix._tried(NO_SITE, several)}
    first, second = (found[name] for name in names)
    assert (first["run"], first["beside"], first["at_once"]) == (7, [names[1]], [])
    assert first["touches"] == ["<primary>"]
    assert (second["run"], second["beside"], second["at_once"]) == (11, [], ["not red"])
    assert real.done == []


@pytest.mark.parametrize("broken", [True, False])
def test_a_lab_in_doubt_starts_anew_before_each_is_tried_alone(
    real: Rehearsed, monkeypatch: pytest.MonkeyPatch, *, broken: bool
) -> None:
    """After an error that left something in force, and after a mended lab that was not green."""
    several = [all_faults()[name] for name in ("automation-paused", "debug-server-listens")]

    def tried(*_: Any) -> list[proving.Tried]:
        if broken:
            raise LabError("it did not take effect")
        problem = f"{proving.NOT_GREEN}: X"
        return [proving.Tried(one.name, 7, (), (problem,)) for one in several]

    monkeypatch.setattr(at_once, "faults", tried)
    monkeypatch.setattr(mending, "in_force", lambda _: ["something"])
    found = [entry for _, entry in matrix._tried(NO_SITE, several)]
    assert [one["run"] for one in found] == [11, 11]
    assert all(one["at_once"] for one in found)
    assert real.done == ["anew"]


def test_a_recording_holds_the_red_cases_of_its_own_fault(tmp_path: Path) -> None:
    """What the other's cases rest on is kept only where its own rest on that source, too."""
    seen = [
        {"n": 1, "kind": "observation", "subject": "a", "source": "http", "reading": 1},
        {"n": 2, "kind": "observation", "subject": "b", "source": "tls", "reading": 2},
        {"n": 3, "kind": "observation", "subject": "b", "source": "http", "reading": 3},
        {"n": 4, "kind": "claim", "case": "WEB-001|a", "rests_on": [1]},
        {"n": 5, "kind": "claim", "case": "TLS-001|b", "rests_on": [2]},
    ]
    events = [{"n": 0, "kind": "opened", "environment": {}}, *seen]
    (tmp_path / "record.jsonl").write_text("\n".join(map(json.dumps, events)))
    mine, other = red("WEB-001", "a"), red("TLS-001", "b")
    looked: Any = SimpleNamespace(folder=tmp_path, red=(mine, other))
    path = recording.save(looked, "one", {}, tmp_path, cases={mine.key})
    kept = json.loads(gzip.decompress(path.read_bytes()))
    assert kept["red"] == {"WEB-001|a": mine.reason}
    assert [(one["subject"], one["source"]) for one in kept["observations"]] == [
        ("a", "http"),
        ("b", "http"),
    ]


def test_nobody_of_the_variants_is_in_a_batch_of_faults() -> None:
    """They have a way of their own to be tried at once."""
    assert all(batches.why_alone(one) for one in all_variants().values())


class Counted:
    """Batches of a lab on paper: what was tried, and what each was found to do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, error: str = "") -> None:
        self.tried: list[list[str]] = []
        self.wrong: dict[str, tuple[str, ...]] = {}
        self.anew = 0
        self.error = error
        monkeypatch.setattr(at_once, "faults", self.faults)
        monkeypatch.setattr(matrix, "parts", lambda _: FACTS)
        monkeypatch.setattr(mending, "in_force", lambda _: [error] if error else [])
        monkeypatch.setattr(mending, "start_anew", self.start_anew)

    def faults(self, _: Any, several: list[Fault], *, narrow: bool) -> list[proving.Tried]:
        """Note it."""
        assert narrow
        self.tried.append([one.name for one in several])
        if self.error:
            raise LabError(self.error)
        return [proving.Tried(one.name, 7, (), self.wrong.get(one.name, ())) for one in several]

    def start_anew(self, _: Any) -> None:
        """Note it."""
        self.anew += 1


def test_ci_tries_a_batch_when_its_first_fault_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others of it are known then; each tells its own problems."""
    lab = Counted(monkeypatch)
    lab.wrong = {"two": ("not red",)}
    tried = Batches([[ONE, TWO, CLUSTER, MEMBER]], TOUCHES)
    found = {name: tried.problems(NO_SITE, name, NEVER) for name in ("one", "two")}
    assert found == {"one": (), "two": ("not red",)}
    assert len(lab.tried) == 1
    assert set(lab.tried[0]) >= {"one", "two"}


def test_ci_tries_who_has_nobody_beside_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it was never measured, can't have anybody, or the others are done."""
    lab = Counted(monkeypatch)
    several = [ONE, TWO, replace(CLUSTER, scan=True), MEMBER]
    measured = {name: TOUCHES[name] for name in ("one", "cluster", "member")}
    tried = Batches([several], measured)
    assert tried.problems(NO_SITE, "two", NEVER)
    assert tried.problems(NO_SITE, "cluster", NEVER)
    assert lab.tried == []
    tried = Batches([[CLUSTER, MEMBER]], TOUCHES)
    assert tried.problems(NO_SITE, "member", NEVER)
    assert lab.tried == []


def test_ci_tries_each_alone_where_a_batch_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a lab that starts anew where something was left in force."""
    lab = Counted(monkeypatch, error="it did not take effect")
    tried = Batches([[ONE, TWO]], TOUCHES)
    for name in ("two", "one"):
        assert tried.problems(NO_SITE, name, NEVER) == (lab.error,)
    assert len(lab.tried) == lab.anew == 1


def test_ci_begins_no_batch_of_a_later_group_and_none_when_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sample does not wait for whom the matrix has to renew, and neither waits for ever."""
    lab = Counted(monkeypatch)
    tried = Batches([[ONE, TWO], [CLUSTER, MEMBER]], TOUCHES)
    assert tried.problems(NO_SITE, "one", 0.0)
    assert lab.tried == []
    assert tried.problems(NO_SITE, "one", NEVER) == ()
    assert lab.tried == [["one", "two"]]


def test_a_lab_of_older_roles_proves_nothing_of_today() -> None:
    """A result is kept with the roles as they are in the checkout."""
    old: Any = SimpleNamespace(is_of_today=lambda: False, lab=NO_SITE.lab)
    with pytest.raises(LabError, match="older roles"):
        matrix.work_out(old, [all_faults()["automation-paused"]], whole=False)


def test_what_was_touched_counts_while_the_fault_itself_is_the_same() -> None:
    """A change of helpers or declaration leaves it: nothing rests on it, it is compared again."""
    one = all_faults()["automation-paused"]
    kept = matrix.entry(one, proving.Tried(one.name, 7, (), (), touches=("db1",)), FACTS)
    assert matrix.touched({"faults": {one.name: kept}}) == {one.name: ["<primary>"]}
    assert matrix.touched({"faults": {one.name: {**kept, "digest": "other"}}})
    assert matrix.touched({"faults": {one.name: {**kept, "touched_by": "other"}}}) == {}
    assert matrix.touched({"faults": {one.name: {**kept, "touches": []}}}) == {}
    assert matrix.touched({"faults": {one.name: {}}}) == {}
