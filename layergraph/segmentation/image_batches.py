"""Images of a store, gathered into batches of one size."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import DataError, WrongTypeError
from layergraph.progress import with_progress
from layergraph.segmentation.arrays import real_array
from layergraph.wording import visible


class ImageStore(Protocol):
    """Images by index: an image datastore, a combined store (whose first part has the images), or a list of
    arrays."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


def batches(store: ImageStore, size: int, *, verbose: bool = False) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield batches of at most ``size`` consecutive images of one shape, each with the index of its first
    image.

    >>> images = [np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((6, 4))]
    >>> [(first, batch.shape) for first, batch in batches(images, 8)]
    [(0, (2, 4, 4, 1)), (2, (1, 6, 4, 1))]
    """
    pending: list[NDArray[Any]] = []
    first = 0
    for index in with_progress(range(len(store)), "Segmenting", len(store), shown=verbose):
        image = image_at(store, index, f"semanticseg: {image_name(store, index)}")
        # only consecutive images share a batch: the results have the order of the images
        if pending and (len(pending) == size or pending[0].shape != image.shape):
            yield first, np.stack(pending)
            pending, first = [], index
        pending.append(image)
    # never empty here: semanticseg refuses a store without images
    yield first, np.stack(pending)


def image_at(store: ImageStore, index: int, name: str) -> NDArray[Any]:
    """One image of a store, (H, W, C), with the name that it has in errors.

    >>> image_at([np.zeros((4, 6))], 0, "the image").shape
    (4, 6, 1)
    """
    item = store[index]
    if isinstance(item, tuple):  # a combined store: images first
        item = item[0]
    if isinstance(item, str | os.PathLike):
        # imported here: arrays do not need the data package
        from layergraph.data import read_image

        item = read_image(Path(item))
    if hasattr(item, "numpy"):  # a tensor: its first axis is the channels, that of an image is the height
        raise WrongTypeError(
            f"{name} must be an array (H, W, C), got a {type(item).__name__}; "
            "x.permute(1, 2, 0).numpy() makes one of a tensor (C, H, W)"
        )
    image = real_array(item, name)
    if image.ndim not in (2, 3) or not image.size:
        raise DataError(f"{name} must be (H, W) or (H, W, C), got the shape {image.shape}")
    # the network takes channels last, so a gray image gets one channel
    return image[:, :, None] if image.ndim == 2 else image


def image_paths(store: ImageStore) -> list[Path] | None:
    """The file of each image, or ``None`` if an image has no file.

    >>> [file.stem for file in image_paths(["a.png", "b.png"])]
    ['a', 'b']
    """
    files = getattr(store, "files", None)
    if files is not None:
        return [Path(file) for file in files]
    # file names only if every item has one, since label files are named all in one way
    if isinstance(store, list | tuple) and all(isinstance(item, str | os.PathLike) for item in store):
        return [Path(item) for item in store]
    return None


def image_name(store: ImageStore, index: int) -> str:
    """The name of an image in errors: its path if it has one."""
    files = getattr(store, "files", None)
    if files is not None:
        return visible(str(files[index]))
    if isinstance(store, list | tuple) and isinstance(store[index], str | os.PathLike):
        return visible(str(store[index]))
    # semanticseg makes a list of a single image, whose caller gave no index
    return "the image" if isinstance(store, list) and len(store) == 1 else f"images[{index}]"
