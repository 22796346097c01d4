"""Images and labels with their pixels taken from other positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.augmentation.parts import Array, Parts, rounded
from layergraph.errors import ArgumentError
from layergraph.labels import UNLABELED

FillValue = float | Sequence[float]


def warp(parts: Parts, positions: NDArray[np.floating[Any]], fill_value: FillValue) -> Any:
    """The item whose pixels come from ``positions``.

    Args:
        parts: the item.
        positions: one per pixel, (2, height, width) as x, y or (3, height, width, depth) as z, x, y: from -1
            to 1 between the outer edges of the first and the last pixel of an axis.
        fill_value: of image pixels from outside of the image, for all channels or one each; labels from
            there are 255.

    Images are interpolated linearly between the four (eight) nearest pixels, boolean ones and labels take
    the nearest pixel. Image and labels end at the same positions: half a pixel beyond the outer centers.
    """
    import torch
    from torch.nn.functional import grid_sample

    grid = torch.from_numpy(positions).movedim(0, -1)[None]
    outside = np.logical_or.reduce([np.abs(axis) > 1 for axis in positions])

    def sample(array: Array, fill: Array, mode: str) -> Array:
        # channels first, as torch has them; a copy in any case, since torch warns of read-only arrays
        values = np.array(np.moveaxis(array, -1, 0), positions.dtype, order="C")
        # border: pixels within half a pixel of the edge would else mix with zeros
        sampled: Array = grid_sample(
            torch.from_numpy(values)[None], grid, mode=mode, padding_mode="border", align_corners=False
        )[0].numpy()
        # channel by channel, since NumPy takes four times as long to move an axis of a few channels
        result = np.empty(array.shape, array.dtype)
        for channel, number in enumerate(fill):
            np.copyto(sampled[channel], number, where=outside)
            result[..., channel] = rounded(sampled[channel], array)
        return result

    def image(array: Array) -> Array:
        mode = "nearest" if array.dtype == bool else "bilinear"
        return sample(array, fill_of(parts.owner, fill_value, array.shape[-1]), mode)

    def labels(array: Array) -> Array:
        return sample(array[..., None], np.array([UNLABELED]), "nearest")[..., 0]

    return parts.change(image, labels)


def fill_of(owner: str, value: FillValue, channels: int) -> NDArray[np.float64]:
    """The fill value of each channel.

    >>> fill_of("shift", 7, 3).tolist()
    [7.0, 7.0, 7.0]
    """
    values = np.atleast_1d(np.asarray(value, np.float64))
    if values.shape not in ((1,), (channels,)):
        raise ArgumentError(
            f"{owner}: fill_value must be one number, or {channels} of them (one per channel), got {value!r}"
        )
    return np.broadcast_to(values, (channels,))


def pixel_axes(
    spatial: tuple[int, ...], dtype: type[np.floating[Any]]
) -> tuple[NDArray[np.floating[Any]], ...]:
    """The distance of each pixel from the center of the image along each axis, in pixels.

    >>> [axis.shape for axis in pixel_axes((2, 3), np.float32)]
    [(2, 1), (1, 3)]
    """
    axes = (np.arange(n, dtype=dtype) - dtype((n - 1) / 2) for n in spatial)
    return np.ix_(*axes)
