"""What a command says, and what it writes."""

from __future__ import annotations

import sys
from pathlib import Path

from layergraph.atomic import replacing


def write_text(text: str, path: Path | None) -> None:
    """Write text to a file, whole or not at all, or to the terminal."""
    text = text if text.endswith("\n") else text + "\n"
    if path is None:
        sys.stdout.write(text)
        return
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    say_written(path)


def say_written(path: Path) -> None:
    """Say where a result is."""
    print(f"wrote {path}")
