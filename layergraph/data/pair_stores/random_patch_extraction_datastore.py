"""Random patches of images and labels: MATLAB's ``randomPatchExtractionDatastore``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from layergraph.data.augmentation.parts import Parts
from layergraph.data.augmentation.windows import crop, random_window
from layergraph.data.datastore import CombinedDatastore, Datastore, DerivedDatastore
from layergraph.data.pair_stores.output_size import Preprocessing
from layergraph.data.reader import Info
from layergraph.errors import ArgumentError
from layergraph.layers.arguments import flag, length, per_dimension, whole
from layergraph.wording import quoted


class RandomPatchExtractionDatastore(DerivedDatastore[tuple[Any, ...]]):
    """Pairs of patches at random positions, the same in both: MATLAB's ``randomPatchExtractionDatastore``.

    Item i is a patch of image ``i // patches_per_image``, at a position from ``item_generator()``: new in
    each read, or, within ``item_randomness``, a function of seed, epoch and item. Each read of a patch reads
    its image; where that is slow, keep the images in memory.

    Args:
        ds1: images (height, width, channels) or volumes (height, width, depth, channels).
        ds2: their labels, or responses of the same height, width and depth.
        patch_size: (height, width), (height, width, depth), or one number for all.
        patches_per_image: patches of each image.
        data_augmentation: an ``ImageDataAugmenter``, or any function of a pair of patches.
        class_balanced: cut around a pixel of a random class of the labels, so that rare classes are in as
            many patches as frequent ones.

    Raises:
        DataError: stores of different lengths, files without a partner; on access, an image smaller than a
            patch, or one of another size than its labels.
        ArgumentError: an option with a value that is not allowed.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import triangle_images
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=2)
    ...     patches = RandomPatchExtractionDatastore(images, labels, (16, 8), patches_per_image=5)
    ...     image, label = patches[9]
    >>> len(patches), image.shape, label.shape
    (10, (16, 8, 1), (16, 8))
    """

    def __init__(
        self,
        ds1: Datastore[Any],
        ds2: Datastore[Any],
        patch_size: int | Sequence[int],
        *,
        patches_per_image: int = 128,
        data_augmentation: Callable[[Any], Any] | str | None = None,
        class_balanced: bool = False,
    ) -> None:
        name = type(self).__name__
        rank = length(patch_size)
        if rank not in (None, 1, 2, 3):
            raise ArgumentError(
                f"{name}: patch_size must be one number, (height, width) or (height, width, depth), got "
                f"{quoted(patch_size)}"
            )
        self._size = per_dimension(name, "patch_size", patch_size, rank or 1)
        self._count = whole(name, "patches_per_image", patches_per_image)
        self._class_balanced = flag(name, "class_balanced", class_balanced)
        # the augmentation alone, checked as in the other stores
        self._preprocessing = Preprocessing.of(name, None, "resize", "none", data_augmentation)
        super().__init__(CombinedDatastore(ds1, ds2))
        self._indices: tuple[int, ...] | None = None  # of patches, in a subset

    @property
    def files(self) -> tuple[Path, ...] | None:
        files = self._store.files
        return None if files is None else tuple(files[self._image(i)] for i in range(len(self)))

    def info(self, index: int) -> Info:
        return self._store.info(self._image(index))

    def __len__(self) -> int:
        return len(self._store) * self._count if self._indices is None else len(self._indices)

    def read_item(self, index: int) -> tuple[Any, ...]:
        parts = Parts(type(self).__name__, self._store.read_item(self._image(index)))
        # one number is for each axis of whatever the images are
        size = self._size * len(parts.spatial) if len(self._size) == 1 else self._size
        window = random_window(parts, size, is_class_balanced=self._class_balanced)
        patch: tuple[Any, ...] = self._preprocessing.apply(crop(parts, window))
        return patch

    def take(self, indices: tuple[int, ...]) -> Self:
        subset = copy.copy(self)
        subset.reset()
        subset._indices = indices if self._indices is None else tuple(self._indices[i] for i in indices)
        return subset

    def _image(self, index: int) -> int:
        """The position of the image of a patch."""
        return (index if self._indices is None else self._indices[index]) // self._count
