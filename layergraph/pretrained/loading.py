"""Loading of weights: from the tensors of a file to the layers of a graph."""

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
from layergraph.pretrained.name_matching import match_names, part_starts
from layergraph.pretrained.reading import read_tensors
from layergraph.weights import Weights
from layergraph.wording import listed

if TYPE_CHECKING:
    from torch import Tensor

_MOST_FAULTS = 5  # in a message

_log = logging.getLogger("layergraph")


def load_weights(
    lgraph: LayerGraph,
    source: str | os.PathLike[str] | Mapping[str, Tensor],
    keys: Mapping[str, str] | None = None,
    *,
    may_differ: Collection[str] = (),
    origin: str = "",
) -> tuple[LayerGraph, WeightsReport]:
    """Return the graph with the weights of a file, and a report on loaded and skipped tensors.

    A tensor is loaded if it has the shape of the tensor in the layer's torch module. Weights of a fully
    connected layer are reshaped for an equivalent convolution, and the reverse. A bias that the file lacks is
    zero. Floating-point tensors take the module's dtype, float32.

    The logger ``layergraph`` gets the summary of the report: as a warning, which Python prints to stderr, if
    a part of the file or of the graph is left out; else as information. Builders with the argument
    ``weights`` do the same.

    Args:
        lgraph: a graph without errors.
        source: a file (see :func:`read_tensors`), or tensors by name, which are copied.
        keys: for each layer name the prefix of its tensors' names in the file, as in ``"conv1_1":
            "features.0"``; other layers get no weights, and the file must hold all of these. By default the
            names are those in the state dict of the compiled graph, or those in a file that ``save`` wrote,
            and the file may lack layers. A common prefix of all names, such as ``module.``, is ignored.
        may_differ: layers that may have another number of outputs in the file, or be absent: they then get
            no weights.
        origin: the name of ``source`` in messages and in the report, if it is a mapping.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: the file cannot be read.
        WeightsMismatchError: the file does not fit the graph; the message lists the tensors that are missing
            or have another shape.
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

    # 1. Read. Names and shapes are compared first, so that a file that does not fit costs no memory.
    if isinstance(source, Mapping):
        tensors, origin = source, origin or "the dict given"
    else:
        tensors, origin = read_tensors(source), repr(os.fspath(source))
    # 2. Find the prefix of each layer's tensors. Comparing shapes instead would confuse equal blocks.
    expected, own_prefixes = _expected_tensors(lgraph)
    candidates = own_prefixes if keys is None else [{name: f"{key}." for name, key in keys.items()}]
    try:
        prefixes = match_names(tensors, candidates, expected)
    except FileFormatError as error:
        raise WeightsMismatchError(f"{origin} does not fit the graph: {error}") from None
    if not prefixes:
        learning = {name: stem for name, stem in candidates[0].items() if name not in lgraph.input_names}
        raise _nothing_fits(origin, tensors, learning, expected)
    # 3. Fit all layers before any is changed, so that one error lists all faults.
    inputs = {
        name: [size for size in sizes if size]
        for name, sizes in infer_sizes(lgraph, "network").inputs.items()
    }
    fits = {}
    for name in lgraph.order:
        if name in prefixes and name in expected:
            is_absent = not any(prefixes[name] + tensor in tensors for tensor in expected[name])
            if not (is_absent and (keys is None or name in may_differ)):
                size = next(iter(inputs[name]), None)
                fits[name] = fit_layer(lgraph[name], size, expected[name], prefixes[name], tensors)
    reasons = {
        name: f"layer {name!r} has {fit.num_outputs} outputs, in the file {fit.num_outputs_in_file}"
        for name, fit in fits.items()
        if fit.num_outputs_in_file and name in may_differ
    }
    fits = {name: fit for name, fit in fits.items() if name not in reasons}
    if faults := [(name, fault) for name, fit in fits.items() for fault in fit.faults]:
        raise _does_not_fit(origin, faults)
    # 4. Attach the weights, and report what is left out: a program that never reads the report must see it.
    lgraph = lgraph.with_weights({name: Weights(fit.weights) for name, fit in fits.items()})
    loaded = tuple(row for fit in fits.values() for row in fit.loaded)
    skipped = _skipped_tensors(lgraph, tensors, {row.key for row in loaded}, prefixes, reasons)
    not_loaded = tuple(
        name
        for name in lgraph.order
        if lgraph[name].weights is None
        and lgraph[name].learnables(inputs[name])
        and not isinstance(lgraph[name], ModuleLayer)
    )
    report = WeightsReport(origin, loaded, skipped, not_loaded)
    is_partial = report.skipped or report.not_loaded
    _log.log(logging.WARNING if is_partial else logging.INFO, "%s", report.summary)
    _log.debug("%s", report)
    return lgraph, report


def _expected_tensors(lgraph: LayerGraph) -> tuple[dict[str, dict[str, Tensor]], list[dict[str, str]]]:
    """Return the tensors of each layer that has any, without data, and their prefixes in our own files."""
    import torch

    # the meta device gives names and shapes without memory
    with torch.device("meta"):
        net = lgraph.with_weights(dict.fromkeys(lgraph)).compile()
    expected = {name: net.layer_module(name).state_dict() for name in lgraph}
    expected = {name: tensors for name, tensors in expected.items() if tensors}
    in_state_dict = {name: f"{net.layer_key(name)}." for name in expected}
    in_saved_file = {name: f"{name}/" for name in expected}
    return expected, [in_state_dict, in_saved_file]


def _skipped_tensors(
    lgraph: LayerGraph,
    tensors: Mapping[str, Tensor],
    used: Collection[str],
    prefixes: Mapping[str, str],
    reasons: Mapping[str, str],
) -> tuple[SkippedTensor, ...]:
    layers = {prefix: name for name, prefix in prefixes.items()}
    # the name of a hostile file has 300,000 dots: cut it only where a prefix can end
    lengths = {len(prefix) for prefix in layers}
    skipped = []
    for key in tensors:
        if key in used:
            continue
        ends = [end for end in reversed(part_starts(key)) if end in lengths]
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
    prefixes: Mapping[str, str],
    expected: Mapping[str, Mapping[str, Tensor]],
) -> ArgumentError | WeightsMismatchError:
    names = [prefix + tensor for layer, prefix in prefixes.items() for tensor in expected.get(layer, ())]
    if not names:
        return ArgumentError(
            f"load_weights: keys must name layers of the graph that have weights, got {listed([*prefixes])}"
        )
    held = listed([*tensors]) if tensors else "no tensors"
    return WeightsMismatchError(
        f"{origin} has no weights for this graph: expected {listed(names)}, got {held}"
    )
