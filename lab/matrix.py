"""The detection matrix: what each fault turned red, and that healthy labs are green, odd ones too.

The JSON ships with the product (which check was proven by which fault); the page is generated from
it. Results are kept as they come, so a matrix can be worked out in parts and gone on with.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab import (
    at_once,
    batches,
    cluster,
    examined,
    matrix_page,
    mending,
    product,
    proving,
    recording,
    variants,
)
from lab.digests import digest, doing
from lab.errors import LabError
from lab.faults import Fault, _cache, all_faults
from lab.home import LAB, REPOSITORY
from lab.inventory import layout
from lab.matrix_page import SAMPLE
from lab.progress import say
from lab.proving import Tried
from lab.scene import Facts, Scene
from lab.site import Site
from lab.variants import all_variants
from readiness.site.documents import load_environment

SCHEMA = 1
DATA = REPOSITORY / "src/readiness/data/matrix.json"
PAGE = REPOSITORY / "docs/detection-matrix.md"
HEALTHY_RUNS = 3
# What it takes to try them on two processors that do nothing else: to say so beforehand.
BATCH_SECONDS = 75.0
VARIANTS_SECONDS = 180.0
ALONE_SECONDS = {"observe": 65.0, "touch": 65.0, "load": 150.0, "disrupt": 600.0}
PROVEN = matrix_page.PROVEN
SINCE = " since it was proven"
# Every machine that may have a part which is noted instead of its name.
PARTS = {
    **dict.fromkeys(("<primary>", "<sync>", "<async>"), cluster.MEMBERS),
    **dict.fromkeys(("<master>", "<replica>", "<other>"), _cache.MEMBERS),
}

Document = dict[str, Any]


def load(path: Path = DATA) -> Document:
    """What was worked out so far; an empty matrix where there is none."""
    empty = {"schema": SCHEMA, "healthy_runs": [], "sites": {}, "proven": {}}
    empty |= {"faults": {}, "variants": {}}
    return {**empty, **(json.loads(path.read_text()) if path.exists() else {})}


def save(document: Document, path: Path = DATA, page: Path = PAGE) -> None:
    """Write data and page, each complete or as it was."""
    document["proven"] = proven(document["faults"])
    for target, text in (
        (path, json.dumps(document, indent=1, sort_keys=True) + "\n"),
        (page, render(document)),
    ):
        draft = target.with_name(target.name + ".new")
        draft.write_text(text)
        draft.replace(target)


def state(fault: Fault, kept: Document | None) -> str:
    """What is known of a fault or variant: proven, or why it has to be tried (again)."""
    if kept is None:
        return "not tried"
    if not kept["proven"]:
        return "not proven"
    if kept["digest"] != digest(fault):
        return f"changed{SINCE}"
    changed = _changed(fault.about, kept.get("checks", {}), examined.check)
    if not changed and not {"readings", "roles"} <= kept.keys():
        return "proven before readings and roles were kept"
    if not changed:
        read = _changed(fault.about, kept["readings"], examined.readings)
        changed = [f"what {check} reads" for check in read]
    if not changed:
        laid = kept["roles"]
        changed = [f"role {name}" for name in _changed(laid, laid, examined.role)]
    return f"{', '.join(changed)} changed{SINCE}" if changed else PROVEN


def _changed(names: Iterable[str], then: Mapping[str, str], now: Callable[[str], str]) -> list[str]:
    """Those whose digest is another than it was."""
    return [name for name in names if then.get(name) != now(name)]


def roles_of(machines: Iterable[str], site: str = LAB) -> list[str]:
    """The roles that lie over these machines, whichever of them has a part at the time."""
    names = {one for machine in machines for one in PARTS.get(machine, (machine,))}
    there = [each for each in layout(site).machines if each.name in names]
    return sorted({role for each in there for role in each.roles})


def kept(document: Document, fault: Fault) -> Document:
    """What the matrix holds of a fault or variant that was tried."""
    return dict(_part(document, fault)[fault.name])


def _part(document: Document, fault: Fault) -> Document:
    """Where the results of faults are, or those of variants."""
    part: Document = document["variants" if fault.tempts else "faults"]
    return part


def entry(
    fault: Fault,
    tried: Tried,
    parts: Facts | None = None,
    seconds: float = 0.0,
    before: Sequence[str] = (),
) -> Document:
    """One result, as it is kept: of a fault what it turned red, of a variant what it tempts.

    `parts` tells which machine had which part, `seconds` what it cost, and `before` why it was
    tried alone after it had been tried beside others.
    """
    about = {"tempts": list(fault.tempts)} if fault.tempts else _declared(fault, tried)
    touches = batches.noted(tried.touches, parts or {})
    return {
        "title": fault.title,
        "why": fault.why,
        "kind": fault.kind,
        **({} if fault.site == LAB else {"site": fault.site}),
        **about,
        "tier": fault.tier,
        "run": tried.number,
        "mended_run": tried.mended_number,
        "proven": tried.proven,
        "problems": list(tried.problems),
        "digest": digest(fault),
        "checks": {check: examined.check(check) for check in fault.about},
        "readings": {check: examined.readings(check) for check in fault.about},
        "roles": {role: examined.role(role) for role in roles_of(touches, fault.site)},
        "beside": list(tried.beside),
        "at_once": list(before),
        "touches": touches,
        "touched_by": "" if fault.tempts else doing(fault),
        "seconds": round(seconds, 1),
    }


def _declared(fault: Fault, tried: Tried) -> Document:
    return {
        "shape": fault.shape,
        "declares": list(fault.checks),
        "reddens": {
            check: {case.subject: case.reason for case in tried.red if case.check == check}
            for check in sorted({case.check for case in tried.red})
        },
        "naive": tried.naive,
    }


def proven(faults: Mapping[str, Document]) -> Document:
    """Check -> on what it was seen red, and by which proven faults."""
    by_check: dict[str, list[str]] = {}
    for name, one in sorted(faults.items()):
        for check in one["declares"] if one["proven"] else ():
            by_check.setdefault(check, []).append(name)
    return {check: {"on": "real", "faults": names} for check, names in sorted(by_check.items())}


def selected(site: str, names: Sequence[str], checks: Sequence[str]) -> list[Fault]:
    """A site's named faults and those that redden a named check; all of them without names.

    Raises:
        LabError: no fault of that name, or none that reddens that check.
    """
    every = {**all_variants(), **all_faults()}
    known = {name: one for name, one in every.items() if one.site == site}
    for name in names:
        variants.called(name)
    if not names and not checks:
        return list(known.values())
    for check in checks:
        if not any(check in fault.checks for fault in known.values()):
            raise LabError(f"no fault reddens {check!r}")
    return [one for one in known.values() if one.name in names or set(one.about) & set(checks)]


def healthy_runs(document: Document, site: str) -> list[int]:
    """The numbers of the runs that found a healthy site green, as they are kept."""
    kept = document if site == LAB else document["sites"].get(site, {"healthy_runs": []})
    return list(kept["healthy_runs"])


def keep_healthy(document: Document, site: Site) -> None:
    """See a healthy site green three times, and keep that."""
    name = site.home.site
    kept = document if name == LAB else document["sites"].setdefault(name, {})
    kept["healthy_runs"] = healthy(site)


def healthy(site: Site) -> list[int]:
    """The numbers of three runs in a row that found the healthy lab green.

    Raises:
        LabError: one of them was not, or somebody else's run came between.
    """
    scan = load_environment(product.committed(site.home.site)).permissions.scan
    numbers = []
    for count in range(1, HEALTHY_RUNS + 1):
        with mending.holding(site):
            mending.require_healthy(site)
            title = f"healthy run {count} of {HEALTHY_RUNS}"
            looked = product.look(site, scan=scan, gate_only=True, title=title)
        if looked.red:
            raise LabError(f"run {looked.number} of the healthy lab: {looked.red[0]}")
        numbers.append(looked.number)
        recording.save(looked, recording.HEALTHY, {}, site=site.home.site)
    if numbers != list(range(numbers[0], numbers[0] + HEALTHY_RUNS)):
        raise LabError(f"the numbers of the healthy runs are not consecutive: {numbers}")
    say(f"the healthy lab is green in runs {', '.join(map(str, numbers))}")
    return numbers


def work_out(
    site: Site, faults: Sequence[Fault], *, whole: bool, everything: bool = False
) -> Document:
    """Try those of these faults that have to be, or everything, keeping each result as it comes.

    Healthy runs come first where the matrix is whole and has none yet, then the variants, then the
    faults, as many at once as don't meet.

    Raises:
        LabError: the lab runs from older roles, of which no result of today is.
    """
    if not site.is_of_today():
        raise LabError(
            f"the lab is not up, or runs from older roles; scripts/lab reset{site.lab.of}"
        )
    document = load()
    todo = [one for one in faults if everything or stale(one, document)]
    odd = [one for one in todo if one.tempts]
    left = [one for one in todo if not one.tempts]
    _announce(site, document, odd, left)
    if whole and (everything or not healthy_runs(document, site.home.site)):
        keep_healthy(document, site)
        save(document)
    if whole:
        for where, known in (("faults", all_faults()), ("variants", all_variants())):
            document[where] = {one: document[where][one] for one in document[where] if one in known}
    done = _variants_at_once(site, [one for one in odd if not one.alone])
    document["variants"] |= done
    save(document)
    for one in odd:
        if one.name not in done:
            document["variants"][one.name] = _one(site, one)
            save(document)
    while left:
        several = batches.next_batch(left, parts(site), touched(document))
        say(f"{len(left)} of {len(todo)} left; next: {', '.join(one.name for one in several)}")
        for one, result in _tried(site, several):
            document["faults"][one.name] = result
            save(document)
        left = [one for one in left if one not in several]
    save(document)
    return document


def stale(fault: Fault, document: Document) -> bool:
    """Whether it has to be tried (again)."""
    return state(fault, _part(document, fault).get(fault.name)) != PROVEN


def touched(document: Document) -> dict[str, list[str]]:
    """Fault -> the machines that it was seen to touch, while it is planted in the same way."""
    known = all_faults()
    return {
        name: one["touches"]
        for name, one in document["faults"].items()
        if name in known and one.get("touches") and one["touched_by"] == doing(known[name])
    }


def parts(site: Site) -> Facts:
    """Which machine has which part now; none where it can't be told."""
    if site.home.site != LAB:
        return {}
    scene = Scene(site, {})
    try:
        return {**cluster.survey(scene), **_cache.roles(scene)}
    except LabError as error:
        say(f"nobody knows who has which part: {error}")
        return {}


