"""Fills a dashboard's variables into its queries, as Grafana does for Prometheus."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from readiness.systems.grafana.reading import Variable

ALL: Final = "$__all"
_NAMED: Final = re.compile(r"\$\{(\w+)(?::\w+)?\}|\[\[(\w+)(?::\w+)?\]\]|\$(\w+)")
_LABEL_VALUES: Final = re.compile(r"^\s*label_values\(\s*(?:(.+?)\s*,\s*)?([a-zA-Z_]\w*)\s*\)\s*$")
# Values of one label: what selects the series, and the label.
Values = Callable[[str, str], tuple[str, ...]]


def windows(interval: float) -> Mapping[str, str]:
    """What Grafana fills in by itself, for targets that are scraped so often (seconds)."""
    step = max(round(interval), 1)
    return {
        "__interval": f"{step}s",
        "__interval_ms": str(step * 1000),
        "__rate_interval": f"{4 * step}s",
        "__range": "3600s",
        "__range_s": "3600",
        "__range_ms": "3600000",
    }


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with the variables that are known; others stay as they are written."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1] or found[2] or found[3], found[0])

    return _NAMED.sub(value, text)


def left(text: str) -> tuple[str, ...]:
    """The variables that a text still names."""
    return tuple(one[1] or one[2] or one[3] for one in _NAMED.finditer(text))


def chosen(
    variables: tuple[Variable, ...], given: Mapping[str, str], values: Values
) -> dict[str, str]:
    """What each variable stands for, one after another, since later ones name earlier ones."""
    known = dict(given)
    for one in variables:
        if ALL not in one.chosen:
            picked = [each for each in one.chosen if each]
            known[one.name] = picked[0] if len(picked) == 1 else _any_of(picked)
        elif one.all_of:
            known[one.name] = one.all_of
        elif found := _LABEL_VALUES.match(filled(one.query, known)):
            known[one.name] = _any_of(values(found[1] or "", found[2]))
        elif one.kind == "custom":
            known[one.name] = _any_of([each.strip() for each in one.query.split(",")])
    return known


def _any_of(values: list[str] | tuple[str, ...]) -> str:
    """A regular expression that each of them matches."""
    return "|".join(re.sub(r"([\\.+*?()\[\]{}|^$])", r"\\\\\1", one) for one in values)
