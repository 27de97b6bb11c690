"""What looks need: no scanner, since it takes longer than all else; who wants one says so."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def no_scanner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scanner is looked for where there is none."""
    monkeypatch.setenv("READINESS_TLS_SCAN", str(tmp_path / "no-scanner"))
