"""Trying a fault: break, look, compare with what it declares, naive probe, mend, look again.

Wholly, the observe tier and what the fault names besides are looked at, and nothing else may be
red: that proves a fault. Narrowly, only the checks that it declares are, and only under it: quick,
and proves nothing; whoever tries several so looks at the whole lab afterwards.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from pathlib import Path

from lab import mending, product, recording
from lab.errors import LabError
from lab.faults import Fault, Reasons, resolved
from lab.product import Case, Looked
from lab.progress import say
from lab.scene import Facts, Scene
from lab.site import Site

# The name of the environment file under several variants.
TOGETHER = "variants"
# Outcomes by which a case may be red as declared; an error is never as declared.
FAILED, UNSURE = "failed", "inconclusive"
# The check that doubts a service which has only just been started.
DOUBTS_THE_YOUNG = "HOST-001"


@dataclass(frozen=True)
class Tried:
    """What became of trying a fault; proven when all was looked at and there are no problems."""

    fault: str
    number: int
    red: tuple[Case, ...]
    problems: tuple[str, ...]
    facts: Facts = field(default_factory=dict)
    naive: str = ""
    mended_number: int = 0
    seconds: float = 0.0
    narrow: bool = False

    @property
    def proven(self) -> bool:
        """Whether it did exactly what it declares and nothing else; a narrow look can't say so."""
        return not self.problems and not self.narrow


def compare(fault: Fault, facts: Facts, cases: Iterable[Case]) -> list[str]:
    """Where the cases differ from the fault's declaration; empty when the red set is equal."""
    seen = {case.key: case for case in cases}
    problems = []
    for reasons, outcome in ((fault.reddens, FAILED), (fault.blinds, UNSURE)):
        problems += _declared(reasons, facts, seen, outcome)
    declared = {*resolved(fault.reddens, facts), *resolved(fault.blinds, facts)}
    problems += [
        f"not declared: {case}"
        for key, case in seen.items()
        if not case.green and key not in declared
    ]
    return problems


def _declared(
    reasons: Reasons, facts: Facts, seen: Mapping[tuple[str, str], Case], outcome: str
) -> list[str]:
    problems = []
    for (check, subject), pattern in resolved(reasons, facts).items():
        case = seen.get((check, subject))
        if case is None:
            problems.append(f"{check} {subject}: was not looked at")
        elif case.outcome != outcome:
            problems.append(f"{check} {subject}: expected {outcome}, found {case}")
        elif subject not in case.reason:
            problems.append(f"{check} {subject}: the reason does not name it: {case.reason}")
        elif not re.search(pattern, case.reason):
            problems.append(f"{check} {subject}: expected /{pattern}/, found {case.reason}")
    return problems


def checks_under(fault: Fault, *, narrow: bool) -> tuple[str, ...]:
    """What is looked at under a fault."""
    if narrow:
        return fault.about
    return (*product.observing(scan=fault.scan), *fault.only)


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
    try:
        scene = mending.plant(site, fault)
        _let_settle(site, checks)
        if fault.naive is not None:
            naive, problems = _naive(fault, scene)
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
        mending.mend(site, fault.name)
    # Taking a variant back leaves what it tempts to be looked at: nothing was broken elsewhere.
    after = None if narrow else _look_again(site, fault, fault.tempts or checks)
    problems += [f"mended, and not green: {case}" for case in after.red] if after else []
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
    )
    _tell(tried, looked)
    if tried.proven and fault.tier == "observe":
        recording.save(looked, fault.name, scene.facts, green=fault.tempts)
    return tried


def together(site: Site, several: Sequence[Fault], *, narrow: bool = False) -> list[Tried]:
    """Try healthy variants that do not disturb each other at once; what all of them gave.

    Any problem is everybody's: whose it is shows when each is tried alone.

    Raises:
        LabError: one could not be planted, looked at or taken back.
    """
    tempted = sorted({check for one in several for check in one.tempts})
    scenes: dict[str, Scene] = {}
    with mending.holding(site):
        try:
            for one in several:
                scenes[one.name] = mending.plant(site, one, beside=tuple(scenes))
            _still_in_force(several, scenes)
            looked = _look_at_all(site, several, tempted if narrow else product.observing())
        finally:
            mending.mend(site)
        problems = [f"not declared: {case}" for case in looked.red]
        after = None if narrow else _look_again(site, several[0], tempted)
        problems += [f"mended, and not green: {case}" for case in after.red] if after else []
    tried = [
        Tried(
            fault=one.name,
            number=looked.number,
            red=looked.red,
            problems=tuple(problems),
            facts=scenes[one.name].facts,
            mended_number=after.number if after else 0,
            seconds=looked.seconds,
            narrow=narrow,
        )
        for one in several
    ]
    for each, one in zip(tried, several, strict=True):
        _tell(each, looked)
        if each.proven:
            recording.save(looked, one.name, each.facts, green=one.tempts)
    return tried


def _still_in_force(several: Sequence[Fault], scenes: Mapping[str, Scene]) -> None:
    """Hold each to what it shows once the others are there.

    Raises:
        LabError: one of the others took it back.
    """
    for one in several:
        scenes[one.name].wait(
            "it is in force beside the others",
            partial(one.took_effect, scenes[one.name]),
            one.settle,
        )


def _look_at_all(site: Site, several: Sequence[Fault], checks: Sequence[str]) -> Looked:
    """What the product finds while all of them are in force."""
    _let_settle(site, checks)
    alters = [one.environment for one in several if one.environment is not None]

    def all_altered(text: str) -> str:
        return reduce(lambda so_far, alter: alter(so_far), alters, text)

    return product.look(
        site,
        checks=checks,
        environment=product.environment_file(site, TOGETHER, all_altered if alters else None),
        title=f"{len(several)} variants: the product looks",
    )


def _look_again(site: Site, fault: Fault, checks: Sequence[str]) -> Looked:
    """What was looked at under a fault, but for what disturbs."""
    observed = [check for check in checks if product.catalogue()[check] == "observe"]
    _let_settle(site, observed)
    return product.look(
        site,
        scan=fault.scan,
        checks=observed,
        title=f"{fault.name}: the product looks at the mended lab",
    )


def _let_settle(site: Site, checks: Sequence[str]) -> None:
    """Wait for what was just restarted, where somebody is going to mind."""
    if not checks or DOUBTS_THE_YOUNG in checks:
        mending.let_settle(site)


def _naive(fault: Fault, scene: Scene) -> tuple[str, list[str]]:
    if fault.naive is None:
        return "", []
    try:
        said = fault.naive(scene)
    except LabError as error:
        return "", [f"the naive probe notices it: {error}"]
    say(f"{fault.name}: the naive probe is green: {said}")
    return said, []


def _tell(tried: Tried, looked: Looked) -> None:
    for problem in tried.problems:
        say(f"{tried.fault}: PROBLEM: {problem}")
    checks = ", ".join(sorted({case.check for case in tried.red})) or "nothing"
    verdict = f"{len(tried.problems)} problems" if tried.problems else "as declared"
    say(f"{tried.fault}: run {looked.number}: red: {checks} ({len(tried.red)} cases): {verdict}")


def environment_file(site: Site, fault: Fault) -> Path:
    """The environment file that the product is given under a fault.

    Raises:
        LabError: the fault alters it and nothing changed.
    """
    return product.environment_file(site, fault.name, fault.environment)
