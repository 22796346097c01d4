"""What a command says, and what it writes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from layergraph.atomic import replacing

OutputOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write to this file instead of the terminal.")
]


def write_text(text: str, path: Path | None) -> None:
    """Write text to a file, whole or not at all, and say so; or to the terminal."""
    if path is None:
        sys.stdout.write(_ended(text))
        return
    save_text(text, path)
    say_written(path)


def save_text(text: str, path: Path) -> None:
    """Write text to a file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(_ended(text), encoding="utf-8")


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def say_written(path: Path) -> None:
    """Say where a result is."""
    print(f"wrote {path}")


@contextmanager
def log_shown() -> Iterator[None]:
    """Write what the library logs meanwhile, such as which weights were loaded, to stderr."""
    logger, handler = logging.getLogger("layergraph"), logging.StreamHandler(sys.stderr)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
