"""An item of the training data, and a mini-batch of items."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor


class Item(NamedTuple):
    """The images (height, width, channels) of an item, one per input layer, and a target per output layer."""

    images: tuple[NDArray[Any], ...]
    targets: tuple[NDArray[Any], ...]


class Batch(NamedTuple):
    """The images (batch, channels, height, width) per input layer, and the targets per output layer."""

    images: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]

    def has_finite_images(self) -> Tensor:
        """Whether all images are finite, as a tensor on their device."""
        flags = [images.isfinite().all() for images in self.images if images.is_floating_point()]
        if flags:
            return torch.stack(flags).all()
        return torch.ones((), dtype=torch.bool, device=self.images[0].device)
