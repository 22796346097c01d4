"""NumPy images (height, width, channels) to torch tensors (batch, channels, height, width) and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layergraph.errors import DataError, WrongTypeError
from layergraph.layers.input import Input


def to_tensor(
    images: NDArray[Any], layer: Input, name: str, dtype: torch.dtype | None = None
) -> tuple[Tensor, bool]:
    """A batch for an input layer, and whether ``images`` was a single one.

    Gray levels pass as they are: an 8-bit image has values from 0 to 255, a boolean one 0 and 1. The batch is
    float64 for a network of that ``dtype``, and for float64 images where no dtype is known; else float32.
    """
    if not isinstance(images, np.ndarray):
        raise WrongTypeError(f"input {name!r} takes a NumPy array of images, got {type(images).__name__}")
    rank, channels = layer.rank, layer.input_size[-1]
    if images.ndim == rank and channels == 1:
        images = images[..., None]
    single = images.ndim == rank + 1
    batch = images[None] if single else images
    if batch.ndim != rank + 2 or batch.shape[-1] != channels or batch.dtype.kind not in "buif":
        axes = "height, width" if rank == 2 else "height, width, depth"
        raise DataError(
            f"input {name!r} takes numbers of shape ({axes}, {channels}) or (batch, {axes}, {channels}), "
            f"got {images.dtype} of shape {images.shape}"
        )
    wide = images.dtype == np.float64 if dtype is None else dtype == torch.float64
    kind = np.float64 if wide else np.float32
    # always a copy: what a network returns may be its input, and writing to it must not change the image
    return torch.from_numpy(np.array(np.moveaxis(batch, -1, 1), dtype=kind, order="C")), single


def to_images(tensor: Tensor, single: bool) -> NDArray[Any]:
    """A batch of tensors as an array with the channels last, without the batch axis for a single one.

    Numbers of float16 and bfloat16 become float32; float64 and whole numbers stay.
    """
    tensor = tensor.detach()
    if tensor.is_floating_point():
        tensor = tensor.to(torch.promote_types(tensor.dtype, torch.float32))
    array: NDArray[Any] = np.moveaxis(tensor.cpu().numpy(), 1, -1)
    # always a copy: several results may be one tensor, and a result a tensor of the network
    return np.array(array[0] if single else array, order="C")
