"""A network whose scores pass through the dense CRF."""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from layergraph.data.resize import resize_image
from layergraph.segmentation.predictors.dense_crf import dense_crf
from layergraph.segmentation.predictors.mean_field import Backend, Normalization
from layergraph.segmentation.predictors.predictor import Predictor, PredictorWrapper, Scores, predict


class Parameters(TypedDict, total=False):
    """The arguments of :func:`dense_crf` by name."""

    appearance_weight: float
    appearance_distance: float
    appearance_color: float
    smoothness_weight: float
    smoothness_distance: float
    iterations: int
    normalization: Normalization
    backend: Backend


class WithDenseCRF(PredictorWrapper):
    """Wraps a network for :func:`semanticseg`: its scores pass through :func:`dense_crf`.

    ``semanticseg(store, WithDenseCRF(net))`` segments a datastore; DeepLab v2 corresponds to
    ``WithDenseCRF(MultiScale(net), appearance_weight=5)``. Scores of another size than the image are first
    resized to its size.

    Args:
        net: a network, or another predictor.
        parameters: arguments of :func:`dense_crf`.

    Raises:
        MissingExtraError: the package of the backend is not installed.
        ArgumentError: a parameter out of range.
    """

    def __init__(self, net: Predictor, **parameters: Unpack[Parameters]) -> None:
        # a wrong parameter fails here, before any image
        dense_crf(np.ones((1, 1, 1)), np.zeros((1, 1)), **parameters)
        super().__init__(net)
        self.parameters = parameters

    def predict(self, batch: NDArray[Any], /) -> Scores:
        """Refined scores (N, H, W, classes) of images (N, H, W, C)."""
        size = (batch.shape[1], batch.shape[2])
        # probabilities are resized before the CRF, which needs one score per pixel of the image
        scores = np.stack([resize_image(image, size) for image in predict(self.net, batch)])
        return dense_crf(scores, batch, **self.parameters)
