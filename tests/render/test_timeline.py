"""The drawing of a drill keeps to its frame, and its brackets stand where the outage was."""

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from readiness.render import timeline
from readiness.render.page import due
from readiness.render.timeline import Drill, draw, read_drill
from readiness.site.documents import load_environment

EVENT = {
    "kind": "drill",
    "case": "PG-020|db",
    "trial": "1",
    "fault": "partition",
    "marks": [{"t": 10.0, "label": "cut"}, {"t": 36.0, "label": "promoted"}],
    "outages": [{"client": "pooled", "lower": 28.9, "upper": 29.3, "start": 10.1, "end": 39.4}],
    "samples": [[t / 2, "pooled", "fail" if 20 < t < 78 else "ok"] for t in range(200)],
}


def test_bracket_stands_where_the_outage_was() -> None:
    """Its ends are those of the outage on the axis that the ticks show."""
    drawing = draw(read_drill(EVENT), limit=60.0)
    ticks = {tick.label: tick.x for tick in drawing.ticks}
    scale = (ticks["100"] - ticks["0"]) / 100
    bracket = drawing.rows[0].brackets[0]
    assert abs(bracket.x - (ticks["0"] + 10.1 * scale)) < 0.2
    assert abs(bracket.width - 29.3 * scale) < 0.3
    assert bracket.label == "out 28.90 to 29.30 s"


def test_objective_counts_from_the_cut() -> None:
    """The objective's line stands that long after the cut; a control trial has none."""
    drawing = draw(read_drill(EVENT), limit=60.0)
    ticks = {tick.label: tick.x for tick in drawing.ticks}
    due = next(mark for mark in drawing.marks if mark.objective)
    scale = (ticks["100"] - ticks["0"]) / 100
    assert abs(due.x - (ticks["0"] + 70 * scale)) < 0.2
    control = draw(read_drill(EVENT | {"fault": "none", "marks": []}), limit=60.0)
    assert not [mark for mark in control.marks if mark.objective]


def test_open_outage_says_so() -> None:
    """An outage whose end was not seen is drawn to the edge and claims no upper bound."""
    outage = {"client": "pooled", "lower": 20.0, "upper": None, "start": 10.0, "end": None}
    drawing = draw(read_drill(EVENT | {"outages": [outage]}), limit=60.0)
    assert drawing.rows[0].brackets[0].open
    assert "its end was not seen" in drawing.summary


def test_c7_a_mark_is_drawn_as_wide_as_it_is_known() -> None:
    """What a poll noticed at 36 s, and may have been since 28 s, is a band and says so."""
    marks = [{"since": 10.0, "t": 10.04, "label": "cut"}]
    marks += [{"since": 28.0, "t": 36.0, "label": "promoted"}]
    drawing = draw(read_drill(EVENT | {"marks": marks}), limit=60.0)
    ticks = {tick.label: tick.x for tick in drawing.ticks}
    scale = (ticks["100"] - ticks["0"]) / 100
    cut, promoted, _ = drawing.marks
    assert cut.label == "cut 10.0 s"
    assert promoted.label == "promoted 28.0 to 36.0 s"
    assert abs(promoted.x - (ticks["0"] + 28 * scale)) < 0.2
    assert abs(promoted.width - 8 * scale) < 0.3


def test_c7_a_record_of_before_has_moments() -> None:
    """Its marks say only when they were noticed, and are drawn as lines."""
    first, *_ = draw(read_drill(EVENT), limit=60.0).marks
    assert (first.label, first.width) == ("cut 10.0 s", 0)


times = st.floats(0, 2000, allow_nan=False)
marks = st.lists(st.tuples(times, st.sampled_from(["cut", "promoted", "rejoined"])), max_size=6)


@given(marks=marks, samples=st.lists(st.tuples(times, st.just("a"), st.just("ok")), max_size=30))
def test_everything_stays_in_the_frame(
    marks: list[tuple[float, str]], samples: list[tuple[float, str, str]]
) -> None:
    """Whatever the times, nothing is drawn outside, and labels of one level don't touch."""
    drill = Drill.model_validate({
        "case": "c", "trial": "1", "fault": "partition", "outages": (), "samples": samples,
        "marks": [{"since": t / 2, "t": t, "label": label} for t, label in marks],
    })  # fmt: skip
    drawing = draw(drill, limit=60.0)
    for tick in (*drawing.ticks, *drawing.marks):
        assert (
            timeline.LEFT <= tick.x <= tick.x + tick.width <= timeline.WIDTH - timeline.RIGHT + 0.1
        )
    for level in {mark.level for mark in drawing.marks}:
        spans = sorted(mark.span for mark in drawing.marks if mark.level == level)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert len(drawing.ticks) <= 2 * timeline.TICKS


def test_a_label_that_stands_before_its_mark_has_room_there() -> None:
    """The objective, near the right end, is not written over what happened shortly before."""
    drill = Drill.model_validate({
        "case": "c", "trial": "1", "fault": "partition", "outages": (), "samples": [],
        "marks": [
            {"since": 6.0, "t": 6.0, "label": "cut"},
            {"since": 49.0, "t": 49.0, "label": "reconnected"},
        ],
    })  # fmt: skip
    marks = {mark.label.split()[0]: mark for mark in draw(drill, limit=60.0).marks}
    objective, before = marks["objective"], marks["reconnected"]
    assert objective.leftwards
    assert objective.level != before.level or before.span[1] <= objective.span[0]


def test_a_cache_has_an_objective_of_its_own() -> None:
    """Its drill is drawn with what is declared for it, and a database of its name with its own."""
    site = load_environment(Path(__file__).parents[2] / "environments/lab.yaml")
    (cache,) = site.caches
    ours = due(read_drill(EVENT | {"case": f"CACHE-013|{cache.name}"}), site)
    assert [one.label for one in draw(ours, limit=60.0).marks if one.objective] == [
        "objective 20 s"
    ]
    other = due(read_drill(EVENT | {"case": f"PG-020|{cache.name}"}), site)
    assert other.objective is None
