"""Trying several at once: healthy variants beside each other, and faults that don't meet.

One look while all are in force has to find the union of what they declare, each case for its
declared reason; one look at the mended lab has to be green for all. Whoever is not as declared has
a problem, and is to be tried alone.
"""

from collections.abc import Mapping, Sequence
from functools import partial, reduce

from lab import mending, product, proving, recording
from lab.errors import LabError
from lab.faults import Fault
from lab.inventory import MACHINES
from lab.parallel import for_each
from lab.product import Looked
from lab.proving import Tried
from lab.scene import Facts, Scene
from lab.site import Site

# The name of the environment file under several variants.
TOGETHER = "variants"
# Seconds for asking again who has which part: under a fault there may be no answer, which is no
# other answer.
PATIENCE = 4.0
NAMES = frozenset(machine.name for machine in MACHINES)


def faults(site: Site, several: Sequence[Fault], *, narrow: bool = False) -> list[Tried]:
    """Try faults that are said to reach different machines (`lab.batches`).

    Raises:
        LabError: one could not be planted, looked at or mended.
    """
    observed = () if narrow else product.observing(site=site.home.site)
    checks = (*observed, *sorted({check for one in several for check in one.about} - {*observed}))
    scenes: dict[str, Scene] = {}
    with mending.holding(site):
        try:
            scenes |= mending.plant_at_once(site, several)
            problems = doubted(several, scenes)
            naive = for_each(several, lambda one: proving.probed(one, scenes[one.name].looking()))
            proving.let_settle(site, checks)
            title = f"{len(several)} faults: the product looks"
            looked = product.look(site, checks=checks, title=title)
        finally:
            if scenes:
                mending.mend_at_once(site, scenes)
            else:
                mending.mend(site)
        after = None if narrow else _mended(site, several)
    facts = {name: scene.facts for name, scene in scenes.items()}
    for one, (_, noticed) in zip(several, naive, strict=True):
        problems[one.name] += noticed
    for name, found in proving.compare_all(several, facts, looked.cases).items():
        problems[name] += found
        problems[name] += [f"{proving.NOT_GREEN}: {case}" for case in after.red] if after else []
    tried = []
    for one, (said, _) in zip(several, naive, strict=True):
        declared = proving.declared_by(one, facts[one.name])
        tried.append(
            Tried(
                fault=one.name,
                number=looked.number,
                red=tuple(case for case in looked.red if case.key in declared),
                problems=tuple(problems[one.name]),
                facts=facts[one.name],
                naive=said,
                mended_number=after.number if after else 0,
                seconds=looked.seconds,
                narrow=narrow,
                beside=tuple(other.name for other in several if other is not one),
                touches=tuple(sorted(scenes[one.name].touched)),
            )
        )
    for each in tried:
        proving.tell(each, looked)
        if each.proven:
            keys = {case.key for case in each.red}
            recording.save(looked, each.fault, each.facts, site=site.home.site, cases=keys)
    return tried


def _mended(site: Site, several: Sequence[Fault]) -> Looked:
    """What the product finds once all of them are mended."""
    checks = product.observing(site=site.home.site)
    proving.let_settle(site, checks)
    title = f"{len(several)} faults: the product looks at the mended lab"
    return product.look(site, checks=checks, title=title)


def doubted(several: Sequence[Fault], scenes: Mapping[str, Scene]) -> dict[str, list[str]]:
    """Name -> why it may not be by itself what is found under it, beside the others.

    Two that touched the same machine are in doubt, one that is no longer in force, and one that
    was planted by facts which have changed since.
    """
    again = for_each(several, lambda one: _changed(one, scenes[one.name]))
    found = {one.name: said for one, said in zip(several, again, strict=True)}
    for one, mine in scenes.items():
        for other, theirs in scenes.items():
            if both := sorted(mine.touched & theirs.touched) if one != other else []:
                found[one].append(f"it touches {', '.join(both)}, as {other} does")
    return found


def _changed(fault: Fault, scene: Scene) -> list[str]:
    """What is no longer as it was when it was planted."""
    looking = scene.looking()
    found = []
    try:
        what = "it is in force beside the others"
        looking.wait(what, lambda: fault.took_effect(looking), fault.settle)
    except LabError as error:
        found.append(str(error))
    try:
        now = parts(fault.survey(Scene(scene.site, {}, scene.fault, patience=PATIENCE)))
    except LabError:
        # A fault may well keep from telling who has which part: no answer is no other answer.
        return found
    found += [
        f"{key} is {now[key]}, and was {was}"
        for key, was in parts(scene.facts).items()
        if now.get(key, was) != was
    ]
    return found


def parts(facts: Facts) -> Facts:
    """Those of the facts that tell which machine has a part."""
    return {key: value for key, value in facts.items() if value in NAMES}


def variants(site: Site, several: Sequence[Fault], *, narrow: bool = False) -> list[Tried]:
    """Try healthy variants that do not disturb each other at once; what all of them gave.

    Any problem is everybody's: whose it is shows when each is tried alone.

    Raises:
        LabError: one could not be planted, looked at or taken back.
    """
    tempted = sorted({check for one in several for check in one.tempts})
    checks = tempted if narrow else product.observing(site=site.home.site)
    scenes: dict[str, Scene] = {}
    with mending.holding(site):
        try:
            for one in several:
                scenes[one.name] = mending.plant(site, one, beside=tuple(scenes))
            _still_in_force(several, scenes)
            looked = _look_at_all(site, several, checks)
        finally:
            mending.mend(site, scenes=scenes)
        problems = [f"not declared: {case}" for case in looked.red]
        after = None if narrow else proving.look_again(site, several[0], tempted)
        problems += [f"{proving.NOT_GREEN}: {case}" for case in after.red] if after else []
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
            touches=tuple(sorted(scenes[one.name].touched)),
        )
        for one in several
    ]
    for each, one in zip(tried, several, strict=True):
        proving.tell(each, looked)
        if each.proven:
            recording.save(looked, one.name, each.facts, site=one.site, green=one.tempts)
    return tried


def _still_in_force(several: Sequence[Fault], scenes: Mapping[str, Scene]) -> None:
    """Hold each to what it shows once the others are there.

    Raises:
        LabError: one of the others took it back.
    """
    for one in several:
        looking = scenes[one.name].looking()
        what = "it is in force beside the others"
        looking.wait(what, partial(one.took_effect, looking), one.settle)


def _look_at_all(site: Site, several: Sequence[Fault], checks: Sequence[str]) -> Looked:
    """What the product finds while all of them are in force."""
    proving.let_settle(site, checks)
    alters = [one.environment for one in several if one.environment is not None]

    def all_altered(text: str) -> str:
        return reduce(lambda so_far, alter: alter(so_far), alters, text)

    return product.look(
        site,
        checks=checks,
        environment=product.environment_file(site, TOGETHER, all_altered if alters else None),
        title=f"{len(several)} variants: the product looks",
    )
