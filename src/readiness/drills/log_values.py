"""Looks at one node for values that must be in no line, in every encoding.

A search leads to lines that may have one; their text says whether they do, and is kept nowhere. Of
each index the newest lines are read as well: they show which of their fields no search sees.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from readiness.model.errors import NotUnderstood
from readiness.model.printable import one_line
from readiness.systems.logs import queries
from readiness.systems.logs.asking import hidden_lines
from readiness.systems.logs.asking.client import Target, require
from readiness.systems.logs.declared import SHORTEST, LogStore
from readiness.systems.logs.encoded import encodings_in, fragments
from readiness.systems.logs.reading import complete, number, of
from readiness.systems.logs.searched import (
    MOST_USED,
    SearchedFields,
    candidates,
    read_fields,
    texts,
    used,
)

PAGE: Final = 200  # lines of one answer
PAGES: Final = 10  # of lines that one question leads to
FEW: Final = 60  # fields that are searched without asking which of them hold anything
SAMPLE: Final = 20  # lines of each index
INDICES: Final = 50  # of which lines are read
SHOWN: Final = 5


@dataclass(frozen=True)
class Searched:
    """How many lines one node finds with values that must be in none, by value and encoding.

    Values are told by their place in the environment file. The control's are of a value that was
    written for this, and show that a search sees each encoding.
    """

    control: Mapping[str, int]
    canaries: Mapping[str, int]
    unseen: tuple[str, ...] = ()
    """Fields with text of the newest lines that no search finds these lines by."""
    hidden: int = 0
    """Lines that are there and that our login is not shown."""


@dataclass(frozen=True)
class Sampled:
    """A line that was read: where it is, and its texts by field."""

    index: str
    id: str
    texts: tuple[tuple[str, str], ...]


class ValueSearch:
    """The search of one node."""

    def __init__(self, store: LogStore, where: Target) -> None:
        self._store, self._where = store, where
        caps = require(where, "GET", f"/{store.indices}/_field_caps?fields=*")
        self._fields = read_fields(caps, where=str(where))

    def run(self, control: str) -> Searched:
        """Look for the control and for every value.

        Raises:
            ProbeError: the node can't be asked, or more resembles a value than can be read.
        """
        fields, sample = self._used(), self._sample()
        wanted = {"control": control}
        wanted |= {f"never[{place}]": one for place, one in enumerate(self._store.never)}
        counts: dict[str, int] = {}
        for name, value in wanted.items():
            found = self._found(value, fields, sample)
            counts |= {f"{name} {how}": found[how] for how in fragments(value)}
        control_s = {name: many for name, many in counts.items() if name.startswith("control ")}
        return Searched(
            control=control_s,
            canaries={name: many for name, many in counts.items() if name not in control_s},
            unseen=self._unseen(sample),
            hidden=hidden_lines(self._where, self._store, nested=self._fields.has_nested),
        )

    def _found(self, value: str, fields: SearchedFields, sample: list[Sampled]) -> Counter[str]:
        """In how many lines a value is, by encoding."""
        wanted, lines = fragments(value), {(one.index, one.id): one for one in sample}
        for ways in candidates(wanted, fields):
            lines |= {(one.index, one.id): one for one in self._lines(ways)}
        return Counter(
            how
            for one in lines.values()
            for how in encodings_in("\n".join(text for _, text in one.texts), wanted)
        )

    def _lines(self, ways: list[dict[str, Any]]) -> Iterator[Sampled]:
        """The lines that one of these questions finds."""
        for page in range(PAGES):
            asked = queries.lines(self._store, ways, start=page * PAGE, size=PAGE)
            said = self._asked(asked)
            hits = of(said, "hits", "hits", where=str(self._where))
            yield from (self._line(one) for one in hits)
            if (page + 1) * PAGE >= number(said, "hits", "total", "value", where=str(self._where)):
                return
        raise NotUnderstood(f"{self._where}: more than {PAGES * PAGE} lines resemble a value")

    def _used(self) -> SearchedFields:
        """The fields that hold something in any line, where there are many."""
        if len(self._fields.fields) <= FEW:
            return self._fields
        names: set[str] = set()
        for some in used(self._fields):
            said = self._asked({"size": 0, "aggs": {"named": {"filters": {"filters": some}}}})
            buckets = of(said, "aggregations", "named", "buckets", where=str(self._where))
            names |= {one for one in some if self._many(buckets, one)}
        if len(names) > MOST_USED:
            raise NotUnderstood(f"{self._where}: lines use {len(names)} fields of {MOST_USED}")
        return self._fields.only(names)

    def _sample(self) -> list[Sampled]:
        """The newest lines of each index."""
        said = self._asked(queries.sampled(self._store, indices=INDICES, lines=SAMPLE))
        places = of(said, "aggregations", "indices", "buckets", where=str(self._where))
        every = [of(one, "newest", "hits", "hits", where=str(self._where)) for one in places]
        return [self._line(one) for some in every for one in some]

    def _unseen(self, sample: list[Sampled]) -> tuple[str, ...]:
        """Fields by which the line with their longest text is not found: no search sees them."""
        longest: dict[tuple[str, str], tuple[Sampled, int]] = {}
        for line in sample:
            for path, text in line.texts:
                key = (line.index, path)
                if len(text) >= max(SHORTEST, longest[key][1] + 1 if key in longest else 0):
                    longest[key] = (line, len(text))
        every = list(longest.items())
        blind: set[str] = set()
        for at in range(0, len(every), PAGE):
            some = every[at : at + PAGE]
            filters = {
                str(place): self._fields.holding(path, line.index, line.id)
                for place, ((_, path), (line, _)) in enumerate(some)
            }
            said = self._asked({"size": 0, "aggs": {"named": {"filters": {"filters": filters}}}})
            buckets = of(said, "aggregations", "named", "buckets", where=str(self._where))
            blind |= {
                path
                for place, ((_, path), _) in enumerate(some)
                if not self._many(buckets, str(place))
            }
        return tuple(one_line(one, 60) for one in sorted(blind)[:SHOWN])

    def _asked(self, body: dict[str, Any]) -> Any:
        path = queries.whole(self._store.indices)
        return complete(require(self._where, "POST", path, body), where=str(self._where))

    def _many(self, buckets: Any, name: str) -> int:
        return number(buckets, name, "doc_count", where=str(self._where))

    def _line(self, hit: Any) -> Sampled:
        said = of(hit, "_source", where=str(self._where))
        index, line = (str(of(hit, one, where=str(self._where))) for one in ("_index", "_id"))
        return Sampled(index, line, tuple(texts(said)))
