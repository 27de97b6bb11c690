"""Whether a planted attack that harms nobody is noticed, kept out, and told of."""

from collections.abc import Callable

from readiness import Found, NotRun, NotUnderstood, Severity, Tier, check, holds
from readiness.drills.intrusion import Noticed, Struck
from readiness.systems.intrusion.declared import ATTACKED, Block, Target

Attack = Callable[[Target], tuple[Found[Struck], ...]]
Confidence = Callable[[int, str], None]

READS = (
    "log-ins that fail, or requests, from the addresses that the site gave for it",
    "connections to the declared doors, from there and from where the gate runs",
    "the declared command of the detection, on every machine",
    "GET what those who are told list",
)
RIGHTS = (
    "an ordinary user on the machine that the attack comes from; a user that may run the declared "
    "commands on every machine that is attacked"
)
DISTURBS = (
    "makes log-ins that fail, or asks for what a scanner asks for, and has the declared addresses "
    "blocked for a while"
)
LIMIT = 900.0


def planted(found: Found[Struck]) -> None:
    """Claim of each address that the machine was attacked from it."""
    attempts = {one.source: one.served for one in found.reading.attempts}
    assert attempts
    for source, count in attempts.items():
        assert holds(found.fact(f"attempts of {source} that were answered", count), ">=", 1)


def noticed(found: Found[Struck], all_: tuple[Noticed, ...], what: str, within: float) -> None:
    """Claim of each address that somebody noticed it in time."""
    missing = sorted(one.source for one in all_ if one.after is None)
    assert holds(found.fact(f"addresses whose attack was not {what}", missing), "==", [])
    for one in all_:
        fact = found.fact(f"time until the attack of {one.source} was {what}", one.after)
        assert holds(fact, "<=", within)


@check(
    "IDS-001",
    "A planted attack is detected in time by every machine, whichever family it comes by",
    clauses=("sec.ids/attack-detected",),
    each=ATTACKED,
    severity=Severity.HIGH,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="Somebody tries passwords for weeks, and nobody notices.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="start the detection there, have it read the log that is written, in both families, and "
    "take out whatever it is told to ignore",
)
def test_detected(attacked_machine: Target, planted_attack: Attack, confidence: Confidence) -> None:
    """The machine names each address that the attack came from, in a line that was not there."""
    trials = planted_attack(attacked_machine)
    for found in trials:
        planted(found)
        if found.reading.silent:
            raise NotUnderstood(found.reading.silent)
        within = attacked_machine.intrusion.detection.within
        noticed(found, found.reading.detected, "detected", within)
    confidence(len(trials), "detected")


@check(
    "IDS-002",
    "The source of a planted attack is kept out in time and as long as declared, and nobody else",
    clauses=("sec.ids/source-blocked",),
    each=ATTACKED,
    severity=Severity.HIGH,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="The attack is noticed and goes on, or goes on over IPv6; or everybody is kept out.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="block in both families and at every declared port, the source alone, for long enough; "
    "have the block end",
)
def test_blocked(attacked_machine: Target, planted_attack: Attack, confidence: Confidence) -> None:
    """Each door is closed to the source, serves us meanwhile, and serves the source afterwards."""
    trials = planted_attack(attacked_machine)
    for found in trials:
        planted(found)
        kept_out(found, attacked_machine.intrusion.block)
    confidence(len(trials), "kept out")


def kept_out(found: Found[Struck], block: Block) -> None:
    """Claim of every door that it kept the source out as declared, and nobody else."""
    doors = found.reading.doors
    shut = sorted(one.id for one in doors if not one.served_us)
    others = found.fact("doors that did not serve others while the source was blocked", shut)
    assert holds(others, "==", [])
    still = sorted(one.id for one in doors if one.closed is None)
    assert holds(found.fact("doors that went on to serve the source", still), "==", [])
    for one in doors:
        taken = found.fact(f"time until {one.id} was closed to the source", one.closed)
        assert holds(taken, "<=", block.within)
    for one in doors:
        held = found.fact(f"time that {one.id} stayed closed to the source", one.held)
        assert holds(held, ">=", block.holds)
    endless = sorted(one.id for one in doors if not one.open_at_the_end)
    how = "it was lifted" if block.ends is None else f"{block.ends:g} s"
    after = found.fact(f"doors that were still closed to the source after {how}", endless)
    assert holds(after, "==", [])


@check(
    "IDS-003",
    "Those who have to know are told of a planted attack in time, wherever it is made",
    clauses=("sec.ids/alert-arrives",),
    each=ATTACKED,
    severity=Severity.HIGH,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="The machine defends itself, and nobody hears that somebody is at the door.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="have the detection of that machine tell them, and see that what it tells arrives",
)
def test_told(attacked_machine: Target, planted_attack: Attack, confidence: Confidence) -> None:
    """An alert that was not there before names each address that the attack came from."""
    alert = attacked_machine.intrusion.alert
    if alert is None:
        reason = f"{attacked_machine.id}: nobody is declared who is told of attacks"
        raise NotRun(reason, declare="`alert` of the intrusion")
    trials = planted_attack(attacked_machine)
    for found in trials:
        planted(found)
        if found.reading.untold:
            raise NotUnderstood(found.reading.untold)
        noticed(found, found.reading.alerted, "told of", alert.within)
    confidence(len(trials), "told of")
