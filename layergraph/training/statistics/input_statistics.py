"""The statistics of input normalization, from the training data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layergraph.errors import DataError
from layergraph.network.network import Network
from layergraph.progress import progress
from layergraph.training.batches.items import Items
from layergraph.training.monitor.log import TrainingLog
from layergraph.training.statistics.channel_statistics import ChannelStatistics


def initialize_normalization(
    net: Network, items: Items, log: TrainingLog, *, verbose: bool, reset: bool = True
) -> None:
    """Set the missing statistics of the input layers in ``net``, with one pass over all items.

    Statistics that are arguments of the layer stay unchanged; those from an earlier training of the network
    are computed anew, as in MATLAB, unless ``reset`` is False. Raises ``DataError`` for an image with values
    that are NaN or infinite.
    """
    found = {
        index: ChannelStatistics()
        for index, layer in enumerate(items.input_layers)
        if _lacks(net, layer, reset)
    }
    if not found:
        return
    log.print_normalization()
    with progress("Initializing", len(items), shown=verbose) as advance:
        for number in range(len(items)):
            images = items.read(number).images
            for index, statistics in found.items():
                statistics.add(images[index])
                # in the loop, since the extremes of all images would not name the item
                if not (np.isfinite(statistics.min) & np.isfinite(statistics.max)).all():
                    raise DataError(
                        f"train_network: {items.item_name(number)} must hold finite numbers, got NaN or "
                        "infinity"
                    )
            advance()
    for index, statistics in found.items():
        layer: Any = items.input_layers[index]
        buffers = dict(net.layer_module(layer.name).named_buffers())
        for name, values in statistics.select(layer.missing_statistics()).items():
            # in place: the buffer keeps its dtype
            buffers[name].copy_(torch.as_tensor(values).view_as(buffers[name]))


def _lacks(net: Network, layer: Any, reset: bool) -> bool:
    """Whether an input layer has statistics to compute."""
    missing = layer.missing_statistics()
    if reset:
        return bool(missing)
    buffers: dict[str, Tensor] = dict(net.layer_module(layer.name).named_buffers())
    new = dict(replace(layer, weights=None).torch_module([]).named_buffers())
    # statistics that differ from those of a new layer come from an earlier training
    return bool(missing) and all(torch.equal(buffers[name], new[name].to(buffers[name])) for name in missing)
