"""Images of a store, gathered into batches of one size."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import DataError, WrongTypeError
from layergraph.progress import with_progress
from layergraph.segmentation.arrays import real_array
from layergraph.segmentation.region import Region
from layergraph.wording import visible

SHAPES = {2: "(H, W) or (H, W, C)", 3: "(H, W, D) or (H, W, D, C)"}
"""The shapes of one image and of one volume, for messages."""


class ImageStore(Protocol):
    """Images by index: an image datastore, a combined store (whose first part has the images), or a list of
    arrays."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class Batch(NamedTuple):
    """Consecutive images of one shape: the index of the first one, the array (N, H, W, C) of their regions,
    and the size of each whole image."""

    first: int
    images: NDArray[Any]
    sizes: list[tuple[int, ...]]


def batches(
    store: ImageStore,
    size: Callable[[Sequence[int]], int],
    *,
    rank: int = 2,
    region: Region | None = None,
    verbose: bool = False,
) -> Iterator[Batch]:
    """Yield batches of consecutive images of one shape.

    Args:
        store: the images, or volumes if ``rank`` is 3.
        size: the most images per batch for images of a size (height, width).
        rank: the number of spatial dimensions.
        region: the part of each image that goes into the batch.
        verbose: show a progress bar on stderr if stderr is a terminal.

    >>> images = [np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((6, 4))]
    >>> [(batch.first, batch.images.shape) for batch in batches(images, lambda spatial: 8)]
    [(0, (2, 4, 4, 1)), (2, (1, 6, 4, 1))]
    """
    pending: list[NDArray[Any]] = []
    sizes: list[tuple[int, ...]] = []
    first = most = 0
    for index in with_progress(range(len(store)), "Segmenting", len(store), shown=verbose):
        image = image_at(store, index, f"semanticseg: {image_name(store, index)}", rank)
        full = image.shape[:-1]
        if region is not None:
            region.check(full, image_name(store, index))
            image = image[region.slices]
        # only consecutive images share a batch: the results have the order of the images
        if pending and (len(pending) == most or pending[0].shape != image.shape):
            yield Batch(first, np.stack(pending), sizes)
            pending, sizes, first = [], [], index
        if not pending:
            most = size(image.shape[:-1])
        pending.append(image)
        sizes.append(full)
    # never empty here: semanticseg refuses a store without images
    yield Batch(first, np.stack(pending), sizes)


def image_at(store: ImageStore, index: int, name: str, rank: int = 2) -> NDArray[Any]:
    """An image (H, W, C), or with the ``rank`` 3 a volume (H, W, D, C), of a store.

    Raises DataError, with the ``name`` of the image, for another shape, WrongTypeError for an item that is
    no array.

    >>> image_at([np.zeros((4, 6))], 0, "the image").shape
    (4, 6, 1)
    """
    item = image_item(store, index)
    # a file has its channels last, so that three axes of a file are an image, never a volume
    is_file = isinstance(item, str | os.PathLike) or getattr(store, "files", None) is not None
    if isinstance(item, str | os.PathLike):
        # imported here: arrays do not need the data package
        from layergraph.data import read_image

        item = read_image(Path(item), pages="error" if rank == 2 else "volume")
    if hasattr(item, "numpy"):  # a tensor: its first axis is the channels, that of an image is the height
        raise WrongTypeError(
            f"{name} must be an array (H, W, C), got a {type(item).__name__}; "
            "x.permute(1, 2, 0).numpy() makes one of a tensor (C, H, W)"
        )
    image = real_array(item, name)
    if image.ndim not in ((rank + 1,) if is_file and rank == 3 else (rank, rank + 1)) or not image.size:
        raise DataError(f"{name} must be {SHAPES[rank]}, got the shape {image.shape}")
    # the network takes channels last, so a gray image gets one channel
    return image[..., None] if image.ndim == rank else image


def image_item(store: ImageStore, index: int) -> Any:
    """The image of an item, which is the first part in a combined store."""
    item = store[index]
    return item[0] if isinstance(item, tuple) else item


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
