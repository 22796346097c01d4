"""The dtype of a network: that of the weights attached to its layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from layergraph.graph.graph import Graph
from layergraph.issues import Issue
from layergraph.layers import BatchNormalizationLayer, ModuleLayer


def common_dtype(lgraph: Graph) -> tuple[torch.dtype | None, list[Issue]]:
    """The floating-point dtype of the weights attached, and an error for each layer that has another.

    ``None`` where none are attached. Torch modules of the user have dtypes of their own, and batch
    normalization may keep its numbers in float32 where the other layers have fewer bits.
    """
    found: dict[str, torch.dtype] = {}
    issues = []
    for layer in lgraph.layers:
        if layer.weights is None or isinstance(layer, ModuleLayer):
            continue
        dtypes = {tensor.dtype for tensor in layer.weights.values() if tensor.is_floating_point()}
        if len(dtypes) > 1:
            issues.append(_mixed(layer.name, f"its weights are {_listed(dtypes)}"))
        elif dtypes:
            (found[layer.name],) = dtypes
    counts = Counter(dtype for name, dtype in found.items() if not _may_be_wider(lgraph, name))
    counts = counts or Counter(found.values())
    if not counts:
        return None, issues
    ((common, _),) = counts.most_common(1)
    for name, dtype in found.items():
        wider = _may_be_wider(lgraph, name) and dtype == torch.float32 and common.itemsize < dtype.itemsize
        if dtype != common and not wider:
            text = f"its weights are {_name(dtype)}, those of most other layers {_name(common)}"
            issues.append(_mixed(name, text))
    return common, issues


def load_weights(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy weights into a module, which takes on their floating-point dtypes.

    Raises ``RuntimeError`` for other names or shapes than the module has.
    """
    for name, tensor in module.state_dict(keep_vars=True).items():
        given = weights.get(name)
        if given is not None and tensor.is_floating_point() and given.is_floating_point():
            # in place, so that a parameter which a module has twice stays one
            tensor.data = tensor.data.to(given.dtype)
    module.load_state_dict(dict(weights))


def _may_be_wider(lgraph: Graph, name: str) -> bool:
    return isinstance(lgraph[name], BatchNormalizationLayer)


def _mixed(name: str, text: str) -> Issue:
    advice = "give all layers weights of one dtype, as net.float() does before net.layer_graph()"
    return Issue("LG-WEIGHTS", "error", name, "", text, advice)


def _listed(dtypes: set[torch.dtype]) -> str:
    return " and ".join(sorted(map(_name, dtypes)))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
