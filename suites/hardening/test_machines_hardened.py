"""Whether every machine is hardened as it runs: kernel, files and accounts, and what SSH offers."""

from readiness import Ask, Found, Severity, check, holds
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.site.subjects import MACHINE
from readiness.systems.hardening.declared import Excepted, hardening_of
from readiness.systems.hardening.reading import HOST, KERNEL, OFFERS, Kernel, Offers, Setting
from readiness.systems.hardening.rules import HOST_RULES, KernelRule, kernel_rules

NONE = "none"
MOST_TOLD = 5
"""Findings in one sentence; the record has all of them."""
RIGHTS = "an SSH login without privileges"
PASSWORDS = ("password", "keyboard-interactive")


@check(
    "HARD-004",
    "The kernel of every machine keeps the rows of the table, now and after its next start",
    clauses=("sec.hardening/kernel",),
    each=MACHINE,
    declared=("ssh",),
    severity=Severity.MEDIUM,
    risk="What protects programs and the network is off; or it is on until the next start only.",
    reads=("the settings of the table below /proc/sys", "systemd-sysctl --cat-config"),
    rights=RIGHTS,
    remedy="set what is named, in a file of /etc/sysctl.d that no later one undoes, and load it "
    "(`sysctl --system`); except it under `hardening` where a machine needs it, with a reason",
)
def test_kernel_keeps_the_table(machine: Machine, site: Environment, ask: Ask) -> None:
    """Each row holds by what runs, and by what is saved, or else by what a kernel starts with."""
    found, meant = ask(KERNEL, machine), hardening_of(site)
    excepted = meant.exceptions(machine.name)
    rules = {one.key: one for one in kernel_rules(meant.rows(machine.name))}
    spared = {one.rule for one in excepted}
    judged = [one for one in found.reading.settings if one.key in rules and one.key not in spared]
    words = but([one for one in excepted if one.rule in rules])
    assert holds(found.fact(f"kernel settings that were read{words}", len(judged)), ">=", 1)
    has_own_rows(found, {one.key for one in meant.rows(machine.name)} - spared)
    now = [f"{one.key} is {one.running}" for one in judged if breaks_now(rules[one.key], one)]
    assert holds(found.fact("settings that break a row now", told(now)), "==", NONE)
    next_start = [line for one in judged if (line := breaks_later(rules[one.key], one))]
    name = "settings that break a row from the next start on"
    assert holds(found.fact(name, told(next_start)), "==", NONE)


def has_own_rows(found: Found[Kernel], keys: set[str]) -> None:
    """Claim that the kernel has what the site's own rows are about."""
    lacking = keys - {one.key for one in found.reading.settings}
    name = "settings of the site's own rows that the kernel does not have"
    assert holds(found.fact(name, told(sorted(lacking))), "==", NONE)


def breaks_now(rule: KernelRule, setting: Setting) -> bool:
    """Whether the running value is not allowed."""
    return not rule.kept_by(setting.running)


def breaks_later(rule: KernelRule, setting: Setting) -> str:
    """What will be wrong after the next start, or nothing."""
    if setting.saved and not rule.kept_by(setting.saved):
        return f"{setting.key} becomes {setting.saved} by {setting.saved_in}"
    if not setting.saved and rule.default is not None and not rule.kept_by(str(rule.default)):
        return f"{setting.key} becomes {rule.default}, since nothing sets it"
    return ""


