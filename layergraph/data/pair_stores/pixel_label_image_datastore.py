"""Images with pixel labels for training: MATLAB's ``pixelLabelImageDatastore``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Self

from layergraph.data.datastore import CombinedDatastore, Datastore, DerivedDatastore
from layergraph.data.pair_stores.output_size import ColorPreprocessing, OutputSizeMode, Preprocessing
from layergraph.errors import DataError


class PixelLabelImageDatastore(DerivedDatastore[tuple[Any, ...]]):
    """Pairs (image, labels) for training, augmented and of one size: MATLAB's ``pixelLabelImageDatastore``.

    Each item is converted in color, then augmented, then brought to ``output_size``; image and labels alike,
    the image smoothly and the labels by the nearest pixel. Images and labels are paired by the names of their
    files, as in ``combine``.

    Args:
        imds: the images.
        pxds: their labels, a ``PixelLabelDatastore`` or another store of labels with ``classes``.
        data_augmentation: an ``ImageDataAugmenter``, or any function of a pair (image, labels).
        color_preprocessing: ``"gray2rgb"`` repeats the channel of gray images, ``"rgb2gray"`` makes color
            images gray; images that already are so stay as they are.
        output_size: (height, width), or (height, width, channels), which checks the channels.
        output_size_mode: ``"resize"``; ``"centercrop"`` or ``"randcrop"``, which keep the scale.

    Raises:
        DataError: stores of different lengths, files without a partner, labels without classes; on access, an
            image smaller than the crop, or of other channels than ``output_size`` says.
        ArgumentError: an option with a value that is not allowed.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import ImageDataAugmenter, triangle_images
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=4)
    ...     augmenter = ImageDataAugmenter(rand_x_reflection=True)
    ...     pairs = PixelLabelImageDatastore(
    ...         images,
    ...         labels,
    ...         data_augmentation=augmenter,
    ...         output_size=(24, 24),
    ...         color_preprocessing="gray2rgb",
    ...     )
    ...     image, label = pairs[0]
    >>> image.shape, label.shape, pairs.classes
    ((24, 24, 3), (24, 24), ('triangle', 'background'))
    """

    def __init__(
        self,
        imds: Datastore[Any],
        pxds: Datastore[Any],
        *,
        data_augmentation: Callable[[Any], Any] | str | None = None,
        color_preprocessing: ColorPreprocessing = "none",
        output_size: Sequence[int] | None = None,
        output_size_mode: OutputSizeMode = "resize",
    ) -> None:
        self._preprocessing = Preprocessing.of(
            type(self).__name__, output_size, output_size_mode, color_preprocessing, data_augmentation
        )
        pairs = CombinedDatastore(imds, pxds)
        super().__init__(pairs)
        if len(pairs.stores) != 2 or pxds.classes is None:
            raise DataError(
                f"{type(self).__name__}: imds must be a store of images and pxds a store of labels with "
                f"classes, got {imds!r} and {pxds!r}; give a PixelLabelDatastore second"
            )

    @property
    def store(self) -> CombinedDatastore:
        """The pairs of images and labels that this store is made of."""
        assert isinstance(self._store, CombinedDatastore)
        return self._store

    @property
    def images(self) -> Datastore[Any]:
        """The store of images, in the order of the pairs."""
        return self.store.stores[0]

    @property
    def pixel_label_data(self) -> Datastore[Any]:
        """The store of labels, in the order of the pairs."""
        return self.store.stores[1]

    @property
    def classes(self) -> tuple[str, ...] | None:
        # those of the labels: the images of one class each have names, too
        return self.pixel_label_data.classes

    def read_item(self, index: int) -> tuple[Any, ...]:
        pair: tuple[Any, ...] = self._preprocessing.apply(self._store.read_item(index))
        return pair

    def take(self, indices: tuple[int, ...]) -> Self:
        # a copy without a call of __init__, which would pair by names again, where a subset may repeat them
        subset = copy.copy(self)
        subset._store = self._store.take(indices)
        subset.reset()
        return subset
