"""The scores of images, checked before they become labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError, DataError, LayergraphError
from layergraph.segmentation.monte_carlo import MonteCarlo
from layergraph.segmentation.predictors import Predictor, Scores, Uncertainty


def image_scores(net: Predictor, batch: NDArray[Any], place: str) -> tuple[Scores, Uncertainty]:
    """The scores (N, H, W, num_classes) of a batch, and the uncertainty (N, H, W), (N, 0) without samples.

    ``place`` says in errors which images these are. Raises DataError for images that the network does not
    take and for scores of another form, ArgumentError for a network that classifies patches.

    >>> class Half:
    ...     classes = None
    ...     def predict(self, batch):
    ...         return batch / 2
    >>> image_scores(Half(), np.ones((1, 1, 2, 1)), "the image")[0].tolist()
    [[[[0.5], [0.5]]]]
    """
    uncertainty: Uncertainty = np.zeros((len(batch), 0), np.float32)
    try:
        if isinstance(net, MonteCarlo):
            scores, uncertainty = net.predict_with_uncertainty(batch)
        else:
            scores = np.asarray(net.predict(batch))
    except ArgumentError:  # of the network, whatever the image
        raise
    except LayergraphError as error:
        raise DataError(f"{place}: {error}") from error
    except RuntimeError as error:  # torch's, for an image of another size than the patches
        _expect_map(net, error)
        raise
    if scores.ndim == 2:
        _expect_map(net, None)
    if scores.ndim != 4 or len(scores) != len(batch):
        raise DataError(
            f"{place}: the network's scores must be (N, H, W, num_classes) with N = {len(batch)}, "
            f"got {scores.shape}"
        )
    if np.isnan(scores).any():
        raise DataError(f"{place}: the network's scores hold NaN; its weights or the image may hold NaN")
    return scores, uncertainty


def _expect_map(net: Predictor, error: RuntimeError | None) -> None:
    """Raise if a network gives one score a class, not a map of them, for an image of its input size."""
    net = net.net if isinstance(net, MonteCarlo) else net
    sizes: Sequence[Sequence[int]] = getattr(net, "input_sizes", ())
    if len(sizes) != 1:
        return
    try:
        scores = net.predict(np.zeros((1, *sizes[0]), np.float32))
    except RuntimeError:  # not the fault of the image's size
        return
    if np.ndim(scores) == 2 or np.shape(scores)[1:-1] == (1, 1):
        height, width = sizes[0][:2]
        raise ArgumentError(
            'semanticseg: method is "sliding-window" for a network that classifies patches, here of '
            f'{height}×{width}, got "whole-image"; fully_convolutional(lgraph) lets it score each pixel'
        ) from error
