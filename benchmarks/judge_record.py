"""`judge` of a record of 100,000 events, beside the least that anyone could do with the same file.

Peer: parse every line as JSON and hash it, which proving the chain can't do without. In one run,
alternating, as a ratio.

Beside an older build, given as the folder of its checkout with its own `.venv`, each in processes
of its own, in turn, by processor time: first the same file, in which every claim and every phase
has a line, as runs wrote it then; then each build with the file that its own runs write of the
same events:

    PYTHONPATH=. .venv/bin/python benchmarks/judge_record.py OTHER-CHECKOUT
"""

import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from readiness.evidence.record import digest
from readiness.running.finish import judge_runs
from tests.written_again import written_again

EVENTS = 100_000
ROUNDS = 5
ROOT = Path(__file__).resolve().parents[1]
# Run by each build's own Python: the least of several, as others are at work on the machine too.
ALONE = f"""
import sys, time
from pathlib import Path
from readiness.running.finish import judge_runs
took = []
for _ in range({ROUNDS}):
    begun = time.process_time()
    judge_runs([Path(sys.argv[1])], None)
    took.append(time.process_time() - begun)
print(min(took))
"""


def address(number: int) -> str:
    """An address of its own for each machine."""
    return f"198.18.{number // 250}.{number % 250}"


ENVIRONMENT = {
    "schema": 1,
    "name": "bench",
    "kind": "rehearsal",
    "zones": ["all"],
    "looks_from": "all",
    "machines": [
        {"name": f"box{n}", "zone": "all", "role": "web", "addresses": [address(n)]}
        for n in range(1, 500)
    ],
    "objectives": {
        "availability": 99.9,
        "recovery_time": "30 min",
        "recovery_point": "5 min",
        "database_recovery_time": "60 s",
    },
}


def write_record(path: Path) -> None:
    """A record of a run over many machines, without the cost of syncing each line."""
    lines: list[bytes] = []
    previous = "0" * 64

    def add(kind: str, **data: object) -> int:
        nonlocal previous
        number = len(lines)
        event = {"n": number, "at": "2026-01-01T00:00:00.000Z", "mono": 1.0, "kind": kind}
        line = json.dumps({**event, "prev": previous, **data}, separators=(",", ":")).encode()
        previous = digest(line)
        lines.append(line)
        return number

    add("run-opened", schema=1, run="bench", number=1, version="0", release="", earlier=[],
        environment=ENVIRONMENT, environment_file="bench.yaml", policy=None, policy_sha256=None,
        catalogue="")  # fmt: skip
    keys = [f"HOST-{c:03}|box{n}" for n in range(1, 500) for c in (1, 2)]
    add("plan", tier="observe", only=[], cases=[{"case": key, "not_run": ""} for key in keys])
    for key in keys:
        add("case-started", case=key)
        seen = add("observation", case=key, subject=key, source="bench", reading={"a": 1})
        while len(lines) % (EVENTS // len(keys)) < EVENTS // len(keys) - 5:
            add("claim", case=key, subject=key, name="x", observed=1, relation="==", limit=1,
                answer="yes", reason="x", rests_on=[seen], until=None)  # fmt: skip
        for when in ("setup", "call", "teardown"):
            add("phase", case=key, when=when, result="passed", reason="", seconds=0.0)
        add("case-ended", case=key, seconds=0.0)
    add("session-finished")
    add("run-closed", how="finished")
    path.write_bytes(b"\n".join(lines) + b"\n")


def peer(path: Path) -> None:
    """Parse and hash every line, nothing more."""
    for line in path.read_bytes().splitlines():
        json.loads(line)
        hashlib.sha256(line).hexdigest()


def seconds(call: object, *arguments: object) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    call(*arguments)  # type: ignore[operator]
    return time.perf_counter() - begun


def beside(path: Path, other: Path) -> None:
    """Print what both builds take for the record, and the ratio."""

    def alone(build: Path, file: Path) -> float:
        command = [str(build / ".venv/bin/python"), "-c", ALONE, str(file)]
        return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=build).stdout)

    with tempfile.TemporaryDirectory() as folder:
        own = written_again(path, Path(folder))
        for what, file in (("the same file", path), ("its own file", own)):
            pairs = [(alone(ROOT, file), alone(other, path)) for _ in range(ROUNDS)]
            ours, theirs = (min(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(a / b for a, b in pairs)
            print(f"{what}: here {ours:.2f} s; {other}: {theirs:.2f} s; ratio {ratio:.2f}")


def main() -> None:
    """Print medians and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.jsonl"
        write_record(path)
        if len(sys.argv) > 1:
            beside(path, Path(sys.argv[1]).absolute())
            return
        events = path.read_bytes().count(b"\n")
        judge_runs([path], None)
        pairs = [(seconds(judge_runs, [path], None), seconds(peer, path)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"judge of {events} events: {ours:.2f} s; parse and hash alone: {theirs:.2f} s; "
        f"ratio {ratio:.2f}"
    )


if __name__ == "__main__":
    main()
