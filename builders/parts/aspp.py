"""Atrous spatial pyramid pooling: parallel convolutions of the same features with several dilations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layergraph.builders.parts.deeplab import append_layers
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    BatchNormalizationLayer,
    Convolution2dLayer,
    DepthConcatenationLayer,
    GlobalAveragePooling2dLayer,
    GroupedConvolution2dLayer,
    Layer,
    ReluLayer,
    Resize2dLayer,
)
from layergraph.layers.arguments import Padding


def aspp(
    lgraph: LayerGraph,
    features: str,
    rates: Sequence[int],
    filters: int,
    *,
    separable: bool = False,
    image_pooling: bool = False,
    weight_learn_rate_factor: float = 1.0,
) -> LayerGraph:
    """The graph with parallel branches after layer ``features``, concatenated by ``catAspp``.

    Branch 1 is a 1×1 convolution; each rate adds a branch with a 3×3 convolution of this dilation;
    ``image_pooling`` adds a branch with the mean over the whole image. Each branch has ``filters`` channels,
    batch normalization and ReLU (``aspp_Conv_k``, ``aspp_BatchNorm_k``, ``aspp_Relu_k``). ``separable``
    convolutions are those of :func:`convolution_unit`.
    """

    def unit(branch: int, size: int, rate: int = 1, separable: bool = separable) -> list[Layer]:
        return convolution_unit(
            (f"aspp_Conv_{branch}", f"aspp_BatchNorm_{branch}", f"aspp_Relu_{branch}"),
            size,
            filters,
            rate=rate,
            separable=separable,
            weight_learn_rate_factor=weight_learn_rate_factor,
        )

    branches = [unit(1, 1), *(unit(k, 3, rate) for k, rate in enumerate(rates, 2))]
    pooled = len(branches) + 1  # number of the branch with image-level features
    if image_pooling:
        branches.append(
            [
                GlobalAveragePooling2dLayer(name=f"aspp_Pool_{pooled}"),
                *unit(pooled, 1, separable=False),
                # Repeats the mean at every position: a concatenation needs maps of one size.
                Resize2dLayer(enable_reference_input=True, method="bilinear", name=f"aspp_Resize_{pooled}"),
            ]
        )
    # MATLAB's helper adds the concatenation before its branches. The order of addition breaks ties in the
    # order of the analyzer's rows, so it is the same here.
    lgraph = lgraph.add_layers(DepthConcatenationLayer(len(branches), name="catAspp"))
    for k, layers in enumerate(branches, 1):
        lgraph = append_layers(lgraph, layers, features).connect_layers(layers[-1].name, f"catAspp/in{k}")
    return lgraph.connect_layers(features, f"aspp_Resize_{pooled}/ref") if image_pooling else lgraph


def convolution_unit(
    names: tuple[str, str, str],
    size: int,
    filters: int,
    *,
    rate: int = 1,
    padding: Padding = "same",
    separable: bool = False,
    weight_learn_rate_factor: float = 1.0,
) -> list[Layer]:
    """Convolution with frozen bias, batch normalization and ReLU with these names.

    ``separable`` splits the convolution into a channel-wise convolution (``..._depthwise``) and a 1×1
    convolution that mixes the channels (``..._pointwise``).
    """
    convolution, normalization, relu = names
    # Batch normalization subtracts every bias again, so the bias has nothing to learn.
    factors: dict[str, Any] = {
        "weight_learn_rate_factor": weight_learn_rate_factor,
        "bias_learn_rate_factor": 0.0,
    }
    layers: list[Layer]
    if separable:
        depthwise = GroupedConvolution2dLayer(
            size,
            1,
            "channel-wise",
            dilation_factor=rate,
            padding=padding,
            name=f"{convolution}_depthwise",
            **factors,
        )
        layers = [depthwise, Convolution2dLayer(1, filters, name=f"{convolution}_pointwise", **factors)]
    else:
        layers = [
            Convolution2dLayer(
                size, filters, dilation_factor=rate, padding=padding, name=convolution, **factors
            )
        ]
    return [*layers, BatchNormalizationLayer(name=normalization), ReluLayer(name=relu)]
