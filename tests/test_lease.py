"""The lease: one run at a time, gone with its last process; halting reaches only the right one."""

import json
import os
import select
import signal
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import pytest
from children import child, hear, say

from readiness.evidence.lease import (
    Lease,
    clear_halt,
    halt,
    halt_requested,
    holder,
    request_halt,
)
from readiness.model.errors import LeaseHeld

HOLDER = """
    import signal, subprocess, sys
    from pathlib import Path
    from readiness import interrupts
    from readiness.model.errors import LeaseHeld
    from readiness.evidence.lease import Lease
    interrupts.listen()
    print("ready", flush=True)
    sys.stdin.readline()
    lease = Lease(Path(sys.argv[1]), run=sys.argv[2], tier="disrupt")
    try:
        lease.acquire()
        lease.set_run(sys.argv[2], 7)
        if sys.argv[3:]:
            kept = subprocess.Popen(["sleep", "60"], pass_fds=(lease.fileno(),))
            print(kept.pid, flush=True)
        print("held", flush=True)
        sys.stdin.readline()
        lease.release()
    except LeaseHeld as error:
        print(error, flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def test_a_lease_is_taken_shown_and_given_back(tmp_path: Path) -> None:
    """While it is held everybody sees by whom; afterwards it is free and nothing is stale."""
    with Lease(tmp_path, run="r1", tier="observe", number=3) as lease:
        found = holder(tmp_path)
        assert found is not None
        assert (found.run, found.number, found.tier, found.pid) == ("r1", 3, "observe", os.getpid())
        assert found.is_alive()
        assert lease.stale is None
    assert holder(tmp_path) is None
    lease.release()
    with Lease(tmp_path, run="r2", tier="observe") as second:
        assert second.stale is None


def test_the_second_is_refused_in_one_line(tmp_path: Path) -> None:
    """The message says which environment, run, tier, since when and which process."""
    with (
        Lease(tmp_path, run="r1", tier="load", number=3),
        pytest.raises(LeaseHeld) as refused,
    ):
        Lease(tmp_path, run="r2", tier="observe").acquire()
    text = str(refused.value)
    assert "\n" not in text
    for part in (tmp_path.name, "run r1 (number 3)", "tier load", "since 2", f"pid {os.getpid()}"):
        assert part in text


def test_of_racing_gates_one_wins(tmp_path: Path) -> None:
    """Four processes ask at once: one holds, the others name it."""
    with ExitStack() as stack:
        gates = [stack.enter_context(child(HOLDER, tmp_path, f"r{n}")) for n in range(4)]
        for gate in gates:
            assert hear(gate) == "ready"
        for gate in gates:
            say(gate, "go")
        answers = [hear(gate) for gate in gates]
        assert answers.count("held") == 1
        assert sum("is held by" in answer for answer in answers) == 3


def test_kill_9_frees_the_lease_and_shows(tmp_path: Path) -> None:
    """What a killed run left is reported, and no obstacle."""
    with child(HOLDER, tmp_path, "killed") as gate:
        assert hear(gate) == "ready"
        say(gate, "go")
        assert hear(gate) == "held"
        gate.kill()
        gate.wait()
        pid = gate.pid
    assert holder(tmp_path) is None
    with Lease(tmp_path, run="next", tier="observe") as lease:
        assert lease.stale is not None
        assert (lease.stale.run, lease.stale.number, lease.stale.pid) == ("killed", 7, pid)
        assert not lease.stale.is_alive()


def test_a_child_left_behind_keeps_the_lease(tmp_path: Path) -> None:
    """As long as something of a killed run lives, the environment is not free, and that is said."""
    with child(HOLDER, tmp_path, "killed", "with a child") as gate:
        assert hear(gate) == "ready"
        say(gate, "go")
        kept = int(hear(gate))
        try:
            assert hear(gate) == "held"
            gate.kill()
            gate.wait()
            with pytest.raises(LeaseHeld, match="something it started is still there"):
                Lease(tmp_path, run="next", tier="observe").acquire()
            outcome = halt(tmp_path, "test")
            assert (outcome.requested, outcome.signalled) == (True, False)
        finally:
            ended = os.pidfd_open(kept)
            os.kill(kept, signal.SIGKILL)
            assert select.select([ended], [], [], 30)[0], "the killed child did not end"
            os.close(ended)
    with Lease(tmp_path, run="next", tier="observe") as lease:
        assert lease.stale is not None


@pytest.mark.parametrize("words", [b"", b"noise", b"[]", b'{"run":1}', b'{"pid":"x"}\n#'])
def test_senseless_words_are_no_obstacle(tmp_path: Path, words: bytes) -> None:
    """A lease file with anything in it can be taken, and read by others afterwards."""
    (tmp_path / "lease").write_bytes(words)
    with Lease(tmp_path, run="r", tier="observe") as lease:
        assert lease.stale is None
        assert holder(tmp_path) is not None


def test_halt_interrupts_the_holder(tmp_path: Path) -> None:
    """From another process: the wish is on disk and the holder gets SIGTERM."""
    with child(HOLDER, tmp_path, "r1") as gate:
        assert hear(gate) == "ready"
        say(gate, "go")
        assert hear(gate) == "held"
        outcome = halt(tmp_path, "enough")
        assert (outcome.requested, outcome.signalled) == (True, True)
        assert "run r1" in outcome.detail
        assert hear(gate) == "interrupted"
    wish = halt_requested(tmp_path)
    assert wish is not None
    assert wish.reason == "enough"
    clear_halt(tmp_path)
    assert halt_requested(tmp_path) is None


def test_halt_spares_a_process_that_took_over_the_pid(tmp_path: Path) -> None:
    """The pid alone is not enough: another start time, another process, no signal."""
    with child("import sys; print('up', flush=True); sys.stdin.readline()") as bystander:
        assert hear(bystander) == "up"
        with Lease(tmp_path, run="r1", tier="observe") as lease:
            words = asdict(lease._holder) | {"pid": bystander.pid}
            (tmp_path / "lease").write_text(json.dumps(words), encoding="ascii")
            outcome = halt(tmp_path, "test")
        assert (outcome.requested, outcome.signalled) == (True, False)
        assert bystander.poll() is None


def test_halt_without_a_run_leaves_nothing(tmp_path: Path) -> None:
    """The next run must not be stopped by a wish that was meant for nobody."""
    outcome = halt(tmp_path, "test")
    assert (outcome.requested, outcome.signalled) == (False, False)
    assert halt_requested(tmp_path) is None


def test_the_first_wish_stays(tmp_path: Path) -> None:
    """A second wish does not hide why the first was made; clearing twice is no error."""
    request_halt(tmp_path, "first")
    request_halt(tmp_path, "second")
    wish = halt_requested(tmp_path)
    assert wish is not None
    assert wish.reason == "first"
    clear_halt(tmp_path)
    clear_halt(tmp_path)


@pytest.mark.parametrize("content", [b"", b"torn", b"noise\n", b"[]\n"])
def test_any_halt_file_is_a_wish(tmp_path: Path, content: bytes) -> None:
    """A wish that cannot be read still stops the run."""
    (tmp_path / "halt").write_bytes(content)
    assert halt_requested(tmp_path) is not None


def test_asking_does_not_disturb(tmp_path: Path) -> None:
    """Somebody who looks all the time does not make a gate fail to start."""
    script = """
        import sys
        from pathlib import Path
        from readiness.evidence.lease import holder
        print("looking", flush=True)
        while True:
            holder(Path(sys.argv[1]))
    """
    with Lease(tmp_path, run="r", tier="observe"):
        pass
    with child(script, tmp_path) as watcher:
        assert hear(watcher) == "looking"
        for _ in range(20):
            with Lease(tmp_path, run="r", tier="observe"):
                assert watcher.poll() is None
