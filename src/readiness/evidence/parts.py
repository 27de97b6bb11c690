"""Which process wrote what: the parts that a gate's pytest processes leave in one record.

A site's own checks run in a process of their own, and what they import may do anything, writing
into the record included. Their part counts for their own cases alone. Where a part begins is
written by the gate; a process that writes such a line as well is found by the numbers.
"""

from collections.abc import Iterator
from typing import Final

from readiness.evidence.record import Record
from readiness.evidence.steps import CaseStarted, Step
from readiness.model.words import Case, Json

KIND: Final = "part-started"
MOST_NAMED: Final = 3
_OPENING: Final = frozenset({"run-opened", "plan"})


def part_notes(record: Record) -> list[str]:
    """Why what a site's own checks wrote can't be told from what ours did; empty when it can.

    A record of one process, made by hand, has no parts; nor has one of an older version.
    """
    begun = list(record.of(KIND))
    if not begun:
        return []
    numbers = [(one.get("number"), one.get("parts")) for one in begun]
    parts = numbers[0][1]
    expected = [(number, parts) for number in range(len(begun))]
    if numbers != expected or not isinstance(parts, int) or len(begun) > parts:
        return ["another process than the gate wrote where a part of the record begins"]
    return [*_foreign(record), *_not_asked(record)]


def _foreign(record: Record) -> Iterator[str]:
    """What the process of own checks wrote about cases that are not its own."""
    if not any(one.get("own") is True for one in record.of(KIND)):
        return
    written = record.opening.get("own") or {}
    own = {one["id"] for one in written.get("catalogue", ())}
    found: dict[str, None] = {}
    among_own = False
    for event in record.events:
        if not isinstance(event, Step) and event["kind"] == KIND:
            among_own = event.get("own") is True
        elif among_own:
            about = _about(event)
            if about and Case.from_key(about).check not in own:
                found[about] = None
    if found:
        more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        yield (
            "the process of the site's own checks wrote of what is not its own: "
            f"{', '.join([*found][:MOST_NAMED])}{more}"
        )


def _about(event: Step | Json) -> str:
    """The case that an event is of, or its kind where only a gate writes that."""
    if isinstance(event, Step):
        return str(getattr(event, "case", None) or "")
    if event["kind"] in _OPENING:
        return str(event["kind"])
    case = event.get("case")
    return case if isinstance(case, str) else ""


def _not_asked(record: Record) -> Iterator[str]:
    """Whether a part ran cases and did not ask first which system it is."""
    asked = True
    for event in record.events:
        if isinstance(event, CaseStarted):
            if not asked:
                yield f"{event.case} was looked at before anybody asked which system this is"
                return
        elif not isinstance(event, Step) and event["kind"] in {KIND, "identity"}:
            asked = event["kind"] == "identity"
