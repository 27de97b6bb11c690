"""A writer on the victim itself, over its local socket, so that a cut does not silence it.

Its log shows whether the victim went on acknowledging commits after the new primary's first. It is
one psql call per row: no acknowledgement outlives a broken session, and a warning on a commit
("committed locally") is seen.
"""

import contextlib
import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from readiness.drills.actions import (
    ActionFailed,
    end_writer,
    folder_of,
    log_of,
    remove_writer,
    settle,
    write_undo,
)
from readiness.drills.permit import Permit
from readiness.drills.writers import Table
from readiness.measure.operation import Op, Outcome
from readiness.model.errors import ReadinessError
from readiness.model.words import Tier
from readiness.probes.ssh import DrillSession
from readiness.session.run import Run
from readiness.site.declared.database import Database

GROUP: Final = "local"
# Names and numbers only are put in; none of them holds a quote (they are validated names).
SCRIPT: Final = """
trap 'exit 0' TERM
umask 077
exec >{log} 2>&1
n=0
end=$(( $(date +%s) + {seconds} ))
while [ "$(date +%s)" -lt "$end" ]; do
  payload=$(printf '%s' "{run}/local/$n" | sha256sum | cut -d' ' -f1)
  start=$(date +%s.%N)
  printf '%s %s\\n' "$n" "$start"
  said=$(timeout 2 psql -XAtq -v ON_ERROR_STOP=1 -U {user} -d {database} -c \\
    "INSERT INTO \\"{schema}\\".\\"{table}\\" (run, writer, seq, payload) \\
     VALUES ('{run}', 'local', $n, '$payload')" 2>&1)
  code=$?
  done_at=$(date +%s.%N)
  said=$(printf '%s' "$said" | tr -s '[:space:]' '_')
  printf '%s %s %s %s %s\\n' "$n" "$start" "$done_at" "$code" "$said"
  n=$((n + 1))
  sleep 0.05
done
"""


class LocalWriter:
    """A writer that runs on a member until it is stopped; its folder there is its own."""

    def __init__(self, run: Run, session: DrillSession, name: str, entry: str) -> None:
        self.run, self.session, self.name, self.entry = run, session, name, entry
        self._stopped = False

    def stop(self) -> str:
        """Stop it, prove it, and give its log; an empty log says nothing."""
        end_writer(self.session, self.name)
        log = self.session.run(["cat", log_of(self.name)])
        proof = remove_writer(self.session, self.name)
        self._stopped = True
        settle(self.run, self.entry, proof)
        return log.text if not log.exit_code else ""

    def abandon(self) -> None:
        """Stop it unless that is done; where it can't be, it stays owed and ends by its time."""
        if not self._stopped:
            with contextlib.suppress(ReadinessError):
                self.stop()


@contextmanager
def writing(
    run: Run,
    permit: Permit,
    session: DrillSession,
    database: Database,
    table: Table,
    *,
    trial: str,
    seconds: float,
) -> Iterator[LocalWriter]:
    """Start it, its undo written first; it ends with the block, or by itself after the seconds.

    Raises:
        ActionFailed: it did not start.
    """
    permit.require(Tier.TOUCH)
    drill, login = database.failover, database.logins.touch
    if drill is None or login is None:
        raise ActionFailed(f"{database.name}: no drill or touch login is declared")
    # Nobody else on the machine can know the name beforehand, and put something of his own there.
    name = f"readiness-writer-{trial}-{secrets.token_hex(8)}"
    arguments = {"machine": session.name, "name": name}
    entry = write_undo(run, "local-writer.stop", arguments, target=session.name, expires_in=seconds)
    writer = LocalWriter(run, session, name, entry)
    try:
        _start(writer, _script(name, database, login.user, table, trial, seconds))
        yield writer
    finally:
        writer.abandon()


def _script(
    name: str, database: Database, user: str, table: Table, trial: str, seconds: float
) -> str:
    return SCRIPT.format(
        log=log_of(name),
        seconds=int(seconds),
        run=trial,
        user=user,
        database=database.database,
        schema=table.db_schema,
        table=table.name,
    )


def _start(writer: LocalWriter, script: str) -> None:
    session = writer.session
    # Fails where something of that name is there, a link included.
    made = session.run(["mkdir", "-m", "700", folder_of(writer.name)])
    if made.exit_code:
        raise ActionFailed(f"{session.name}: no folder for the local writer: {made.complaint}")
    # The script comes by standard input into a variable first: the launched shell has no input.
    launch = f'script=$(cat); setsid bash -c "$script" {writer.name} </dev/null >&- 2>&- &'
    answer = session.run(["bash", "-c", launch], stdin=script.encode())
    if answer.exit_code:
        raise ActionFailed(f"{session.name}: the local writer did not start: {answer.complaint}")


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
