"""The datastore of the items of another library's dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from layergraph.data.datastore import Datastore
from layergraph.data.formats.pillow_files import loaded_image
from layergraph.data.formats.stored_image import image_array
from layergraph.data.label_array import LabelArray
from layergraph.data.label_ids import LabelIds
from layergraph.data.label_values import color_codes
from layergraph.errors import DataError, WrongTypeError
from layergraph.wording import listed, quoted


class MapDataset(Protocol):
    """Items by position, as those of Hugging Face and torch."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class DatasetDatastore(Datastore[Any]):
    """Columns of a dataset whose items are dicts, such as a Hugging Face dataset of images and masks.

    Pillow images become arrays (height, width, channels), as ``read_image`` makes them of files. With
    ``classes`` and ``label_ids`` the last column holds labels, as the files of a ``PixelLabelDatastore`` do:
    its gray values, palette indices (1 for the set pixels of a 1-bit mask) or colors become class indices.

    Args:
        dataset: a sequence of dicts.
        columns: the names of the columns, the image first; a single name gives items that are no tuples.
        classes, label_ids, ignored_ids: as in ``PixelLabelDatastore``.

    Raises:
        WrongTypeError: the dataset has no positions or its items are no dicts.
        DataError: an item lacks a column, or a label image has another form than the label ids or a value
            that is neither an id nor ignored.

    >>> rows = [{"image": np.zeros((4, 6, 3), np.uint8), "mask": np.full((4, 6), 7)}]
    >>> store = DatasetDatastore(rows, ("image", "mask"), classes=["sky", "road"], label_ids=[1, 7])
    >>> store[0][0].shape, int(store[0][1].max()), store.classes
    ((4, 6, 3), 1, ('sky', 'road'))
    """

    def __init__(
        self,
        dataset: MapDataset,
        columns: str | Iterable[str],
        *,
        classes: Iterable[str] | None = None,
        label_ids: Iterable[Any] | None = None,
        ignored_ids: Iterable[Any] = (),
    ) -> None:
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            raise WrongTypeError(
                f"DatasetDatastore: dataset must have a length and positions, got {type(dataset).__name__}; "
                "load it without streaming, or give list(dataset)"
            )
        if (classes is None) != (label_ids is None):
            raise DataError("DatasetDatastore: classes and label_ids must be given together, got one of them")
        self._dataset, self._is_single = dataset, isinstance(columns, str)
        self._columns = (columns,) if isinstance(columns, str) else tuple(columns)
        if classes is not None and label_ids is not None:
            self._ids: LabelIds | None = LabelIds(classes, label_ids, ignored_ids)
        else:
            self._ids = None

    @property
    def classes(self) -> tuple[str, ...] | None:
        return None if self._ids is None else self._ids.classes

    def __len__(self) -> int:
        return len(self._dataset)

    def read_item(self, index: int) -> Any:
        row = self._dataset[index]
        if not isinstance(row, Mapping):
            raise WrongTypeError(
                f"DatasetDatastore: item {index} must be a dict of columns, got {type(row).__name__}; "
                "training takes tuples without this store"
            )
        if missing := [name for name in self._columns if name not in row]:
            raise DataError(
                f"DatasetDatastore: columns must be among those of item {index} ({listed(list(row))}), got "
                f"{quoted(missing[0])}"
            )
        parts = [row[name] for name in self._columns]
        if self._ids is not None:
            parts[-1] = _labels(parts[-1], f"DatasetDatastore: the labels of item {index}", self._ids)
        # an image of Pillow is known by a method, so that Pillow is not imported for arrays
        parts = [_array(part, f"of item {index}") if hasattr(part, "getbands") else part for part in parts]
        return parts[0] if self._is_single else tuple(parts)


def _labels(value: Any, owner: str, ids: LabelIds) -> LabelArray:
    # the plain values: of a palette image the indices, and of a 1-bit image 0 and 1
    array: NDArray[Any] = np.asarray(value)
    if not ids.is_rgb and array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    shape_fits = array.ndim == 3 and array.shape[2] in (3, 4) if ids.is_rgb else array.ndim == 2
    is_whole = array.dtype.kind in "biu" and array.size
    in_range = is_whole and array.min() >= 0 and array.max() <= (255 if ids.is_rgb else 65535)
    if not shape_fits or not in_range:
        form = "colors (height, width, 3)" if ids.is_rgb else "whole numbers (height, width)"
        raise DataError(
            f"{owner} must be {form} in the range of label ids, got {array.dtype} of shape {array.shape}"
        )
    # a fourth channel is transparency
    codes = color_codes(array[..., :3].astype(np.uint8)) if ids.is_rgb else array.astype(np.uint32)
    indices = ids.indices(codes)
    undeclared = ids.undeclared(codes, indices)
    if len(undeclared):
        raise DataError(
            f"{owner} must hold values of label_ids or ignored_ids, got "
            f"{ids.value(int(undeclared[0]))} in {len(undeclared)} of {indices.size} pixels; give it "
            "a class or ignore it"
        )
    return LabelArray.from_indices(indices, ids.classes)


def _array(image: Any, place: str) -> NDArray[Any]:
    return image_array(loaded_image(image), place)
