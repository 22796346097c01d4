"""Items of one size and one number of channels: MATLAB's ``OutputSize`` and ``ColorPreprocessing``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np

from layergraph.data.augmentation.parts import Array, Parts, rounded
from layergraph.data.augmentation.windows import center_window, crop, random_window
from layergraph.data.resize import resize_image, resize_labels
from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.layers.arguments import choice, length, per_dimension
from layergraph.wording import counted, quoted

ColorPreprocessing = Literal["none", "gray2rgb", "rgb2gray"]
OutputSizeMode = Literal["resize", "centercrop", "randcrop"]

_GRAY = np.array([0.299, 0.587, 0.114])  # the luma of Rec. 601, as in MATLAB's rgb2gray


@dataclass(frozen=True)
class Preprocessing:
    """What a store does to each item: colors first, then augmentation, then the size.

    ``owner`` is the name of the store in errors; the other fields are the options of the stores.
    """

    owner: str
    output_size: tuple[int, ...] | None
    output_size_mode: OutputSizeMode
    color_preprocessing: ColorPreprocessing
    data_augmentation: Any

    @classmethod
    def of(cls, owner: str, size: object, mode: object, color: object, augmentation: object) -> Preprocessing:
        """Options in normal form.

        Raises:
            ArgumentError: a value that is not allowed.
            WrongTypeError: an augmentation that is no function.
        """
        rank = length(size)
        if size is not None and rank not in (2, 3):
            raise ArgumentError(
                f"{owner}: output_size must be (height, width) or (height, width, channels), got "
                f"{quoted(size)}"
            )
        # MATLAB's word for no augmentation
        if isinstance(augmentation, str) and augmentation.casefold() == "none":
            augmentation = None
        if augmentation is not None and not callable(augmentation):
            raise WrongTypeError(
                f"{owner}: data_augmentation must be an ImageDataAugmenter or another function of an item, "
                f"got {quoted(augmentation)}"
            )
        return cls(
            owner,
            None if size is None else per_dimension(owner, "output_size", size, cast(int, rank)),
            choice(owner, "output_size_mode", mode, get_args(OutputSizeMode)),
            choice(owner, "color_preprocessing", color, get_args(ColorPreprocessing)),
            augmentation,
        )

    def apply(self, item: Any) -> Any:
        """The item for the network."""
        # the input alone: labels and responses have no colors to convert
        item = Parts(self.owner, item).change_first(self._convert)
        if self.data_augmentation is not None:
            item = self.data_augmentation(item)
        return item if self.output_size is None else self._fit(Parts(self.owner, item), self.output_size)

    def _convert(self, image: Array) -> Array:
        channels = image.shape[-1]
        if self.color_preprocessing == "none":
            return image
        if channels not in (1, 3):
            raise DataError(
                f"{self.owner}: color_preprocessing={self.color_preprocessing!r} takes images of 1 or 3 "
                f"channels, got {counted(channels, 'channel')}; leave it out"
            )
        if self.color_preprocessing == "gray2rgb" and channels == 1:
            return np.repeat(image, 3, axis=-1)
        if self.color_preprocessing == "rgb2gray" and channels == 3:
            return rounded(image @ _GRAY, image)[..., None]
        return image

    def _fit(self, parts: Parts, output_size: tuple[int, ...]) -> Any:
        size, channels = output_size[:2], output_size[2:]
        if len(parts.spatial) != 2:
            raise DataError(
                f"{self.owner}: output_size is for images, got a volume of shape "
                f"{parts.arrays[0].shape}; crop it with a RandomPatchExtractionDatastore"
            )
        found = parts.arrays[0].shape[2:] or (1,)
        if channels and channels != found:
            wanted = "gray2rgb" if channels == (3,) else "rgb2gray"
            raise DataError(
                f"{self.owner}: images must have {counted(channels[0], 'channel')}, as output_size says, got "
                f"{counted(found[0], 'channel')}; give color_preprocessing={wanted!r}, or another output_size"
            )
        if self.output_size_mode == "centercrop":
            return crop(parts, center_window(parts, size))
        if self.output_size_mode == "randcrop":
            return crop(parts, random_window(parts, size))
        height, width = size
        return parts.change(
            lambda image: resize_image(image, (height, width)),
            lambda labels: resize_labels(labels, (height, width)),
        )
