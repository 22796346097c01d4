"""Fixtures of the tests of builders."""

import pytest


@pytest.fixture(autouse=True)
def _in_double_precision(double_precision: None) -> None:
    """In double precision, networks can be compared with plain PyTorch to many digits."""
