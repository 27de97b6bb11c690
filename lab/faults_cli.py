"""The part of ``scripts/lab`` that plants faults and variants: list, break, mend, try, matrix."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from lab import matrix, mending, product, proving
from lab.cli import At, Json, chosen
from lab.errors import LabError
from lab.faults import Fault, all_faults
from lab.progress import say
from lab.site import Site
from lab.variants import all_variants, called

Names = Annotated[
    list[str] | None, typer.Option("--fault", help="Only this fault or variant; repeatable.")
]
Checks = Annotated[
    list[str] | None, typer.Option("--check", help="Only faults that redden it; repeatable.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(faults)
    app.command()(variants)
    app.command("break")(plant)
    app.command()(mend)
    app.command("try")(attempt)
    app.command("matrix")(work_out)


def faults(*, at: At = "", as_json: Json = False) -> None:
    """List the faults, what they turn red, which is in force, and which result is out of date."""
    _list(chosen(at), "faults", all_faults(), "reddens", as_json=as_json)


def variants(*, at: At = "", as_json: Json = False) -> None:
    """List the healthy variants and the checks that they tempt; the same marks as for faults."""
    _list(chosen(at), "variants", all_variants(), "tempts", as_json=as_json)


def _list(site: Site, kind: str, known: Mapping[str, Fault], checks: str, *, as_json: bool) -> None:
    planted = {str(entry.arguments["fault"]) for entry in mending.in_force(site)}
    kept = matrix.load()[kind]
    facts = [
        {**_fact(one, in_force=name in planted), "state": matrix.state(one, kept.get(name))}
        for name, one in known.items()
        if one.site == site.home.site
    ]
    if as_json:
        print(json.dumps({"schema": 1, kind: facts}, indent=2))
        return
    for fact in facts:
        marks = "IN FORCE " if fact["in_force"] else ""
        marks += "" if fact["state"] == matrix.PROVEN else f"({fact['state']}) "
        print(f"{fact['name']:<46} {marks}{', '.join(fact[checks])}")
        print(f"    {fact['title']}")


def _fact(fault: Fault, *, in_force: bool) -> dict[str, Any]:
    return {
        "name": fault.name,
        "title": fault.title,
        "why": fault.why,
        "kind": fault.kind,
        "shape": fault.shape,
        "tier": fault.tier,
        "only": list(fault.only),
        "reddens": {check: list(cases) for check, cases in sorted(fault.reddens.items())},
        "tempts": list(fault.tempts),
        "in_force": in_force,
    }


def plant(fault: str, *, at: At = "") -> None:
    """Plant a fault or a variant in the healthy lab; its undo is written first."""
    site, wanted = chosen(at), called(fault)
    with mending.holding(site):
        mending.plant(site, wanted)
        mending.let_settle(site)
        if wanted.environment is not None:
            say(f"look with --env {proving.environment_file(site, wanted)}")
    say(f"{fault}: it stays in force until scripts/lab mend{site.lab.of} {fault}")


def mend(fault: Annotated[str | None, typer.Argument()] = None, *, at: At = "") -> None:
    """Take away a fault, or whatever is in force; twice does no harm."""
    site = chosen(at)
    if fault is not None:
        called(fault)
    with mending.holding(site):
        results = mending.mend(site, fault)
        if results:
            mending.let_settle(site)
    for result in results:
        say(f"{result.entry.arguments['fault']}: {result.detail}")
    if not results:
        say("nothing is in force")


def attempt(fault: str, *, at: At = "", as_json: Json = False) -> None:
    """Break, look, compare with what the fault declares, mend, look again."""
    tried = proving.attempt(chosen(at), called(fault))
    if as_json:
        entry = matrix.entry(called(fault), tried)
        print(json.dumps({"schema": 1, "fault": fault, **entry}, indent=2))
    if not tried.proven:
        raise typer.Exit(1)


def work_out(
    *,
    at: At = "",
    fault: Names = None,
    check: Checks = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Try also what is proven and has not changed since.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Of those that are named, only what has to be renewed.")
    ] = False,
    page: Annotated[
        bool, typer.Option("--page", help="Try nothing: write the page anew from the data.")
    ] = False,
    healthy: Annotated[
        bool, typer.Option("--healthy", help="Break nothing: see the lab green three times anew.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Try every variant and fault that changed since it was proven; exits 0 only at 100 %.

    Those that are named are tried in any case. After an interruption it goes on where it was.
    """
    if page:
        matrix.save(matrix.load())
        return
    site = chosen(at)
    if healthy:
        document = matrix.load()
        matrix.keep_healthy(document, site)
        matrix.save(document)
        return
    wanted = matrix.selected(site.home.site, fault or [], check or [])
    whole = not (fault or check)
    again = everything or not (whole or resume)
    document = matrix.work_out(site, wanted, whole=whole, everything=again)
    mine = {one.name: matrix.kept(document, one) for one in wanted}
    problems = [name for name, one in mine.items() if not one["proven"]]
    missing = matrix.complete(document, site.home.site) if whole else problems
    if as_json:
        runs = matrix.healthy_runs(document, site.home.site)
        facts = {"schema": 1, "healthy_runs": runs, "faults": mine}
        print(json.dumps({**facts, "missing": missing}, indent=2))
    for line in missing:
        say(f"missing: {line}")
    say(
        f"matrix: {len(mine) - len(problems)} of {len(mine)} proven, "
        f"{len(document['proven'])} of {len(product.catalogue())} checks seen red"
    )
    if missing:
        raise LabError(f"not 100 %: {len(missing)} things are missing")
