"""Images of one size, augmented: MATLAB's ``augmentedImageDatastore``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Self

from layergraph.data.datastore import Datastore, DerivedDatastore
from layergraph.data.image_datastore import ImageDatastore
from layergraph.data.image_labels import LabeledImageDatastore
from layergraph.data.pair_stores.output_size import ColorPreprocessing, OutputSizeMode, Preprocessing
from layergraph.errors import ArgumentError, WrongTypeError


class AugmentedImageDatastore(DerivedDatastore[Any]):
    """Images, or items with images, augmented and of one size: MATLAB's ``augmentedImageDatastore``.

    Each item is converted in color, then augmented, then brought to ``output_size``. An item may be an image
    or a tuple of an image and its class, its labels or its response. Of an ``ImageDatastore`` with labels the
    items are pairs (image, class index), as training takes them.

    Args:
        output_size: (height, width), or (height, width, channels), which checks the channels.
        imds: the images, or any datastore whose items start with an image.
        data_augmentation: an ``ImageDataAugmenter``, or any function of an item.
        color_preprocessing: ``"none"``, ``"gray2rgb"`` or ``"rgb2gray"``.
        output_size_mode: ``"resize"``, ``"centercrop"`` or ``"randcrop"``.

    Raises:
        ArgumentError: an option with a value that is not allowed.
        WrongTypeError: ``imds`` is no datastore.
        DataError: on access, an image smaller than the crop, or of other channels than ``output_size`` says.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import triangle_images
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=2)
    ...     AugmentedImageDatastore((64, 48, 3), images, color_preprocessing="gray2rgb")[0].shape
    (64, 48, 3)
    """

    def __init__(
        self,
        output_size: Sequence[int],
        imds: Datastore[Any],
        *,
        data_augmentation: Callable[[Any], Any] | str | None = None,
        color_preprocessing: ColorPreprocessing = "none",
        output_size_mode: OutputSizeMode = "resize",
    ) -> None:
        name = type(self).__name__
        if not isinstance(imds, Datastore):
            raise WrongTypeError(f"{name}: imds must be a datastore, got {type(imds).__name__}")
        if output_size is None:
            raise ArgumentError(f"{name}: output_size must be (height, width[, channels]), got None")
        self._preprocessing = Preprocessing.of(
            name, output_size, output_size_mode, color_preprocessing, data_augmentation
        )
        if isinstance(imds, ImageDatastore) and imds.labels is not None:
            imds = LabeledImageDatastore(imds)
        super().__init__(imds)

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The label of each image, if the images have labels."""
        return self._store.labels

    def read_item(self, index: int) -> Any:
        return self._preprocessing.apply(self._store.read_item(index))

    def take(self, indices: tuple[int, ...]) -> Self:
        subset = copy.copy(self)
        subset._store = self._store.take(indices)
        subset.reset()
        return subset
