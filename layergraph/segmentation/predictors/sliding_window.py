"""Segmentation with a classifier of the patch around each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError, DataError
from layergraph.layers import arguments
from layergraph.progress import progress
from layergraph.segmentation.predictors.predictor import Predictor, PredictorWrapper, Scores, predict
from layergraph.wording import times


class SlidingWindow(PredictorWrapper):
    """Segments with a patch classifier: each pixel gets the scores of the patch around it.

    ``semanticseg(images, SlidingWindow(net))`` segments images. Each image is mirrored at its border (without
    a second copy of the border pixels, and repeatedly where a patch needs it). The center of a patch of even
    size is the last pixel before its middle, index (size - 1) // 2, as with ``padding="same"``. Memory holds
    ``mini_batch_size`` patches at a time.

    Args:
        net: gives scores (N, classes) or (N, 1, 1, classes) of N patches.
        patch_size: (height, width); by default the size of the network's input layer.
        step: classify every ``step``-th pixel of every ``step``-th row, from the first. The map has
            this many pixels.
        mini_batch_size: number of patches per call of the network.
        verbose: show a progress bar on stderr if stderr is a terminal.

    Raises:
        ArgumentError: an argument is out of range, or the network scores each pixel.

    Source: Cireşan et al. 2012, Deep Neural Networks Segment Neuronal Membranes in Electron Microscopy
    Images.

    >>> import layergraph as lg
    >>> from layergraph.segmentation import semanticseg
    >>> layers = [lg.FullyConnectedLayer(2), lg.SoftmaxLayer(), lg.ClassificationLayer()]
    >>> net = lg.LayerGraph([lg.ImageInputLayer((9, 9)), *layers]).compile()
    >>> semanticseg(np.zeros((30, 20), np.uint8), SlidingWindow(net, step=2)).shape
    (15, 10)
    """

    def __init__(
        self,
        net: Predictor,
        patch_size: Sequence[int] | None = None,
        *,
        step: int = 1,
        mini_batch_size: int = 256,
        verbose: bool = False,
    ) -> None:
        super().__init__(net)
        self.verbose = verbose
        self.step = arguments.whole("SlidingWindow", "step", step)
        self.mini_batch_size = arguments.whole("SlidingWindow", "mini_batch_size", mini_batch_size)
        if patch_size is None:
            sizes: Sequence[Sequence[int]] = getattr(net, "input_sizes", ())
            if len(sizes) != 1 or len(sizes[0]) != 3:
                raise ArgumentError(
                    "SlidingWindow: patch_size must be (height, width) unless net is a network with one "
                    f"image input, got None for an object of type {type(net).__name__} with {len(sizes)} "
                    "inputs"
                )
            patch_size = sizes[0][:2]
        self.patch_size = arguments.per_dimension("SlidingWindow", "patch_size", patch_size, 2)

    def predict(self, batch: NDArray[Any], /, *, dropout: bool = False) -> Scores:
        """Scores (N, H / step, W / step, classes), rounded up, of images (N, H, W, C)."""
        # the double minus rounds up, as the slice with a step does
        height, width = (-(-size // self.step) for size in batch.shape[1:3])
        count = height * width
        firsts = range(0, count, self.mini_batch_size)
        # batch by batch, since all patches at once would take height × width times the memory of the image
        scores = []
        with progress("Classifying patches", len(batch) * len(firsts), shown=self.verbose) as advance:
            for image in batch:
                windows = self._windows(image)
                for first in firsts:
                    pixels = np.arange(first, min(first + self.mini_batch_size, count))
                    # indexing copies these patches alone; windows have channels before height
                    patches = np.moveaxis(windows[np.unravel_index(pixels, (height, width))], 1, -1)
                    scores.append(self._scores(patches, dropout))
                    advance()
        # row by row, image by image: the order of the pixels in the result
        return np.concatenate(scores).reshape(len(batch), height, width, -1)

    def _windows(self, image: NDArray[Any]) -> NDArray[Any]:
        """The patch of each pixel, (H, W, C, height, width)."""
        # a view: the patches share the memory of the mirrored image
        # the margin after a pixel is the longer one for patches of even size
        before = [(size - 1) // 2 for size in self.patch_size]
        margins = [(b, size - 1 - b) for b, size in zip(before, self.patch_size, strict=True)]
        mirrored = np.pad(image, (*margins, (0, 0)), mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(mirrored, self.patch_size, axis=(0, 1))
        return windows[:: self.step, :: self.step]

    def _scores(self, patches: NDArray[Any], dropout: bool) -> Scores:
        scores = np.asarray(predict(self.net, patches, dropout=dropout))
        # a fully convolutional classifier gives a map of one pixel for a patch
        if scores.ndim == 4 and scores.shape[1:3] == (1, 1):
            scores = scores[:, 0, 0]
        if scores.ndim == 4:
            raise ArgumentError(
                f"SlidingWindow: net must classify patches, got scores of shape {scores.shape} for patches "
                f"of {times(self.patch_size)}; a network that scores each pixel needs no SlidingWindow"
            )
        if scores.ndim != 2 or len(scores) != len(patches):
            raise DataError(
                f"SlidingWindow: net must score {len(patches)} patches as (N, classes) or "
                f"(N, 1, 1, classes), got the shape {scores.shape}"
            )
        return scores
