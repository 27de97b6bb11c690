"""The audit trail: an event for each read of an education record and for each refusal.

An event is written in the transaction of the read, before the answer leaves: whoever got a record
is in the trail. Who, what and why are the application's; identity, time and login are stamped by
the database, and no role of the application can change or remove a row.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from .sessions import Session

ANONYMOUS = "ANONYMOUS"
#: Why a role reads records; the law asks for the interest behind each access.
PURPOSES = {
    "ADVISOR": "advising",
    "COUNSELOR": "counseling",
    "STAFF": "student-accounts",
    "Administrator": "administration",
    "Super_Administrator": "administration",
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_INSERT = (
    "INSERT INTO audit.access_events (request_id, actor_id, actor_role, subject_id, category,"
    " fields, purpose, outcome, route, served_by)"
    " SELECT %s, %s, %s, subject, %s, %s, %s, %s, %s, %s FROM unnest(%s::bigint[]) AS subject"
)


@dataclass(frozen=True)
class Access:
    """One request for records: who asks for which kind, by which route, at which machine."""

    request_id: str
    actor: Session | None
    category: str
    route: str
    served_by: str

    def purpose(self, subject: int | None) -> str:
        """Why the actor asks."""
        if self.actor is None:
            return "unknown"
        if self.actor.user_id == subject:
            return "own-record"
        return PURPOSES.get(self.actor.role, "none-on-file")


def request_id(sent: str | None) -> str:
    """The request's id: the client's where it is a decent one, else a new one."""
    return sent if sent and _REQUEST_ID.fullmatch(sent) else str(uuid.uuid4())


def record(
    connection: Connection[Any],
    access: Access,
    outcome: str,
    subjects: Sequence[int | None],
    fields: Sequence[str] = (),
) -> None:
    """Add one event for each subject to the transaction that is open."""
    actor = access.actor
    purpose = access.purpose(subjects[0] if len(subjects) == 1 else None)
    connection.execute(
        _INSERT,
        [
            access.request_id,
            actor.user_id if actor else None,
            actor.role if actor else ANONYMOUS,
            access.category,
            list(fields),
            purpose,
            outcome,
            access.route,
            access.served_by,
            list(subjects),
        ],
    )
