"""Functions of items in processes, with a progress bar."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeVar

from layergraph.errors import WrongTypeError
from layergraph.progress import progress
from layergraph.wording import visible

Result = TypeVar("Result")


def in_processes(
    function: Callable[[int], Result], count: int, text: str, num_workers: int, caller: str
) -> Iterator[Result]:
    """Yield ``function(0)`` to ``function(count - 1)`` in order, computed in ``num_workers`` processes.

    For functions that call a function of the user, which need not allow threads, or that use the global
    random states, which all threads share. The first item is computed here, and so is again every item that
    raises or warns in a process: errors and warnings are those of a loop. Without workers all items are
    computed here.

    Args:
        function: of an index; it returns no ``None``.
        count: the number of items.
        text: of the progress bar, which appears if stderr is a terminal.
        num_workers: processes.
        caller: the name of the calling function in errors.

    Raises:
        WrongTypeError: the function cannot be sent to processes, where the system cannot fork them.

    >>> list(in_processes(lambda index: index**2, 4, "Computing squares", 0, "squares"))
    [0, 1, 4, 9]
    """
    with progress(text, count) as advance:
        for index in range(min(count, 1 if num_workers else count)):
            yield function(index)
            advance()
        if not num_workers or count <= 1:
            return
        for index, result in enumerate(_results(function, range(1, count), num_workers, caller), start=1):
            yield function(index) if result is None else result
            advance()


def _results(
    function: Callable[[int], Result], indices: range, num_workers: int, caller: str
) -> Iterator[Result | None]:
    """The results in order, ``None`` for an item to compute again."""
    # imported here: reading data needs no torch, and torch costs a second
    import torch
    from torch.utils.data import DataLoader

    # a fork has the function already, lambdas included
    forks = sys.platform == "linux"
    if not forks:
        _require_pickle(function, caller)
    yield from DataLoader[Any](
        _Results(function),  # type: ignore[arg-type]
        sampler=indices,
        batch_size=None,
        collate_fn=_unchanged,
        num_workers=min(num_workers, len(indices)),
        multiprocessing_context="fork" if forks else None,
        # torch draws a seed for its workers from the global state, which belongs to the caller
        generator=torch.Generator(),
    )


class _Results:
    """The results by their indices, a dataset of torch."""

    def __init__(self, function: Callable[[int], Any]) -> None:
        self._function = function

    def __getitem__(self, index: int) -> Any:
        # neither is sent: not every error can be, and what warns once here would warn in each process
        with warnings.catch_warnings(record=True) as caught:
            try:
                result = self._function(index)
            except Exception:
                return None
        return None if caught else result


def _unchanged(result: Any) -> Any:
    """The result, unchanged: torch would make tensors of arrays."""
    return result


def _require_pickle(function: Callable[[int], Any], caller: str) -> None:
    try:
        ForkingPickler.dumps(function)
    except Exception as error:
        raise WrongTypeError(
            f"{caller}: store must be an object that can be pickled where processes read it on this system, "
            f"got one that cannot ({visible(str(error))}); define its functions by def at the top of a "
            "module, or give num_workers=0"
        ) from None
