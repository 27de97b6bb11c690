"""Who plays a journal knows every undo action."""

import re
import subprocess
import sys
from pathlib import Path

import readiness

SOURCES = Path(readiness.__file__).parent
KNOWN = (
    "import readiness.drills.undoing, readiness.evidence.undo as u; print(*u.registered_actions())"
)


def test_every_undo_action_is_known() -> None:
    """One import registers each action that a module of ours declares."""
    declared = {
        name
        for file in SOURCES.rglob("*.py")
        for name in re.findall(r'^@undo_action\("([^"]+)"\)', file.read_text(), re.MULTILINE)
    }
    done = subprocess.run([sys.executable, "-c", KNOWN], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == declared
    assert len(declared) >= 5
