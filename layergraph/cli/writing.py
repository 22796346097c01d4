"""What a command says, and what it writes."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from layergraph.atomic import atomic_file
from layergraph.cli.terminal import json_for
from layergraph.extensions import check_extension, file_extension
from layergraph.wording import quoted, visible

OutputOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write to this file instead of the terminal.")
]

Form = TypeVar("Form")


def format_for(
    output: Path | None, given: Form | None, endings: Mapping[Form, Sequence[str]], usual: Form
) -> Form:
    """The format to write: the one ``given``, or else the one that the ending of ``output`` says.

    Args:
        output: the file, if there is one.
        given: the format that was asked for.
        endings: those of each format; of formats that share one it is the first's.
        usual: the format for a terminal, and for a file without an ending.

    Raises:
        ArgumentError: the ending means another format, or none of these.
    """
    if output is None or not file_extension(output):
        return given or usual
    if given is not None:
        check_extension(output, endings[given], f"--output: a file of --format {given}")
        return given
    known = list(dict.fromkeys(ending for own in endings.values() for ending in own))
    check_extension(output, known, "--output")
    return next(form for form, own in endings.items() if file_extension(output) in own)


def write_text(text: str, path: Path | None, *, kind: str = "") -> None:
    """Write text to a file, whole or not at all, and say so; or to the terminal.

    Args:
        text: what to write.
        path: the file, in UTF-8.
        kind: ``"json"`` and ``"html"`` stay valid in a terminal's encoding.
    """
    if path is not None:
        save_text(text, path)
        say_written(path)
    elif kind == "html" and hasattr(sys.stdout, "buffer"):  # the page says of itself that it is UTF-8
        sys.stdout.buffer.write(_ended(text).encode("utf-8", "backslashreplace"))
    else:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        print(json_for(encoding, text) if kind == "json" else text, end="" if text.endswith("\n") else "\n")


def save_text(text: str, path: Path) -> None:
    """Write text to a file, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(_ended(text), encoding="utf-8", errors="backslashreplace")


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def say_written(path: Path) -> None:
    """Say where a result is."""
    print(f"wrote {visible(str(path))}")


def say_error(error: BaseException) -> None:
    """Say on stderr what was wrong, with no character of a name that could steer a terminal."""
    text = str(error)
    if hasattr(error, "format_message"):  # a word that no command has
        text = error.format_message().rstrip(".")
    elif isinstance(error, OSError) and error.strerror:
        place = "" if error.filename is None else f"{quoted(str(error.filename))}: "
        text = f"{place}{error.strerror}"
    print("layergraph:", "\n".join(map(visible, text.split("\n"))), file=sys.stderr)


class _Visible(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(visible, super().format(record).split("\n")))


@contextmanager
def log_shown() -> Iterator[None]:
    """Write what the library logs meanwhile, such as which weights were loaded, to stderr."""
    logger, handler = logging.getLogger("layergraph"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Visible())
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Show the warnings of layergraph as one line on stderr, without the line of code that gave them."""
    show_others = warnings.showwarning

    def show(message: Any, category: type[Warning], *place: Any, **options: Any) -> None:
        if category.__module__.partition(".")[0] == "layergraph":
            print(f"layergraph: warning: {visible(str(message))}", file=sys.stderr)
        else:
            show_others(message, category, *place, **options)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
