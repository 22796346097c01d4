"""The dtype of a network: that of the weights attached to its layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from layergraph.graph.graph import Graph
from layergraph.issues import Issue
from layergraph.layers import BatchNormalizationLayer, ModuleLayer
from layergraph.wording import dtype_name


def common_dtype(lgraph: Graph) -> tuple[torch.dtype | None, list[Issue]]:
    """Return the floating-point dtype of the attached weights, and an error for each layer with another.

    The dtype is ``None`` if no weights are attached. The user's torch modules may have any dtype. Batch
    normalization may be float32 where the other layers have 16 bits, as in mixed precision.
    """
    dtype_by_layer: dict[str, torch.dtype] = {}
    issues = []
    for layer in lgraph.layers:
        if layer.weights is None or isinstance(layer, ModuleLayer):
            continue
        dtypes = {tensor.dtype for tensor in layer.weights.values() if tensor.is_floating_point()}
        if len(dtypes) > 1:
            names = " and ".join(sorted(map(dtype_name, dtypes)))
            issues.append(_dtype_issue(layer.name, f"its weights are {names}"))
        elif dtypes:
            (dtype_by_layer[layer.name],) = dtypes
    # most layers decide, batch normalization only where there are no others
    counts = Counter(dtype for name, dtype in dtype_by_layer.items() if not _may_be_wider(lgraph, name))
    counts = counts or Counter(dtype_by_layer.values())
    if not counts:
        return None, issues
    ((common, _),) = counts.most_common(1)
    for name, dtype in dtype_by_layer.items():
        wider = _may_be_wider(lgraph, name) and dtype == torch.float32 and common.itemsize < dtype.itemsize
        if dtype != common and not wider:
            text = f"its weights are {dtype_name(dtype)}, those of most other layers {dtype_name(common)}"
            issues.append(_dtype_issue(name, text))
    return common, issues


def load_weights(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy weights into a module and give its parameters their floating-point dtypes.

    Raises:
        RuntimeError: the weights do not have the names and shapes of the module's.
    """
    for name, tensor in module.state_dict(keep_vars=True).items():
        given = weights.get(name)
        if given is not None and tensor.is_floating_point() and given.is_floating_point():
            # in place, so that a parameter that two parts of the module share stays one
            tensor.data = tensor.data.to(given.dtype)
    module.load_state_dict(dict(weights))


def _may_be_wider(lgraph: Graph, name: str) -> bool:
    return isinstance(lgraph[name], BatchNormalizationLayer)


def _dtype_issue(name: str, text: str) -> Issue:
    advice = "give all layers weights of one dtype, as net.float() does before net.layer_graph()"
    return Issue("LG-WEIGHTS", "error", name, "", text, advice)
