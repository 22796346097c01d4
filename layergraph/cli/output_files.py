"""The results of commands, written to a file or to the terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from layergraph.atomic import atomic_file
from layergraph.cli.terminal import json_for
from layergraph.extensions import check_extension, file_extension
from layergraph.wording import visible

OutputOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write to this file instead of the terminal.")
]

Format = TypeVar("Format", bound=str)


def format_for(
    output: Path | None, given: Format | None, extensions: Mapping[Format, Sequence[str]], default: Format
) -> Format:
    """The format to write: the one ``given``, or else the one of the extension of ``output``.

    Args:
        output: the file, or None for the terminal.
        given: the format that the user asks for.
        extensions: those of each format; an extension of several formats means the first of them.
        default: the format for the terminal, and for a file without an extension.

    Raises:
        ArgumentError: the extension means another format, or none of these.
    """
    # without an extension, nothing contradicts a format
    if output is None or not file_extension(output):
        return given or default
    # .txt is an extension of most formats, so a given format decides
    if given is not None:
        check_extension(output, extensions[given], f"--output: a file of --format {given}")
        return given
    # each extension once: several formats share .txt
    known = list(dict.fromkeys(extension for own in extensions.values() for extension in own))
    check_extension(output, known, "--output")
    return next(format_ for format_, own in extensions.items() if file_extension(output) in own)


def write_text(text: str, path: Path | None, *, format_: str = "") -> None:
    """Write text to a file, and report its path; or write it to the terminal.

    Args:
        text: the text.
        path: the file, written in UTF-8, whole or not at all; or None for the terminal.
        format_: ``"json"`` and ``"html"`` stay valid whatever the encoding of the terminal.
    """
    if path is not None:
        save_text(text, path)
        print_path(path)
    elif format_ == "html" and hasattr(sys.stdout, "buffer"):  # the page declares that it is UTF-8
        sys.stdout.buffer.write(_with_line_break(text).encode("utf-8", "backslashreplace"))
    else:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        print(_with_line_break(json_for(encoding, text) if format_ == "json" else text), end="")


def save_text(text: str, path: Path) -> None:
    """Write text to a file, whole or not at all."""
    # a name from a file can hold half of a surrogate pair, which UTF-8 lacks
    with atomic_file(path) as temporary:
        temporary.write_text(_with_line_break(text), encoding="utf-8", errors="backslashreplace")


def print_path(path: Path) -> None:
    """Report the path of a file that is written."""
    print(f"wrote {visible(str(path))}")


def _with_line_break(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"
