"""A network that gets every image at one size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.resize import resize_image
from layergraph.layers import arguments
from layergraph.segmentation.predictors.predictor import Predictor, PredictorWrapper, predict


class AtSize(PredictorWrapper):
    """Wraps a network for :func:`semanticseg`: resizes images to ``size`` (height, width) for the network,
    and its scores back to the size of the image.

    Use it for images of another size than the training images. Raises ArgumentError if ``size`` does not
    hold two whole numbers of at least 1, WrongTypeError if ``net`` is not a network.

    >>> from layergraph.builders import segnet_layers
    >>> from layergraph.segmentation import semanticseg
    >>> net = segnet_layers((32, 32, 1), 2, 1).compile()
    >>> semanticseg(np.zeros((100, 80), np.uint8), AtSize(net, (32, 32))).shape
    (100, 80)
    """

    def __init__(self, net: Predictor, size: tuple[int, int]) -> None:
        super().__init__(net)
        height, width = arguments.per_dimension("AtSize", "size", size, 2)
        self.size = (height, width)

    def predict(self, batch: NDArray[Any], /, *, dropout: bool = False) -> NDArray[np.float32]:
        """Scores (N, H, W, classes) of images (N, H, W, C) of any one size."""
        # scores are resized, not labels: between pixels, scores have values and labels have none
        image_size = (batch.shape[1], batch.shape[2])
        # no effect on images that have the size already: resize_image returns them unchanged
        resized = np.stack([resize_image(image, self.size) for image in batch])
        scores = predict(self.net, resized, dropout=dropout)
        return np.stack([resize_image(image, image_size) for image in scores])
