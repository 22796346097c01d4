"""What the metrics of a set of images come from: a few numbers per image and class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layergraph.segmentation.evaluation.scores import known_mean, ratio, scores


# eq=False: a generated comparison would ask for the truth value of arrays, which raises
@dataclass(frozen=True, eq=False)
class EvaluatedImages:
    """N images and M classes.

    ``names``: the file of each image, or None. ``pixels``: int64 (N, 3, M), the right, true and predicted
    pixels of each class. ``bfscores``: float64 (N, M), NaN for a class that does not occur, or None if they
    were not measured; ``bfscores_alone``: those of the prediction that all of the image is the class.
    """

    names: tuple[str | None, ...]
    pixels: NDArray[np.int64]
    bfscores: NDArray[np.float64] | None
    bfscores_alone: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.names)

    def shown_names(self) -> list[str]:
        """The names, or else positions."""
        return [str(index) if name is None else name for index, name in enumerate(self.names)]

    def joined(self, other: EvaluatedImages) -> EvaluatedImages:
        """These images, and then the others."""
        return EvaluatedImages(
            self.names + other.names,
            np.concatenate([self.pixels, other.pixels]),
            _joined(self.bfscores, other.bfscores),
            _joined(self.bfscores_alone, other.bfscores_alone),
        )

    def largest_class(self) -> int:
        """The index of the class with the most true pixels, the first of equal ones."""
        return int(self.pixels[:, 1].sum(axis=0).argmax())

    def predicted_as(self, index: int) -> EvaluatedImages:
        """The same images, all of whose pixels are predicted as one class."""
        pixels = np.zeros_like(self.pixels)
        pixels[:, 0, index] = pixels[:, 1, index] = self.pixels[:, 1, index]
        pixels[:, 1] = self.pixels[:, 1]
        pixels[:, 2, index] = self.pixels[:, 1].sum(axis=1)
        if self.bfscores_alone is None:
            return EvaluatedImages(self.names, pixels, None, None)
        # a class that is never predicted has 0 where it occurs
        bfscores = np.where(pixels[:, 1] > 0, 0.0, np.nan)
        has_pixels = pixels[:, 2, index] > 0
        bfscores[has_pixels, index] = np.nan_to_num(self.bfscores_alone[has_pixels, index])
        return EvaluatedImages(self.names, pixels, bfscores, self.bfscores_alone)

    def image_values(self) -> dict[str, NDArray[np.float64]]:
        """Each metric (N,) of the images."""
        values = scores(self.pixels)._asdict()
        if self.bfscores is not None:
            values["mean_bf_score"] = known_mean(self.bfscores)
        return values

    def set_values(
        self, weights: NDArray[np.float64]
    ) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
        """The metrics of sets that hold image n ``weights[b, n]`` times: of the set (B,), of classes (B, M).

        The whole set is the one whose weights are all 1.
        """
        # products of floats, which are exact for whole numbers below 2**53, and fast, unlike those of int64
        num_images, _, num_classes = self.pixels.shape
        sums = weights @ self.pixels.reshape(num_images, -1).astype(np.float64)
        values = scores(sums.reshape(len(weights), 3, num_classes))._asdict()
        classes = {name: values.pop(name) for name in ("accuracy", "iou")}
        if self.bfscores is not None:
            values["mean_bf_score"] = _weighted_mean(weights, known_mean(self.bfscores)[:, None])[:, 0]
            classes["mean_bf_score"] = _weighted_mean(weights, self.bfscores)
        return values, classes


def _weighted_mean(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean (B, K) of the values (N, K) that are not NaN."""
    is_known = ~np.isnan(values)
    return ratio(weights @ np.nan_to_num(values), weights @ is_known.astype(np.float64))


def _joined(one: NDArray[np.float64] | None, other: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    return None if one is None or other is None else np.concatenate([one, other])
