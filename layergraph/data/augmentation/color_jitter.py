"""Random brightness, contrast, saturation and hue."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.augmentation.parts import Array, Parts, rounded, working_type
from layergraph.data.augmentation.ranges import Range, drawn, interval
from layergraph.errors import DataError
from layergraph.wording import counted

_GRAY = np.array([0.299, 0.587, 0.114])  # the luma of Rec. 601
# the colors of equal luma, as in the YIQ signal of NTSC: luma, orange to blue, purple to green
_TO_YIQ = np.array([_GRAY, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])


@dataclass(frozen=True, kw_only=True)
class ColorJitter:
    """Random brightness, contrast, saturation and hue of the first image of an item; labels stay as they are.

    In this order: the brightness is a factor of the values, the contrast of their distance from the mean gray
    of the image, the saturation of the distance of a color from its gray; the hue turns colors by an angle
    around the gray axis (in YIQ, at equal luma). All four are one linear map of the colors; whole numbers are
    limited to their type afterwards, decimals are not.

    A range is ``(min, max)`` or a function without arguments. Images of one channel have neither saturation
    nor hue; images of other numbers of channels take brightness and contrast alone.

    Args:
        brightness: factor; ``(1, 1)`` leaves it.
        contrast: factor.
        saturation: factor; 0 is gray.
        hue: degrees.

    Raises:
        ArgumentError: a range that is no pair of numbers in order, or a negative factor.
        DataError: at a call, a boolean image, or saturation or hue of an image without colors.

    >>> ColorJitter(brightness=(2, 2))(np.array([[[10, 20, 200]]], np.uint8)).tolist()
    [[[20, 40, 255]]]
    """

    brightness: Range = (1, 1)
    contrast: Range = (1, 1)
    saturation: Range = (1, 1)
    hue: Range = (0, 0)

    def __post_init__(self) -> None:
        for field in fields(self):
            low = _lowest(field.name)
            object.__setattr__(self, field.name, interval(self, field.name, getattr(self, field.name), low))

    def __call__(self, item: Any) -> Any:
        """The item with other colors of its first image."""
        return Parts(type(self).__name__, item).change_first(self._change)

    def _change(self, image: Array) -> Array:
        channels = image.shape[-1]
        if channels not in (1, 3) and (self.saturation, self.hue) != ((1, 1), (0, 0)):
            raise DataError(
                "ColorJitter: saturation and hue are for images of 1 or 3 channels, got "
                f"{counted(channels, 'channel')}; leave them out"
            )
        numbers = {
            field.name: drawn(self, field.name, getattr(self, field.name), _lowest(field.name))
            for field in fields(self)
        }
        dtype = working_type((image,))
        brightness, contrast = numbers["brightness"], numbers["contrast"]
        gray = _GRAY if channels == 3 else np.full(channels, 1 / channels)
        mean = brightness * float(_channel_means(image) @ gray)
        values = image.astype(dtype)
        factor = brightness * contrast
        if channels == 3 and (numbers["saturation"], numbers["hue"]) != (1, 0):
            values = values @ (factor * _color_matrix(numbers["saturation"], numbers["hue"])).T.astype(dtype)
        else:
            values *= dtype(factor)
        # grays stay grays under saturation and hue, so the offset of the contrast can come last
        values += dtype(mean * (1 - contrast))
        return rounded(values, image)


def _channel_means(image: Array) -> NDArray[np.float64]:
    # rows first: NumPy takes ten times as long to sum over an axis before a few channels
    dtype = np.uint64 if image.dtype == np.uint8 else np.float64
    sums = image.reshape(len(image), -1).sum(axis=0, dtype=dtype)
    means: NDArray[np.float64] = sums.reshape(-1, image.shape[-1]).mean(axis=0) / len(image)
    return means


def _lowest(name: str) -> float:
    return -np.inf if name == "hue" else 0.0


def _color_matrix(saturation: float, hue: float) -> NDArray[np.float64]:
    """The map of a column (red, green, blue): a turn and a scale of the two color axes of YIQ."""
    cos, sin = saturation * np.cos(np.deg2rad(hue)), saturation * np.sin(np.deg2rad(hue))
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    matrix: NDArray[np.float64] = np.linalg.inv(_TO_YIQ) @ turn @ _TO_YIQ
    return matrix
