"""How names, values, counts and shapes appear in messages, tables, pages and diagrams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LONGEST_SHOWN = 300  # characters of one name or value in a message; nearly all paths are shorter


def visible(text: str) -> str:
    """Text on one line: each character that does not print, such as a line break, becomes its escape.

    A name from a file could otherwise clear the terminal, or forge a line of output.

    >>> visible("conv1\\x1b[2J")
    'conv1\\\\x1b[2J'
    """
    # the usual case costs one call and makes no copy
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
    # both ends stay: paths often differ only at their end
    half = (longest - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Names in quotes, separated by commas; of many the first, and how many more there are.

    >>> listed(["conv1", "conv2", "conv3"], most=2)
    "'conv1', 'conv2' and 1 more"
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(quoted, names[:most])) + more


def shortened(text: str, length: int) -> str:
    """At most ``length`` characters, cut with ``…``.

    >>> shortened("Decoder-Stage-1-DepthConcatenation", 16)
    'Decoder-Stage-1…'
    """
    return text if len(text) <= length else f"{text[: length - 1]}…"


def times(numbers: Iterable[int]) -> str:
    """Numbers as a shape; ``scalar`` for no numbers.

    >>> times((3, 3, 64)), times(())
    ('3×3×64', 'scalar')
    """
    return "×".join(map(str, numbers)) or "scalar"


def dtype_name(dtype: object) -> str:
    """The name of a torch dtype without ``torch.``, as torch is not imported for messages.

    >>> import torch
    >>> dtype_name(torch.float32)
    'float32'
    """
    return str(dtype).removeprefix("torch.")


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "layer"), counted(1200, "layer")
    ('1 layer', '1,200 layers')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def short_count(count: int) -> str:
    """A count in its short form; the page uses the same rule.

    >>> [short_count(n) for n in (0, 999, 1_000, 224_262, 960_000, 999_950, 7_697_605, 1_500_000_000_000)]
    ['0', '999', '1k', '224.3k', '960k', '1M', '7.7M', '1.5T']
    """
    for power, letter in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        # 999,950 is 1M, because it would round to 1000k
        if count >= max(1000, 0.99995 * 10**power):
            return f"{count / 10**power:.1f}".removesuffix(".0") + letter
    return str(count)


def long_count(count: int) -> str:
    """A count with thousands separators, and its short form where it is shorter.

    >>> long_count(7_697_605)
    '7,697,605 (7.7M)'
    """
    return f"{count:,}" if count < 1000 else f"{count:,} ({short_count(count)})"


def byte_count(count: int) -> str:
    """A number of bytes in its short form, in units of 1024.

    >>> [byte_count(n) for n in (0, 1023, 1024, 30_790_420, 5 * 2**40)]
    ['0 B', '1023 B', '1 KiB', '29.4 MiB', '5120 GiB']
    """
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count >= 2**power:
            return f"{count / 2**power:.1f}".removesuffix(".0") + f" {unit}"
    return f"{count} B"
