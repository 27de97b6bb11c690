"""What the faults of the audit trail share: the portal's code on one machine, and its events."""

import json
import uuid
from collections.abc import Callable
from typing import Any

from lab import cluster
from lab.defects import EDGES
from lab.errors import LabError
from lab.faults._edge import states
from lab.scene import Scene

DATABASE = "paws360"
TABLE = "audit.access_events"
SUBJECT = 2412
RESTART_LIMIT = 90.0

# Signs in as $1 with the password on standard input and reads the record of student $2 as request
# $3, at this machine's own portal.
_READ = """
import json, sys, urllib.error, urllib.request
who, student, request = sys.argv[1:]
def ask(path, body=None, **headers):
    given = {"Content-Type": "application/json", **headers}
    sent = urllib.request.Request("http://127.0.0.1:8000" + path, body, given)
    try:
        with urllib.request.urlopen(sent, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, {}
form = {"email": who + "@example.test", "password": sys.stdin.read().strip()}
_, found = ask("/auth/login", json.dumps(form).encode())
more = {"X-Session-Token": found["token"], "X-Request-Id": request}
print(ask("/api/profile/student/" + student, **more)[0])
"""


def edit(scene: Scene, machine: str, path: str, old: str, new: str) -> None:
    """Change the portal's code on one machine and run it."""
    scene.change(machine, path, lambda text: text.replace(old, new))
    restart(scene, machine)


def put_back(scene: Scene, machine: str, path: str) -> None:
    """Run the portal's own code again."""
    scene.put_back(machine, path)
    restart(scene, machine)


def restart(scene: Scene, machine: str) -> None:
    """Start the portal of a machine anew and wait until both edges send users to it."""
    scene.service(machine, "restart", "portal")
    scene.wait(
        f"{machine} is in rotation",
        lambda: all(states(scene, edge)[machine] == "UP" for edge in EDGES),
        RESTART_LIMIT,
    )


def read(
    scene: Scene, machine: str, who: str = "canary-advisor", student: int = SUBJECT
) -> Callable[[], list[dict[str, Any]]]:
    """Read a record at one machine; the events of that request, each time it is called."""
    request = str(uuid.uuid4())
    password = (scene.site.home.secrets / f"portal/{who}.password").read_text()
    argv = ("python3", "-c", _READ, who, str(student), request)
    scene.run(machine, *argv, stdin=password)

    def events() -> list[dict[str, Any]]:
        query = f"SELECT coalesce(json_agg(e), '[]') FROM {TABLE} e WHERE request_id = '{request}'"  # noqa: S608 - our own
        return list(json.loads(sql(scene, query)))

    return events


def sql(scene: Scene, statement: str) -> str:
    """Run a statement in the portal's database as superuser, on whichever member leads."""
    leader = scene.wait("a leader", lambda: cluster.leads(scene), 30)
    return cluster.sql(scene, leader, statement, database=DATABASE)


def is_recorded(scene: Scene, machine: str = "app1") -> str:
    """The probe of somebody in a hurry: a read leaves an event."""
    found = read(scene, machine)()
    if not found:
        raise LabError(f"a read at {machine} leaves no event")
    return f"a read at {machine} leaves an event"


def removal_is_refused(scene: Scene) -> str:
    """The probe of somebody in a hurry: the table's owner can't remove a fresh event.

    Raises:
        LabError: it can.
    """
    (event,) = read(scene, "app1")()
    remove = f"DELETE FROM {TABLE} WHERE event_id = '{event['event_id']}'"  # noqa: S608 - refused
    try:
        sql(scene, f"BEGIN; SET ROLE portal_owner; {remove}; ROLLBACK")
    except LabError as error:
        if "refused" not in str(error):
            raise
        return "removing a fresh event as portal_owner is refused"
    raise LabError("a fresh event can be removed")
