"""How dashboards are read, and how their variables are filled in."""

import json
from typing import Any

import pytest

from readiness.model.errors import NotUnderstood
from readiness.systems.grafana.reading import Variable, read
from readiness.systems.grafana.variables import chosen, filled, left, windows

SOURCE = {"uid": "a", "name": "A", "type": "prometheus", "url": "http://x:9090", "isDefault": True}


def board(**more: Any) -> Any:
    """A dashboard as Grafana answers with it."""
    return {"meta": {"provisioned": True}, "dashboard": {"title": "T", "panels": [], **more}}


def test_panels_are_found_in_closed_rows_and_by_older_ways() -> None:
    """A data source is a record or a name; what is hidden, or asks nothing, is no panel."""
    ask = [{"expr": "up"}, {"expr": "gone", "hide": True}]
    panels = [
        {"id": 1, "type": "row", "panels": [{"id": 2, "title": "In", "targets": ask}]},
        {"id": 3, "title": "Old", "datasource": "A", "targets": ask},
        {"id": 4, "title": "New", "targets": [{"expr": "up", "datasource": {"uid": "a"}}]},
        {"id": 5, "type": "text", "title": "Text"},
    ]
    found = read(board(panels=panels), [SOURCE], "x")
    assert [(one.title, one.source, one.queries) for one in found.panels] == [
        ("In", "", ("up",)),
        ("Old", "A", ("up",)),
        ("New", "a", ("up",)),
    ]


@pytest.mark.parametrize(
    ("answer", "sources"),
    [
        (None, []),
        ({"message": "Sign in"}, []),
        (board(panels=[7]), []),
        (board(panels="abc"), []),
        (board(), [{"uid": "a"}]),
        (board(panels=[{"title": "x", "targets": [{"expr": "up"}]}] * 501), []),
        (json.loads('{"meta": NaN, "dashboard": {"title": "x"}}'), []),
    ],
)
def test_what_is_no_dashboard_is_inconclusive(answer: Any, sources: Any) -> None:
    """In one line."""
    with pytest.raises(NotUnderstood) as caught:
        read(answer, sources, "pager")
    assert "\n" not in str(caught.value)


def test_variables_are_filled_in() -> None:
    """One value as it is, all as an expression that each matches, later ones by earlier ones."""
    asked = []

    def values(selector: str, label: str) -> tuple[str, ...]:
        asked.append((selector, label))
        return ("web1.x:9100", "web2")

    variables = (
        Variable("job", "custom", "node,other", ("node",), ""),
        Variable("at", "query", 'label_values(up{job="$job"}, instance)', ("$__all",), ""),
        Variable("any", "query", "label_values(zone)", ("$__all",), ".+"),
    )
    known = chosen(variables, windows(15.0), values)
    assert asked == [('up{job="node"}', "instance")]
    query = 'rate(x{job="${job}",instance=~"$at",zone=~"[[any]]"}[$__rate_interval])'
    assert filled(query, known) == (
        'rate(x{job="node",instance=~"web1\\\\.x:9100|web2",zone=~".+"}[60s])'
    )
    assert left(filled("$more", known)) == ("more",)
