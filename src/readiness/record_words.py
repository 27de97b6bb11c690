"""Whether a record says what a run says: every word that judging reads, before judging begins.

A chain proves that a record is whole, and says nothing about its words: anybody can write one. What
is missing here is the file's fault and is told with its line; what breaks later is our own.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from readiness.errors import UsageError
from readiness.model import Json, Outcome, Tier
from readiness.record import Record

Right = Callable[[Any], bool]
MOST_SHOWN: Final = 80


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _maybe_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _any(_: Any) -> bool:
    return True


def _moment(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _maybe_moment(value: Any) -> bool:
    return value is None or _moment(value)


def _one_of(*words: str) -> Right:
    return lambda value: isinstance(value, str) and value in words


def _list_of(right: Right) -> Right:
    return lambda value: isinstance(value, list) and all(map(right, value))


def _span(value: Any) -> bool:
    """The first and the last of several numbers of runs."""
    return (
        isinstance(value, list)
        and len(value) == 2  # noqa: PLR2004
        and all(type(one) is int for one in value)
        and 0 < value[0] <= value[1]
    )


def _parts(**keys: Right) -> Right:
    """A list of objects with at least these keys."""
    return _list_of(
        lambda one: (
            isinstance(one, dict)
            and all(key in one and right(one[key]) for key, right in keys.items())
        )
    )


_CASE: Final[dict[str, Right]] = {"case": _text}
_REASON: Final[dict[str, Right]] = {"reason": _text}

# What judging and reports read of each kind; a record may say more, and of kinds unknown here.
WORDS: Final[Mapping[str, Mapping[str, Right]]] = {
    "run-opened": {
        "version": _text,
        "release": _maybe_text,
        "environment": lambda value: isinstance(value, dict),
        "earlier": _parts(number=_number, run=_text, verdict=_text, tier=_text),
    },
    "plan": {
        "tier": _one_of(*Tier),
        "only": _list_of(_text),
        "cases": _parts(case=_text, not_run=_text),
    },
    "identity": {"members": _parts(part=_text, of=_text, pinned=_maybe_text, found=_maybe_text)},
    "wrong-target": _REASON,
    "undo-failed": _REASON,
    "not-restored": _REASON,
    "case-started": _CASE,
    "case-ended": _CASE | {"seconds": _number},
    "observation": {"subject": _text, "source": _text, "reading": _any},
    "claim": _CASE
    | _REASON
    | {
        "subject": _text,
        "name": _text,
        "observed": _any,
        "relation": _text,
        "limit": _any,
        "answer": _one_of("yes", "no", "unknown"),
        "rests_on": _list_of(_number),
    },
    "confidence": _CASE | {"trials": _number, "under": _number, "sentence": _text},
    "phase": _CASE | _REASON | {"when": _text, "result": _one_of(*(str(one) for one in Outcome))},
    "run-closed": {"how": _text},
}
# Where they are there at all.
OPTIONAL: Final[Mapping[str, Mapping[str, Right]]] = {
    "claim": {"until": _maybe_moment},
    "phase": {"declare": _text},
    "run-opened": {
        "drift_looks": _list_of(_span),
        "own": lambda value: value is None or isinstance(value, dict),
    },
}
EVERY: Final[dict[str, Right]] = {"at": _moment, "mono": _number}
# A record has a hundred thousand events: what is needed of each kind is put together once.
_NEEDED: Final = {kind: tuple({**EVERY, **words}.items()) for kind, words in WORDS.items()}
_OTHERS: Final = tuple(EVERY.items())


def refuse_other_words(record: Record) -> None:
    """Refuse a record whose chain is whole and whose words are no run.

    Raises:
        UsageError: names the file, the event and the key.
    """
    for event in record.events:
        kind = event["kind"]
        wrong = _wrong(event, kind) if isinstance(kind, str) else "kind"
        if wrong:
            raise UsageError(
                f"event {event['n']} is not one that this version can judge",
                file=str(record.path),
                key=wrong,
                expected=f"what `{kind}` says in docs/evidence-format.md",
                found=str(event.get(wrong, "nothing"))[:MOST_SHOWN],
            )


def _wrong(event: Json, kind: str) -> str:
    """The first key that is missing and needed, or that says something else."""
    for key, right in _NEEDED.get(kind, _OTHERS):
        if key not in event or not right(event[key]):
            return key
    for key, right in OPTIONAL.get(kind, {}).items():
        if key in event and not right(event[key]):
            return key
    return ""
