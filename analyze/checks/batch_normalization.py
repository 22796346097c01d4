"""The checks of layers before a batch normalization: a useless bias, a harmful dropout."""

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
from layergraph.layers.learnable import LearnableLayer
from layergraph.wording import listed

# a convolution mixes channels, after which the variance of each hardly depends on one dropout; these do not
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


def wasted_bias(checked: CheckedGraph) -> Iterator[Issue]:
    """Biases that learn right before a batch normalization, which subtracts them with the mean."""
    lgraph, names = checked.lgraph, []
    for layer in checked.layers_of(BatchNormalizationLayer):
        source = checked.source(layer.name)
        if source is None:
            continue
        before = lgraph[source.layer]
        if (
            isinstance(before, LearnableLayer)
            and before.bias_learn_rate_factor
            # another destination without normalization still sees the bias
            and checked.feeds_only(source.layer, layer.name)
        ):
            names.append(source.layer)
    if names:
        first, *others = names
        biases = f"the biases of {len(names)} layers, {listed(names)}, come" if others else "its bias comes"
        yield Issue(
            "LG-WASTED-BIAS",
            "note",
            first,
            "",
            f"{biases} right before a batch normalization, which subtracts any bias again",
            "set bias_learn_rate_factor=0: less work, the same output",
            Edit(lgraph).change(names, bias_learn_rate_factor=0).text,
            tuple(others),
        )


def dropout_before_normalization(checked: CheckedGraph) -> Iterator[Issue]:
    """Dropout whose noise is in the variance that batch normalization learns, but not in prediction."""
    normalizations, dropouts = [], {}
    for layer in checked.layers_of(BatchNormalizationLayer):
        for before in checked.chain_upstream(layer.name, _passes):
            if isinstance(before, DropoutLayer) and before.probability:
                normalizations.append(layer.name)
                dropouts[before.name] = before
    if normalizations:
        first = next(iter(dropouts.values()))
        more = len(normalizations) - 1
        rest = f"; so do {more} more" if more else ""
        yield Issue(
            "LG-DROPOUT-BEFORE-BATCHNORM",
            "warning",
            normalizations[0],
            "in",
            f"it normalizes by a variance that {first.name!r} ({first.description}) raises in training only, "
            f"so that predictions are scaled wrongly{rest}",
            "move the dropout after the last batch normalization, or remove it",
            Edit(checked.lgraph).remove([*dropouts], reconnect=True).text,
            (*dropouts, *normalizations[1:]),
        )


def _passes(layer: Layer) -> bool:
    return isinstance(layer, _PASSING)
