"""What all tests of builders share."""

import pytest


@pytest.fixture(autouse=True)
def _in_double_precision(double_precision: None) -> None:
    """Built networks are compared with plain PyTorch."""
