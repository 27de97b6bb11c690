"""Whether every machine has room left, and is a machine of its own."""

from typing import Any

from readiness import Ask, Found, Severity, check, derive, holds
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.site.subjects import ENVIRONMENT, MACHINE, reached_machines
from readiness.systems.hardening.declared import headroom_of
from readiness.systems.hardening.reading import IDENTITY, OFFERS, SPACE, Space

NONE = "none"
# Of a file system of terabytes a tenth is more than anybody fills before the next look.
ENOUGH_BYTES = 50 * 1024**3
READS = ("df of the file systems that are the machine's own", "/proc/mounts")
RIGHTS = "an SSH login without privileges"


@check(
    "HOST-004",
    "Every file system of a machine that is written to has room left",
    clauses=("infra.hosts/disk-headroom",),
    each=MACHINE,
    declared=("ssh",),
    severity=Severity.HIGH,
    risk="A database stops when it can't write, a log loses lines, and an upgrade stops half way.",
    reads=READS,
    rights=RIGHTS,
    remedy="make room on the one that is named, or enlarge it; declare under `headroom` what is "
    "meant to be full, with a reason, or another share that must be free",
)
def test_bytes_are_left(machine: Machine, site: Environment, ask: Ask) -> None:
    """Each has the declared share free, or 50 GiB; read-only ones are as they were made."""
    found, meant = ask(SPACE, machine), headroom_of(site)
    spared = meant.spared(machine.name)
    judged = [one for one in found.reading.systems if one.point not in spared]
    assert holds(found.fact(f"file systems that are written to{but(spared)}", len(judged)), ">=", 1)
    scarce = [
        f"{one.point} ({100 * one.free / one.size:.1f} %)"
        for one in judged
        if one.free < min(one.size * meant.free / 100, ENOUGH_BYTES)
    ]
    name = f"file systems with less than {meant.free:g} % of their bytes free"
    assert holds(found.fact(name, ", ".join(scarce) or NONE), "==", NONE)
    saw_all(found, spared)


@check(
    "HOST-005",
    "Every file system of a machine that is written to has inodes left",
    clauses=("infra.hosts/inode-headroom",),
    each=MACHINE,
    declared=("ssh",),
    severity=Severity.HIGH,
    risk="No file can be made though bytes are free, and every monitor of bytes stays content.",
    reads=READS,
    rights=RIGHTS,
    remedy="find the folder with the many small files (`du --inodes -x`) and what keeps making "
    "them; declare under `headroom` what is meant to be full, with a reason",
)
def test_inodes_are_left(machine: Machine, site: Environment, ask: Ask) -> None:
    """Each has the declared share free; those that make inodes as they need them have no end."""
    found, meant = ask(SPACE, machine), headroom_of(site)
    spared = meant.spared(machine.name)
    judged = [one for one in found.reading.systems if one.point not in spared]
    assert holds(found.fact(f"file systems that are written to{but(spared)}", len(judged)), ">=", 1)
    scarce = [
        f"{one.point} ({100 * one.free_inodes / one.inodes:.1f} %)"
        for one in judged
        if one.inodes and one.free_inodes < one.inodes * meant.inodes / 100
    ]
    name = f"file systems with less than {meant.inodes:g} % of their inodes free"
    assert holds(found.fact(name, ", ".join(scarce) or NONE), "==", NONE)
    saw_all(found, spared)


def saw_all(found: Found[Space], spared: dict[str, str]) -> None:
    """Claim that no file system was kept from us; what is in one that was, nobody knows."""
    unseen = ", ".join(one for one in found.reading.unseen if one not in spared)
    name = "all were looked at" + f", but not {unseen}, which our login may not enter" * bool(
        unseen
    )
    assert holds(found.fact(name, None if unseen else True), "==", True)


def but(spared: dict[str, str]) -> str:
    """What is excepted and why, for the sentence of a green case."""
    words = "; ".join(f"{point}: {reason}" for point, reason in sorted(spared.items()))
    return f" (excepted: {words})" if words else ""


@check(
    "HOST-006",
    "Every declared machine is a machine of its own, and all of its addresses are its own",
    clauses=("infra.hosts/members-as-declared",),
    each=ENVIRONMENT,
    declared=("ssh everywhere",),
    severity=Severity.HIGH,
    risk="One machine under two names answers every question twice, and the other one is not "
    "looked at; two of one image share keys, and one of them can pass for the other.",
    reads=("/etc/machine-id", "the key that the SSH server of each address shows"),
    rights=RIGHTS,
    remedy="correct the address that is named; of a copied machine make machine-id "
    "(systemd-machine-id-setup) and host keys anew",
)
def test_machines_are_their_own(environment: Environment, ask: Ask) -> None:
    """Machine-ids and SSH host keys differ between machines, and agree between addresses of one."""
    reached = reached_machines(environment)
    ids = {one.name: ask(IDENTITY, one) for one in reached}
    keys = {one.name: ask(OFFERS, one) for one in reached}
    sources: list[Found[Any]] = [*ids.values(), *keys.values()]
    seen = derive("machines that said who they are", environment.name, len(ids), *sources)
    assert holds(seen, "==", len(reached))
    same = alike({name: {found.reading.machine_id} for name, found in ids.items()})
    assert holds(
        derive("machines with one machine-id", environment.name, same, *sources), "==", NONE
    )
    shown = {name: {one.host_key for one in found.reading.offers} for name, found in keys.items()}
    several = ", ".join(sorted(name for name, each in shown.items() if len(each) > 1)) or NONE
    name = "machines whose addresses show different SSH host keys"
    assert holds(derive(name, environment.name, several, *sources), "==", NONE)
    shared = alike(shown)
    assert holds(
        derive("machines with one SSH host key", environment.name, shared, *sources), "==", NONE
    )


def alike(of: dict[str, set[str]]) -> str:
    """Which machines have something in common, two and two."""
    names = sorted(of)
    pairs = [(a, b) for a in names for b in names if a < b and of[a] & of[b]]
    return ", ".join(f"{a} and {b}" for a, b in pairs) or NONE
