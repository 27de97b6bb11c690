"""The timeline of a drill: where on the page each attempt, each mark and each outage stands.

A drill event of the record gives times in seconds since its trial began; here they become places
in a drawing. An outage is drawn as a bracket: the truth lies between its two lengths. So is a mark:
what happened was noticed at its end, and had not happened yet at its beginning.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from readiness.model.words import Json
from readiness.render.part import Part

WIDTH: Final = 1000.0
LEFT: Final = 120.0
RIGHT: Final = 24.0
ROW: Final = 54.0
LEVEL: Final = 15.0
AXIS: Final = 34.0
LABEL_ROOM: Final = 164.0
NARROW: Final = 0.1
"""Seconds below which a bracket is told as one moment, as labels have tenths."""
TICKS: Final = 10
STEPS: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
MOST_SAMPLES: Final = 5000
STROKES: Final = {"ok": (19.0, 9.0), "info": (14.0, 14.0), "fail": (10.0, 18.0)}


class Moment(Part):
    """Something that happened in the trial: not after `t`, and not before `since` where known."""

    t: float
    label: str
    since: float | None = None

    @property
    def begins(self) -> float:
        """The earliest moment at which it may have happened."""
        return self.t if self.since is None else min(self.since, self.t)

    @property
    def told(self) -> str:
        """What and when, in words."""
        if self.t - self.begins < NARROW:
            return f"{self.label} {self.t:.1f} s"
        return f"{self.label} {self.begins:.1f} to {self.t:.1f} s"


class SeenOutage(Part):
    """An outage that one kind of client saw; all in seconds, `None` where it is not known."""

    client: str
    lower: float | None
    upper: float | None
    start: float | None
    end: float | None


class Drill(Part):
    """One trial of a drill; `fault` is `none` for a control trial."""

    case: str
    trial: str
    fault: str
    marks: tuple[Moment, ...]
    outages: tuple[SeenOutage, ...]
    samples: tuple[tuple[float, str, str], ...]
    objective: float | None = None
    """How long the outage may last (s), where it is another part's than the database's."""

    @property
    def clients(self) -> tuple[str, ...]:
        """The kinds of client that wrote."""
        names = [client for _, client, _ in self.samples] + [one.client for one in self.outages]
        return tuple(sorted(set(names)))


def read_drill(event: Json) -> Drill:
    """The drill that a record's event tells of, its samples thinned to what can be drawn."""
    samples = event.get("samples", [])
    thin = samples[:: max(1, len(samples) // MOST_SAMPLES)]
    return Drill.model_validate(event | {"samples": thin, "trial": str(event["trial"])})


@dataclass(frozen=True)
class Stroke:
    """All attempts of one kind of client that ended alike, as one SVG path."""

    outcome: str
    path: str


@dataclass(frozen=True)
class Bracket:
    """One outage: from `x` to `x + width`; open when its end was not seen."""

    x: float
    width: float
    label: str
    open: bool

    @property
    def middle(self) -> float:
        """Where the label stands."""
        return min(max(self.x + self.width / 2, LEFT + LABEL_ROOM), WIDTH - RIGHT - LABEL_ROOM)


@dataclass(frozen=True)
class Row:
    """One kind of client."""

    client: str
    y: float
    strokes: tuple[Stroke, ...]
    brackets: tuple[Bracket, ...]


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis, `width` wide; `level` keeps neighbouring labels apart."""

    x: float
    label: str
    level: int = 0
    objective: bool = False
    width: float = 0.0

    @property
    def leftwards(self) -> bool:
        """Whether its label stands before it: there is no room behind."""
        return self.x > WIDTH - LABEL_ROOM

    @property
    def span(self) -> tuple[float, float]:
        """From where to where its label may reach."""
        begin = self.x - LABEL_ROOM if self.leftwards else self.x
        return begin, begin + LABEL_ROOM


@dataclass(frozen=True)
class Drawing:
    """A trial, ready to be drawn."""

    height: float
    top: float
    rows: tuple[Row, ...]
    marks: tuple[Tick, ...]
    ticks: tuple[Tick, ...]
    summary: str


def draw(drill: Drill, limit: float) -> Drawing:
    """Lay a trial out. `limit` (s): how long an outage of the database may last, from its begin."""
    limit = limit if drill.objective is None else drill.objective
    # The first mark of a trial is what was disturbed.
    begun = min((mark.t for mark in drill.marks), default=None) if drill.fault != "none" else None
    due = None if begun is None else begun + limit
    extent = _extent(drill, due)
    scale = (WIDTH - LEFT - RIGHT) / extent

    def x(t: float) -> float:
        return round(LEFT + min(max(t, 0.0), extent) * scale, 1)

    labels = [(x(one.begins), one.told, False, x(one.t) - x(one.begins)) for one in drill.marks]
    labels += [] if due is None else [(x(due), f"objective {limit:g} s", True, 0.0)]
    marks = _apart(labels)
    levels = max((mark.level for mark in marks), default=-1) + 1
    top = levels * LEVEL + 12
    rows = tuple(
        Row(
            client,
            top + ROW * index,
            _strokes(((x(t), how) for t, who, how in drill.samples if who == client), top, index),
            tuple(_bracket(one, x, extent) for one in drill.outages if one.client == client),
        )
        for index, client in enumerate(drill.clients)
    )
    return Drawing(
        height=top + ROW * len(rows) + AXIS,
        top=top,
        rows=rows,
        marks=marks,
        ticks=tuple(Tick(x(t), f"{t:g}") for t in _ticks(extent)),
        summary=summary(drill),
    )


def summary(drill: Drill) -> str:
    """The drawing in words."""
    kind = "control trial without a fault" if drill.fault == "none" else f"fault {drill.fault}"
    seen = [f"{one.client} clients out for {length(one)}" for one in drill.outages]
    return f"Trial {drill.trial}, {kind}: {', '.join(seen) or 'no outage was seen'}"


def length(outage: SeenOutage) -> str:
    """How long an outage lasted, by its bounds."""
    if outage.upper is None:
        return f"at least {outage.lower or 0:.2f} s, its end was not seen"
    return f"{outage.lower or 0:.2f} to {outage.upper:.2f} s"


def _extent(drill: Drill, due: float | None) -> float:
    times = [t for t, _, _ in drill.samples] + [mark.t for mark in drill.marks]
    times += [one.end for one in drill.outages if one.end is not None]
    return max([*times, due or 0.0, 1.0]) * 1.02


def _ticks(extent: float) -> list[float]:
    step = next((step for step in STEPS if extent / step <= TICKS), STEPS[-1])
    return [float(step * n) for n in range(int(extent // step) + 1)]


def _apart(places: Sequence[tuple[float, str, bool, float]]) -> tuple[Tick, ...]:
    """Labels in order of place, each on the lowest level where it has room."""
    ends: list[float] = []
    placed = []
    for x, label, objective, width in sorted(places):
        tick = Tick(x, label, 0, objective, round(width, 1))
        begin, end = tick.span
        level = next((n for n, taken in enumerate(ends) if taken <= begin), len(ends))
        ends[level : level + 1] = [end]
        placed.append(replace(tick, level=level))
    return tuple(placed)


def _strokes(samples: Iterable[tuple[float, str]], top: float, index: int) -> tuple[Stroke, ...]:
    parts: defaultdict[str, list[str]] = defaultdict(list)
    base = top + ROW * index + 16
    for x, how in samples:
        offset, height = STROKES.get(how, STROKES["info"])
        parts[how if how in STROKES else "info"].append(f"M{x:g} {base + offset:g}v{height:g}")
    return tuple(Stroke(how, "".join(parts[how])) for how in STROKES if how in parts)


def _bracket(outage: SeenOutage, x: Callable[[float], float], extent: float) -> Bracket:
    start = x(outage.start or 0.0)
    end = x(extent if outage.end is None else outage.end)
    return Bracket(
        start, max(round(end - start, 1), 1.0), f"out {length(outage)}", outage.end is None
    )
