"""The images of one input layer, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layergraph.errors import DataError
from layergraph.layers.layer import Layer
from layergraph.sizes import Shape
from layergraph.wording import counted, times


class InputImages:
    """Checks the images of an input layer, and stacks those of one size to a tensor."""

    def __init__(self, layer: Layer) -> None:
        source: Any = layer  # an input layer, whose size its class alone knows
        self.layer: Any = source
        self.size: Shape = tuple(source.input_size)
        self._first: tuple[np.dtype[Any], str] | None = None  # the dtype of the first image, and its item

    def image(self, value: Any, name: str) -> NDArray[Any]:
        """The image (height, width, channels) of an item; ``name`` is that of the item in errors.

        Raises:
            DataError: the value is no image with the layer's number of channels, or of another type of
                numbers than the images before it.
        """
        image, where = np.asarray(value), f"train_network: {name}"
        # many programs read gray images without a channel axis
        if image.ndim == len(self.size) - 1 and self.size[-1] == 1:
            image = image[..., None]
        if image.dtype.kind not in "biuf" or image.ndim != len(self.size):
            raise DataError(
                f"{where} must be an array of numbers, {times(self.size)} as the input layer "
                f"{self.layer.name!r} takes, got {image.dtype} of shape {image.shape}"
            )
        self._check_dtype(image.dtype, name)
        if image.shape[-1] != self.size[-1]:
            raise DataError(
                f"{where} must have {counted(self.size[-1], 'channel')}, as the input layer "
                f"{self.layer.name!r} takes, got {times(image.shape)}"
            )
        return image

    def _check_dtype(self, dtype: np.dtype[Any], name: str) -> None:
        """Refuse integers of 8 and of 16 bits in one set, or integers and decimals: their ranges differ."""
        if self._first is None:
            self._first = dtype, name
        first, first_name = self._first
        if dtype != first and not (dtype.kind == first.kind == "f"):
            raise DataError(
                f"train_network: all images must have one type of numbers, and so one range, got {dtype} "
                f"({name}) and {first} ({first_name}); convert them, for example with transform"
            )


def stack_images(images: Sequence[NDArray[Any]], dtype: torch.dtype) -> Tensor:
    """Images of one size as a tensor (batch, channels, height, width), as uint8 if all are.

    Others are float64 for a network of this ``dtype``, else float32.
    """
    eight_bit = all(image.dtype == np.uint8 for image in images)
    wide = np.float64 if dtype == torch.float64 else np.float32
    *spatial, channels = images[0].shape
    # one copy per image, where np.stack and a transposition take two; bytes are a quarter of the transfer
    batch = np.empty((len(images), channels, *spatial), np.uint8 if eight_bit else wide)
    axes = (len(spatial), *range(len(spatial)))
    for target, image in zip(batch, images, strict=True):
        target[...] = image.transpose(axes)
    return torch.from_numpy(batch)
