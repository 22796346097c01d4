"""What the ending of a file's name says of its format."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from layergraph.errors import ArgumentError
from layergraph.wording import quoted


def file_extension(path: str | os.PathLike[str]) -> str:
    """The ending of a file name, in lower case; none if it begins with a digit, as in ``unet-1.5``.

    >>> file_extension("report.HTML"), file_extension("unet-1.5"), file_extension("unet")
    ('.html', '', '')
    """
    suffix = Path(path).suffix.lower()
    return suffix if re.match(r"\.[^\W\d]", suffix) else ""


def check_extension(path: str | os.PathLike[str], endings: Sequence[str], place: str) -> None:
    """Raise for a file name whose ending means another format than those that can be written.

    Such a file would be taken for what it is not: a table in ``t.pdf`` is no PDF. A name without an ending
    says nothing wrong.

    Args:
        path: the file.
        endings: those that fit, in lower case: ``(".json",)``.
        place: the call and the argument, for the message.

    Raises:
        ArgumentError: the ending is none of these.

    >>> check_extension("net.mat", [".safetensors"], "save: path")
    Traceback (most recent call last):
        ...
    layergraph.errors.ArgumentError: save: path must end in .safetensors, got 'net.mat'
    """
    ending = file_extension(path)
    if ending and ending not in endings:
        choices = ", ".join(endings[:-1]) + " or " * (len(endings) > 1) + endings[-1]
        raise ArgumentError(f"{place} must end in {choices}, got {quoted(os.fspath(path))}")
