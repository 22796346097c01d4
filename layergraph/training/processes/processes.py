"""The processes of a training, one per device, and what they tell each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from layergraph.training.portable_error import portable_error

T = TypeVar("T")

# one process may compute for hours while others wait; the end of a process is noticed without a limit
_LIMIT = timedelta(days=30)


class Processes:
    """This process of a training among all of them; by default the only one.

    All methods but :meth:`part` must be called in all processes, in the same order. They talk on the CPU, so
    that none of them waits for a GPU, except :meth:`send`.

    Attributes:
        rank: of this process, from 0; that one prints and writes.
        count: of all processes.
        common_error: the last error that all of them raise.

    >>> processes = Processes()
    >>> processes.part([4, 5, 6]), processes.share(lambda: 7), processes.largest(2)
    ([4, 5, 6], [7], 2)
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count
        self.common_error: Exception | None = None
        self._group: Any = distributed.new_group(backend="gloo", timeout=_LIMIT) if count > 1 else None

    def part(self, items: Sequence[T]) -> Sequence[T]:
        """The items of this process: neighbors, as many as in the others or one more."""
        start, end = (len(items) * rank // self.count for rank in (self.rank, self.rank + 1))
        return items[start:end]

    def share(self, work: Callable[[], T]) -> list[T]:
        """What a function returns in each process. An error in one of them is raised in all."""
        if self.count == 1:
            return [work()]
        result: Any = None
        error: Exception | None = None
        try:
            result = work()
        except Exception as raised:
            error = portable_error(raised, f"process {self.rank + 1} of {self.count}")
        answers: list[Any] = [None] * self.count
        distributed.all_gather_object(answers, (result, error), group=self._group)
        # all raise the same one
        for _, other in answers:
            if other is not None:
                self.common_error = other
                raise other
        return [answer for answer, _ in answers]

    def first(self, work: Callable[[], T]) -> T:
        """What a function returns in the first process, which alone calls it."""
        result: Any = self.share(lambda: work() if self.rank == 0 else None)[0]
        return result  # type: ignore[no-any-return]

    def raise_together(self, error: Exception | None) -> None:
        """Raise the error that a process has, in all of them."""

        def work() -> None:
            if error is not None:
                raise error

        # usually there is none, and one number is faster than objects
        if self.largest(int(error is not None)):
            self.share(work)

    def largest(self, number: int) -> int:
        """The largest of the numbers of all processes."""
        if self.count == 1:
            return number
        numbers = torch.tensor(number)
        distributed.all_reduce(numbers, distributed.ReduceOp.MAX, group=self._group)
        return int(numbers)

    def send(self, tensors: Iterable[Tensor]) -> None:
        """Copy tensors, on their device, from the first process to all."""
        if self.count > 1:
            for tensor in tensors:
                distributed.broadcast(tensor.detach(), 0)
