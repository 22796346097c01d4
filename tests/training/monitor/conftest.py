"""One Chromium for the tests of the page of a training; without one, they are skipped."""

from collections.abc import Iterator

import pytest
from chromium import PROGRAM, Chromium, chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """A running browser."""
    if PROGRAM is None:
        pytest.skip("no Chromium is installed")
    with chromium() as running:
        yield running
