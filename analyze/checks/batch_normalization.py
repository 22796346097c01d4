"""What batch normalization makes useless or harms: a bias before it, dropout before it."""

from __future__ import annotations

from collections.abc import Iterator

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit
from layergraph.issues import Issue
from layergraph.layers import (
    AveragePooling2dLayer,
    AveragePooling3dLayer,
    BatchNormalizationLayer,
    ClippedReluLayer,
    Crop2dLayer,
    Crop3dLayer,
    DropoutLayer,
    LeakyReluLayer,
    MaxPooling2dLayer,
    MaxPooling3dLayer,
    ReluLayer,
    Resize2dLayer,
)
from layergraph.layers.layer import Layer
from layergraph.layers.learnable import TrainedWeights
from layergraph.wording import listed

# what stands between dropout and normalization without mixing channels
_PASSING = (
    AveragePooling2dLayer,
    AveragePooling3dLayer,
    ClippedReluLayer,
    Crop2dLayer,
    Crop3dLayer,
    LeakyReluLayer,
    MaxPooling2dLayer,
    MaxPooling3dLayer,
    ReluLayer,
    Resize2dLayer,
)
_MOST_REMOVED = 50  # each removal takes a time that grows with the graph


def wasted_bias(checked: CheckedGraph) -> Iterator[Issue]:
    """Biases that learn right before a batch normalization, which subtracts them with the mean."""
    lgraph, found = checked.lgraph, []
    for layer in checked.layers_of(BatchNormalizationLayer):
        source = checked.source(layer.name)
        if source is None:
            continue
        before = lgraph[source.layer]
        if (
            isinstance(before, TrainedWeights)
            and before.bias_learn_rate_factor
            and checked.feeds_only(source.layer, layer.name)
        ):
            found.append(source.layer)
    if found:
        first, *others = found
        kinds = "its bias is" if not others else f"the biases of {len(found)} layers, {listed(found)}, are"
        yield Issue(
            "LG-WASTED-BIAS",
            "note",
            first,
            "",
            f"{kinds} right before a batch normalization, which subtracts any bias again",
            "bias_learn_rate_factor=0 keeps zeros there, which saves the work and changes no output",
            Edit(lgraph).change(found, bias_learn_rate_factor=0).text,
            tuple(others),
        )


def dropout_before_normalization(checked: CheckedGraph) -> Iterator[Issue]:
    """Dropout whose noise is in the variance that batch normalization learns, but not in prediction."""
    found, dropouts = [], {}
    for layer in checked.layers_of(BatchNormalizationLayer):
        for before in checked.chain_upstream(layer.name, _passes):
            if isinstance(before, DropoutLayer) and before.probability:
                found.append(layer.name)
                dropouts[before.name] = before
    if found:
        edit = Edit(checked.lgraph)
        for name in dropouts if len(dropouts) <= _MOST_REMOVED else ():
            edit.bypass(name)
        first = next(iter(dropouts.values()))
        rest = f"; so do {len(found) - 1} more" if len(found) > 1 else ""
        yield Issue(
            "LG-DROPOUT-BEFORE-BATCHNORM",
            "warning",
            found[0],
            "in",
            f"it normalizes by a variance that {first.name!r} ({first.description}) raises in training only, "
            f"so that predictions are scaled wrongly{rest}",
            "put the dropout behind the last batch normalization, or remove it",
            edit.text,
            (*dropouts, *found[1:]),
        )


def _passes(layer: Layer) -> bool:
    return isinstance(layer, _PASSING)
