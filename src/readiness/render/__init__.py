"""Reports from the record alone: terminal, HTML page, JUnit XML, JSON.

Everything here is a function of a verdict, which holds the record that it was judged from. What
is shown goes through the redactor once more before any report is made of it: the first time
was before the record, with the secrets known then; here it is by pattern.
"""

from pathlib import Path

from rich.console import Console

from readiness.evidence.redact import Redactor
from readiness.judging.verdict import Verdict
from readiness.render.document import VerdictDocument, document
from readiness.render.files import write_whole
from readiness.render.html import page_html
from readiness.render.junit import junit_xml
from readiness.render.page import Page, page
from readiness.render.terminal import lines, print_document

__all__ = [
    "VerdictDocument",
    "document",
    "print_document",
    "print_verdict",
    "safe_document",
    "summary",
    "write_reports",
]


def write_reports(verdict: Verdict, folder: Path) -> VerdictDocument:
    """Write `verdict.json`, `index.html` and `junit.xml` into the run's folder.

    Each appears whole or not at all, readable by its owner only. Gives what `verdict.json` holds.

    Raises:
        RedactionError: a report could not be made safe; nothing was written.
        StateError: a report could not be written.
    """
    safe = _safe_page(verdict)
    texts = {
        "verdict.json": safe.verdict.model_dump_json(by_alias=True, indent=2) + "\n",
        "junit.xml": junit_xml(safe.verdict),
        "index.html": page_html(safe),
    }
    for name, text in texts.items():
        write_whole(folder / name, text)
    return safe.verdict


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print the verdict, the blocking causes first."""
    print_document(safe_document(verdict), console)


def safe_document(verdict: Verdict) -> VerdictDocument:
    """The verdict as `verdict.json` has it."""
    safe = Redactor(()).value(document(verdict).model_dump(mode="json", by_alias=True))
    return VerdictDocument.model_validate(safe)


def summary(verdict: Verdict) -> str:
    """What `print_verdict` prints, as plain text."""
    return "\n".join(lines(safe_document(verdict))) + "\n"


def _safe_page(verdict: Verdict) -> Page:
    """Everything that the reports show, redacted."""
    return Page.model_validate(
        Redactor(()).value(page(verdict).model_dump(mode="json", by_alias=True))
    )
