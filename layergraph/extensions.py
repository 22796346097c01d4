"""File extensions, and the formats that they promise."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from layergraph.errors import ArgumentError
from layergraph.wording import quoted


def file_extension(path: str | os.PathLike[str]) -> str:
    """The extension of a file name in lower case; empty if it begins with a digit, as in ``unet-1.5``.

    >>> file_extension("report.HTML"), file_extension("unet-1.5"), file_extension("unet")
    ('.html', '', '')
    """
    suffix = Path(path).suffix.lower()
    return suffix if re.match(r"\.[^\W\d]", suffix) else ""


def check_extension(path: str | os.PathLike[str], extensions: Sequence[str], place: str) -> None:
    """Raise an error for a file name whose extension promises another format.

    Programs would open a table in ``t.pdf`` as a PDF. A name without an extension promises nothing.

    Args:
        path: the file.
        extensions: the extensions of the format, in lower case: ``(".json",)``.
        place: the call and the argument, for the message.

    Raises:
        ArgumentError: the extension is none of these.

    >>> check_extension("net.mat", [".safetensors"], "save: path")
    Traceback (most recent call last):
        ...
    layergraph.errors.ArgumentError: save: path must end in .safetensors, got 'net.mat'
    """
    extension = file_extension(path)
    if extension and extension not in extensions:
        choices = ", ".join(extensions[:-1]) + " or " * (len(extensions) > 1) + extensions[-1]
        raise ArgumentError(f"{place} must end in {choices}, got {quoted(os.fspath(path))}")
