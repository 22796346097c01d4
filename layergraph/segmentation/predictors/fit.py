"""What happens to images of a size that a network does not take."""

from __future__ import annotations

from typing import Any, Literal, get_args

from layergraph.errors import ArgumentError
from layergraph.layers import arguments
from layergraph.segmentation.predictors.at_size import AtSize
from layergraph.segmentation.predictors.pad_to_fit import PadToFit
from layergraph.segmentation.predictors.predictor import Predictor, image_rank

Fit = Literal["error", "pad", "resize"]


def fitted(net: Predictor, fit: Fit) -> Predictor:
    """The predictor that takes images of any size in this way; the network itself for ``"error"``.

    Raises:
        ArgumentError: an unknown word, or a predictor whose images cannot be padded or resized from outside.

    >>> from layergraph.builders import segnet_layers
    >>> fitted(segnet_layers((32, 32, 1), 2, 1).compile(), "resize").size
    (32, 32)
    """
    fit = arguments.choice("semanticseg", "fit", fit, get_args(Fit))
    if fit == "error":
        return net
    sizes: Any = getattr(net, "input_sizes", ())
    if not hasattr(net, "source_graph") or len(sizes) != 1:
        raise ArgumentError(
            f"semanticseg: fit must be 'error' for a predictor that is no network with one input, got "
            f"{fit!r} for an object of type {type(net).__name__}; wrap the network in it instead, as in "
            "WithDenseCRF(PadToFit(net))"
        )
    if fit == "pad":
        return PadToFit(net)
    if image_rank(net) != 2:
        raise ArgumentError(
            "semanticseg: fit must be 'error' or 'pad' for a network of volumes, got 'resize'"
        )
    return AtSize(net, sizes[0][:2])
