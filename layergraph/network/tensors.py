"""Conversion of images between NumPy (height, width, channels) and torch (batch, channels, height, width)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layergraph.errors import DataError, WrongTypeError
from layergraph.layers.input import InputLayer
from layergraph.wording import quoted


def to_tensor(
    images: NDArray[Any], layer: InputLayer, name: str, dtype: torch.dtype | None = None
) -> tuple[Tensor, bool]:
    """Return a batch for an input layer, and whether ``images`` is a single image.

    Gray levels keep their values: 0 to 255 in an 8-bit image, 0 and 1 in a boolean one. The batch is float64
    for a network of that ``dtype``, and for float64 images if the network has none; else float32.
    """
    if not isinstance(images, np.ndarray):
        raise WrongTypeError(
            f"input {quoted(name)} must be a NumPy array of images, got {type(images).__name__}"
        )
    rank, channels = layer.rank, layer.input_size[-1]
    if images.ndim == rank and channels == 1:
        images = images[..., None]
    single = images.ndim == rank + 1
    batch = images[None] if single else images
    if batch.ndim != rank + 2 or batch.shape[-1] != channels or batch.dtype.kind not in "buif":
        axes = "height, width" if rank == 2 else "height, width, depth"
        raise DataError(
            f"input {quoted(name)} must be numbers of shape ({axes}, {channels}) or (batch, {axes}, "
            f"{channels}), got {images.dtype} of shape {images.shape}"
        )
    wide = images.dtype == np.float64 if dtype is None else dtype == torch.float64
    numbers = np.float64 if wide else np.float32
    # always a copy: a network may return its input, and the caller may write to the result
    return torch.from_numpy(np.array(np.moveaxis(batch, -1, 1), dtype=numbers, order="C")), single


def to_images(tensor: Tensor, single: bool) -> NDArray[Any]:
    """Return a batch as an array with the channels last, without the batch axis for a single image.

    float16 and bfloat16 become float32, because NumPy has no bfloat16; other dtypes stay.
    """
    tensor = tensor.detach()
    if tensor.is_floating_point():
        tensor = tensor.to(torch.promote_types(tensor.dtype, torch.float32))
    array: NDArray[Any] = np.moveaxis(tensor.cpu().numpy(), 1, -1)
    # always a copy: two results may be one tensor, and a result may be a weight of the network
    return np.array(array[0] if single else array, order="C")
