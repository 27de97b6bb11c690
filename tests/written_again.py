"""What a record of schema 1 says, written again as runs write it since."""

import json
from pathlib import Path

from readiness.evidence.record import EXACT, FILE_NAME, RecordWriter
from readiness.evidence.redact import Redactor
from readiness.model.words import Json

_ENVELOPE = frozenset({"n", "at", "mono", "kind", "prev"})


class _Again(RecordWriter):
    """A writer at the moments of another record."""

    moment = ("", 0.0)

    def clocks(self) -> tuple[str, float]:
        """What both clocks said then."""
        return self.moment


def written_again(old: Path, folder: Path) -> Path:
    """The new record, in that folder: the same events at the same moments, and no other."""
    numbers: dict[int, int] = {}
    passed: dict[str, float] = {}
    with _Again(folder / FILE_NAME, Redactor()) as writer:
        for line in old.read_text().splitlines():
            event: Json = json.loads(line)
            kind, said = event["kind"], {k: v for k, v in event.items() if k not in _ENVELOPE}
            writer.moment = event["at"], event["mono"]
            if kind == "phase" and event["result"] == "passed":
                passed[event["when"]] = round(event["seconds"], EXACT)
                continue
            if kind == "claim":
                said["rests_on"] = [numbers[one] for one in event["rests_on"]]
            if kind == "case-ended":
                said |= {"seconds": round(event["seconds"], EXACT), "passed": passed}
                passed = {}
            numbers[event["n"]] = writer.write(kind, **said)
    return writer.path
