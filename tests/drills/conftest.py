"""What the tests of drills share: loads that are offered to a real server."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pki import Hierarchy
from served import offering_to

from readiness.drills.load import Offered


@pytest.fixture
def offered(authority: Hierarchy, tmp_path: Path) -> Iterator[Callable[..., Offered]]:
    """Offers a load to a real server."""
    with offering_to(authority, tmp_path) as offer:
        yield offer
