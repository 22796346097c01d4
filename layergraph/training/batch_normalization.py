"""Statistics of batch normalization over the whole training set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from layergraph.network import Network
from layergraph.plan import Row
from layergraph.training.stages import Stage, module_of, new_slots, norms_of, run_rows

MOST_KEPT = 1024**3  # bytes of features that wait in memory from one stage to the next


@torch.no_grad()
def finalize_batch_normalization(
    net: Network,
    stages: Sequence[Stage],
    batches: Sequence[Sequence[int]],
    read: Callable[[Sequence[int]], list[Tensor]],
    *,
    proceed: Callable[[], object] = lambda: None,
    most_kept: int = MOST_KEPT,
) -> None:
    """Replace running averages by mean and variance over all images, for each channel.

    Mean and variance are those of all values that the channel's batch normalization gets from all images,
    each value counting alike, with their number (not one less) below the sum of squares. All batch
    normalizations before it normalize by statistics that are final, as when the network is used; dropout is
    off. So neither the size nor the order of ``batches`` matters, beyond rounding.

    A batch normalization can be measured when those before it are: n in a chain take n stages. Between
    stages the features wait in memory, up to ``most_kept`` bytes; then the cost is one pass over the data.
    For the mini-batches beyond, each stage reads the images again and runs the network up to its place:
    about n / 2 passes in all. (One pass that normalizes by mini-batches, as in training, would leave
    all but the first one with statistics of features that the network does not compute when it is used;
    with one value per channel in a mini-batch these are constant.)

    A batch normalization that runs several times for an image, as in a module of two layers, is measured each
    time, and has the statistics of all it gets.

    Leaves ``net`` in evaluation mode. If it fails, the running averages are as they were. Source of the
    sums: Chan, Golub, LeVeque, as in :class:`layergraph.training.statistics.ChannelStatistics`.

    Args:
        stages: of this network, from :func:`layergraph.training.stages.stages_of`.
        batches: item indices, each item once.
        read: gives the images of some items, one tensor for each size among them.
        proceed: called after each mini-batch in each stage.
    """
    net.eval()
    totals = {norm: _Total() for norm in norms_of(net)}
    before = {norm: (_mean(norm).clone(), _variance(norm).clone()) for norm in totals}
    measured = _Measured(totals)
    try:
        kept: dict[int, list[list[Any]]] = {}
        left = most_kept
        for number, stage in enumerate(stages):
            with measured.stage():
                for index, batch in enumerate(batches):
                    parts = kept.pop(index, None)
                    rows = stage.run
                    if parts is None:
                        parts = [new_slots(net, images) for images in read(batch)]
                        rows = [row for earlier in stages[: number + 1] for row in earlier.run]
                    else:
                        left += _bytes(parts)
                    for slots in parts:
                        run_rows(net, rows, slots)
                        for row in stage.measure:
                            measured.measure(net, row, slots)
                    if (size := _bytes(parts)) <= left:
                        kept[index] = parts
                        left -= size
                    proceed()
        found = [tensor for norm in totals for tensor in (_mean(norm), _variance(norm))]
        if not all(bool(tensor.isfinite().all()) for tensor in found):
            raise ArithmeticError("the network computes values that are NaN or infinite")
    except BaseException:
        for norm, (mean, variance) in before.items():
            _mean(norm).copy_(mean)
            _variance(norm).copy_(variance)
        raise


class _Measured:
    """How many runs of batch normalization are measured, in each row of the network."""

    def __init__(self, totals: dict[_BatchNorm, _Total]) -> None:
        self._totals = totals
        self._done: Counter[Row] = Counter()
        self._reached: dict[Row, set[_BatchNorm]] = {}
        self._row: Row | None = None
        self._passed = 0

    @contextmanager
    def stage(self) -> Iterator[None]:
        """Measure in the block, one batch normalization in each row; their statistics are set at its end."""
        self._reached = {}
        hooks = [norm.register_forward_pre_hook(self._take) for norm in self._totals]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
        self._done.update(self._reached.keys())
        for norm in {norm for norms in self._reached.values() for norm in norms}:
            _mean(norm).copy_(self._totals[norm].mean)
            _variance(norm).copy_(self._totals[norm].variance)

    def measure(self, net: Network, row: Row, slots: list[Any]) -> None:
        """Run a layer up to its first batch normalization that is not measured, which takes its input in."""
        module = module_of(net, row)
        inputs = [slots[slot] for slot in row.inputs]
        if not isinstance(module, _BatchNorm):  # a module may write to its input, which is still needed
            inputs = [x.clone() for x in inputs]
        self._row, self._passed = row, 0
        try:
            module(*inputs)
        except _ReachedError:
            pass
        finally:
            self._row = None

    def _take(self, norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, _BatchNorm)
        if self._row is None:
            return
        if self._passed == self._done[self._row]:
            self._reached.setdefault(self._row, set()).add(norm)
            self._totals[norm].add(inputs[0])
            raise _ReachedError
        self._passed += 1


class _ReachedError(BaseException):
    """Ends the run of a layer, past any handler of errors in it."""


@dataclass
class _Total:
    """Mean and variance of each channel of all that came, in float64 on the processor."""

    count: int = 0
    mean: Tensor = field(default_factory=lambda: torch.zeros(()))
    squares: Tensor = field(default_factory=lambda: torch.zeros(()))  # summed squared distances to the mean

    def add(self, x: Tensor) -> None:
        x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        axes = [axis for axis in range(x.dim()) if axis != 1]
        variance, mean = (t.cpu().double() for t in torch.var_mean(x, axes, correction=0))
        count = x.numel() // x.shape[1]
        total = self.count + count
        distance = mean - self.mean
        self.squares = self.squares + variance * count + distance**2 * (self.count * count / total)
        self.mean = self.mean + distance * (count / total)
        self.count = total

    @property
    def variance(self) -> Tensor:
        return self.squares / self.count


def _mean(norm: _BatchNorm) -> Tensor:
    assert norm.running_mean is not None
    return norm.running_mean


def _variance(norm: _BatchNorm) -> Tensor:
    assert norm.running_var is not None
    return norm.running_var


def _bytes(parts: list[list[Any]]) -> int:
    return sum(t.numel() * t.element_size() for slots in parts for t in slots if isinstance(t, Tensor))
