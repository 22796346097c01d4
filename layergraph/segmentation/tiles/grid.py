"""Tiles along one dimension of an image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Piece(NamedTuple):
    """A part of a dimension: the positions to read, and those of them whose results are kept."""

    first: int
    last: int  # not included
    kept_first: int
    kept_last: int

    @property
    def kept(self) -> slice:
        """The kept results as an index into the results of the piece."""
        return slice(self.kept_first - self.first, self.kept_last - self.first)


def pieces(length: int, tile: int, before: int, after: int) -> Iterator[Piece]:
    """Yield pieces of ``tile`` positions that cover ``length`` positions, each kept once.

    Results of fewer than ``before`` positions after the start of a piece, or ``after`` before its end, are
    dropped, except at the ends of the dimension: there the network sees the same border as in the whole
    image. If ``length`` and all other numbers are multiples of the stride of a network, so are all starts,
    and its pooling windows lie as in the whole image.

    >>> for piece in pieces(10, 6, 1, 2):
    ...     piece
    Piece(first=0, last=6, kept_first=0, kept_last=4)
    Piece(first=3, last=9, kept_first=4, kept_last=7)
    Piece(first=4, last=10, kept_first=7, kept_last=10)
    """
    kept = 0
    while kept < length:
        # the last piece ends with the image, and starts earlier than it must: all have one size
        first = max(min(kept - before, length - tile), 0)
        last = min(first + tile, length)
        end = last - after if last < length else length
        yield Piece(first, last, kept, end)
        kept = end


def rounded_up(number: int, multiple: int) -> int:
    """The next multiple.

    >>> rounded_up(33, 16), rounded_up(32, 16)
    (48, 32)
    """
    return -(-number // multiple) * multiple
