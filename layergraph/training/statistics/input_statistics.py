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


def initialize_normalization(net: Network, items: Items, log: TrainingLog, *, verbose: bool) -> None:
    """Set the missing statistics of the input layer in ``net``, with one pass over all items.

    Statistics that are arguments of the layer stay unchanged, and so do those from an earlier training of
    the network. Raises ``DataError`` for an image with values that are NaN or infinite.
    """
    layer: Any = items.input_layer
    missing = layer.missing_statistics()
    buffers: dict[str, Tensor] = dict(net.layer_module(layer.name).named_buffers())
    new = dict(replace(layer, weights=None).torch_module([]).named_buffers())
    # statistics that differ from those of a new layer come from an earlier training
    if missing and all(torch.equal(buffers[name], new[name].to(buffers[name])) for name in missing):
        log.print_normalization()
        statistics = ChannelStatistics()
        with progress("Initializing", len(items), shown=verbose) as advance:
            for index in range(len(items)):
                statistics.add(items.read(index)[0])
                # in the loop, since the extremes of all images would not name the item
                if not (np.isfinite(statistics.min) & np.isfinite(statistics.max)).all():
                    raise DataError(
                        f"train_network: {items.item_name(index)} must hold finite numbers, got NaN or "
                        "infinity"
                    )
                advance()
        for name, values in statistics.select(missing).items():
            # in place: the buffer keeps its dtype
            buffers[name].copy_(torch.as_tensor(values).view_as(buffers[name]))
