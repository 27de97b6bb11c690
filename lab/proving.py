"""Trying a fault: break, look, compare with what it declares, naive probe, mend, look again.

Wholly, the observe tier and what the fault names besides are looked at, and nothing else may be
red: that proves a fault. Narrowly, only the checks that it declares are, and only under it: quick,
and proves nothing; whoever tries several so looks at the whole lab afterwards.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab import mending, product, recording
from lab.errors import LabError
from lab.faults import Fault, Reasons, resolved
from lab.product import Case, Looked
from lab.progress import say
from lab.scene import Facts, Scene
from lab.site import Site

# Outcomes by which a case may be red as declared; an error is never as declared.
FAILED, UNSURE = "failed", "inconclusive"
# The second is what is not declared: nobody could be asked about it.
UNANSWERED = (UNSURE, "not-run")
# How the problem begins that what was mended is not as it was.
NOT_GREEN = "mended, and not green"
# The check that doubts a service which has only just been started.
DOUBTS_THE_YOUNG = "HOST-001"


@dataclass(frozen=True)
class Tried:
    """What became of trying a fault; proven when all was looked at and there are no problems.

    `beside` are the others that were in force, `touches` the machines on which something was run
    to plant and to mend it.
    """

    fault: str
    number: int
    red: tuple[Case, ...]
    problems: tuple[str, ...]
    facts: Facts = field(default_factory=dict)
    naive: str = ""
    mended_number: int = 0
    seconds: float = 0.0
    narrow: bool = False
    beside: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()

    @property
    def proven(self) -> bool:
        """Whether it did exactly what it declares and nothing else; a narrow look can't say so."""
        return not self.problems and not self.narrow


def compare(fault: Fault, facts: Facts, cases: Iterable[Case]) -> list[str]:
    """Where the cases differ from the fault's declaration; empty when the red set is equal."""
    return compare_all([fault], {fault.name: facts}, cases)[fault.name]


def compare_all(
    several: Sequence[Fault], facts: Mapping[str, Facts], cases: Iterable[Case]
) -> dict[str, list[str]]:
    """The same of several that are in force together: name -> where the cases differ.

    A case that is not as one of them declares it is its own problem; what is red and nobody
    declares is everybody's, for it shows only when each is tried alone whose it is. What a fault
    keeps from being answered is no false alarm, and no problem unless it was declared otherwise;
    under a healthy variant it is (docs/adr/0033).
    """
    seen = {case.key: case for case in cases}
    found: dict[str, list[str]] = {}
    declared: set[tuple[str, str]] = set()
    for fault in several:
        known = facts[fault.name]
        found[fault.name] = [
            problem
            for reasons, outcome in ((fault.reddens, FAILED), (fault.blinds, UNSURE))
            for problem in _declared(reasons, known, seen, outcome)
        ]
        for key, pattern in resolved(fault.may_redden, known).items():
            if key in seen and not seen[key].green:
                found[fault.name] += _problems(seen[key], pattern, FAILED)
        declared |= declared_by(fault, known)
    others = [
        f"not declared: {case}"
        for key, case in seen.items()
        if not case.green and key not in declared
        if case.outcome not in UNANSWERED or any(one.tempts for one in several)
    ]
    return {name: [*problems, *others] for name, problems in found.items()}


def declared_by(fault: Fault, facts: Facts) -> set[tuple[str, str]]:
    """The cases that it says it turns red or blind, or may turn red."""
    reasons = (fault.reddens, fault.blinds, fault.may_redden)
    return {key for one in reasons for key in resolved(one, facts)}


def _declared(
    reasons: Reasons, facts: Facts, seen: Mapping[tuple[str, str], Case], outcome: str
) -> list[str]:
    problems = []
    for key, pattern in resolved(reasons, facts).items():
        if key in seen:
            problems += _problems(seen[key], pattern, outcome)
        else:
            problems.append(f"{' '.join(key)}: was not looked at")
    return problems


def _problems(case: Case, pattern: str, outcome: str) -> list[str]:
    """What of a case is not as declared."""
    name = f"{case.check} {case.subject}"
    if case.outcome != outcome and not (outcome == UNSURE and case.outcome in UNANSWERED):
        return [f"{name}: expected {outcome}, found {case}"]
    if case.subject not in case.reason:
        return [f"{name}: the reason does not name it: {case.reason}"]
    if not re.search(pattern, case.reason):
        return [f"{name}: expected /{pattern}/, found {case.reason}"]
    return []


