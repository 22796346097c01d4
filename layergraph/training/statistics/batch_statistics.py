"""Statistics of batch normalization over the training set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from layergraph.network.network import Network
from layergraph.network.plan import Row
from layergraph.training.statistics.channel_statistics import ChannelMoments
from layergraph.training.statistics.stages import Stage, module_of, new_slots, norms_of, run_rows

MEMORY_LIMIT = 1024**3  # bytes of features that stay in memory from one stage to the next


@torch.no_grad()
def finalize_batch_normalization(
    net: Network,
    stages: Sequence[Stage],
    batches: Sequence[Sequence[int]],
    read: Callable[[Sequence[int]], list[tuple[Tensor, ...]]],
    *,
    proceed: Callable[[], object] = lambda: None,
    memory_limit: int = MEMORY_LIMIT,
) -> None:
    """Replace the running averages with the mean and variance of each channel over all images.

    Mean and variance are those of all input values of the channel's batch normalization over all images,
    with equal weights; the variance divides by their number (not one less). All batch normalizations
    upstream normalize by final statistics, as in inference; dropout is off. So neither the size nor the order
    of ``batches`` matters, except for rounding.

    One pass that normalizes by mini-batches, as in training, would be wrong: all batch normalizations except
    the first would get statistics of features that the network does not compute in inference (and constant
    features, where a mini-batch has one value per channel). Hence:

    1. A chain of n batch normalizations takes n stages. Each stage measures the batch normalizations whose
       upstream ones are final, and sets their statistics at its end.
    2. Between stages the features of up to ``memory_limit`` bytes stay in memory. If all fit, the cost is one
       pass over the data.
    3. For the other mini-batches, each stage reads the images again and runs the network up to its rows:
       about n / 2 passes in total.

    A batch normalization that runs several times per image, because two layers share a module, is measured
    each time, and gets the statistics of all its inputs.

    Leaves ``net`` in evaluation mode. An error restores the running averages.

    Args:
        stages: of this network, from :func:`layergraph.training.statistics.stages.stages_of`.
        batches: item indices, each item once.
        read: returns the images of some items, for each image size a tensor per input layer.
        proceed: called after each mini-batch of each stage.
    """
    net.eval()
    # copies, since the stages write to the same tensors
    averages = {norm: (_mean(norm).clone(), _variance(norm).clone()) for norm in norms_of(net)}
    measurement = _Measurement(averages)
    try:
        features: dict[int, list[list[Any]]] = {}  # by mini-batch: the slots of the network at a stage's end
        free_memory = memory_limit
        for number, stage in enumerate(stages):
            with measurement.stage():
                for index, batch in enumerate(batches):
                    # taken out, and back in below only if the features at this stage's end fit, too
                    parts = features.pop(index, None)
                    rows = stage.run
                    if parts is None:  # the first stage, or features beyond the limit
                        parts = [new_slots(net, images) for images in read(batch)]
                        rows = [row for earlier in stages[: number + 1] for row in earlier.run]
                    else:
                        free_memory += _num_bytes(parts)
                    for slots in parts:
                        run_rows(net, rows, slots)
                        for row in stage.measure:
                            measurement.measure(net, row, slots)
                    if (size := _num_bytes(parts)) <= free_memory:
                        features[index] = parts
                        free_memory -= size
                    proceed()
        # NaN or infinity in any mini-batch stays in these, so that one check at the end is enough
        statistics = [tensor for norm in averages for tensor in (_mean(norm), _variance(norm))]
        if not all(bool(tensor.isfinite().all()) for tensor in statistics):
            raise ArithmeticError("the network computes values that are NaN or infinite")
    # a second Ctrl-C, too, must leave no mix of final statistics and running averages
    except BaseException:
        for norm, (mean, variance) in averages.items():
            _mean(norm).copy_(mean)
            _variance(norm).copy_(variance)
        raise


class _Measurement:
    """The measurement of batch normalizations, which counts the measured runs in each row of the network."""

    def __init__(self, norms: Iterable[_BatchNorm]) -> None:
        self._moments = {norm: ChannelMoments() for norm in norms}
        self._counts: Counter[Row] = Counter()
        self._current: dict[Row, set[_BatchNorm]] = {}
        self._row: Row | None = None
        self._num_passed = 0

    @contextmanager
    def stage(self) -> Iterator[None]:
        """Measure one batch normalization per row in the block, and set their statistics at its end."""
        self._current = {}
        # a pre-hook sees the input before the layer normalizes it by statistics that are not final
        hooks = [norm.register_forward_pre_hook(self._hook) for norm in self._moments]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
        # only now: all mini-batches of a stage must measure the same batch normalization of a row
        self._counts.update(self._current.keys())
        for norm in {norm for norms in self._current.values() for norm in norms}:
            _mean(norm).copy_(torch.from_numpy(self._moments[norm].mean))
            _variance(norm).copy_(torch.from_numpy(self._moments[norm].variance))

    def measure(self, net: Network, row: Row, slots: list[Any]) -> None:
        """Run a layer up to its first unmeasured batch normalization; add the input there to its moments."""
        module = module_of(net, row)
        inputs = [slots[slot] for slot in row.inputs]
        # a module may change its input in place, and its row runs again, in the next stage
        if not isinstance(module, _BatchNorm):
            inputs = [x.clone() for x in inputs]
        self._row, self._num_passed = row, 0
        try:
            module(*inputs)
        except _ReachedError:
            pass
        finally:
            self._row = None

    def _hook(self, norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, _BatchNorm)
        if self._row is None:
            return
        # a row with several batch normalizations is measured in several stages: pass those already measured
        if self._num_passed == self._counts[self._row]:
            self._current.setdefault(self._row, set()).add(norm)
            _add(inputs[0], self._moments[norm])
            raise _ReachedError
        self._num_passed += 1


class _ReachedError(BaseException):
    """Ends the run of a layer. A BaseException, since the module of a user may catch every Exception."""


def _add(x: Tensor, moments: ChannelMoments) -> None:
    # the mean of many half-precision values would lose digits before it becomes float64
    x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    axes = [axis for axis in range(x.dim()) if axis != 1]
    # the GPU sends two numbers per channel, not the features; not all devices have float64
    variance, mean = (t.cpu().double().numpy() for t in torch.var_mean(x, axes, correction=0))
    moments.add(x.numel() // x.shape[1], mean, variance)


def _mean(norm: _BatchNorm) -> Tensor:
    assert norm.running_mean is not None
    return norm.running_mean


def _variance(norm: _BatchNorm) -> Tensor:
    assert norm.running_var is not None
    return norm.running_var


def _num_bytes(parts: list[list[Any]]) -> int:
    return sum(t.numel() * t.element_size() for slots in parts for t in slots if isinstance(t, Tensor))
