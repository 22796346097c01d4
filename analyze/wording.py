"""How names, counts and sizes are written in tables, pages and diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layergraph.sizes import Size
from layergraph.wording import visible


def shortened(text: str, length: int) -> str:
    """At most ``length`` characters, cut with ``…``.

    >>> shortened("Decoder-Stage-1-DepthConcatenation", 16)
    'Decoder-Stage-1…'
    """
    return text if len(text) <= length else f"{text[: length - 1]}…"


def short_count(count: int) -> str:
    """A count in its short form.

    >>> [short_count(n) for n in (0, 999, 1_000, 224_262, 999_950, 7_697_605, 31_030_658)]
    ['0', '999', '1k', '224.3k', '1M', '7.7M', '31M']
    """
    if count < 1000:
        return str(count)
    for power, letter in ((9, "G"), (6, "M"), (3, "k")):
        scaled = f"{count / 10**power:.1f}".removesuffix(".0")
        if float(scaled) >= 1:
            return f"{scaled}{letter}"
    return str(count)


def counted(count: int) -> str:
    """A count with thousands separators, and its short form where it is shorter.

    >>> counted(7_697_605)
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


def times(numbers: Sequence[int]) -> str:
    """Numbers as a size: ``3×3×64``; of no numbers at all, ``scalar``."""
    return "×".join(map(str, numbers)) or "scalar"


def size_text(size: Size | None) -> str:
    """A size with its labels, or ``?``."""
    return "?" if size is None else str(size)


def plain_size(size: Size | None) -> str:
    """Spatial numbers and channels alone, as diagrams have them; ``?`` where unknown.

    >>> plain_size(Size((480, 640, 64, 1), "SSCB"))
    '480×640×64'
    """
    return "?" if size is None else times((*size.spatial, size.channels))


def learnables_text(learnables: Mapping[str, Sequence[int]] | None) -> list[str]:
    """One line a learnable or state; ``-`` if there are none, ``?`` if they are unknown."""
    if learnables is None:
        return ["?"]
    return [f"{visible(name)} {times(numbers)}" for name, numbers in learnables.items()] or ["-"]


def aligned(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Pairs of words, a line each, the second words below each other.

    >>> aligned([("Weights", "3×3×64"), ("Bias", "64")])
    ['Weights 3×3×64', 'Bias    64']
    """
    longest = max((len(first) for first, _ in pairs), default=0)
    return [f"{first:<{longest}} {second}" for first, second in pairs]
