"""How text from outside appears in messages: layer names, class names, paths, values."""

from __future__ import annotations

from collections.abc import Sequence

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
    return _cut(text, longest)


def unquoted(text: str, longest: int = LONGEST_SHOWN) -> str:
    """A name or path for a message that has quotes or needs none, on one line and cut as by :func:`quoted`.

    >>> unquoted("a" * 50, longest=9)
    'aaaa…aaaa'
    """
    return _cut(visible(text), longest)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names in quotes, separated by commas; of many the first, and how many more there are.

    >>> listed(["conv1", "conv2", "conv3"], most=2)
    "'conv1', 'conv2' and 1 more"
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(quoted, names[:most])) + more
