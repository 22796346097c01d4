"""The nearest image sizes that a fault of sizes does not meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from layergraph.analyze.checks.subject import Subject
from layergraph.edits.input_size import with_input_size
from layergraph.issues import Issue

_FARTHEST = 64  # from an image size, others are tried
_OF_SIZES = ("LG-CROPPING", "LG-SPATIAL", "LG-UNPOOLING", "LG-WINDOW")
_LARGEST = 4096  # and, for windows that are too large, up to this


def fitting_sizes(subject: Subject, issue: Issue) -> list[tuple[int, ...]]:
    """The nearest smaller and larger (height, width, channels) whose sizes fit everywhere, if there are any.

    Height and width do not depend on each other, so that squares tell what fits each.
    """
    images = subject.images()
    if images is None or any(size is None for size in subject.propagation.inputs[issue.layer]):
        return []
    *spatial, channels = images
    known: dict[int, bool] = {}

    def fits(n: int) -> bool:
        if n not in known:
            lgraph = with_input_size(subject.lgraph, (*(n,) * len(spatial), channels))
            sizes = subject.tried(lgraph)
            known[n] = sizes is not None and not any(one.code in _OF_SIZES for one in sizes.errors)
        return known[n]

    if issue.code == "LG-WINDOW":
        larger = [_least(n, fits) for n in spatial]
        return [(*map(int, filter(None, larger)), channels)] if None not in larger else []
    near = min(_FARTHEST, max(spatial))
    # half the size is not near; and at a few rows any fault may vanish, where all is 1×1 and expanded
    below = [_first((n, *range(n - 1, max(n // 2, n - near), -1)), fits) for n in spatial]
    above = [_first(range(n, n + near + 1), fits) for n in spatial]
    found = []
    for sizes in (below, above):
        whole = [n for n in sizes if n is not None]
        if len(whole) == len(spatial) and whole != spatial:
            found.append((*whole, channels))
    return found


def _first(numbers: Iterable[int], fits: Callable[[int], bool]) -> int | None:
    return next((n for n in numbers if fits(n)), None)


def _least(number: int, fits: Callable[[int], bool]) -> int | None:
    """The least number from here on that fits, where all larger ones do."""
    if fits(number):
        return number
    low, high = number, 2 * number
    while high <= _LARGEST and not fits(high):
        low, high = high, 2 * high
    if high > _LARGEST:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high
