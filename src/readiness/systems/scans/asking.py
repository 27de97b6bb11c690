"""Reads a report where it lies on the gate's machine, up to a bound."""

import stat
from datetime import UTC, datetime
from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.scans.declared import Scan
from readiness.systems.scans.reading import REPORT, Report, read

MOST_BYTES: Final = 32 * 1024 * 1024


def _report(connections: Connections, scan: Scan) -> Report:
    """The report as it is now.

    Raises:
        NotUnderstood: it is missing, too big, or no report.
    """
    path = connections.site.path(scan.report)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise NotUnderstood(f"{scan.name}: {path} is no file")
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise NotUnderstood(f"{scan.name}: no report is read ({error.strerror}): {path}") from None
    if len(content) > MOST_BYTES:
        raise NotUnderstood(f"{scan.name}: the report is bigger than {MOST_BYTES} bytes: {path}")
    try:
        return read(content.decode("utf-8-sig"), scan.format, datetime.now(UTC))
    except UnicodeDecodeError:
        raise NotUnderstood(f"{scan.name}: the report is not UTF-8: {path}") from None
    except NotUnderstood as error:
        raise NotUnderstood(f"{scan.name}: {error}") from None


ASKERS: Final[Askers] = (Asker(REPORT, _report),)
