"""Reports from the record alone: terminal, HTML page, JUnit XML, JSON.

Everything here is a function of a verdict, which holds the record that it was judged from.
"""

import os
from pathlib import Path

from rich.console import Console

from readiness.judge import Verdict

__all__ = ["print_verdict", "write_reports"]


def write_reports(verdict: Verdict, folder: Path) -> None:
    """Write every report into the run's folder."""
    text = f'{{"schema": 1, "verdict": "{verdict.decision}", "exit_code": {verdict.exit_code}}}\n'
    descriptor = os.open(folder / "verdict.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print the verdict, the blocking clauses first."""
    console.print(str(verdict.decision), markup=False)
    for clause in verdict.required:
        if clause.status not in {"held", "not-applicable"}:
            console.print(f"  {clause.id}: {clause.status}: {clause.reason}", markup=False)
