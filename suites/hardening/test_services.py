"""Whether the services of every machine run with no more rights than they need."""

from readiness import Ask, Found, Severity, check, holds
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.site.subjects import MACHINE
from readiness.systems.hardening.declared import hardening_of
from readiness.systems.hardening.declared.software import HeldService
from readiness.systems.hardening.reading.services import ROOT, SERVICES, Services, Unit

NONE = "none"
MOST_TOLD = 5
"""Findings in one sentence; the record has all of them."""
AS_ROOT, OTHERS_WRITE = "runs-as-root", "others-write"


@check(
    "HARD-007",
    "No service of a machine runs with more rights than it needs, or can be replaced by others",
    clauses=("sec.hardening/services",),
    each=MACHINE,
    declared=("ssh", "held services"),
    severity=Severity.HIGH,
    risk="Whoever finds a hole in a service has the machine, or waits until root starts what they "
    "wrote.",
    reads=(
        "systemctl show of every service: its unit as systemd has it in memory",
        "/proc/PID/status of each service's main process",
        "stat of units, of what they start, and of the folders above",
    ),
    rights="an SSH login without privileges",
    remedy="give the service that is named a user of its own (`User=`), and `NoNewPrivileges=yes`; "
    "take others' right to write from the file; then restart it: what runs keeps its rights until "
    "then. Except it under `hardening.services` where it is meant so, with a reason",
)
def test_services_run_with_few_rights(machine: Machine, site: Environment, ask: Ask) -> None:
    """Own services are not root's, what root starts is root's, and declared ones are as declared.

    What a package brings runs as its package has it.
    """
    found, said = ask(SERVICES, machine), hardening_of(site).services
    here = found.reading
    excepted = [one for one in (said.excepted if said else ()) if one.is_about(machine.name)]
    spared: set[tuple[str, str]] = {(one.rule, service(one.unit)) for one in excepted}
    words = "; ".join(f"{one.unit} {one.rule}: {one.reason}" for one in excepted)
    running = [one for one in here.units if one.runs_as]
    name = f"services that run and were looked at{f' (excepted: {words})' * bool(words)}"
    assert holds(found.fact(name, len(running)), ">=", 1)
    assert holds(found.fact("files whose rights were seen", here.looked_at), ">=", 1)
    held = [one for one in (said.held if said else ()) if one.is_about(machine.name)]
    spared |= {(AS_ROOT, service(one.unit)) for one in held if one.user == ROOT}
    own = [
        f"{one.id} runs as root"
        for one in here.units
        if one.own and one.runs_as == ROOT and (AS_ROOT, one.id) not in spared
    ]
    assert holds(found.fact("services of the site's own that run as root", told(own)), "==", NONE)
    writable = [str(one) for one in here.writable if (OTHERS_WRITE, one.unit) not in spared]
    name = "what root's services lean on and others may write"
    assert holds(found.fact(name, told(writable)), "==", NONE)
    before = [one.id for one in running if not as_its_unit(one)]
    name = "services that run as another user than their unit says"
    assert holds(found.fact(name, told(before)), "==", NONE)
    for one in held:
        runs_as_declared(found, one)


def as_its_unit(unit: Unit) -> bool:
    """Whether a process is whose its unit says. Root may give its rights away by itself."""
    return unit.user in {"", ROOT, "a dynamic user", unit.runs_as} or unit.user.isdigit()


def runs_as_declared(found: Found[Services], meant: HeldService) -> None:
    """Claim that a service runs as declared, and that its unit would start it like that again."""
    name = service(meant.unit)
    unit = next((one for one in found.reading.units if one.id == name), None)
    assert holds(found.fact(f"{name} runs", bool(unit and unit.runs_as)), "==", True)
    assert unit is not None
    assert holds(found.fact(f"user that {name} runs as", unit.runs_as), "==", meant.user)
    starts = unit.user or ROOT
    assert holds(found.fact(f"user that {name} is started as", starts), "==", meant.user)
    stale = found.fact(
        f"the unit of {name} was changed since systemd read it", unit.changed_on_disk
    )
    assert holds(stale, "==", False)
    if meant.no_new_privileges:
        now = found.fact(f"the process of {name} can gain no rights", unit.gains_nothing)
        assert holds(now, "==", True)
        later = found.fact(f"{name} will gain no rights when started", unit.no_new_privileges)
        assert holds(later, "==", True)
    if meant.capabilities == NONE:
        has = found.fact(f"capabilities in effect of {name}", f"{unit.capabilities:#x}")
        assert holds(has, "==", "0x0")


def service(unit: str) -> str:
    """A unit's whole name."""
    return unit if unit.endswith(".service") else f"{unit}.service"


def told(findings: list[str]) -> str:
    """Findings as one text."""
    more = f" and {len(findings) - MOST_TOLD} more" if len(findings) > MOST_TOLD else ""
    return "; ".join(findings[:MOST_TOLD]) + more if findings else NONE