def checks_under(fault: Fault, *, narrow: bool) -> tuple[str, ...]:
    """What is looked at under a fault."""
    if narrow:
        return fault.about
    return (*product.observing(scan=fault.scan, site=fault.site), *fault.only)


def attempt(site: Site, fault: Fault, *, narrow: bool = False) -> Tried:
    """Try one fault on the healthy lab, which is healthy again afterwards.

    Raises:
        LabError: it could not be planted, looked at or mended.
    """
    with mending.holding(site):
        return _attempt(site, fault, narrow=narrow)


def _attempt(site: Site, fault: Fault, *, narrow: bool) -> Tried:
    checks = checks_under(fault, narrow=narrow)
    naive = ""
    problems: list[str] = []
    scenes: dict[str, Scene] = {}
    try:
        scene = scenes[fault.name] = mending.plant(site, fault)
        let_settle(site, checks)
        if fault.naive is not None:
            naive, problems = probed(fault, scene.looking())
        looked = product.look(
            site,
            tier=fault.tier,
            scan=fault.scan,
            checks=checks,
            environment=environment_file(site, fault),
            title=f"{fault.name}: the product looks",
        )
        problems += compare(fault, scene.facts, looked.cases)
    finally:
        mending.mend(site, fault.name, scenes)
    # Taking a variant back leaves what it tempts to be looked at: nothing was broken elsewhere.
    after = None if narrow else look_again(site, fault, fault.tempts or checks)
    problems += [f"{NOT_GREEN}: {case}" for case in after.red] if after else []
    tried = Tried(
        fault=fault.name,
        number=looked.number,
        red=looked.red,
        problems=tuple(problems),
        facts=scene.facts,
        naive=naive,
        mended_number=after.number if after else 0,
        seconds=looked.seconds,
        narrow=narrow,
        touches=tuple(sorted(scene.touched)),
    )
    tell(tried, looked)
    if tried.proven and fault.tier == "observe":
        recording.save(looked, fault.name, scene.facts, site=fault.site, green=fault.tempts)
    return tried


def look_again(site: Site, fault: Fault, checks: Sequence[str]) -> Looked:
    """What was looked at under a fault, but for what disturbs."""
    observed = [check for check in checks if product.catalogue()[check] == "observe"]
    let_settle(site, observed)
    return product.look(
        site,
        scan=fault.scan,
        checks=observed,
        title=f"{fault.name}: the product looks at the mended lab",
    )


def let_settle(site: Site, checks: Sequence[str]) -> None:
    """Wait for what was just restarted, where somebody is going to mind."""
    if not checks or DOUBTS_THE_YOUNG in checks:
        mending.let_settle(site)


def probed(fault: Fault, scene: Scene) -> tuple[str, list[str]]:
    """What the plausible probe that misses it says, and what is wrong where it does not."""
    if fault.naive is None:
        return "", []
    try:
        said = fault.naive(scene)
    except LabError as error:
        return "", [f"the naive probe notices it: {error}"]
    say(f"{fault.name}: the naive probe is green: {said}")
    return said, []


def tell(tried: Tried, looked: Looked) -> None:
    """Say how it went."""
    for problem in tried.problems:
        say(f"{tried.fault}: PROBLEM: {problem}")
    failed = [case for case in tried.red if case.outcome == "failed"]
    blind = [case for case in tried.red if case.outcome != "failed"]
    checks = _counted("red", failed) + (f"; {_counted('not answered', blind)}" if blind else "")
    verdict = f"{len(tried.problems)} problems" if tried.problems else "as declared"
    say(f"{tried.fault}: run {looked.number}: {checks}: {verdict}")


def _counted(what: str, cases: Sequence[Case]) -> str:
    checks = ", ".join(sorted({case.check for case in cases})) or "nothing"
    return f"{what}: {checks} ({len(cases)} cases)"


def environment_file(site: Site, fault: Fault) -> Path:
    """The environment file that the product is given under a fault.

    Raises:
        LabError: the fault alters it and nothing changed.
    """
    return product.environment_file(site, fault.name, fault.environment)
