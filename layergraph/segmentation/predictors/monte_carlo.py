"""Segmentation with the mean of many samples of a network with dropout, and their variance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.layers import arguments
from layergraph.progress import with_progress
from layergraph.segmentation.predictors.predictor import (
    Predictor,
    PredictorWrapper,
    Scores,
    Uncertainty,
    predict,
)


class MonteCarlo(PredictorWrapper):
    """Predicts with the mean of several samples of a network whose dropout stays active.

    ``semanticseg(images, MonteCarlo(net))`` labels images by the mean; ``predict_with_uncertainty`` also
    returns the variance, which :func:`heatmap` shows. All other layers are in inference mode. The samples use
    torch's random numbers: call ``torch.manual_seed`` first to repeat them. Memory holds one mean and one sum
    of squares, not the samples.

    Args:
        net: a network with dropout, or a predictor around one whose ``predict`` takes ``dropout=True``.
        samples: their number, at least 2. (The paper takes 50, and gains little after 6.)
        verbose: show a progress bar on stderr if stderr is a terminal.

    Raises:
        ArgumentError: ``samples`` out of range; on prediction, a network without dropout.

    Source: Kendall, Badrinarayanan, Cipolla 2015, Bayesian SegNet.

    >>> import layergraph as lg
    >>> layers = [lg.DropoutLayer(0.5), lg.Convolution2dLayer(1, 2), lg.SoftmaxLayer()]
    >>> net = lg.LayerGraph([lg.ImageInputLayer((8, 8)), *layers]).compile()
    >>> scores, uncertainty = MonteCarlo(net, 10).predict_with_uncertainty(np.ones((3, 8, 8, 1)))
    >>> scores.shape, uncertainty.shape
    ((3, 8, 8, 2), (3, 8, 8))
    """

    def __init__(self, net: Predictor, samples: int = 50, *, verbose: bool = False) -> None:
        super().__init__(net)
        self.verbose = verbose
        self.samples = arguments.whole("MonteCarlo", "samples", samples, 2)

    def predict(self, batch: NDArray[Any], /) -> Scores:
        """The mean scores (N, H, W, classes) of images (N, H, W, C)."""
        return self.predict_with_uncertainty(batch)[0]

    def predict_with_uncertainty(self, batch: NDArray[Any], /) -> tuple[Scores, Uncertainty]:
        """The mean scores, and the uncertainty (N, H, W): the variance of the samples (their mean squared
        distance from their mean), averaged over the classes. One image gives results for one image if
        ``net`` takes it, as a network does."""
        steps = range(2, self.samples + 1)
        # the first sample is the first mean; a copy, since the loop changes it in place
        mean = np.array(predict(self.net, batch, dropout=True), dtype=np.float32)
        squares = np.zeros_like(mean)
        for number in with_progress(steps, "Sampling", len(steps), shown=self.verbose):
            # Welford's update: the mean square less the squared mean would lose small variances
            sample = predict(self.net, batch, dropout=True)
            distance = sample - mean
            mean += distance / number
            # the new mean in one factor and the old one in the other make the update exact
            squares += distance * (sample - mean)
        # not by one less: the mean squared distance of these samples, not an estimate for all
        return mean, squares.mean(axis=-1) / np.float32(self.samples)
