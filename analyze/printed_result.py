"""Print results: as text, in color where the terminal has colors, and in the consoles of rich."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING

from layergraph.analyze.table.text_columns import Line, plain_text, rich_text, terminal_width

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text


class PrintedResult(ABC):
    """A result that prints as lines, cut to the width of a terminal, and whole to a file or a pipe."""

    @abstractmethod
    def _lines(self, width: int | None) -> Iterator[Line]:
        """The lines, cut to ``width`` columns; whole if it is ``None``."""

    def __str__(self) -> str:
        return plain_text(self._lines(terminal_width()))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        # a console of rich may write to a file, where nothing is cut
        yield rich_text(self._lines(options.max_width if console.is_terminal else None))

    def show(self) -> None:
        """Print the result, in color where the terminal has colors."""
        if terminal_width() is None:
            print(self)
            return
        # imported here: it costs 30 ms, and a pipe does without
        from rich.console import Console

        Console().print(self)
