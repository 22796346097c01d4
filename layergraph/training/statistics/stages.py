"""The stages of a network for the statistics of its batch normalizations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from layergraph.network.network import Network
from layergraph.network.plan import Row


class Stage(NamedTuple):
    """The rows of a network to run, and then the rows with batch normalizations to measure."""

    run: list[Row]
    measure: list[Row]


@torch.no_grad()
def stages_of(net: Network, images: Sequence[Tensor]) -> list[Stage]:
    """The rows of a network in one stage per batch normalization in its longest chain.

    A layer with several batch normalizations is measured in several stages, one batch normalization in each.
    One run of the network in evaluation mode counts them; the definition of a module does not show them.

    1. From the inputs on, each row gets the number of batch normalizations up to its start and its end.
    2. From the outputs back, each row that some batch normalization needs goes to the stage of its end, and
       to the stages that measure it. Other rows go to no stage: they would cost time for no statistics.
    3. The last row that needs a slot frees it. The plan of the network does not know this, since the stages
       skip rows.

    Args:
        images: an image (1, channels, height, width) per input layer.
    """
    net.eval()
    runs = _count_runs(net, images)
    # 1. the stages of each row, from the inputs on
    level: dict[int, int] = dict.fromkeys(net._plan.inputs, 0)  # per slot: the stage that computes it
    intervals = []
    for row in net._plan.rows:
        # the latest input counts, since all statistics upstream must be final
        begin = max((level[slot] for slot in row.inputs), default=0)
        end = begin + runs[row]
        level.update(dict.fromkeys(row.outputs, end))
        intervals.append((end, begin, row))
    count = max((end for end, begin, _ in intervals if end > begin), default=0)
    stages = [Stage([], []) for _ in range(count + 1)]  # rows of the last one never run
    # 2. and 3. the rows of each stage, from the outputs back
    needed: set[int] = set()
    # stage by stage, and in a stage in the order of the plan, which sorting keeps; then reversed
    for end, begin, row in sorted(intervals, key=lambda interval: interval[0])[::-1]:
        if end > begin or needed & {*row.outputs}:
            free = {*row.inputs, *row.outputs} - needed  # the row is the last one that needs these
            needed |= {*row.inputs, *row.outputs}
            stages[end].run.insert(0, row._replace(free=tuple(free)))
            for number in range(begin, end):
                stages[number].measure.append(row)
    return stages[:count]


def has_batch_normalization(net: nn.Module) -> bool:
    """Whether a network has batch normalization with running averages."""
    return bool(norms_of(net))


def _count_runs(net: Network, images: Sequence[Tensor]) -> dict[Row, int]:
    """The number of batch normalizations that each row runs."""
    counts: list[None] = []
    hooks = [norm.register_forward_pre_hook(lambda *_: counts.append(None)) for norm in norms_of(net)]
    slots, runs = new_slots(net, images), {}
    try:
        for row in net._plan.rows:
            before = len(counts)
            run_rows(net, [row], slots)
            runs[row] = len(counts) - before
    finally:
        for hook in hooks:
            hook.remove()
    return runs


def run_rows(net: Network, rows: Sequence[Row], slots: list[Any]) -> None:
    """Run some rows of a network on its slots; the rows upstream have run."""
    for row in rows:
        result = module_of(net, row)(*[slots[slot] for slot in row.inputs])
        # an index of a tensor would be one of its batch axis
        results = (result,) if len(row.outputs) == 1 else result
        for index, slot in enumerate(row.outputs):
            slots[slot] = results[index]
        for slot in row.free:
            slots[slot] = None


def norms_of(module: nn.Module) -> list[_BatchNorm]:
    """The batch normalizations with running averages in a module."""
    norms = (child for child in module.modules() if isinstance(child, _BatchNorm))
    # without running averages, there are no statistics to replace
    return [norm for norm in norms if norm.track_running_stats]


def module_of(net: Network, row: Row) -> nn.Module:
    """The module that a row calls."""
    return net.get_submodule(".".join((row.key, *row.path)))


def new_slots(net: Network, images: Sequence[Tensor]) -> list[Any]:
    """The slots of a network before its first row; ``images`` has a tensor per input layer."""
    slots: list[Any] = [None] * net._plan.num_slots
    for slot, tensor in zip(net._plan.inputs, images, strict=True):
        slots[slot] = tensor
    return slots
