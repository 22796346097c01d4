"""A progress bar on stderr, where a person watches."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(steps: Iterable[T], *, total: int, text: str, verbose: bool) -> Iterator[T]:
    """Go through ``steps``; show how far of ``total`` if ``verbose`` and stderr is a terminal.

    >>> list(progress("ab", total=2, text="Reading", verbose=False))
    ['a', 'b']
    """
    if not verbose or not sys.stderr.isatty():
        yield from steps
        return
    # imported here: rich costs 50 ms, and most calls show nothing
    from rich.console import Console
    from rich.progress import track

    yield from track(steps, description=text, total=total, console=Console(stderr=True))
