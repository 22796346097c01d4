"""Images and labels at another size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import DataError
from layergraph.wording import times


def resize_image(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """An image (height, width, channels) at ``size`` (height, width), bilinear, smoothed when shrunk.

    The result has the same type of numbers. A boolean image takes the nearest pixel, as labels do: there is
    no value between true and false. An image of that size is returned unchanged.

    >>> resize_image(np.zeros((360, 480, 3), np.uint8), (120, 160)).shape
    (120, 160, 3)
    """
    if image.ndim != 3:
        raise DataError(f"resize_image: image must be (height, width, channels), got the shape {image.shape}")
    if image.shape[:2] == tuple(size):
        return image
    if image.dtype == bool:
        return _nearest(image, size)
    from PIL import Image

    height, width = size
    channels = []
    # channel by channel in float32: Pillow resizes images of several channels in 8 bits only
    for index in range(image.shape[2]):
        channel = np.asarray(image[..., index], dtype=np.float32)
        # Pillow widens the bilinear filter when it shrinks: each new pixel averages those under it
        picture = Image.fromarray(channel).resize((width, height), Image.Resampling.BILINEAR)
        channels.append(np.asarray(picture))
    resized = np.stack(channels, axis=-1)
    # astype alone would cut the decimals, and darken an image by half a gray value on average
    return np.rint(resized).astype(image.dtype) if image.dtype.kind in "ui" else resized.astype(image.dtype)


def resize_labels(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Class indices (height, width) at ``size``, each from the nearest pixel.

    >>> resize_labels(np.array([[0, 1], [255, 2]], np.uint8), (2, 4)).tolist()
    [[0, 0, 1, 1], [255, 255, 2, 2]]
    """
    if labels.ndim != 2:
        raise DataError(f"resize_labels: labels must be (height, width), got the shape {labels.shape}")
    return _nearest(labels, size)


def _nearest(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    # the pixel below the center of each new pixel, in whole numbers, so that no rounding moves it
    rows, columns = (
        (np.arange(new) * 2 + 1) * old // (2 * new) for new, old in zip(size, array.shape[:2], strict=True)
    )
    resized: NDArray[Any] = array[rows[:, None], columns]
    return resized


def resize_pair(
    pair: tuple[NDArray[Any], NDArray[Any]], size: tuple[int, int]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """An image and its labels at ``size``: a function to ``transform`` a combined datastore.

    Raises:
        DataError: the two differ in height or width, so that their pixels would not match after resizing.

    >>> image, labels = resize_pair((np.zeros((9, 9, 1)), np.zeros((9, 9), np.uint8)), (3, 3))
    >>> image.shape, labels.shape
    ((3, 3, 1), (3, 3))
    """
    image, labels = pair
    if image.shape[:2] != labels.shape[:2]:
        sizes = (times(array.shape[:2]) for array in (image, labels))
        raise DataError(
            f"resize_pair: image and labels must have one height and width, got {' and '.join(sizes)}; check "
            "that they belong together, or crop one"
        )
    return resize_image(image, size), resize_labels(labels, size)
