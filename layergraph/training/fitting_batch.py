"""The mini-batch that fits the memory of a device, by an estimate of the memory of a training step."""

from __future__ import annotations

import os
from typing import NamedTuple

import torch

from layergraph.graph.layer_graph import LayerGraph
from layergraph.network.training_memory import step_bytes
from layergraph.training.options import TrainingOptions

_SPARE = 0.9  # the part of the memory to fill: the workspace of torch's operations is not counted
_STATES = {"sgdm": 1, "rmsprop": 1, "adam": 2}  # copies of the weights in the state of the solver
_GUARD = 2  # copies of the weights to go back to after a loss that is not finite


class Fit(NamedTuple):
    """A number of images, the bytes of their training step, and those of the device."""

    batch_size: int
    step: int
    memory: int


def fitting_batch(lgraph: LayerGraph, options: TrainingOptions, device: torch.device) -> Fit | None:
    """The largest mini-batch that fits, by estimate, or None where the memory of the device is unknown.

    Its size is 0 where one image does not fit.

    Args:
        lgraph: the network, with the sizes of the images in its input layers.
        options: those of the training.
        device: where it runs.
    """
    memory = _memory_of(device)
    if memory is None:
        return None
    # mixed precision keeps some activations in 4 bytes, so that the estimate is on the safe side
    item_bytes = 8 if options.precision == "64-true" else 4
    (one, weights), (two, _) = (step_bytes(lgraph, count, item_bytes) for count in (1, 2))
    per_image = max(two - one, 1)
    fixed = one - per_image + weights * (_STATES.get(options.solver, 1) + _GUARD)
    count = max(int(memory * _SPARE - fixed) // per_image, 0)
    return Fit(count, fixed + count * per_image, memory)


def _memory_of(device: torch.device) -> int | None:
    """The bytes that this process can have on a device: free ones, and those that torch holds already."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device))
    if device.type == "cpu" and "SC_PHYS_PAGES" in getattr(os, "sysconf_names", ()):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None
