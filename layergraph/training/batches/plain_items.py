"""Items of datasets of torch and others in the form of datastores: arrays with channels last."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def plain_item(item: Any) -> Any:
    """The item, with tensors and Pillow images of a tuple as arrays.

    The type tells the order of axes: a tensor is an image (channels, height, width), an array has its
    channels last. A tensor after the first one with as many axes as the image is a target with channels;
    with one less it has none.

    >>> image, target = plain_item((torch.zeros(3, 8, 9), torch.zeros(8, 9, dtype=torch.long)))
    >>> image.shape, target.shape
    ((8, 9, 3), (8, 9))
    """
    if not isinstance(item, (tuple, list)):
        return item
    # an image of Pillow has no ndim
    axes = getattr(item[0], "ndim", 3) if item else 3
    return tuple(_plain_part(part, axes) for part in item)


def _plain_part(part: Any, axes: int) -> Any:
    if type(part) is np.ndarray:  # most are, and the checks below take longer than a small image
        return part
    if isinstance(part, Tensor):
        # bfloat16 is no dtype of NumPy
        values = part.detach().cpu()
        array = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
        return np.moveaxis(array, 0, -1) if array.ndim == axes > 2 else array
    # an opened image of Pillow
    return np.asarray(part) if hasattr(part, "__array_interface__") and hasattr(part, "getbands") else part