@check(
    "HARD-005",
    "The accounts, files and mounts of every machine keep the rows of the table",
    clauses=("sec.hardening/hosts",),
    each=MACHINE,
    declared=("ssh",),
    severity=Severity.HIGH,
    risk="Whoever gets onto the machine as anybody at all becomes root on it.",
    reads=(
        "getent passwd",
        "find below /etc, /usr, /opt, /home and shared folders: set-uid programs, open rights",
        "dpkg-query -S of the programs that were found; /proc/mounts",
    ),
    rights=f"{RIGHTS}; what it may not enter is closed to everybody else, too",
    remedy="remove the account or the program that is named, or take the rights from it (chmod "
    "u-s, o-w); except it under `hardening`, with its path and a reason, where it is meant so",
)
def test_host_keeps_the_table(machine: Machine, site: Environment, ask: Ask) -> None:
    """Accounts and set-uid programs were seen, and none breaks a row that is not excepted."""
    found = ask(HOST, machine)
    excepted = hardening_of(site).exceptions(machine.name)
    spared = {(one.rule, one.path or "") for one in excepted}
    words = but([one for one in excepted if one.rule in HOST_RULES])
    assert holds(found.fact("accounts that were looked at", found.reading.accounts), ">=", 1)
    # Without su, passwd or mount nobody would get anywhere: a search that sees none saw nothing.
    programs = len(found.reading.set_uid)
    assert holds(found.fact("set-uid programs of packages that were found", programs), ">=", 1)
    wrong = [
        one.what
        for one in found.reading.wrong
        if not {(one.rule, one.path), (one.rule, "")} & spared
    ]
    assert holds(found.fact(f"what breaks a row of the table{words}", told(wrong)), "==", NONE)


@check(
    "HARD-006",
    "The SSH server of every machine offers nothing weak at any address, and root no password",
    clauses=("sec.hardening/ssh",),
    each=MACHINE,
    declared=("ssh",),
    severity=Severity.HIGH,
    risk="Root's password is guessed from anywhere; or a recorded session is read some day.",
    reads=("what the SSH server of each address offers to root and to our login before a login",),
    rights="none on the machine: reaching its SSH port from where the gate looks",
    remedy="remove what is named from KexAlgorithms, HostKeyAlgorithms, Ciphers and MACs; set "
    "PasswordAuthentication and KbdInteractiveAuthentication to no, at least in a `Match User "
    "root`, and look for a Match block that says otherwise; then reload ssh",
)
def test_ssh_offers_nothing_weak(machine: Machine, site: Environment, ask: Ask) -> None:
    """Each address that answers offers strong algorithms and, where it can be told, no passwords.

    A server offers passwords to root also where it then refuses each of them (Debian's default,
    `prohibit-password`): unless the site refuses passwords, that can't be told from outside.
    """
    found = ask(OFFERS, machine)
    seen = found.reading.offers
    closed = f" (nobody listens at {', '.join(found.reading.closed)})" * bool(found.reading.closed)
    assert holds(found.fact(f"addresses where SSH answers{closed}", len(seen)), ">=", 1)
    weak = [f"{one.address}: {each}" for one in seen for each in one.weak]
    assert holds(found.fact("weak algorithms that are offered", told(weak)), "==", NONE)
    if hardening_of(site).ssh_passwords == "refused":
        users = [one.address for one in seen if set(PASSWORDS) & set(one.to_users)]
        assert holds(found.fact("addresses that take users' passwords", told(users)), "==", NONE)
        root = [one.address for one in seen if set(PASSWORDS) & set(one.to_root)]
        assert holds(found.fact("addresses that offer root a password", told(root)), "==", NONE)
    else:
        offers_root_no_password(found)


def offers_root_no_password(found: Found[Offers]) -> None:
    """Claim that root is offered no password; one that is offered may be refused, so unknown."""
    offered = any(set(PASSWORDS) & set(one.to_root) for one in found.reading.offers)
    name = "root is offered no password (declare `hardening.ssh_passwords: refused` to hold it so)"
    assert holds(found.fact(name, None if offered else True), "==", True)


def told(findings: list[str]) -> str:
    """Findings as one text."""
    more = f" and {len(findings) - MOST_TOLD} more" if len(findings) > MOST_TOLD else ""
    return "; ".join(findings[:MOST_TOLD]) + more if findings else NONE


def but(excepted: list[Excepted]) -> str:
    """What is excepted and why, for the sentence of a green case."""
    words = "; ".join(one.words for one in excepted)
    return f" (excepted: {words})" if words else ""
