"""Whether what runs on every machine has known holes, and is what packages brought."""

import time
from datetime import UTC, datetime

from readiness import Ask, Severity, check, holds
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.site.subjects import MACHINE
from readiness.systems.hardening.declared import hardening_of
from readiness.systems.hardening.reading.software import BROUGHT, SOFTWARE

NONE = "none"
MOST_TOLD = 5
"""Findings in one sentence; the record has all of them."""
COUNTED = "counted"
QUARTER = 90 * 86400.0
"""Seconds: for as long into a year a list may know no hole of that year yet."""


@check(
    "HARD-008",
    "No package of a machine has a hole that is known and mended, and none runs on after its mend",
    clauses=("sec.hardening/no-known-holes",),
    each=MACHINE,
    declared=("ssh", "known holes"),
    severity=Severity.HIGH,
    risk="What everybody can read about is tried by everybody; a program that was mended on disk "
    "keeps its hole until it is started again.",
    reads=(
        "dpkg-query of every package",
        "the declared list of known holes, which lies at the gate",
        "lsof as root: the programs that run and the deleted files that they have in memory",
    ),
    rights="an SSH login; sudo for exactly one lsof command line",
    remedy="install the named version, or start the named process again; fetch the list anew "
    "where it is old; accept a hole under `hardening.known_holes`, until a day and with a reason",
)
def test_no_known_holes(machine: Machine, site: Environment, ask: Ask) -> None:
    """The list is new, no package is on it, and no process runs what was replaced."""
    found, said = ask(SOFTWARE, machine), hardening_of(site).known_holes
    here = found.reading
    assert said is not None
    assert holds(found.fact("seconds since the list was fetched", here.fetched), "<=", said.age)
    # A list that is fetched anew each day, and of years ago, has an age of hours.
    year = datetime.fromtimestamp(time.time() - said.age - QUARTER, UTC).year
    assert holds(found.fact("year of the newest hole on the list", here.newest_year), ">=", year)
    today = datetime.now(UTC).date()
    accepted = [one for one in said.accepted if one.is_about(machine.name) and one.until >= today]
    spared = {one.bug for one in accepted}
    words = "; ".join(f"{one.bug} until {one.until}: {one.reason}" for one in accepted)
    name = f"packages that were compared{f' (accepted: {words})' * bool(words)}"
    assert holds(found.fact(name, here.packages), ">=", 1)
    counted = [one for one in here.holes if one.bug not in spared]
    mended = [str(one) for one in counted if one.mended_in or said.without_fix == COUNTED]
    left = len(counted) - len(mended)
    name = f"packages with a known hole{f' (and {left} that nobody has mended)' * bool(left)}"
    assert holds(found.fact(name, told(mended)), "==", NONE)
    assert holds(found.fact("processes whose programs were seen", here.programs), ">=", 1)
    name = "processes that run what was deleted or replaced"
    assert holds(found.fact(name, told([str(one) for one in here.stale])), "==", NONE)


@check(
    "HARD-009",
    "What runs on a machine is what its packages brought, by digests that are kept elsewhere",
    clauses=("sec.hardening/file-integrity",),
    each=MACHINE,
    declared=("ssh", "integrity"),
    severity=Severity.HIGH,
    risk="Whoever got in left a way back in a program that everybody trusts; they have the "
    "machine's own list of digests made anew as well.",
    reads=(
        "dpkg --verify as root: every file that a package brought",
        "sha256sum of the packages' lists of digests, against those that are kept at the gate",
    ),
    rights="an SSH login; sudo for exactly `dpkg --verify`",
    remedy="find out who changed what is named, then install its package anew; keep digests anew "
    "after each upgrade, from a machine that you trust; name under `hardening.integrity` what you "
    "changed on purpose, with a reason",
)
def test_programs_are_as_brought(machine: Machine, site: Environment, ask: Ask) -> None:
    """The lists are as they were kept, and every program is as its list says."""
    found, said = ask(BROUGHT, machine), hardening_of(site).integrity
    here = found.reading
    meant = [one for one in (said.changed if said else ()) if one.is_about(machine.name)]
    words = "; ".join(f"{one.path}: {one.reason}" for one in meant)
    name = f"packages whose digests are as they were kept{f' (but {words})' * bool(words)}"
    assert holds(found.fact(name, here.compared), ">=", 1)
    name = "packages whose digests were made anew"
    assert holds(found.fact(name, told(list(here.rebuilt))), "==", NONE)
    changed = [
        one for one in here.changed if not any(one.startswith(f"{each.path} ") for each in meant)
    ]
    assert holds(found.fact("programs and libraries that were changed", told(changed)), "==", NONE)
    spared = {one.path for one in meant}
    unread = [one for one in here.unread if one not in spared]
    name = f"all programs could be read{f', but not {told(unread)}' * bool(unread)}"
    assert holds(found.fact(name, None if unread else True), "==", True)
    unknown = list(here.not_kept)
    name = f"digests are kept of all packages{f', but not of {told(unknown)}' * bool(unknown)}"
    assert holds(found.fact(name, None if unknown else True), "==", True)


def told(findings: list[str]) -> str:
    """Findings as one text."""
    more = f" and {len(findings) - MOST_TOLD} more" if len(findings) > MOST_TOLD else ""
    return "; ".join(findings[:MOST_TOLD]) + more if findings else NONE
