"""A network that gets images of any size, padded to one that it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError, DataError
from layergraph.graph.nearest_sizes import next_size
from layergraph.segmentation.predictors.predictor import Predictor, PredictorWrapper, Scores, predict
from layergraph.wording import times


class PadToFit(PredictorWrapper):
    """Wraps a network for :func:`semanticseg`: pads images that do not fit, and crops the scores back.

    An image is mirrored below and at its right (behind, for a volume), to the next size that the network
    takes, such as a multiple of 16. An image that fits passes unchanged.

    Args:
        net: a compiled network with one input.

    Raises:
        ArgumentError: another predictor; on prediction, a network whose scores are smaller than its images.
        DataError: on prediction, an image larger than all that fit.

    >>> from layergraph.builders import unet_layers
    >>> from layergraph.segmentation import semanticseg
    >>> net = unet_layers((32, 32, 1), 2, encoder_depth=2).compile()
    >>> semanticseg(np.zeros((30, 37), np.uint8), PadToFit(net)).shape
    (30, 37)
    """

    def __init__(self, net: Predictor) -> None:
        super().__init__(net)
        graph = getattr(net, "source_graph", None)
        if graph is None or len(graph.input_names) != 1:
            raise ArgumentError(
                "PadToFit: net must be a compiled network with one input, got an object of type "
                f"{type(net).__name__}; pad inside another predictor: WithDenseCRF(PadToFit(net))"
            )
        self._graph = graph
        self._sizes: dict[tuple[int, ...], tuple[int, ...]] = {}  # a search for each size costs milliseconds

    def predict(self, batch: NDArray[Any], /, *, dropout: bool = False) -> Scores:
        """Scores (N, H, W, classes) of images (N, H, W, C) of any one size."""
        spatial = batch.shape[1:-1]
        fitting = self._fitting(spatial)
        margins = [(0, fits - size) for fits, size in zip(fitting, spatial, strict=True)]
        padded = np.pad(batch, [(0, 0), *margins, (0, 0)], mode="reflect") if fitting != spatial else batch
        scores = predict(self.net, padded, dropout=dropout)
        if fitting == spatial:
            return scores
        if scores.shape[1:-1] != fitting:
            raise ArgumentError(
                "PadToFit: net must score every pixel of its image, got scores of "
                f"{times(scores.shape[1:-1])} for images of {times(fitting)}, which cannot be cropped back; "
                f"resize the images: AtSize(net, {self._graph_size()})"
            )
        return scores[(slice(None), *(slice(size) for size in spatial))]

    def _fitting(self, spatial: tuple[int, ...]) -> tuple[int, ...]:
        if spatial not in self._sizes:
            found = next_size(self._graph, spatial)
            if found is None:
                raise DataError(
                    f"images of {times(spatial)} must be padded to a size that the network takes, got none "
                    f"that is larger; resize them: AtSize(net, {self._graph_size()})"
                )
            self._sizes[spatial] = found
        return self._sizes[spatial]

    def _graph_size(self) -> tuple[int, ...]:
        layer: Any = self._graph[self._graph.input_names[0]]
        return tuple(layer.input_size[:-1])
