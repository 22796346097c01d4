"""Published files of weights: downloaded once, with progress and a check, and kept."""

from __future__ import annotations

from pathlib import Path


def download(url: str) -> Path:
    """The file at this address, from the cache or downloaded to it."""
    raise NotImplementedError
