"""Images as bytes for the screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.layers import arguments
from layergraph.segmentation.arrays import real_array
from layergraph.wording import quoted

_CALL = "rgb_image"


def rgb_image(
    image: ArrayLike,
    display_range: Sequence[float] | None = None,
    *,
    channels: int | Sequence[int] | None = None,
) -> NDArray[np.uint8]:
    """An image of any type as bytes that a screen shows; all pictures follow these rules.

    Without ``display_range``, the type of the numbers says what is white: uint8 255, uint16 65535, floats
    1.0, bool True; whole numbers of other types count as bytes. Values out of that range and NaN are errors,
    so that no picture is silently scaled or cut. With it, the first value is black, the second white, values
    beyond them too: ``display_range=(-160, 240)`` of a CT scan, ``(0, 4095)`` of 12 bits; ``[]`` is the
    lowest and the highest value (an image of one value is black).

    ``image`` is (H, W), (H, W, 1) or (H, W, 3). Of other numbers of channels, ``channels`` chooses one to
    show gray, or three as red, green and blue, counted from 0: ``channels=(3, 2, 1)``.

    Returns a new uint8 array (H, W, 3). Raises DataError for another shape or range, WrongTypeError for
    values that are no numbers, ArgumentError for a range or channels that do not fit.
    Source: MATLAB, the display range of imshow.

    >>> rgb_image([[-1000, 40, 400]], (-160, 240))[0, :, 0].tolist()
    [0, 128, 255]
    """
    array = real_array(image, f"{_CALL}: image")
    if channels is not None:
        array = _chosen(array, channels)
    if display_range is not None:
        array = _scaled(array, display_range)
    return rgb_bytes(array, f"{_CALL}: image")


def rgb_bytes(image: ArrayLike, owner: str) -> NDArray[np.uint8]:
    """A new uint8 RGB array (H, W, 3) of a gray or RGB image, by the rules of :func:`rgb_image`.

    ``owner`` is the image's name in errors. Raises DataError for another shape or range, WrongTypeError for
    another type of numbers.

    >>> rgb_bytes([[1.0]], "labeloverlay: image").tolist()
    [[[255, 255, 255]]]
    """
    array = real_array(image, owner)
    planes = array[:, :, None] if array.ndim == 2 else array
    if planes.ndim != 3 or planes.shape[2] not in (1, 3):
        chosen = "; rgb_image(image, channels=(0, 1, 2)) chooses channels" if array.ndim == 3 else ""
        raise DataError(
            f"{owner} must be (H, W), (H, W, 1) or (H, W, 3), got the shape {array.shape}{chosen}"
        )
    scaled = "rgb_image(image, display_range=[]) scales them"
    # repeat copies even a picture of three channels
    return np.repeat(as_bytes(planes, owner, scaled), 3 // planes.shape[2], axis=2)


def as_bytes(array: NDArray[Any], owner: str, advice: str) -> NDArray[np.uint8]:
    """uint8 unchanged; bool, uint16 and floats in 0 .. 1 scaled; whole numbers of a list count as bytes.

    ``advice`` ends the error for other values.

    >>> as_bytes(np.array([0.5]), "labeloverlay: colormap", "divide them").tolist()
    [128]
    """
    if array.dtype.kind == "f":
        if np.isnan(array).any():
            raise DataError(f"{owner} must hold numbers, got NaN; np.nan_to_num makes them 0")
        if array.size and (array.min() < 0 or array.max() > 1):
            raise DataError(
                f"{owner} must hold floats from 0 to 1, got {array.min():g} to {array.max():g}; divide by "
                f"255, or {advice}"
            )
        return np.floor(array * 255.0 + 0.5).astype(np.uint8)
    if array.dtype == bool:
        return array * np.uint8(255)
    if array.dtype == np.uint16:
        # 257 = 65535 / 255, so that white stays white
        return np.floor(array / 257 + 0.5).astype(np.uint8)
    if array.dtype.kind not in "ui":
        raise WrongTypeError(f"{owner} must hold uint8, uint16 or floats, got an array of {array.dtype}")
    # int64 comes here too: NumPy's type for a list of whole numbers
    if array.size and (array.min() < 0 or array.max() > 255):
        raise DataError(
            f"{owner} must hold whole numbers from 0 to 255, got {array.min()} to {array.max()}; {advice}"
        )
    return array.astype(np.uint8)


def _chosen(array: NDArray[Any], channels: int | Sequence[int]) -> NDArray[Any]:
    if array.ndim not in (2, 3):
        raise DataError(f"{_CALL}: image must be (H, W) or (H, W, channels), got the shape {array.shape}")
    planes = array[:, :, None] if array.ndim == 2 else array
    given = [*channels] if isinstance(channels, Iterable) else [channels]
    if len(given) not in (1, 3):
        raise ArgumentError(f"{_CALL}: channels must be one or three, got {quoted(channels)}")
    last = planes.shape[2] - 1
    return planes[:, :, [arguments.whole(_CALL, "channels", index, 0, last) for index in given]]


def _scaled(array: NDArray[Any], display_range: Sequence[float]) -> NDArray[np.float64]:
    """Floats from 0 for the first value of the range to 1 for the second."""
    values = array.astype(np.float64)
    wanted = "(low, high) with low < high, or [] for the lowest and highest value"
    ends = [*display_range] if isinstance(display_range, Iterable) else [display_range]
    if not ends:
        if not np.isfinite(values).all():
            raise DataError(
                f"{_CALL}: image must hold finite numbers for display_range=[], got NaN or infinity; give "
                "np.nan_to_num(image) and (low, high)"
            )
        low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    else:
        if len(ends) != 2:
            raise ArgumentError(f"{_CALL}: display_range must be {wanted}, got {quoted(display_range)}")
        low, high = (arguments.number(_CALL, "display_range", value) for value in ends)
        if low >= high:
            raise ArgumentError(f"{_CALL}: display_range must be {wanted}, got {quoted(display_range)}")
    # "or 1": an image of one value is black, not 0/0
    return ((values - low) / ((high - low) or 1)).clip(0, 1)
