"""How results print: as text, in color where the terminal has colors, in rich's consoles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING

from layergraph.analyze.table.grid import Line, colored, plain, terminal_width

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text


class Printed(ABC):
    """A result that prints as lines: cut to the width of a terminal, whole to a file or a pipe."""

    @abstractmethod
    def _lines(self, width: int | None) -> Iterator[Line]:
        """The lines, cut to ``width`` columns; whole where it is ``None``."""

    def __str__(self) -> str:
        return plain(self._lines(terminal_width()))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        yield colored(self._lines(options.max_width if console.is_terminal else None))

    def show(self) -> None:
        """Print it, in color where the terminal has colors; whole and plain to a file or pipe."""
        if terminal_width() is None:
            print(self)
            return
        # imported here: it costs 30 ms, and a pipe needs none
        from rich.console import Console

        Console().print(self)
