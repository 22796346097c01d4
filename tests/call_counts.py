"""Counts of function calls, where a measured time would depend on the machine."""

import sys
from collections.abc import Callable


def num_calls(function: Callable[[], object]) -> int:
    """The number of functions that a call calls, in Python and in C."""
    count = 0

    def tally(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tally)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def assert_linear(make: Callable[[int], Callable[[], object]], small: int, times: int = 4) -> None:
    """Assert that four times the input takes about four times the calls; quadratic work would take sixteen.

    ``make(n)`` prepares an input of size n and returns the call to count.
    """
    first, second = make(small), make(times * small)
    first(), second()  # imports, and caches of regular expressions
    counts = num_calls(make(small)), num_calls(make(times * small))
    assert counts[1] < 1.5 * times * counts[0], counts
