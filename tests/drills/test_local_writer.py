"""The writer on the victim: where it keeps its log, and how that is read."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from local_servers import ssh_server, wait_until
from simulated import Drilled, environment

from readiness.drills.actions import ActionFailed, folder_of, log_of
from readiness.drills.local_writer import read_log, writing
from readiness.drills.permit import Permit
from readiness.drills.writers import fresh_table
from readiness.measure.operation import Outcome
from readiness.model.words import Case, Tier
from readiness.probes.ssh import DrillSession, Machines
from readiness.probes.ssh_target import SshTarget


def test_an_end_replaces_its_intent() -> None:
    """A row with an end counts once, with the outcome that the end tells."""
    (op,) = read_log("0 10.5\n0 10.5 10.6 0 \n", "run-1")

    assert (op.seq, op.start, op.end, op.outcome) == (0, 10.5, 10.6, Outcome.OK)


def test_an_intent_without_an_end_is_unknown() -> None:
    """A writer that was stopped in the middle of a row leaves it unknown, and not unexpected."""
    (op,) = read_log("7 10.5\n", "run-1")

    assert (op.id, op.end, op.outcome) == ("local/7", None, Outcome.INFO)


def test_a_warning_is_no_acknowledgement() -> None:
    """`committed locally, may not be replicated` comes as a warning with exit code 0."""
    (op,) = read_log(
        "0 1.0\n0 1.0 2.0 0 WARNING:_canceling_wait_for_synchronous_replication\n", "r"
    )

    assert op.outcome is Outcome.INFO


def test_failures_and_cut_lines_are_no_acknowledgement() -> None:
    """An exit code other than 0 is unknown; a line that is cut off says nothing."""
    ops = read_log("0 1.0\n0 1.0 3.0 124 \n1 3.1\n1 3.1 3.2\n2 3", "r")

    assert [(op.seq, op.outcome) for op in ops] == [(0, Outcome.INFO), (1, Outcome.INFO)]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[DrillSession]:
    """A disturbing session with this machine, over a real sshd."""
    with ssh_server() as server, Machines() as machines:
        config = tmp_path / "ssh_config"
        config.write_text(f"Host *\n  Port {server.port}\n")
        yield machines.drill(
            SshTarget(
                name="db1",
                address="127.0.0.1",
                user=server.user,
                key_file=server.key_file,
                known_hosts=server.known_hosts,
                config_file=config,
            )
        )


def started(tmp_path: Path, session: DrillSession) -> AbstractContextManager[Any]:
    """A writer on a machine without such a database: each of its rows fails, and is logged."""
    folder = tmp_path / "run"
    folder.mkdir(exist_ok=True)
    site = environment(tmp_path)
    run = Drilled(folder, site).run
    permit = Permit(run.id, Case("PG-020", "db"), Tier.DISRUPT)
    table = fresh_table(run.id, 7, "readiness")
    return writing(run, permit, session, site.databases[0], table, trial="t", seconds=60)


def test_c6_the_log_lies_in_a_folder_of_its_own(tmp_path: Path, here: DrillSession) -> None:
    """Nobody else can read it or know its name beforehand; nothing of it stays."""
    with started(tmp_path, here) as writer, started(tmp_path, here) as other:
        assert writer.name != other.name
        folder, log = Path(folder_of(writer.name)), Path(log_of(writer.name))
        wait_until(lambda: log.exists() and len(log.read_text().splitlines()) > 2, "rows are tried")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        assert read_log(writer.stop(), "t")
        assert not folder.exists()
    assert not Path(folder_of(other.name)).exists()
    found = here.run(["pgrep", "-f", f"^bash .*readiness-writer-t-.*({writer.name}|{other.name})"])
    assert found.text == ""


def test_c6_a_link_of_that_name_is_not_followed(
    tmp_path: Path, here: DrillSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody guessed the name and put a link there: the writer does not begin."""
    monkeypatch.setattr(secrets, "token_hex", lambda _: f"planted{os.getpid()}")
    target = tmp_path / "somebody's"
    target.mkdir()
    link = Path(folder_of(f"readiness-writer-t-planted{os.getpid()}"))
    link.symlink_to(target)
    with pytest.raises(ActionFailed, match="no folder for the local writer"):
        started(tmp_path, here).__enter__()
    assert list(target.iterdir()) == []
    link.unlink(missing_ok=True)
