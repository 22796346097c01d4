"""Write label images to a folder, one by one, named after their images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from layergraph.data.label_array import LabelArray
from layergraph.data.unique_names import unique_names
from layergraph.errors import ArgumentError, DataError
from layergraph.labels import UNLABELED
from layergraph.segmentation.image_batches import ImageStore, image_paths
from layergraph.wording import quoted

if TYPE_CHECKING:
    from layergraph.data import PixelLabelDatastore


def write_label_files(
    segmented: Iterator[tuple[LabelArray, int]],
    folder: Path,
    prefix: str,
    store: ImageStore,
    names: Sequence[str] | None,
) -> PixelLabelDatastore:
    """Write each label image to ``<prefix>_<name of the image>.png``, and return a datastore on them.

    ``segmented`` yields the labels and the number of classes of each image of ``store``. Before the first
    image, raises ArgumentError for a prefix that is no part of a file name, DataError for a folder that
    cannot be made and for a file that is one of the images.

    >>> import numpy as np, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     labels = iter([(LabelArray(np.zeros((2, 2), np.uint8), None), 3)])
    ...     write_label_files(labels, Path(folder), "pixelLabel", [np.zeros((2, 2))], None).files[0].name
    'pixelLabel_001.png'
    """
    # imported here: arrays do not need the data package
    from layergraph.data import PixelLabelDatastore, write_labels

    # Path accepts the character NUL, which the file system refuses only on writing
    if not isinstance(prefix, str) or Path(prefix).name != prefix or "\0" in prefix:
        raise ArgumentError(
            f"semanticseg: name_prefix must be the beginning of a file name, got {quoted(prefix)}"
        )
    # all checks come before the first result, so that a bad folder fails before the network runs
    images = image_paths(store)
    stems = _numbers(len(store)) if images is None else unique_names(images)
    files = [folder / f"{prefix}{'_' * bool(prefix)}{stem}.png" for stem in stems]
    _refuse_overwriting(files, images or ())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"semanticseg: write_location must be a folder, got {quoted(str(folder))}, which cannot be made: "
            f"{error.strerror}"
        ) from None
    # the number of classes is known with the first scores
    num_classes = 0
    # segmented is lazy: each pass of the loop runs the network on the next batch, if needed
    for path, (labels, count) in zip(files, segmented, strict=True):
        write_labels(path, labels)
        num_classes = count
    if names is None:
        names = [f"C{number}" for number in range(1, num_classes + 1)]
    return PixelLabelDatastore(files, names, range(num_classes), ignored_ids=[UNLABELED])


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
