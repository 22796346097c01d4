"""A progress bar on stderr, where a person watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def progress(text: str, total: int, *, shown: bool = True) -> Iterator[Callable[[], object]]:
    """A bar that goes one of ``total`` steps further at each call of what it gives, and is gone at the end.

    There is one only if ``shown`` and stderr is a terminal.

    >>> with progress("Training", 2, shown=False) as advance:
    ...     advance()
    """
    if not shown or not sys.stderr.isatty():
        yield _nothing
        return
    # imported here: rich costs 50 ms, and in a pipe nothing is shown
    from rich.console import Console
    from rich.errors import LiveError
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # lines printed meanwhile go above the bar, unless they go to a file
    to_terminal = sys.stdout.isatty()
    bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=to_terminal)
    task = bar.add_task(text, total=total)

    def advance() -> None:
        with suppress(OSError):
            bar.advance(task)

    # neither a terminal that is closed meanwhile may end the work, nor, before rich 14.1, another bar in it
    with suppress(OSError, LiveError):
        bar.start()
    try:
        yield advance
    finally:
        with suppress(OSError):
            bar.stop()


def with_progress(steps: Iterable[T], text: str, total: int, *, shown: bool = True) -> Iterator[T]:
    """Go through ``steps`` with such a bar.

    >>> list(with_progress("ab", "Reading", 2, shown=False))
    ['a', 'b']
    """
    with progress(text, total, shown=shown) as advance:
        for step in steps:
            yield step
            advance()


def _nothing() -> None:
    """No bar, no step."""
