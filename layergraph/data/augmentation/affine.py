"""Affine maps about the center of an image or volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.augmentation.parts import Array, Parts, working_type
from layergraph.data.augmentation.warp import FillValue, fill_of, pixel_axes, warp
from layergraph.labels import UNLABELED

Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Affine:
    """Reflection, scale, shear (along x, then y) and rotation about the center, then a translation.

    Each is (x, y, z): x goes right along the width, y down along the height, z along the depth. Shears and
    the rotation are angles in degrees; a positive rotation takes x to y, clockwise as the image is seen.

    >>> Affine(rotation=90).matrix(2).tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """

    reflection: tuple[bool, bool, bool] = (False, False, False)
    scale: Triple = (1, 1, 1)
    x_shear: float = 0
    y_shear: float = 0
    rotation: float = 0
    translation: Triple = (0, 0, 0)

    def matrix(self, rank: int) -> NDArray[np.float64]:
        """The matrix (rank, rank) of the map without the translation, for columns (x, y[, z])."""
        reflect = np.diag([-1.0 if reflected else 1.0 for reflected in self.reflection])
        # one shear after the other: one matrix of two shears of 45 degrees would map the image to a line
        x_shear, y_shear, turn = np.eye(3), np.eye(3), np.eye(3)
        x_shear[0, 1], y_shear[1, 0] = np.tan(np.deg2rad([self.x_shear, self.y_shear]))
        cos, sin = np.cos(np.deg2rad(self.rotation)), np.sin(np.deg2rad(self.rotation))
        turn[:2, :2] = [[cos, -sin], [sin, cos]]
        # rounded: the cosine of 90 degrees is 6e-17, and a quarter turn would be no exact one; + 0.0 for -0.0
        matrix = turn @ y_shear @ x_shear @ np.diag(self.scale) @ reflect
        rounded: NDArray[np.float64] = np.round(matrix, 14)[:rank, :rank] + 0.0
        return rounded

    def apply(self, parts: Parts, fill_value: FillValue) -> Any:
        """The item, moved: its pixels are exact if the map is reflections and whole translations."""
        rank = len(parts.spatial)
        matrix, translation = self.matrix(rank), np.array(self.translation[:rank], np.float64)
        signs = np.diag(matrix)
        if np.array_equal(matrix, np.diag(np.sign(signs))) and np.array_equal(
            translation, np.rint(translation)
        ):
            return _shift(parts, signs, translation.astype(int), fill_value)
        return warp(parts, _positions(parts, matrix, translation), fill_value)


def _positions(
    parts: Parts, matrix: NDArray[np.float64], translation: NDArray[np.float64]
) -> NDArray[np.floating[Any]]:
    """Where each pixel comes from, as :func:`warp` takes it."""
    dtype, spatial = working_type(parts.arrays), parts.spatial
    rank = len(spatial)
    inverse = np.linalg.inv(matrix)
    # the arrays have the height before the width
    swap = [1, 0, 2][:rank]
    axes = [pixel_axes(spatial, dtype)[axis] for axis in swap]
    sizes = [spatial[axis] for axis in swap]
    offset = -inverse @ translation
    positions = np.empty((rank, *spatial), dtype)
    for row, size in enumerate(sizes):
        # in half sizes, so that the outer edges are at -1 and 1; torch has the last axis of an array first
        place = positions[row if rank == 2 else (row + 1) % 3]
        terms = [dtype(inverse[row, column] / (size / 2)) * axes[column] for column in range(rank)]
        terms[0] = terms[0] + dtype(offset[row] / (size / 2))
        np.add(terms[0], terms[1], out=place) if rank == 2 else np.add(
            terms[0] + terms[1], terms[2], out=place
        )
    return positions


def _shift(
    parts: Parts, signs: NDArray[np.float64], translation: NDArray[np.int_], fill_value: FillValue
) -> Any:
    """The item with flipped axes, moved by whole pixels."""
    # from (x, y, z) to the axes of arrays
    order = [1, 0, 2][: len(signs)]
    flips = tuple(slice(None, None, -1 if signs[axis] < 0 else 1) for axis in order)
    moves = translation[order].tolist()

    def shift(array: Array, fill: Array) -> Array:
        flipped = array[flips]
        result = np.empty_like(flipped, order="C")
        if any(moves):
            result[...] = fill
        # a move beyond the image leaves empty slices
        target = tuple(slice(max(m, 0), max(n + m, 0)) for m, n in zip(moves, parts.spatial, strict=True))
        source = tuple(slice(max(-m, 0), max(n - m, 0)) for m, n in zip(moves, parts.spatial, strict=True))
        # reversed rows channel by channel: NumPy takes five times as long for all of a few channels
        channels = range(array.shape[-1]) if signs[0] < 0 else [slice(None)]
        for channel in channels:
            result[(*target, channel)] = flipped[(*source, channel)]
        return result

    return parts.change(
        lambda image: shift(image, fill_of(parts.owner, fill_value, image.shape[-1]).astype(image.dtype)),
        lambda labels: shift(labels[..., None], np.array(UNLABELED))[..., 0],
    )
