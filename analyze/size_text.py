"""How sizes and learnables are written in tables, pages and diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layergraph.sizes import Size
from layergraph.wording import times, visible


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
    """One line per learnable or state; ``-`` if there are none, ``?`` if they are unknown."""
    if learnables is None:
        return ["?"]
    return [f"{visible(name)} {times(numbers)}" for name, numbers in learnables.items()] or ["-"]


def align(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """One line per pair, with the second words aligned.

    >>> align([("Weights", "3×3×64"), ("Bias", "64")])
    ['Weights 3×3×64', 'Bias    64']
    """
    longest = max((len(first) for first, _ in pairs), default=0)
    return [f"{first:<{longest}} {second}" for first, second in pairs]
