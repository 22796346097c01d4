"""The stages in which a network is run to measure what its batch normalizations get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from layergraph.network import Network
from layergraph.plan import Row


class Stage(NamedTuple):
    """Rows of a network to run, and then rows whose batch normalizations to measure."""

    run: list[Row]
    measure: list[Row]


@torch.no_grad()
def stages_of(net: Network, image: Tensor) -> list[Stage]:
    """The rows of a network in as few stages as there are batch normalizations in its longest chain.

    A layer of yours may run several: then it is measured in as many stages, the next one in each. Rows that
    no batch normalization needs are left out. Runs the network once, in evaluation mode, to count them.

    Args:
        image: one that the network takes, (1, channels, height, width).
    """
    net.eval()
    runs = _runs(net, image)
    level: dict[int, int] = dict.fromkeys(net._plan.inputs, 0)  # of a slot: the stage that computes it
    placed = []
    for row in net._plan.rows:
        begin = max((level[slot] for slot in row.inputs), default=0)
        end = begin + runs[row]
        level.update(dict.fromkeys(row.outputs, end))
        placed.append((end, begin, row))
    count = max((end for end, begin, _ in placed if end > begin), default=0)
    stages = [Stage([], []) for _ in range(count + 1)]  # in the last one nothing is run
    needed: set[int] = set()
    for end, begin, row in sorted(placed, key=lambda place: place[0])[::-1]:
        if end > begin or needed & {*row.outputs}:
            free = {*row.inputs, *row.outputs} - needed  # the row is the last one that needs these
            needed |= {*row.inputs, *row.outputs}
            stages[end].run.insert(0, row._replace(free=tuple(free)))
            for number in range(begin, end):
                stages[number].measure.append(row)
    return stages[:count]


def has_batch_normalization(net: nn.Module) -> bool:
    """Whether there are statistics to compute."""
    return bool(norms_of(net))


def _runs(net: Network, image: Tensor) -> dict[Row, int]:
    """How many batch normalizations each row runs."""
    counts: list[None] = []
    hooks = [norm.register_forward_pre_hook(lambda *_: counts.append(None)) for norm in norms_of(net)]
    slots, runs = new_slots(net, image), {}
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
    for row in rows:
        result = module_of(net, row)(*[slots[slot] for slot in row.inputs])
        results = (result,) if len(row.outputs) == 1 else result
        for index, slot in enumerate(row.outputs):
            slots[slot] = results[index]
        for slot in row.free:
            slots[slot] = None


def norms_of(module: nn.Module) -> list[_BatchNorm]:
    found = (child for child in module.modules() if isinstance(child, _BatchNorm))
    return [norm for norm in found if norm.track_running_stats]


def module_of(net: Network, row: Row) -> nn.Module:
    return net.get_submodule(".".join((row.key, *row.path)))


def new_slots(net: Network, images: Tensor) -> list[Any]:
    slots: list[Any] = [None] * net._plan.num_slots
    slots[net._plan.inputs[0]] = images
    return slots
