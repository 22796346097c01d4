"""NumPy images (height, width, channels) to torch tensors (batch, channels, height, width) and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layergraph.errors import DataError, WrongTypeError
from layergraph.layers.input import Input


def to_tensor(images: NDArray[Any], layer: Input, name: str) -> tuple[Tensor, bool]:
    """A batch for an input layer, float32, and whether ``images`` was a single one.

    Grey levels pass as they are: an 8-bit image has values from 0 to 255.
    """
    if not isinstance(images, np.ndarray):
        raise WrongTypeError(f"input {name!r} takes a NumPy array of images, got {type(images).__name__}")
    rank, channels = layer.rank, layer.input_size[-1]
    if images.ndim == rank and channels == 1:
        images = images[..., None]
    single = images.ndim == rank + 1
    batch = images[None] if single else images
    if batch.ndim != rank + 2 or batch.shape[-1] != channels or batch.dtype.kind not in "uif":
        axes = "height, width" if rank == 2 else "height, width, depth"
        raise DataError(
            f"input {name!r} takes numbers of shape ({axes}, {channels}) or (batch, {axes}, {channels}), "
            f"got {images.dtype} of shape {images.shape}"
        )
    # always a copy: what a network returns may be its input, and writing to it must not change the image
    return torch.from_numpy(np.array(np.moveaxis(batch, -1, 1), dtype=np.float32, order="C")), single


def to_images(tensor: Tensor, single: bool) -> NDArray[Any]:
    """A batch of tensors as an array with the channels last, without the batch axis for a single one.

    Floating-point numbers become float32; indices stay whole.
    """
    tensor = tensor.detach().float() if tensor.is_floating_point() else tensor.detach()
    array: NDArray[Any] = np.moveaxis(tensor.cpu().numpy(), 1, -1)
    # always a copy: several results may be one tensor, and a result a tensor of the network
    return np.array(array[0] if single else array, order="C")
