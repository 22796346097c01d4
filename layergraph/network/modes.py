"""Inference with a module, which then returns to the mode it was in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from layergraph.errors import ArgumentError

_DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


@contextmanager
def inference(module: nn.Module, *, dropout: bool = False) -> Iterator[None]:
    """Put a module in evaluation mode without gradients; restore the mode of each of its parts afterwards.

    With ``dropout=True`` only the dropout modules are in training mode: batch normalization still uses its
    statistics, and does not change them.

    Raises:
        ArgumentError: ``dropout`` is True and no dropout module has a probability above 0.

    >>> module = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout())
    >>> with inference(module, dropout=True):
    ...     [child.training for child in module]
    [False, True]
    """
    active = [child for child in module.modules() if isinstance(child, _DROPOUT) and child.p > 0]
    if dropout and not active:
        raise ArgumentError(
            "predict: dropout must be False for a network without dropout layers, got True; add a "
            "DropoutLayer to its graph and train it"
        )
    # one by one: module.train() afterwards would put frozen parts into training mode, too
    modes = [(child, child.training) for child in module.modules()]
    module.eval()
    try:
        for layer in active if dropout else ():
            layer.train()
        with torch.no_grad():
            yield
    finally:
        for child, training in modes:
            child.training = training
