"""How text from outside appears in messages: layer names, class names, paths, values."""

from __future__ import annotations

LONGEST_SHOWN = 300  # characters of one name or value in a message; nearly all paths are shorter


def visible(text: str) -> str:
    """Text on one line: each character that does not print, such as a line break, becomes its escape.

    A name from a file could otherwise clear the terminal, or forge a line of output.

    >>> visible("conv1\\x1b[2J")
    'conv1\\\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def quoted(value: object, longest: int = LONGEST_SHOWN) -> str:
    """A name, path or value for a message: its ``repr`` on one line, cut in the middle when it is long.

    >>> quoted("conv1\\n"), quoted("a" * 50, longest=9)
    ("'conv1\\\\n'", "'aaa…aaa'")
    """
    try:
        text = visible(repr(value))
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        return f"a value too long to show, of type {type(value).__name__}"
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}…{text[-half:]}"
