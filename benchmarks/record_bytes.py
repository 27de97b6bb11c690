"""A run's record of schema 1 beside the same events as they are written since: bytes, and `judge`.

    PYTHONPATH=. .venv/bin/python benchmarks/record_bytes.py RECORD…

Both are judged in turn, by processor time; every case has to end the same way.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from readiness.running.finish import judge_runs
from tests.written_again import written_again

ROUNDS = 7


def judged(path: Path) -> tuple[float, dict[str, tuple[str, str]]]:
    """The seconds that judging takes, and how each case ends and why."""
    begun = time.process_time()
    verdict = judge_runs([path], None)
    took = time.process_time() - begun
    return took, {one.key: (str(one.outcome), one.reason) for one in verdict.cases}


def main() -> None:
    """Print both sizes and both times, and their ratios."""
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            old = Path(name)
            new = written_again(old, Path(folder))
            assert judged(old)[1] == judged(new)[1]
            pairs = [(judged(new)[0], judged(old)[0]) for _ in range(ROUNDS)]
            bytes_now, bytes_then = new.stat().st_size, old.stat().st_size
            lines_now, lines_then = (one.read_bytes().count(b"\n") for one in (new, old))
        print(
            f"{old.name}: {bytes_then} bytes in {lines_then} lines, now {bytes_now} in "
            f"{lines_now}, ratio {bytes_now / bytes_then:.2f}; judge ratio "
            f"{statistics.median(a / b for a, b in pairs):.2f}"
        )


if __name__ == "__main__":
    main()
