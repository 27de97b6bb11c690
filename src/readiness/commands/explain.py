"""What a check is about, and what a plan would do, for people."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from readiness.catalogue.checks import Check
from readiness.catalogue.clauses import load_clauses
from readiness.catalogue.limits import limit_of
from readiness.catalogue.matrix import Proof
from readiness.model.errors import UsageError
from readiness.model.quantities import in_words
from readiness.model.words import Tier
from readiness.session.plan import Plan, PlannedCase
from readiness.session.way import Cost, Step
from readiness.site.environment import Environment
from readiness.site.policy import Policy


def print_check(
    identity: str, catalogue: Mapping[str, Check], proofs: Mapping[str, Proof], out: Console
) -> None:
    """Explain one check of those that are known.

    Raises:
        UsageError: there is no such check.
    """
    if identity not in catalogue:
        close = difflib.get_close_matches(identity, catalogue, n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        raise UsageError(
            f"no check is called '{identity}'{hint}",
            expected="an id that `readiness checks` lists, with --env FILE also a site's own",
        )
    entry = catalogue[identity]
    proof = proofs.get(identity)
    rows = {
        "serves": ", ".join(entry.clauses),
        "for each": entry.each.replace("_", " "),
        "severity": entry.severity,
        "tier": entry.needs + (f": {entry.disturbs}" if entry.disturbs else ""),
        "limit": f"{in_words(entry.limit)} for one subject, or what the declared drill takes",
        "risk": entry.risk,
        "reads": "\n".join(entry.reads),
        "rights": entry.rights,
        "remedy": entry.remedy,
        "seen red by": ", ".join(proof.faults) if proof else "nothing yet: it can't support a GO",
        "proven on": proof.on if proof else "never",
        "source": entry.source,
    }
    out.print(f"{entry.id}  {entry.title}", markup=False)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for name, text in rows.items():
        table.add_row(name, text)
    out.print(table)


def print_plan(plan: Plan, environment: Environment, out: Console) -> None:
    """Show what a run would ask of whom, what disturbs, and what can't become green and why."""
    out.print(
        f"{environment.name} ({environment.kind}), {plan.reach}: {len(plan.runs)} of "
        f"{len(plan.cases)} cases would run.",
        markup=False,
    )
    for entry, cases in _by_check(plan).items():
        _print_planned(entry, cases, environment, out)
    _print_audit(environment, out)
    _print_unserved(plan, out)
    if any(one.check.tier is Tier.DISRUPT for one in plan.cases):
        out.print("\nNot guarded before a disturbing action:")
        for line in plan.not_guarded:
            out.print(f"  {line}", markup=False)


_COSTS: Final = {
    Cost.NOTHING: "this run shows, if they hold",
    Cost.COMMAND: "another command shows",
    Cost.PERMISSION: "once it is allowed",
    Cost.DECLARATION: "once it is declared",
    Cost.SIGNATURE: "once it is signed",
    Cost.BUILDING: "red, as it is declared",
    Cost.NEVER: "no check can show yet",
}


def print_way(steps: Sequence[Step], policy: Policy, out: Console, sign: str = "") -> None:
    """Show what a GO under the policy still needs, the least of it first.

    `sign` begins the command by which people sign.
    """
    many = sum(len(one.clauses) for one in steps)
    out.print(f"\nA GO under {policy.name} needs {many} clauses, the nearest first:", markup=False)
    for one in steps:
        what = "" if one.cost in {Cost.NOTHING, Cost.NEVER} else f": {one.what}"
        out.print(f"  {len(one.clauses):>3} {_COSTS[one.cost]}{what}", markup=False)
        if one.cost is not Cost.NOTHING:
            out.print(f"      {', '.join(one.clauses)}", markup=False)
    if sign and any(one.cost is Cost.SIGNATURE for one in steps):
        out.print(
            f"  They sign with: {sign} --clause CLAUSE --seen FILE --until DAY --key file:KEY",
            markup=False,
        )


def _print_audit(environment: Environment, out: Console) -> None:
    """Where an audited application is asked, and with which logins."""
    audit = environment.audit
    if audit is None:
        return
    balancer = environment.balancer(audit.balancer)
    listener = environment.listener(balancer.listener)
    way = f"POST {audit.sign_in.path}" if audit.sign_in.path else str(audit.sign_in.module)
    end = f", POST {audit.sign_in.end_path}" if audit.sign_in.end_path else ""
    canaries = (audit.official, audit.subject, audit.stranger)
    people = ", ".join(environment.account(one).login.user for one in canaries)
    origin = f"https://{listener.names[0]}:{listener.port}"
    trail = f"{audit.trail.db_schema}.{audit.trail.table} on {audit.trail.database}"
    out.print(f"\nThe audit trail {audit.name}")
    for line in (
        f"application: {origin} at {environment.front(balancer)}",
        f"signs in, from tier touch on: {way}{end}, as {people}",
        f"reads, from tier touch on: GET {audit.record.path}",
        f"trail: {trail}, read as {audit.trail.reader.user}",
        f"tries what nobody may, from tier touch on: as {audit.append_only.tester.user}",
    ):
        out.print(f"  {line}", markup=False)


def _by_check(plan: Plan) -> dict[Check, list[PlannedCase]]:
    grouped: dict[Check, list[PlannedCase]] = {}
    for one in plan.cases:
        grouped.setdefault(one.check, []).append(one)
    return grouped


def _print_planned(
    entry: Check, cases: list[PlannedCase], environment: Environment, out: Console
) -> None:
    out.print(f"\n{entry.id}  {entry.title}", markup=False)
    out.print(f"  of {', '.join(one.case.subject for one in cases)}", markup=False)
    out.print(f"  asks: {'; '.join(entry.reads)}", markup=False)
    out.print(f"  needs: {entry.rights}", markup=False)
    if entry.disturbs:
        longest = max(limit_of(entry, environment, one.case.subject) for one in cases)
        out.print(f"  DISTURBS: {entry.disturbs}; at most {in_words(longest)}", markup=False)
    for reason in sorted({one.not_run for one in cases if one.not_run}):
        out.print(f"  will not run: {reason}", markup=False)


def _print_unserved(plan: Plan, out: Console) -> None:
    """Clauses that no case of this plan can prove."""
    served = {clause for one in plan.runs for clause in one.check.clauses}
    clauses = [clause for criterion in load_clauses() for clause in criterion.clauses]
    missing = [clause for clause in clauses if clause.id not in served]
    out.print(f"\n{len(missing)} of {len(clauses)} clauses can't become green by this run:")
    for criterion in load_clauses():
        names = [c.id.partition("/")[2] for c in criterion.clauses if c in missing]
        if names:
            out.print(f"  {criterion.id}: {', '.join(names)}", markup=False)
