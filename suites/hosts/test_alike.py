"""Whether machines of one role are the same machine, but for their names."""

from readiness import Ask, Severity, check, derive, holds
from readiness.site.environment import Environment
from readiness.site.subjects import ENVIRONMENT, reached_machines
from readiness.systems.hardening.declared import hardening_of
from readiness.systems.hardening.reading.alike import LIKENESS, odd_ones

NONE = "none"
MOST_TOLD = 5
"""Differences in one sentence; the record has all that was read."""


@check(
    "HOST-007",
    "Machines of one role have the same packages, units, accounts, settings and kernel",
    clauses=("infra.hosts/machines-of-a-role-equal",),
    each=ENVIRONMENT,
    declared=("ssh everywhere", "alike"),
    severity=Severity.MEDIUM,
    risk="What was tried on one machine is not so on the other: it fails after a failover, or for "
    "every second user.",
    reads=(
        "dpkg-query of every package; uname -r",
        "systemctl list-unit-files; getent passwd; settings of the kernel below /proc/sys",
    ),
    rights="an SSH login without privileges",
    remedy="make the odd one out like the others, by what makes all of them; declare under "
    "`hardening.alike` what is meant to differ, with a reason",
)
def test_machines_of_a_role_are_alike(environment: Environment, ask: Ask) -> None:
    """At least two machines were compared, and what differs is declared to."""
    said = hardening_of(environment).alike
    roles: dict[str, list[str]] = {}
    for one in reached_machines(environment):
        roles.setdefault(one.role, []).append(one.name)
    compared = {role: names for role, names in roles.items() if len(names) > 1}
    found = {
        name: ask(LIKENESS, environment.machine(name))
        for names in compared.values()
        for name in names
    }
    sources = tuple(found.values())
    number = derive(
        "machines that were compared with another of their role",
        environment.name, len(found), *sources,
    )  # fmt: skip
    assert holds(number, ">=", 2)
    differences = said.differences if said else ()
    odd: list[str] = []
    for role, names in sorted(compared.items()):
        meant = [one for one in differences if one.role == role]
        seen = odd_ones({name: found[name].reading for name in names})
        odd += [
            f"{role}: {one}"
            for one in seen
            if not any(each.covers(one.aspect, one.name) for each in meant)
        ]
    words = "; ".join(f"{one.of} of {one.role}: {one.reason}" for one in differences)
    name = f"what differs between machines of a role{f' (but {words})' * bool(words)}"
    assert holds(derive(name, environment.name, told(odd), *sources), "==", NONE)


def told(findings: list[str]) -> str:
    """Differences as one text."""
    more = f" and {len(findings) - MOST_TOLD} more" if len(findings) > MOST_TOLD else ""
    return "; ".join(findings[:MOST_TOLD]) + more if findings else NONE
