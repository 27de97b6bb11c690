"""Makes an evidence bundle: everything is written beside first and appears as a whole."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from readiness.bundle.statement import FILE, MANIFEST, Entry, entry_of, make_statement, sign
from readiness.evidence.record import Record, stamp
from readiness.judging.verdict import Verdict
from readiness.model.errors import StateError, UsageError
from readiness.model.words import Json
from readiness.render import document, summary, write_reports
from readiness.site.policy import Policy

POLICY: Final = "policy.json"
SUMMARY: Final = "summary.txt"
RECORDS: Final = "records"


def export(verdict: Verdict, out: Path, key: Path) -> tuple[str, ...]:
    """Write the bundle of a verdict into a folder that does not exist yet; its files' names.

    Raises:
        UsageError: the folder exists, or the key can't sign.
        StateError: it can't be written; nothing is left behind.
    """
    if out.exists() or out.is_symlink():
        raise UsageError("exists already", file=str(out), key="--out", expected="a new folder")
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.absolute().parent))
    except OSError as error:
        raise StateError(f"{out}: {error.strerror}") from error
    try:
        entries = _fill(draft, verdict)
        (draft / FILE).write_bytes(sign(make_statement(entries, predicate_of(verdict)), key))
        for path in (*draft.rglob("*"), draft):
            _sync(path)
        draft.replace(out)
        _sync(out.absolute().parent)
    except OSError as error:
        raise StateError(f"{out}: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return (*(one.name for one in entries), FILE)


def _fill(folder: Path, verdict: Verdict) -> list[Entry]:
    (folder / RECORDS).mkdir(mode=0o700)
    for record in verdict.records:
        shutil.copyfile(record.path, folder / record_name(record))
    write_reports(verdict, folder)
    (folder / SUMMARY).write_text(summary(verdict))
    policy = verdict.policy.model_dump(mode="json", by_alias=True) if verdict.policy else None
    (folder / POLICY).write_text(json.dumps(policy, indent=1, sort_keys=True) + "\n")
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    entries = [entry_of(folder, name) for name in names]
    lines = "".join(f"{one.sha256}  {one.name}\n" for one in entries)
    (folder / MANIFEST).write_text(lines)
    return [*entries, entry_of(folder, MANIFEST)]


def record_name(record: Record) -> str:
    """Where a record stands in the bundle: by environment and number."""
    opening = record.opening
    return f"{RECORDS}/{opening['environment']['name']}-{opening['number']}.jsonl"


def predicate_of(verdict: Verdict) -> Json:
    """What the signature is about besides the files."""
    shown = document(verdict)
    clauses = shown.counts.clauses
    return {
        "environment": shown.environment,
        "release": shown.release,
        "verdict": shown.verdict,
        "verdictWithoutWaivers": shown.verdict_without_waivers,
        "judgedAt": stamp(verdict.judged_at),
        "validUntil": stamp(shown.valid_until) if shown.valid_until else None,
        "policySha256": shown.policy.sha256 if shown.policy else None,
        "clauses": {
            "required": clauses.required,
            "proven": clauses.proven,
            "byException": list(clauses.by_exception),
            "waived": list(clauses.waived),
        },
        "runs": [
            {
                "run": one.run,
                "number": one.number,
                "environment": one.environment,
                "recordHead": one.record_head,
            }
            for one in shown.runs
        ],
        "tool": {
            "name": "readiness",
            "version": shown.version,
            "catalogue": shown.catalogue_sha256,
        },
    }


def read_policy(folder: Path) -> Policy | None:
    """The policy of a bundle."""
    written = json.loads((folder / POLICY).read_text())
    return Policy.model_validate_json(json.dumps(written)) if written else None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
