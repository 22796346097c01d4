"""Random crops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layergraph.data.augmentation.parts import Parts
from layergraph.data.augmentation.windows import crop, random_window
from layergraph.errors import ArgumentError
from layergraph.layers.arguments import flag, length, per_dimension
from layergraph.wording import quoted


@dataclass(frozen=True)
class RandomCrop:
    """A crop of an image and its labels at a random position, the same for both.

    Args:
        size: (height, width) or (height, width, depth) in pixels.
        class_balanced: take a random class that the labels have, and crop around one of its pixels, so that
            rare classes are in as many crops as frequent ones.

    Raises:
        ArgumentError: a wrong size.
        DataError: at a call, an image smaller than ``size``, or ``class_balanced`` without labels.

    >>> import numpy as np
    >>> image, labels = RandomCrop((2, 3))((np.zeros((8, 8, 3)), np.zeros((8, 8), np.uint8)))
    >>> image.shape, labels.shape
    ((2, 3, 3), (2, 3))
    """

    size: tuple[int, ...]
    class_balanced: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", spatial_size(self, "size", self.size))
        object.__setattr__(self, "class_balanced", flag(self, "class_balanced", self.class_balanced))

    def __call__(self, item: Any) -> Any:
        """The cropped item: an image, or a tuple of an image and its labels."""
        parts = Parts(type(self).__name__, item)
        return crop(parts, random_window(parts, self.size, is_class_balanced=self.class_balanced))


def spatial_size(owner: object, name: str, value: object) -> tuple[int, ...]:
    """A size of two or three whole numbers.

    >>> spatial_size("crop", "size", [4, 5.0])
    (4, 5)
    """
    rank = length(value)
    if rank not in (2, 3):
        place = owner if isinstance(owner, str) else type(owner).__name__
        raise ArgumentError(
            f"{place}: {name} must be (height, width) or (height, width, depth), got {quoted(value)}"
        )
    return per_dimension(owner, name, value, rank)
