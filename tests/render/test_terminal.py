"""The terminal summary: blocking things first, plain in a pipe, readable on eighty columns."""

import io
import re

import pytest
from rich.console import Console
from stories import CLAUSES

from readiness.judging.verdict import Verdict
from readiness.render import print_verdict
from readiness.render.document import document
from readiness.render.terminal import earlier

COMMAND = re.compile(r"^    then  readiness ")


def printed(verdict: Verdict, width: int = 80, *, terminal: bool = False) -> str:
    """The summary as it leaves the console."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
        highlight=False,
        soft_wrap=True,
    )
    print_verdict(verdict, console)
    return out.getvalue()


@pytest.mark.parametrize("name", ["go", "no_go", "inconclusive"])
@pytest.mark.parametrize("width", [80, 120])
def test_fits_the_terminal(name: str, width: int, request: pytest.FixtureRequest) -> None:
    """No line is longer than the terminal but a command, which is for copying."""
    lines = printed(request.getfixturevalue(name), width).splitlines()
    assert not [line for line in lines if len(line) > width and not COMMAND.match(line)]


def test_plain_when_not_a_terminal(no_go: Verdict) -> None:
    """In a pipe there is no escape sequence; on a terminal there is colour."""
    assert "\x1b" not in printed(no_go)
    assert "\x1b[" in printed(no_go, terminal=True)


def test_blocking_things_come_first(no_go: Verdict) -> None:
    """Verdict, then causes with what to do, then counts, then what is proven."""
    text = printed(no_go)
    places = [
        text.index(part)
        for part in (
            "NO-GO",
            "FAILED  TLS-001, 2 cases",
            "also  portal/edge2/v6",
            "do    install the leaf",
            "then  readiness gate --env environments/campus.yaml --policy 'site/go",
            "INCONCLUSIVE  HOST-001",
            f"clauses     2 proven of 5 required, of {CLAUSES}",
            "in part       infra.database-ha",
        )
    ]
    assert places == sorted(places)


def test_go_says_what_it_leaves_open(go: Verdict) -> None:
    """A GO lists the runs before it, its confidence, its end, and what nobody required."""
    text = " ".join(printed(go).split())
    assert "2 runs without a GO since the last GO or change of release: run 10 NO-GO" in text
    assert "3 of 3 under 60 s: at least 36.8 % of such failovers at 95 % confidence" in text
    assert "valid until 20" in text
    assert "not required, so nothing is said about: infra.kubernetes" in text
    assert "in the way" not in text


def test_many_earlier_runs_are_summed_up(go: Verdict) -> None:
    """Running until it is green shows, in a few lines: how each ended, and the newest ones."""
    shown = document(go)
    first = shown.earlier_failed[0]
    many = tuple(first.model_copy(update={"number": number}) for number in range(1, 41))
    assert earlier(shown.model_copy(update={"earlier_failed": many})).endswith(
        "release: 40 NO-GO; newest: run 35 NO-GO, run 36 NO-GO, run 37 NO-GO, run 38 NO-GO, "
        "run 39 NO-GO, run 40 NO-GO"
    )


def test_markup_in_an_answer_stays_text(no_go: Verdict) -> None:
    """What a server said is never read as markup of the console."""
    assert "[bold]" not in printed(no_go)
