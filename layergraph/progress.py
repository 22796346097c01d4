"""A progress bar on stderr, if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar

T = TypeVar("T")


class Advance(Protocol):
    """Advances a bar by some steps, and replaces its text, if there is one."""

    def __call__(self, steps: int = 1, text: str = "") -> object: ...


def is_shown(shown: bool = True) -> bool:
    """Whether a bar appears."""
    return shown and sys.stderr.isatty()


@contextmanager
def progress(text: str, total: int, *, shown: bool = True) -> Iterator[Advance]:
    """Show a bar of ``total`` steps, and give a function that advances it, by default by one step.

    The bar disappears at the end. It appears only if ``shown`` is True and stderr is a terminal.

    >>> with progress("Training", 2, shown=False) as advance:
    ...     advance()
    """
    if not is_shown(shown):
        yield _do_nothing
        return
    # imported here: rich costs 50 ms, and in a pipe nothing is shown
    from rich.console import Console
    from rich.errors import LiveError
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # printed lines go above the bar; redirecting a stdout that is a file would send them to the terminal
    to_terminal = sys.stdout.isatty()
    bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=to_terminal)
    task = bar.add_task(text, total=total)

    def advance(steps: int = 1, text: str = "") -> None:
        with suppress(OSError):
            bar.update(task, advance=steps, description=text or None)

    # neither a terminal that closes nor (before rich 14.1) a bar within another may stop the work
    with suppress(OSError, LiveError):
        bar.start()
    try:
        yield advance
    finally:
        with suppress(OSError):
            bar.stop()


def with_progress(steps: Iterable[T], text: str, total: int, *, shown: bool = True) -> Iterator[T]:
    """Iterate over ``steps`` with a progress bar.

    >>> list(with_progress("ab", "Reading", 2, shown=False))
    ['a', 'b']
    """
    with progress(text, total, shown=shown) as advance:
        for step in steps:
            yield step
            advance()


def _do_nothing(steps: int = 1, text: str = "") -> None:
    """The step of a bar that is not shown."""