def _announce(site: Site, document: Document, odd: Sequence[Fault], left: Sequence[Fault]) -> None:
    """Say what will be tried, in how many parts, and how long that took the last time."""
    planned = batches.all_batches(left, parts(site), touched(document)) if left else []
    many = [several for several in planned if len(several) > 1]
    alone = [several[0] for several in planned if len(several) == 1]
    alone += [one for one in odd if one.alone]
    seconds = BATCH_SECONDS * len(many) + VARIANTS_SECONDS * any(not one.alone for one in odd)
    seconds += sum(_cost(one, document) for one in alone)
    say(
        f"to be tried: {len(odd)} variants, {len(left)} faults: {sum(map(len, many))} of them in "
        f"{len(many)} batches, {len(alone)} alone; about {seconds / 60:.0f} minutes"
    )


def _cost(fault: Fault, document: Document) -> float:
    """What trying it alone cost the last time, or what one of its tier costs."""
    last = _part(document, fault).get(fault.name, {})
    alone = last.get("seconds") if not last.get("beside") else None
    return float(alone or ALONE_SECONDS[fault.tier])


def _tried(site: Site, several: Sequence[Fault]) -> Iterator[tuple[Fault, Document]]:
    """Results of faults that are tried at once, and alone where they are not as declared."""
    if len(several) == 1:
        yield several[0], _one(site, several[0])
        return
    now, started = parts(site), time.monotonic()
    before: dict[str, list[str]] = {}
    tried = _at_once(site, several)
    share = (time.monotonic() - started) / len(several)
    for one in several:
        result = tried.get(one.name)
        if result is not None and result.proven:
            yield one, entry(one, result, now, share)
        else:
            before[one.name] = list(result.problems) if result else ["it was not looked at"]
    for one in several:
        if one.name in before:
            say(f"{one.name}: alone, after: {'; '.join(before[one.name])[:SAMPLE]}")
            yield one, _one(site, one, before[one.name])


