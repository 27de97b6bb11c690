"""Tries logins that everybody can read about: each once, one after the other, and none again.

What a server says tells refused from taken; whatever can't be told for sure is neither.
"""

import re
from typing import Any, Final

import psycopg

from readiness.model.errors import ProbeError, Unreachable
from readiness.site.declared.common import Login
from readiness.site.subjects import Member
from readiness.systems.asker import Connections
from readiness.systems.postgres.asking import reached
from readiness.systems.secrets.declared import secrets_of
from readiness.systems.secrets.published import KnownLogin, logins
from readiness.systems.secrets.reading.kept import Logins

LIMIT: Final = 5  # seconds for one login
_REFUSED: Final = re.compile(
    r"(?:password|peer|ident|certificate|scram|ldap|pam|gssapi)\S* authentication failed"
    r"|no pg_hba\.conf entry|pg_hba\.conf rejects connection|not permitted to log in"
    r"|no password supplied|role \S+ does not exist",
    re.IGNORECASE,
)
"""What a server says that did not take the login (PostgreSQL 14 to 17, in English)."""
_TAKEN: Final = re.compile(
    r"permission denied for database|database \S+ does not exist|not currently accepting",
    re.IGNORECASE,
)
"""What it says once it has taken the login, and then refuses something else."""


def try_all(connections: Connections, member: Member) -> Logins:
    """How a member takes each published login, the site's own and roles' own names among them.

    Raises:
        ProbeError: the member is not reached.
    """
    said = secrets_of(connections.site).defaults
    known = logins(tuple(one.user for one in member.database.application))
    own = tuple(KnownLogin(one.user, one.password, one.source) for one in said.own) if said else ()
    refused: list[str] = []
    accepted: list[str] = []
    unclear: list[str] = []
    for one in (*known, *own):
        words = f"{one.user} ({one.source})"
        with reached(connections, member, _nobody(member, one.user)) as target:
            way = {key: value for key, value in target.way.items() if key != "require_auth"}
            found, why = _try(way, target.port, target.dbname, one)
        if found is None:
            unclear.append(f"{words}: {why}")
        else:
            (accepted if found else refused).append(words)
    if not refused and not accepted:
        raise Unreachable(f"{member.id}: {unclear[0] if unclear else 'no login is published'}")
    return Logins(tuple(refused), tuple(accepted), tuple(unclear))


def _nobody(member: Member, user: str) -> Login:
    """Another user than ours, whose password nobody looks up: what is tried is published."""
    return member.database.logins.observe.model_copy(update={"user": user})


def _try(
    way: dict[str, Any], port: int, database: str, login: KnownLogin
) -> tuple[bool | None, str]:
    """Whether one login is taken; None, and why, where that can't be told."""
    try:
        psycopg.connect(
            **way, port=port, dbname=database, user=login.user, password=login.password,
            connect_timeout=LIMIT, application_name="readiness", gssencmode="disable",
        ).close()  # fmt: skip
    except psycopg.Error as error:
        text = " ".join(str(error).split())
        if _REFUSED.search(text):
            return False, ""
        if _TAKEN.search(text):
            return True, ""
        return None, text[:120]
    except ProbeError as error:
        return None, str(error)
    return True, ""
