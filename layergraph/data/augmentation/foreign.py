"""Augmentations of other libraries: albumentations, torchvision and kornia."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from layergraph.data.augmentation.parts import Array, Parts, rounded
from layergraph.data.randomness import item_generator
from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.labels import UNLABELED
from layergraph.layers.arguments import choice
from layergraph.wording import times

Library = Literal["albumentations", "torchvision", "kornia"]


@dataclass(frozen=True)
class ForeignAugmentation:
    """A callable of another library as a function of an item; see :func:`augment_with`."""

    function: Callable[..., Any]
    library: Library

    def __call__(self, item: Any) -> Any:
        """The item, changed: an image, or a pair (image, labels)."""
        parts = Parts("augment_with", item)
        if len(parts.spatial) == 3:
            raise DataError(
                "augment_with: an item must be an image (height, width, channels), got a volume; use an "
                "ImageDataAugmenter, RandomCrop or ElasticDeformation"
            )
        if parts.roles not in (("image",), ("image", "labels"), ("image", "value")):
            raise DataError(
                f"augment_with: an item must be an image or (image, labels), got "
                f"{' and '.join(parts.roles)}; write a function that calls the library"
            )
        labels = None if parts.labels is None else np.asarray(parts.labels)
        if labels is not None and labels.size and (labels.min() < 0 or labels.max() > UNLABELED):
            raise DataError(
                f"augment_with: labels must be from 0 to {UNLABELED}, got {labels.min()} to {labels.max()}"
            )
        # a second mask of ones shows which pixels are covered: libraries fill masks with 0, the first class
        masks = None
        if labels is not None:
            masks = np.stack([labels.astype(np.uint8), np.ones(labels.shape, np.uint8)], axis=-1)
        call = {"albumentations": _albumentations, "torchvision": _torchvision, "kornia": _kornia}
        first = parts.arrays[0]
        image, changed = call[self.library](
            self.function, first if first.ndim > 2 else first[..., None], masks
        )
        image = image.reshape(*image.shape[:2], -1)
        if changed is not None and changed.shape != (*image.shape[:2], 2):
            raise DataError(
                f"augment_with: the callable must return image and mask of one size, got "
                f"{times(image.shape)} and {times(changed.shape)}"
            )

        def change_labels(old: Array) -> Array:
            assert changed is not None
            return np.where(changed[..., 1] == 1, changed[..., 0], UNLABELED).astype(old.dtype)

        return parts.change(lambda _: image, change_labels)


def augment_with(function: Callable[..., Any], library: Library | None = None) -> ForeignAugmentation:
    """A callable of albumentations, torchvision (transforms v2) or kornia as a function for ``transform``.

    Image and labels go through it together, as arrays for albumentations, as tensors for the others. Pixels
    of labels that it uncovers become 255 (unlabeled), whatever value it fills masks with. Its random numbers
    come from ``item_generator()`` or torch's global state, so that within ``item_randomness`` they depend on
    seed, epoch and item alone.

    Args:
        function: an albumentations transform or ``Compose``, called as ``function(image=..., mask=...)``; a
            torchvision transform, called with an ``Image`` and a ``Mask`` of ``tv_tensors``; a kornia
            ``AugmentationSequential(..., data_keys=["input", "mask"])`` (``["input"]`` for images alone).
        library: whose it is; by default known by the module of its class.

    Raises:
        WrongTypeError: ``function`` is not callable.
        ArgumentError: an unknown library, or a callable of none of the three.
        DataError: at a call, an item that is not an image or a pair (image, labels).

    >>> def flip(image, mask):
    ...     return {"image": image[:, ::-1], "mask": mask[:, ::-1]}
    >>> augment = augment_with(flip, "albumentations")
    >>> image, labels = augment((np.zeros((1, 2, 3), np.uint8), np.array([[0, 255]], np.uint8)))
    >>> labels.tolist()
    [[255, 0]]
    """
    if not callable(function):
        raise WrongTypeError(f"augment_with: function must be callable, got {type(function).__name__}")
    if library is None:
        modules = {cls.__module__.partition(".")[0] for cls in type(function).__mro__}
        library = next((name for name in get_args(Library) if name in modules), None)
    if library is None:
        raise ArgumentError(
            "augment_with: function must be an object of albumentations, torchvision or kornia, got "
            f"{type(function).__name__}; say whose calls it takes with library="
        )
    return ForeignAugmentation(function, choice("augment_with", "library", library, get_args(Library)))


def _albumentations(function: Callable[..., Any], image: Array, masks: Array | None) -> Any:
    # it keeps a generator of its own, which no global state reaches
    if hasattr(function, "set_random_seed"):
        function.set_random_seed(int(item_generator().integers(2**31)))
    if masks is None:
        return np.asarray(function(image=image)["image"]), None
    result = function(image=image, mask=masks)
    return np.asarray(result["image"]), np.asarray(result["mask"])


def _torchvision(function: Callable[..., Any], image: Array, masks: Array | None) -> Any:
    import importlib

    tv_tensors: Any = importlib.import_module("torchvision.tv_tensors")
    first = tv_tensors.Image(_channels_first(image))
    if masks is None:
        return _channels_last(function(first)), None
    changed, mask = function(first, tv_tensors.Mask(_channels_first(masks)))
    return _channels_last(changed), _channels_last(mask)


def _kornia(function: Callable[..., Any], image: Array, masks: Array | None) -> Any:
    # a batch of one; its colors are from 0 to 1, so whole numbers are scaled and scaled back
    scale = np.iinfo(image.dtype).max if image.dtype.kind in "ui" else 1
    first = (_channels_first(image).double() / scale).float()[None]
    if masks is None:
        result = function(first)
        mask = None
    else:
        result, mask = function(first, _channels_first(masks).float()[None])
        mask = np.rint(_channels_last(mask[0]))
    return rounded(_channels_last(result[0]).astype(np.float64) * scale, image), mask


def _channels_first(array: Array) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, -1, 0)))


def _channels_last(tensor: Any) -> Array:
    return np.ascontiguousarray(np.moveaxis(tensor.detach().cpu().numpy(), 0, -1))