def _at_once(site: Site, several: Sequence[Fault]) -> dict[str, Tried]:
    """What became of each; nothing where they can't be tried so. A lab in doubt starts anew."""
    try:
        tried = at_once.faults(site, several)
    except LabError as error:
        say(f"at once: PROBLEM: {_short(error)}; each is tried alone")
        if mending.in_force(site):
            mending.start_anew(site)
        return {}
    if any(mended_badly(one) for one in tried):
        mending.start_anew(site)
    return {one.fault: one for one in tried}


def mended_badly(tried: Tried) -> bool:
    """Whether the lab was not green any more once it was mended."""
    return any(problem.startswith(proving.NOT_GREEN) for problem in tried.problems)


def _variants_at_once(site: Site, several: Sequence[Fault]) -> Document:
    """Try what may stand beside each other at once; nothing, where not all of it is proven so."""
    if len(several) < 2:  # noqa: PLR2004 - a pair
        return {}
    say(f"{len(several)} variants at once: {', '.join(one.name for one in several)}")
    try:
        tried = at_once.variants(site, several)
    except LabError as error:
        say(f"at once: PROBLEM: {_short(error)}; each is tried alone")
        if mending.in_force(site):
            mending.start_anew(site)
        return {}
    if not all(one.proven for one in tried):
        return {}
    return {one.name: entry(one, each) for one, each in zip(several, tried, strict=True)}


