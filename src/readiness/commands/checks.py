"""`readiness checks` and `explain`: which checks there are, and how much they can prove."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from readiness.catalogue.checks import Check, load_catalogue
from readiness.catalogue.clauses import ADDED_UP, PEOPLE, Clause, Criterion, load_clauses
from readiness.catalogue.matrix import UNPROVEN, Proof, ProvenOn, load_matrix
from readiness.catalogue.own import Own, load_own
from readiness.render.console import SafeConsole
from readiness.site.documents import load_environment

out = SafeConsole(highlight=False, soft_wrap=True)
LINE_WIDTH: Final = 200

SiteOfOwn = Annotated[
    Path | None, typer.Option("--env", help="Environment file, whose own checks are known then.")
]


def checks(
    env: SiteOfOwn = None,
    *,
    coverage: Annotated[
        bool,
        typer.Option("--coverage", help="Say how many clauses of each criterion can be proven."),
    ] = False,
) -> None:
    """List the checks."""
    known = known_checks(env)
    table = Table(box=None, pad_edge=False)
    if coverage:
        proofs = {**load_matrix(), **known.proofs}
        rows = [*covered(load_clauses() + known.criteria, known.catalogue, proofs)]
        table.add_column("criterion", no_wrap=True)
        for title in (*_KINDS, "of"):
            table.add_column(title, no_wrap=True, justify="right")
        for row in (*rows, total(rows)):
            table.add_row(row.criterion, *map(str, row.counts))
    else:
        for title in ("check", "tier", "severity", "each", "title"):
            table.add_column(title, no_wrap=title != "title")
        for entry in known.catalogue.values():
            table.add_row(entry.id, entry.needs, entry.severity, entry.each, entry.title)
    if not out.is_terminal:  # whoever pipes it looks for words in lines
        out.width = LINE_WIDTH
    out.print(table)


def explain(check: str, env: SiteOfOwn = None) -> None:
    """Explain a check: risk, exact reads, rights, remedy, and the faults that turned it red."""
    from readiness.commands.explain import print_check  # noqa: PLC0415

    known = known_checks(env)
    print_check(check, known.catalogue, {**load_matrix(), **known.proofs}, out)


def known_checks(env: Path | None) -> Own:
    """Our checks, and those that the environment adds, with what its owner says of them."""
    own = load_own(load_environment(env)) if env else Own()
    return replace(own, catalogue={**load_catalogue(), **own.catalogue})


@dataclass(frozen=True)
class Covered:
    """How many clauses of a criterion could be proven by this build, and why the others not."""

    criterion: str
    provable: int
    """A check looks at them, and each of their checks has been seen red."""
    signed: int
    """People sign them, or they follow from what is signed."""
    never_red: int
    unserved: int

    @property
    def counts(self) -> tuple[int, ...]:
        """In the order of the table's columns; the last is all of them."""
        four = (self.provable, self.signed, self.never_red, self.unserved)
        return (*four, sum(four))


def covered(
    criteria: Sequence[Criterion], catalogue: Mapping[str, Check], proofs: Mapping[str, Proof]
) -> Iterator[Covered]:
    """Each criterion, in the order of the acceptance list."""
    for one in criteria:
        kinds = [_kind(clause, catalogue, proofs) for clause in one.clauses]
        yield Covered(one.id, *(kinds.count(kind) for kind in _KINDS))


def total(rows: Sequence[Covered]) -> Covered:
    """The sum of all criteria."""
    whole = sum(row.counts[0] == row.counts[-1] for row in rows)
    name = f"{len(rows)} criteria, {whole} of them wholly"
    sums = [sum(row.counts[place] for row in rows) for place in range(len(_KINDS))]
    return Covered(name, *sums)


_KINDS: Final = ("provable", "signed", "never red", "no check")


def _kind(clause: Clause, catalogue: Mapping[str, Check], proofs: Mapping[str, Proof]) -> str:
    serving = [one.id for one in catalogue.values() if clause.id in one.clauses]
    if not serving:
        return "signed" if clause.by in {PEOPLE, ADDED_UP} else "no check"
    unseen = any(proofs.get(one, UNPROVEN).on is ProvenOn.NEVER for one in serving)
    return "never red" if unseen else "provable"
