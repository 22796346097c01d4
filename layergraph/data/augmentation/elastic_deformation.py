"""Random smooth deformation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.augmentation.parts import Parts, working_type
from layergraph.data.augmentation.warp import FillValue, pixel_axes, warp
from layergraph.data.randomness import item_generator
from layergraph.layers.arguments import number, whole


@dataclass(frozen=True, kw_only=True)
class ElasticDeformation:
    """A random smooth deformation of an image or volume and its labels, as in the paper on U-Net.

    Displacements of the points of a coarse grid are normally distributed; bicubic interpolation between them
    moves each pixel. Uncovered labels are 255 (unlabeled), uncovered pixels ``fill_value``.

    Args:
        standard_deviation: of the displacements along each axis, in pixels.
        grid_size: points of the grid along each axis; the outer ones are the corners of the image.
        fill_value: of image pixels from outside: a number, or one per channel.

    Raises:
        ArgumentError: a negative deviation, or a grid of less than two points.

    Source: Ronneberger et al. 2015, U-Net: Convolutional Networks for Biomedical Image Segmentation,
    section 3.1.

    >>> image, labels = ElasticDeformation()((np.zeros((64, 64, 1)), np.zeros((64, 64), np.uint8)))
    >>> image.shape, labels.shape
    ((64, 64, 1), (64, 64))
    """

    standard_deviation: float = 10
    grid_size: int = 3
    fill_value: FillValue = 0

    def __post_init__(self) -> None:
        deviation = number(self, "standard_deviation", self.standard_deviation, 0)
        object.__setattr__(self, "standard_deviation", deviation)
        object.__setattr__(self, "grid_size", whole(self, "grid_size", self.grid_size, 2))

    def __call__(self, item: Any) -> Any:
        """The item, deformed: an image, or a tuple of an image and its labels."""
        parts = Parts(type(self).__name__, item)
        spatial, dtype = parts.spatial, working_type(parts.arrays)
        rank = len(spatial)
        coarse = item_generator().normal(0, self.standard_deviation, (rank, *[self.grid_size] * rank))
        axes = pixel_axes(spatial, dtype)
        positions = np.empty((rank, *spatial), dtype)
        for axis, moved in enumerate(_refine(coarse, spatial)):
            # torch has the last axis of an array first
            positions[rank - 1 - axis] = (axes[axis] + moved.astype(dtype)) / dtype(spatial[axis] / 2)
        return warp(parts, positions, self.fill_value)


def _refine(coarse: NDArray[np.float64], spatial: tuple[int, ...]) -> NDArray[np.float64]:
    """The coarse displacements (rank, points, ...) at each pixel (rank, height, width, ...)."""
    import torch
    from torch.nn.functional import interpolate

    fine = torch.from_numpy(coarse)
    # one axis after another, as torch has no cubic interpolation of volumes
    for axis, size in enumerate(spatial, start=1):
        lines = fine.movedim(axis, -1)
        rows = lines.reshape(1, 1, -1, lines.shape[-1])
        refined = interpolate(rows, (rows.shape[2], size), mode="bicubic", align_corners=True)
        fine = refined.reshape(*lines.shape[:-1], size).movedim(-1, axis)
    return fine.numpy()
