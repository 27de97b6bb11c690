"""Whether a secret lies where everybody on a machine can read it."""

from readiness import Ask, Found, Severity, check, holds
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.site.subjects import MACHINE
from readiness.systems.secrets.declared import Kept, secrets_of
from readiness.systems.secrets.reading import FILES, SHOWN, OpenFiles, Secret

NONE = "none"
MOST_TOLD = 5
"""Places of secrets in one sentence; the record has all of them."""


@check(
    "SEC-001",
    "No file that everybody reads holds a secret, and places of secrets are closed to others",
    clauses=("sec.secrets/no-plaintext",),
    each=MACHINE,
    declared=("ssh",),
    severity=Severity.CRITICAL,
    risk="Whoever gets onto the machine as anybody at all has the database, or the next machine.",
    reads=(
        "find and grep below /etc, /opt, /srv, /home and the folders of services",
        "of files that others may read: the lines that may hold a secret",
        "the declared files; stat of the declared places of secrets",
    ),
    rights="an SSH login without privileges; sudo for declared files that it can't read",
    remedy="move the secret into a file that only its owner reads (mode 0600), or hand it to its "
    "unit by systemd's LoadCredential; give it a new value, and look for copies of that file; "
    "declare under "
    "`secrets.allowed`, with a reason, what is none",
)
def test_no_secret_in_open_files(machine: Machine, site: Environment, ask: Ask) -> None:
    """Each file was looked at, none has a secret, and each declared place is closed to others.

    What our login can't read is kept from everybody else, too: of that only rights are looked at.
    """
    found = ask(FILES, machine)
    here = found.reading
    assert holds(
        found.fact("files that everybody reads and that were looked at", here.files), ">=", 1
    )
    where = found.fact("secrets in files that anybody reads", told(here.secrets))
    assert holds(where, "==", NONE)
    declared = {one.path: one for one in secrets_of(site).kept_in if one.is_about(machine.name)}
    for path, meant in declared.items():
        is_kept(found, path, meant)


def is_kept(found: Found[OpenFiles], path: str, meant: Kept) -> None:
    """Claim that a declared place is there, is its owner's, and gives others nothing."""
    seen = next(one for one in found.reading.kept if one.path == path)
    if seen.closed_by:
        # Not even its rights can be seen: our login was refused at the folder.
        closed = found.fact(f"what keeps others from {path}", seen.closed_by)
        assert holds(closed, "!=", NONE)
        return
    assert holds(found.fact(f"{path} is there", seen.there), "==", True)
    assert holds(found.fact(f"owner of {path}", seen.owner), "==", meant.owner)
    beyond = int(seen.mode, 8) & ~meant.rights & 0o777
    name = f"rights of {path} beyond {meant.mode} (it has {seen.mode.zfill(4)})"
    assert holds(found.fact(name, f"{beyond:04o}"), "==", "0000")


@check(
    "SEC-002",
    "No environment of a unit and no command line shows a secret to everybody on the machine",
    clauses=("sec.secrets/no-plaintext",),
    each=MACHINE,
    declared=("ssh",),
    severity=Severity.CRITICAL,
    risk="systemd and the kernel show both to every user, whatever the rights of the files are.",
    reads=("systemctl show of every service", "ps of every process, with its arguments"),
    rights="an SSH login without privileges",
    remedy="give it to the service by systemd's LoadCredential or an EnvironmentFile of mode 0600, "
    "restart the service, and give the secret a new value: it has been seen; declare under "
    "`secrets.allowed`, with unit and reason, what is none",
)
def test_no_secret_is_shown(machine: Machine, ask: Ask) -> None:
    """What runs was started without a secret in its arguments, whatever its unit file says now."""
    found = ask(SHOWN, machine)
    here = found.reading
    assert holds(
        found.fact("processes whose command lines were looked at", here.processes), ">=", 1
    )
    where = found.fact("secrets that units and command lines show everybody", told(here.secrets))
    assert holds(where, "==", NONE)


def told(secrets: tuple[Secret, ...]) -> str:
    """Where secrets are, as one text."""
    places = [str(one) for one in secrets[:MOST_TOLD]]
    more = f" and {len(secrets) - MOST_TOLD} more" if len(secrets) > MOST_TOLD else ""
    return "; ".join(places) + more if places else NONE
