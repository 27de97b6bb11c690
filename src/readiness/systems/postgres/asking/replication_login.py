"""Whether a member could open new replication connections, as a program on it has tried just now.

What streams goes on with a password, a rule or a certificate that no new connection would be let in
with; only trying tells. What a member connects with never leaves it: the program is laid there by
the site (`readiness.on_members.replication_login`), takes no argument, and prints no secret.
"""

import re
from typing import Final

from readiness.model.errors import AccessDenied, NotUnderstood
from readiness.probes.ssh import ObserveSession
from readiness.systems.postgres.reading.replication_login import (
    LIMIT,
    PROGRAM,
    ReplicationLogins,
    read,
)

_NO_SUDO: Final = re.compile(r"^sudo:|not allowed to execute|may not run sudo", re.MULTILINE)


def replication_logins(session: ObserveSession, user: str) -> ReplicationLogins:
    """Have the program on a member try, as the servers' own user.

    Raises:
        AccessDenied: sudo does not permit it.
        ProbeError: it is not there, or could not try.
    """
    answer = session.run(f"sudo -n -u {user} /usr/bin/python3 -I {PROGRAM}", timeout=LIMIT)
    if answer.exit_code:
        said = f"{session.where}: {answer.complaint}"
        raise (AccessDenied if _NO_SUDO.search(answer.complaint) else NotUnderstood)(said)
    return read(answer.text, where=session.where)
