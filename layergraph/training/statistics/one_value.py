"""The error for batch normalization of a single value, which has no variance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from layergraph.errors import DataError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.network.network import Network
from layergraph.wording import quoted


@contextmanager
def explain_one_value(net: Network, lgraph: LayerGraph) -> Iterator[None]:
    """Raise a ``DataError`` with the layer's name if batch normalization gets one value per channel."""
    hooks = [
        norm.register_forward_pre_hook(partial(_check_inputs, name))
        for name in lgraph
        for norm in net.layer_module(name).modules()
        if isinstance(norm, _BatchNorm)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _check_inputs(name: str, norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    # torch raises here too, but its error names no layer
    # in evaluation mode, the stored variance is used, and one value is enough
    if norm.training and inputs[0].numel() == inputs[0].shape[1]:
        raise DataError(
            f"train_network: batch normalization in layer {quoted(name)} must have at least two values per "
            "channel in a mini-batch, got a mini-batch of one image, which is 1×1 there; train with "
            "mini_batch_size=2 or more (and as many images), with larger images, or without the layer"
        )
