"""The part of ``scripts/lab`` that plants faults: faults, break, mend, try, matrix."""

import json
from typing import Annotated, Any

import typer

from lab import matrix, mending, product, proving
from lab.errors import LabError
from lab.faults import Fault, all_faults, fault_called
from lab.progress import say
from lab.site import this

Json = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]
Names = Annotated[list[str] | None, typer.Option("--fault", help="Only this fault; repeatable.")]
Checks = Annotated[
    list[str] | None, typer.Option("--check", help="Only faults that redden it; repeatable.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(faults)
    app.command("break")(plant)
    app.command()(mend)
    app.command("try")(attempt)
    app.command("matrix")(work_out)


def faults(*, as_json: Json = False) -> None:
    """List the faults, what they turn red, and which of them is in force."""
    site = this()
    planted = {str(entry.arguments["fault"]) for entry in mending.in_force(site)}
    facts = [_fact(fault, in_force=name in planted) for name, fault in all_faults().items()]
    if as_json:
        print(json.dumps({"schema": 1, "faults": facts}, indent=2))
        return
    for fact in facts:
        mark = "IN FORCE " if fact["in_force"] else ""
        print(f"{fact['name']:<46} {mark}{', '.join(fact['reddens'])}")
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
        "in_force": in_force,
    }


def plant(fault: str) -> None:
    """Plant a fault in the healthy lab; its undo is written first."""
    site, wanted = this(), fault_called(fault)
    with mending.holding(site):
        mending.plant(site, wanted)
        mending.let_settle(site)
        if wanted.environment is not None:
            say(f"look with --env {proving.environment_file(site, wanted)}")
    say(f"{fault}: it stays in force until scripts/lab mend {fault}")


def mend(fault: Annotated[str | None, typer.Argument()] = None) -> None:
    """Take away a fault, or whatever is in force; twice does no harm."""
    site = this()
    if fault is not None:
        fault_called(fault)
    with mending.holding(site):
        results = mending.mend(site, fault)
        if results:
            mending.let_settle(site)
    for result in results:
        say(f"{result.entry.arguments['fault']}: {result.detail}")
    if not results:
        say("nothing is in force")


def attempt(fault: str, *, as_json: Json = False) -> None:
    """Break, look, compare with what the fault declares, mend, look again."""
    tried = proving.attempt(this(), fault_called(fault))
    if as_json:
        entry = matrix.entry(fault_called(fault), tried)
        print(json.dumps({"schema": 1, "fault": fault, **entry}, indent=2))
    if not tried.proven:
        raise typer.Exit(1)


def work_out(
    *,
    fault: Names = None,
    check: Checks = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep faults that are proven and unchanged.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Three healthy runs, then every fault; exits 0 only at 100 %."""
    site = this()
    chosen = matrix.selected(fault or [], check or [])
    whole = not (fault or check)
    document = matrix.work_out(site, chosen, resume=resume, whole=whole)
    mine = {one.name: document["faults"][one.name] for one in chosen}
    problems = [name for name, one in mine.items() if not one["proven"]]
    missing = matrix.complete(document) if whole else problems
    if as_json:
        facts = {"schema": 1, "healthy_runs": document["healthy_runs"], "faults": mine}
        print(json.dumps({**facts, "missing": missing}, indent=2))
    for line in missing:
        say(f"missing: {line}")
    say(
        f"matrix: {len(mine) - len(problems)} of {len(mine)} faults proven, "
        f"{len(document['proven'])} of {len(product.catalogue())} checks seen red"
    )
    if missing:
        raise LabError(f"not 100 %: {len(missing)} things are missing")
