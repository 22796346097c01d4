"""Label images written to a folder, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from layergraph.errors import DataError
from layergraph.segmentation.predictors import Labels

if TYPE_CHECKING:
    from layergraph.data import PixelLabelDatastore


def write_label_files(
    segmented: Iterator[tuple[Labels, int]],
    folder: Path,
    prefix: str,
    count: int,
    names: Sequence[str] | None,
) -> PixelLabelDatastore:
    """Write each label image to ``<prefix>_<number>.png``, and return a datastore on them.

    ``segmented`` yields the labels and the number of classes of each of ``count`` images. Raises DataError
    for class names, a prefix or a folder that cannot be, before the first image is asked for.

    >>> import numpy as np, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     labels = iter([(np.zeros((2, 2), np.uint8), 3)])
    ...     write_label_files(labels, Path(folder), "pixelLabel", 1, None).files[0].name
    'pixelLabel_001.png'
    """
    # imported here: arrays do not need the data package
    from layergraph.data import PixelLabelDatastore, write_labels
    from layergraph.data.label_ids import LabelIds

    if names is not None:
        LabelIds(names, range(len(names)))  # names that the result cannot have, before hours of work
    if not prefix or Path(prefix).name != prefix:
        raise DataError(f"name_prefix must be the beginning of a file name, got {prefix!r}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder '{folder}' of write_location: {error.strerror}") from None
    width = max(3, len(str(count)))
    files, num_classes = [], 0
    for number, (labels, found) in enumerate(segmented, start=1):
        path = folder / f"{prefix}_{number:0{width}d}.png"
        write_labels(path, labels)
        files.append(path)
        num_classes = found
    if names is None:
        names = [f"C{number}" for number in range(1, num_classes + 1)]
    return PixelLabelDatastore(files, list(names), list(range(num_classes)))