def _one(site: Site, fault: Fault, before: Sequence[str] = ()) -> Document:
    """Try one alone; what can't be tried is a result too, and the lab starts anew after it."""
    now, started = parts(site), time.monotonic()
    try:
        tried = proving.attempt(site, fault)
    except LabError as error:
        say(f"{fault.name}: PROBLEM: {_short(error)}")
        if mending.in_force(site):
            mending.start_anew(site)
        tried = Tried(fault.name, 0, (), (_short(error),))
    return entry(fault, tried, now, time.monotonic() - started, before)


def _short(error: LabError) -> str:
    return " ".join(str(error).split())[:600]


def complete(document: Document, site: str = LAB) -> list[str]:
    """What is missing for 100 % of a site; empty when nothing is. All checks are the big one's."""
    missing = []
    for part, known in (("faults", all_faults()), ("variants", all_variants())):
        mine = [name for name, one in known.items() if one.site == site]
        tried = document[part]
        missing += [
            f"{name}: {tried[name]['problems'][0]}"
            for name in mine
            if name in tried and not tried[name]["proven"]
        ]
        missing += [f"{name}: not tried" for name in mine if name not in tried]
    if site == LAB:
        missing += [
            f"{check}: no proven fault reddens it"
            for check in product.catalogue()
            if check not in document["proven"]
        ]
    if len(healthy_runs(document, site)) != HEALTHY_RUNS:
        missing.append(f"{HEALTHY_RUNS} healthy runs in a row: not done")
    return missing


def render(document: Document) -> str:
    """The page."""
    return matrix_page.render(document, state)
