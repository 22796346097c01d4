"""What shows the iterations of a training: a file, a page, a logger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from layergraph.training.series import Row


class View(Protocol):
    """Gets all iterations in order, some at a time."""

    name: str
    """For messages, such as "the CSV log"."""

    def write(self, rows: Sequence[Row]) -> None:
        """Show iterations."""

    def close(self, reason: str) -> None:
        """Show why training ended, and let go of files."""
