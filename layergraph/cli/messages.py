"""Errors, warnings and the log of the library on stderr, as lines that cannot steer a terminal."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from layergraph.wording import quoted, visible


def print_note(text: str) -> None:
    """Write lines about the running command to stderr."""
    print("layergraph:", _visible_lines(text), file=sys.stderr)


def print_error(error: BaseException) -> None:
    """Write the message of an error to stderr."""
    text = str(error)
    if hasattr(error, "format_message"):  # an error of Typer, in words or options
        # messages of the library end without a period, those of Typer with one
        text = error.format_message().rstrip(".")
    elif isinstance(error, OSError) and error.strerror:
        place = "" if error.filename is None else f"{quoted(str(error.filename))}: "
        text = f"{place}{error.strerror}"
    print_note(text)


@contextmanager
def show_log() -> Iterator[None]:
    """Write the log of the library to stderr meanwhile, such as the report on loaded weights."""
    # only for a while, because a program that calls run() has a log of its own
    logger, handler = logging.getLogger("layergraph"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(_VisibleFormatter())
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def one_line_warnings() -> Iterator[None]:
    """Write each warning of layergraph as one line on stderr, without the source code that Python adds."""
    show_others = warnings.showwarning

    def show(message: Any, category: type[Warning], *place: Any, **options: Any) -> None:
        if category.__module__.partition(".")[0] == "layergraph":
            print_note(f"warning: {visible(str(message))}")
        else:
            show_others(message, category, *place, **options)

    # catch_warnings restores showwarning at its end
    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


class _VisibleFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _visible_lines(super().format(record))


def _visible_lines(text: str) -> str:
    # line by line: visible() of the whole text would also escape the line breaks of a list of issues
    return "\n".join(map(visible, text.split("\n")))
