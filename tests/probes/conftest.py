"""The certificate hierarchy that the probe tests share."""

from pathlib import Path

import pytest
from pki import Hierarchy, Identity, hierarchy


@pytest.fixture(scope="session")
def pki() -> Hierarchy:
    """Root and intermediate of the declared authority."""
    return hierarchy()


@pytest.fixture(scope="session")
def healthy(pki: Hierarchy) -> Identity:
    """A leaf without a defect."""
    return pki.leaf()


@pytest.fixture
def healthy_file(healthy: Identity, tmp_path: Path) -> Path:
    """The healthy leaf with its key and its intermediate, as a server loads it."""
    return healthy.write(tmp_path / "healthy.pem", *healthy.above)
