"""Functions of items in threads, with a progress bar."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from layergraph.progress import progress

Result = TypeVar("Result")

_MOST_THREADS = 16
_AHEAD = 4  # items per thread; more would only hold results in memory


def in_threads(function: Callable[[int], Result], count: int, text: str) -> Iterator[Result]:
    """Yield ``function(0)`` to ``function(count - 1)`` in order, computed in one thread per processor.

    Decoding an image, resizing it and writing it run side by side, since Pillow and NumPy let other threads
    run. The first item is computed alone: a warning that a store gives once, and an error that all items
    have, name it and not the one that is ready first. After an error no further item starts. A progress bar
    with ``text`` appears if stderr is a terminal.

    >>> list(in_threads(lambda index: index**2, 4, "Computing squares"))
    [0, 1, 4, 9]
    """
    if count == 0:
        return
    with progress(text, count) as advance:
        yield function(0)
        advance()
        threads = min(_MOST_THREADS, os.cpu_count() or 1)
        pool = ThreadPoolExecutor(threads)
        try:
            pending = [pool.submit(function, index) for index in range(1, min(count, 1 + threads * _AHEAD))]
            started = len(pending)
            while pending:
                result = pending.pop(0).result()
                if started < count - 1:
                    started += 1
                    pending.append(pool.submit(function, started))
                yield result
                advance()
        finally:
            # also after Ctrl-C, and when the caller stops: the items that have not started never do
            pool.shutdown(wait=True, cancel_futures=True)
