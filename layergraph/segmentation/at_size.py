"""A network that sees every image at one size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.resizing import resize_image
from layergraph.layers import arguments
from layergraph.segmentation.predictors import Predictor, checked_predictor, predict


class AtSize:
    """Wraps a network for :func:`semanticseg`: images are resized to ``size`` (height, width) before it,
    and its scores back to the size of the image after it.

    For images of another size than those the network was trained on. Raises ArgumentError for a size of
    other numbers than whole ones from 1, WrongTypeError for what is no network.

    >>> from layergraph.builders import segnet_layers
    >>> from layergraph.segmentation import semanticseg
    >>> net = segnet_layers((32, 32, 1), 2, 1).compile()
    >>> semanticseg(np.zeros((100, 80), np.uint8), AtSize(net, (32, 32))).shape
    (100, 80)
    """

    def __init__(self, net: Predictor, size: tuple[int, int]) -> None:
        self.net = checked_predictor("AtSize", net)
        height, width = arguments.per_dimension("AtSize", "size", size, 2)
        self.size = (height, width)

    @property
    def classes(self) -> Sequence[str] | None:
        """The class names of the network."""
        return self.net.classes

    def predict(self, batch: NDArray[Any], /, *, dropout: bool = False) -> NDArray[np.float32]:
        """Scores (N, H, W, classes) of images (N, H, W, C) of any one size."""
        own = (batch.shape[1], batch.shape[2])
        resized = np.stack([resize_image(image, self.size) for image in batch])
        scores = predict(self.net, resized, dropout=dropout)
        return np.stack([resize_image(image, own) for image in scores])
