"""What one file, or one folder of slices, of a data set holds, and its faults that need no other file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.checks.file_issue import FileIssue
from layergraph.data.formats.decode import decode
from layergraph.data.formats.stored_image import (
    Pages,
    SeveralPagesError,
    StoredImage,
    image_array,
)
from layergraph.data.image_datastore import ImageDatastore
from layergraph.data.label_ids import LabelIds
from layergraph.data.label_values import label_colors, label_numbers
from layergraph.data.pixel_label_datastore import PixelLabelDatastore
from layergraph.data.slices import gap
from layergraph.errors import DataError, MissingExtraError
from layergraph.labels import UNLABELED
from layergraph.wording import quoted

_SHOWN = 4  # undeclared values in one text
_REPAIR = "repair the file or leave it out"


@dataclass(frozen=True)
class FileFacts:
    """The shape, type and content of a file; without a shape, it cannot be read.

    Attributes:
        size: (height, width), or (height, width, depth).
        channels, dtype: of an image.
        digest: equal for equal pixels.
        issues: the faults of the file by itself.
    """

    path: Path
    issues: tuple[FileIssue, ...]
    size: tuple[int, ...] = ()
    channels: int = 0
    dtype: str = ""
    digest: bytes = b""


def image_facts(images: ImageDatastore, index: int) -> FileFacts:
    """The facts of an image file, or of a folder of slices."""
    path, files = images.files[index], images.parts(index)
    parts = _read_parts(images, index)
    if isinstance(parts, FileIssue):
        return FileFacts(path, (parts,))
    try:
        arrays = [image_array(stored, file, images.pages) for stored, file in zip(parts, files, strict=True)]
        image = images.joined(arrays, index)
    except DataError as error:
        return FileFacts(path, (FileIssue(path, "error", "damaged", _reason(error, path), _REPAIR),))
    # the shape, too: two black images of different sizes are not equal
    digest = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16)
    digest.update(repr((image.shape, image.dtype)).encode())
    found = [*_value_issues(image), *(issue for stored in parts for issue in _image_issues(stored))]
    facts = image.shape[:-1], image.shape[-1], str(image.dtype), digest.digest()
    return FileFacts(path, _issues(path, found, files), *facts)


def label_facts(labels: PixelLabelDatastore, index: int) -> FileFacts:
    """The facts of a label file or a folder of slices, whose values are compared with the label ids."""
    path, files, ids = labels.files[index], labels.parts(index), labels.ids
    parts = _read_parts(labels, index)
    if isinstance(parts, FileIssue):
        return FileFacts(path, (parts,))
    try:
        numbers = label_colors if ids.is_rgb else label_numbers
        arrays = [numbers(stored, file, ids) for stored, file in zip(parts, files, strict=True)]
        values = labels.joined(arrays, index)
    except DataError as error:
        return FileFacts(path, (FileIssue(path, "error", "wrong-values", _reason(error, path)),))
    found = [issue for stored in parts for issue in _format_issues(stored)]
    return FileFacts(path, _issues(path, [*found, *_label_issues(values, ids)], files), values.shape)


def _read_parts(store: ImageDatastore | PixelLabelDatastore, index: int) -> list[StoredImage] | FileIssue:
    """The content of the file or of each slice of an item, or the first fault."""
    path, parts = store.files[index], []
    for file in store.parts(index):
        stored = _read(file, store.pages)
        if isinstance(stored, FileIssue):
            # of the item, which is what is left out
            text = stored.text if file == path else f"its slice {quoted(file.name)}: {stored.text}"
            return replace(stored, file=path, text=text)
        parts.append(stored)
    return parts


def _issues(path: Path, found: Sequence[tuple[str, ...]], files: Sequence[Path]) -> tuple[FileIssue, ...]:
    """The faults, one of a kind for all slices, and whether a slice is missing."""
    issues = list(dict.fromkeys(found))
    # a file by itself has no neighbors
    if neighbors := gap(files):
        text = f"its slices jump from {quoted(neighbors[0].name)} to {quoted(neighbors[1].name)}"
        issues.append(("warning", "missing-slice", text, "add the slices between them, or leave this out"))
    return tuple(FileIssue(path, *issue) for issue in issues)  # type: ignore[arg-type]


def _read(path: Path, pages: Pages) -> StoredImage | FileIssue:
    if path.is_symlink() and not path.exists():
        target = os.readlink(path)
        return FileIssue(path, "error", "broken-link", f"its target {target!r} is missing", "copy the file")
    try:
        with open(path, "rb") as file:
            if not file.read(1):
                return FileIssue(path, "error", "empty", "it is empty", "copy it again or leave it out")
        return decode(path, pages)
    except OSError as error:
        reason = error.strerror or str(error)
        return FileIssue(path, "error", "unreadable", f"it cannot be read: {reason}", "check its permissions")
    except SeveralPagesError as error:
        return FileIssue(path, "error", "several-pages", _reason(error, path))
    except MissingExtraError as error:
        return FileIssue(path, "error", "missing-package", _reason(error, path))
    except DataError as error:
        return FileIssue(path, "error", "damaged", _reason(error, path))


def _reason(error: Exception, path: Path) -> str:
    """The text of an error without the path, which the issue has."""
    text = str(error)
    for start in (
        f"cannot read image file {str(path)!r}: ",
        f"image file {str(path)!r} ",
        f"label {str(path)!r} ",
    ):
        text = text.removeprefix(start)
    return text.removeprefix(f"label image {str(path)!r} ").removesuffix(f"; {_REPAIR}")


def _value_issues(image: NDArray[Any]) -> Iterator[tuple[str, ...]]:
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        yield "error", "not-finite", "it holds NaN or infinite values", "replace them"
    elif (image == image.flat[0]).all():
        yield "warning", "blank", f"all its values are {image.flat[0]}", "leave it out if it shows nothing"


def _image_issues(stored: StoredImage) -> Iterator[tuple[str, ...]]:
    if stored.orientation != 1:
        yield (
            *(
                "warning",
                "orientation",
                f"its orientation tag is {stored.orientation}, and it is read as stored",
            ),
            "check that its labels are as stored, too, or give apply_orientation=True",
        )
    if stored.kind in ("RGBA", "RGBa", "LA", "La", "PA", "RGBA;16B", "LA;16B"):
        yield "note", "transparency", "its transparency is left out"
    for loss in stored.losses:
        yield "warning", "loss", f"it {loss}"


def _format_issues(stored: StoredImage) -> Iterator[tuple[str, ...]]:
    if stored.format == "JPEG":
        advice = "make the labels again, as PNG or TIFF"
        yield "error", "lossy-labels", "JPEG changes the values of labels near edges", advice


def _label_issues(values: NDArray[Any], ids: LabelIds) -> Iterator[tuple[str, ...]]:
    indices = ids.indices(values)
    undeclared, counts = np.unique(ids.undeclared(values, indices), return_counts=True)
    if len(undeclared):
        order = np.argsort(-counts, kind="stable")
        shown = ", ".join(f"{ids.value(int(undeclared[i]))} ({counts[i]} pixels)" for i in order[:_SHOWN])
        more = f" and {len(undeclared) - _SHOWN} more" if len(undeclared) > _SHOWN else ""
        text = f"it has values that are of no class: {shown}{more}"
        # as on reading: without any declared value the label ids are wrong
        is_all = int(counts.sum()) == values.size
        severity = "error" if is_all else "warning"
        yield severity, "undeclared-values", text, "give each value to a class, or name it in ignored_ids"
    elif (indices == UNLABELED).all():
        yield "warning", "no-labels", "no pixel has a class", "leave it out, as nothing is learned from it"
