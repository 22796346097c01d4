"""Output for terminals of every encoding, whose readers may close the pipe at any time."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys

# the characters beyond ASCII that the library writes; all others become their escapes
_ASCII = {
    **{
        "×": "x",
        "·": "*",
        "−": "-",
        "–": "-",
        "─": "-",
        "…": "...",
        "→": "->",
        "←": "<-",
        "↑": "^",
        "↓": "v",
    },
    **{"²": "^2", "³": "^3", "≥": ">=", "≤": "<=", "≠": "!=", "≈": "~", "⌊": "floor(", "⌋": ")"},
    **{"⌈": "ceil(", "⌉": ")", "∩": "and", "∪": "or", "Σ": "sum", "σ": "sigma", "µ": "u", "✓": "yes"},
    **{"α": "alpha", "β": "beta", "γ": "gamma"},
}
_HANDLER = "layergraph-readable"


def write_readably() -> None:
    """Make standard output and error write characters that their encoding lacks as readable ASCII.

    In cp1252 or ASCII a size is ``3x3``, a layer named ``größe`` is ``gr\\xf6\\xdfe``.
    """
    # errors="replace" of Python would write ? for every such character: a size of 3?3
    codecs.register_error(_HANDLER, _readable)
    for stream in (sys.stdout, sys.stderr):
        # a test or a program may replace a stream by one that has no encoding to fail
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _readable(error: UnicodeError) -> tuple[str, int]:
    # the handler serves for encoding only; errors of decoding stay what they are
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    shown = (_ASCII.get(c) or c.encode("ascii", "backslashreplace").decode("ascii") for c in text)
    return "".join(shown), error.end


def json_for(encoding: str, text: str) -> str:
    """JSON that an encoding can write: if it lacks a character, all beyond ASCII become JSON's own escapes.

    >>> json_for("cp1252", '{"size": "3×3"}'), json_for("ascii", '{"size": "3×3"}')
    ('{"size": "3×3"}', '{"size": "3\\\\u00d73"}')
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return re.sub("[^\0-\x7f]", _json_escape, text)
    return text


def _json_escape(character: re.Match[str]) -> str:
    # JSON escapes the two units of a character beyond 16 bits one by one
    units = character[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def flush() -> None:
    """Write the buffer of standard output, if there is one.

    Raises:
        OSError: the buffer cannot be written.
    """
    # programs without a console (pythonw) have no standard output
    if sys.stdout is not None:
        sys.stdout.flush()


def discard_output() -> None:
    """Drop the buffers of standard output and error, which the interpreter would try to write at its end."""
    # a stream keeps the buffer that it cannot write; the null device takes it
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # there is no stream, or its pipe is broken or closed
            if stream is not None:
                os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
