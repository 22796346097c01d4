"""Putting the tensors of a file onto the layers of a graph."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from layergraph.errors import ArgumentError, FileFormatError, WeightsMismatchError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import infer_sizes
from layergraph.layers import ModuleLayer
from layergraph.pretrained.loading_report import SkippedTensor, WeightsReport
from layergraph.pretrained.name_matching import match, parts
from layergraph.pretrained.reading import read_tensors
from layergraph.weights import Weights
from layergraph.wording import listed

if TYPE_CHECKING:
    from torch import Tensor

_MOST_FAULTS = 5  # of a message

_log = logging.getLogger("layergraph")


def load_weights(
    lgraph: LayerGraph,
    source: str | os.PathLike[str] | Mapping[str, Tensor],
    keys: Mapping[str, str] | None = None,
    *,
    may_differ: Collection[str] = (),
    origin: str = "",
) -> tuple[LayerGraph, WeightsReport]:
    """The graph with the weights of a file, and a report of what was loaded, what was skipped and why.

    A tensor is loaded if its shape is what the layer's torch module has. Weights of a fully connected layer
    are reshaped for a convolution that sees as many numbers, and the reverse. A bias that the file does not
    have is zero. Floating-point numbers become those of the module (float32). The logger ``layergraph`` gets
    the summary of the report: as a warning, which Python shows on stderr, if a part of the file or of the
    graph is left out; else as information. So it is for builders that take ``weights``.

    Args:
        lgraph: a graph that runs.
        source: a file (see :func:`read_tensors`), or tensors by name, which are copied.
        keys: for each layer name what its tensors' names begin with in the file, ``"conv1_1":
            "features.0"``; layers that are not named get nothing, those named must be found. By default the
            names are those of the state dict of the compiled graph, or of a file that ``save`` wrote, and
            layers may be absent. What stands before all names of the file, such as ``module.``, is seen.
        may_differ: layers whose number of outputs may be another in the file, and that may be absent there:
            they are left without its weights.
        origin: what messages and the report call ``source``, if it is a mapping.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: the file cannot be read.
        WeightsMismatchError: it does not fit the graph; the message says each tensor that is missing or has
            another shape, what was expected and what was found.
        ArgumentError: ``keys`` names no layer that has weights.
        InvalidNetworkError: the graph has errors.

    >>> import torch
    >>> from layergraph import FullyConnectedLayer, ImageInputLayer
    >>> lgraph = LayerGraph([ImageInputLayer((2, 2, 1)), FullyConnectedLayer(3, name="fc")])
    >>> tensors = {"head.weight": torch.ones(3, 4), "head.bias": torch.zeros(3), "epoch": torch.tensor(7)}
    >>> loaded, report = load_weights(lgraph, tensors, {"fc": "head"})
    >>> loaded["fc"].weights
    Weights(weight 3×4, bias 3)
    >>> report.skipped
    (SkippedTensor(key='epoch', reason='no layer takes it'),)
    """
    from layergraph.pretrained.fitting import fit_layer

    if isinstance(source, Mapping):
        tensors, origin = source, origin or "the dict given"
    else:
        tensors, origin = read_tensors(source), repr(os.fspath(source))
    wanted, own_stems = _wanted(lgraph)
    candidates = own_stems if keys is None else [{name: f"{key}." for name, key in keys.items()}]
    try:
        stems = match(tensors, candidates, wanted)
    except FileFormatError as error:
        raise WeightsMismatchError(f"{origin} does not fit the graph: {error}") from None
    if not stems:
        learning = {name: stem for name, stem in candidates[0].items() if name not in lgraph.input_names}
        raise _nothing_fits(origin, tensors, learning, wanted)
    inputs = {
        name: [size for size in sizes if size]
        for name, sizes in infer_sizes(lgraph, "network").inputs.items()
    }
    fits = {}
    for name in lgraph.order:
        if name in stems and name in wanted:
            absent = not any(stems[name] + tensor in tensors for tensor in wanted[name])
            if not (absent and (keys is None or name in may_differ)):
                size = next(iter(inputs[name]), None)
                fits[name] = fit_layer(lgraph[name], size, wanted[name], stems[name], tensors)
    reasons = {
        name: f"layer {name!r} has {fit.outputs} outputs, in the file {fit.other_outputs}"
        for name, fit in fits.items()
        if fit.other_outputs and name in may_differ
    }
    fits = {name: fit for name, fit in fits.items() if name not in reasons}
    if faults := [(name, fault) for name, fit in fits.items() for fault in fit.faults]:
        raise _does_not_fit(origin, faults)
    lgraph = lgraph.with_weights({name: Weights(fit.values) for name, fit in fits.items()})
    loaded = tuple(row for fit in fits.values() for row in fit.rows)
    skipped = _skipped(lgraph, tensors, {row.key for row in loaded}, stems, reasons)
    not_loaded = tuple(
        name
        for name in lgraph.order
        if lgraph[name].weights is None
        and lgraph[name].learnables(inputs[name])
        and not isinstance(lgraph[name], ModuleLayer)
    )
    report = WeightsReport(origin, loaded, skipped, not_loaded)
    # a part that the file does not have, or that no layer takes, must reach who never asks for the report
    partial = report.skipped or report.not_loaded
    _log.log(logging.WARNING if partial else logging.INFO, "%s", report.summary)
    _log.debug("%s", report)
    return lgraph, report


def _wanted(lgraph: LayerGraph) -> tuple[dict[str, dict[str, Tensor]], list[dict[str, str]]]:
    """The tensors of each layer that has any, without their numbers; and how files may begin their names."""
    import torch

    with torch.device("meta"):
        net = lgraph.with_weights(dict.fromkeys(lgraph)).compile()
    wanted = {name: net.layer_module(name).state_dict() for name in lgraph}
    wanted = {name: tensors for name, tensors in wanted.items() if tensors}
    state_dict = {name: f"{net.layer_key(name)}." for name in wanted}
    return wanted, [state_dict, {name: f"{name}/" for name in wanted}]


def _skipped(
    lgraph: LayerGraph,
    tensors: Mapping[str, Tensor],
    used: Collection[str],
    stems: Mapping[str, str],
    reasons: Mapping[str, str],
) -> tuple[SkippedTensor, ...]:
    layers = {stem: name for name, stem in stems.items()}
    lengths = {len(stem) for stem in layers}  # a hostile key has 300,000 dots to cut at
    skipped = []
    for key in tensors:
        if key in used:
            continue
        ends = [end for end in reversed(parts(key)) if end in lengths]
        name = next((layers[key[:end]] for end in ends if key[:end] in layers), "")
        if not name:
            reason = "no layer takes it"
        elif name not in lgraph:
            reason = f"the graph has no layer {name!r}"
        else:
            reason = reasons.get(name, f"layer {name!r} has no such tensor")
        skipped.append(SkippedTensor(key, reason))
    return tuple(skipped)


def _does_not_fit(origin: str, faults: list[tuple[str, str]]) -> WeightsMismatchError:
    lines = [f"layer {name!r}: {fault}" for name, fault in faults[:_MOST_FAULTS]]
    if len(faults) > _MOST_FAULTS:
        lines.append(f"and {len(faults) - _MOST_FAULTS} more")
    text = "\n  ".join([f"{origin} does not fit the graph, nothing was loaded:", *lines])
    return WeightsMismatchError(text, faults)


def _nothing_fits(
    origin: str,
    tensors: Mapping[str, Tensor],
    stems: Mapping[str, str],
    wanted: Mapping[str, Mapping[str, Tensor]],
) -> ArgumentError | WeightsMismatchError:
    expected = [stem + tensor for name, stem in stems.items() for tensor in wanted.get(name, ())]
    if not expected:
        return ArgumentError(
            f"load_weights: keys name layers of the graph that have weights, got {listed([*stems])}"
        )
    held = f"it holds {listed([*tensors])}" if tensors else "it holds no tensor"
    return WeightsMismatchError(f"{origin} has nothing for this graph: {held}, expected {listed(expected)}")
