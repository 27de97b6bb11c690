"""A writer on the victim itself, over its local socket, so that a cut does not silence it.

Its log shows whether the victim went on acknowledging commits after the new primary's first. It is
one psql call per row: no acknowledgement outlives a broken session, and a warning on a commit
("committed locally") is seen.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from readiness.declared.database import Database
from readiness.drills.actions import ActionFailed, settle, write_undo
from readiness.drills.permit import Permit
from readiness.measure.operation import Op, Outcome
from readiness.model import Tier
from readiness.probes.ssh import DrillSession
from readiness.run import Run

GROUP: Final = "local"
# Names and numbers only are put in; none of them holds a quote (they are validated names).
SCRIPT: Final = """
trap 'exit 0' TERM
exec >/tmp/{name}.log 2>&1
umask 077
n=0
end=$(( $(date +%s) + {seconds} ))
while [ "$(date +%s)" -lt "$end" ]; do
  payload=$(printf '%s' "{run}/local/$n" | sha256sum | cut -d' ' -f1)
  start=$(date +%s.%N)
  printf '%s %s\\n' "$n" "$start"
  said=$(timeout 2 psql -XAtq -v ON_ERROR_STOP=1 -U {user} -d {database} -c \\
    "INSERT INTO {schema}.ledger (run, writer, seq, payload) \\
     VALUES ('{run}', 'local', $n, '$payload')" 2>&1)
  code=$?
  done_at=$(date +%s.%N)
  said=$(printf '%s' "$said" | tr -s '[:space:]' '_')
  printf '%s %s %s %s %s\\n' "$n" "$start" "$done_at" "$code" "$said"
  n=$((n + 1))
  sleep 0.05
done
"""


@dataclass(frozen=True)
class LocalWriter:
    """A writer that runs on a member."""

    name: str
    entry: str


def start(
    run: Run,
    permit: Permit,
    session: DrillSession,
    database: Database,
    *,
    trial: str,
    seconds: float,
) -> LocalWriter:
    """Start it, its undo written first; it ends by itself after the seconds."""
    permit.require(Tier.TOUCH)
    drill, login = database.failover, database.logins.touch
    if drill is None or login is None:
        raise ActionFailed(f"{database.name}: no drill or touch login is declared")
    name = f"readiness-writer-{trial}"
    arguments = {"machine": session.name, "name": name}
    entry = write_undo(run, "local-writer.stop", arguments, target=session.name, expires_in=seconds)
    script = SCRIPT.format(
        name=name,
        seconds=int(seconds),
        run=trial,
        user=login.user,
        database=database.database,
        schema=drill.db_schema,
    )
    # The script comes by standard input into a variable first: the launched shell has no input.
    answer = session.run(
        ["bash", "-c", f'script=$(cat); setsid bash -c "$script" {name} </dev/null >&- 2>&- &'],
        stdin=script.encode(),
    )
    if answer.exit_code:
        raise ActionFailed(f"{session.name}: the local writer did not start: {answer.complaint}")
    return LocalWriter(name, entry)


def stop(run: Run, session: DrillSession, writer: LocalWriter) -> str:
    """Stop it and give its log; an empty log says nothing."""
    session.run(["pkill", "-f", f"bash -c .*{writer.name}"])
    log = session.run(["cat", f"/tmp/{writer.name}.log"])  # noqa: S108 - the writer's own file
    session.run(["rm", "-f", f"/tmp/{writer.name}.log"])  # noqa: S108
    settle(run, writer.entry, f"no writer {writer.name} on {session.name}")
    return log.text if not log.exit_code else ""


def read_log(text: str, trial: str) -> list[Op]:
    """The writer's operations, times on the victim's clock (seconds since 1970).

    A line with a number and a start only is an intent; without a later line about the same number
    it is unknown what became of it. A line that is cut off is left out.
    """
    ops: dict[int, Op] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        number, begun = int(match["number"]), float(match["start"])
        ended = float(match["end"]) if match["end"] else None
        acknowledged = match["code"] == "0" and "WARNING" not in (match["said"] or "")
        outcome = Outcome.OK if acknowledged else Outcome.INFO
        payload = hashlib.sha256(f"{trial}/{GROUP}/{number}".encode()).hexdigest()
        ops[number] = Op(GROUP, number, begun, begun, ended, outcome, payload)
    return list(ops.values())


_LINE: Final = re.compile(
    r"(?P<number>\d+) (?P<start>\d+\.\d+)"
    r"(?: (?P<end>\d+\.\d+) (?P<code>\d+)(?: (?P<said>.*))?)?"
)
