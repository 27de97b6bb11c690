"""What a Grafana says of one dashboard: its panels, its variables, and where their data come from.

Its HTTP API (grafana.com/docs/grafana/latest/developers/http_api): dashboards by uid, and data
sources. Nothing that it shows is evaluated here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.grafana.declared import DASHBOARD, Dashboard
from readiness.systems.token import Source

# A dashboard that people look at has fewer.
MOST_PANELS: Final = 500


@dataclass(frozen=True)
class Variable:
    """One variable that its queries may name."""

    name: str
    kind: str  # query, custom, constant, interval, textbox, datasource
    query: str
    chosen: tuple[str, ...]
    all_of: str  # what `All` stands for, where that is said


@dataclass(frozen=True)
class Panel:
    """One panel that asks for something."""

    title: str
    kind: str
    source: str  # uid of its data source, as written; empty: the default one
    queries: tuple[str, ...]


@dataclass(frozen=True)
class DataSource:
    """Where data come from."""

    uid: str
    name: str
    kind: str
    url: str
    default: bool


@dataclass(frozen=True)
class Shown:
    """One dashboard as its server shows it."""

    title: str
    provisioned: bool
    variables: tuple[Variable, ...]
    panels: tuple[Panel, ...]
    sources: tuple[DataSource, ...]


def read(board: Any, sources: Any, where: str) -> Shown:
    """Read /api/dashboards/uid/UID and /api/datasources.

    Raises:
        NotUnderstood: it is something else.
    """
    try:
        held = board["dashboard"]
        panels = tuple(_panels(held.get("panels") or (), 0))
        if len(panels) > MOST_PANELS:
            raise NotUnderstood(f"{where} has more than {MOST_PANELS} panels")
        return Shown(
            title=str(held["title"])[:200],
            provisioned=board["meta"].get("provisioned") is True,
            variables=tuple(
                _variable(one) for one in (held.get("templating") or {}).get("list") or ()
            ),
            panels=panels,
            sources=tuple(_source(one) for one in sources),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotUnderstood(f"{where} is unreadable: {error!r:.200}") from None


def _panels(found: Any, depth: int) -> Iterator[Panel]:
    """Those that ask something, also in a row that is closed."""
    for one in found:
        if depth == 0:
            yield from _panels(one.get("panels") or (), 1)
        queries = [
            str(each.get("expr") or "")
            for each in one.get("targets") or ()
            if each.get("hide") is not True
        ]
        if queries:
            yield Panel(
                title=" ".join(str(one.get("title") or one.get("id") or "").split())[:200],
                kind=str(one.get("type", ""))[:50],
                source=_uid(one.get("datasource")) or _uid(one["targets"][0].get("datasource")),
                queries=tuple(queries),
            )


def _uid(found: Any) -> str:
    """A data source as newer dashboards write it, or as older ones do, by name."""
    return str((found.get("uid") if isinstance(found, Mapping) else found) or "")


def _variable(found: Mapping[str, Any]) -> Variable:
    query = found.get("query", "")
    current = (found.get("current") or {}).get("value", "")
    return Variable(
        name=str(found["name"]),
        kind=str(found.get("type", "")),
        query=str(query.get("query", "") if isinstance(query, Mapping) else query),
        chosen=tuple(map(str, current if isinstance(current, list) else [current])),
        all_of=str(found.get("allValue") or ""),
    )


def _source(found: Mapping[str, Any]) -> DataSource:
    return DataSource(
        uid=str(found["uid"]),
        name=str(found["name"]),
        kind=str(found["type"]),
        url=str(found.get("url", "")),
        default=found.get("isDefault") is True,
    )


def says(found: Shown) -> str:
    """What it is, for a person."""
    return f"reached, '{found.title}' with {len(found.panels)} panels"


SHOWN: Final[Source[Dashboard, Shown]] = Source("dashboard", DASHBOARD, Shown, says=says)
SOURCES: Final = (SHOWN,)
