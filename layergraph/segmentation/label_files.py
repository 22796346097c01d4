"""Write label images to a folder, one by one, named after their images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from layergraph.atomic import atomic_file, check_writable
from layergraph.data.unique_names import unique_names
from layergraph.errors import ArgumentError, DataError
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.segmentation.image_batches import ImageStore, image_paths
from layergraph.segmentation.label_png import write_label_png
from layergraph.segmentation.segmented import Segmented
from layergraph.wording import quoted

if TYPE_CHECKING:
    from layergraph.data import PixelLabelDatastore

Names = Literal["prefixed", "source", "numbered"]


def label_file_names(store: ImageStore, prefix: str, names: Names, extension: str) -> list[str]:
    """The names of the label files of a store.

    Raises:
        ArgumentError: a prefix that is no part of a file name, or an unknown word.

    >>> label_file_names(["a/1.jpg", "a/2.jpg"], "pixelLabel", "prefixed", ".png")
    ['pixelLabel_1.png', 'pixelLabel_2.png']
    """
    names = arguments.choice("semanticseg", "names", names, get_args(Names))
    # Path accepts the character NUL, which the file system refuses only on writing
    if not isinstance(prefix, str) or Path(prefix).name != prefix or "\0" in prefix:
        raise ArgumentError(
            f"semanticseg: name_prefix must be the beginning of a file name, got {quoted(prefix)}"
        )
    images = image_paths(store)
    stems = _numbers(len(store)) if images is None or names == "numbered" else unique_names(images)
    beginning = f"{prefix}_" if prefix and names != "source" else ""
    return [f"{beginning}{stem}{extension}" for stem in stems]


def write_label_files(
    segmented: Iterator[Segmented],
    folder: Path,
    file_names: Sequence[str],
    store: ImageStore,
    names: Sequence[str] | None,
) -> PixelLabelDatastore:
    """Write the labels of each image to a file in the folder, and return a datastore on the files.

    Args:
        segmented: the result of each image of ``store``.
        folder: made if missing.
        file_names: one per image; ``.npy`` for volumes.
        store: the images.
        names: the class names; None for C1, C2, ...

    Raises:
        DataError: before the first image, for a folder that cannot be made and for a file that is one of the
            images; later for a file that cannot be written.
    """
    # imported here: arrays do not need the data package
    from layergraph.data import PixelLabelDatastore

    # all checks come before the first result, so that a bad folder fails before the network runs
    files = [folder / name for name in file_names]
    _refuse_overwriting(files, image_paths(store) or ())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_writable(files[0])
    except OSError as error:
        raise DataError(
            f"semanticseg: write_location must be a folder to write to, got {quoted(str(folder))}: "
            f"{error.strerror or error}"
        ) from None
    # the number of classes is known with the first scores
    num_classes = 0

    def labels_of(image: Segmented) -> Iterator[NDArray[np.uint8]]:
        nonlocal num_classes
        for band in image.bands:
            num_classes = band.num_classes
            yield band.labels

    # segmented is lazy: each pass of the loop runs the network on the next batch, if needed
    for path, image in zip(files, segmented, strict=True):
        if len(image.size) == 2:
            write_label_png(path, labels_of(image), (image.size[0], image.size[1]))
        else:
            _write_array(path, labels_of(image), image.size)
    if names is None:
        names = [f"C{number}" for number in range(1, num_classes + 1)]
    return PixelLabelDatastore(files, names, range(num_classes), ignored_ids=[UNLABELED])


def _write_array(path: Path, bands: Iterator[NDArray[np.uint8]], size: tuple[int, ...]) -> None:
    """Write the bands of a volume to a NumPy file, of which memory holds one band."""
    try:
        with atomic_file(path, synced=False) as temporary:
            array = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=size)
            row = 0
            for band in bands:
                array[row : row + len(band)] = band
                row += len(band)
            array.flush()
    except OSError as error:
        raise DataError(
            f"cannot write {quoted(str(path))}: {error.strerror or error}; check the folder"
        ) from error


def _numbers(count: int) -> list[str]:
    """The numbers from 1, all with the same number of digits, at least three."""
    # leading zeros, so that names sort in the order of the images
    width = max(3, len(str(count)))
    return [f"{number:0{width}d}" for number in range(1, count + 1)]


def _refuse_overwriting(files: Sequence[Path], images: Sequence[Path]) -> None:
    """Raise if a label file would overwrite one of the images."""
    # symbolic links and relative paths can name one file in two ways
    known = {os.path.realpath(image) for image in images}
    for file in files:
        if os.path.realpath(file) in known:
            raise DataError(
                f"semanticseg: labels must not overwrite an image, got the file {quoted(str(file))} for "
                "both; give another write_location or name_prefix"
            )
