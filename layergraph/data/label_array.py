"""Class indices of pixels that know the names of their classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.class_indices import check_indices, class_indices
from layergraph.data.label_ids import class_names
from layergraph.errors import ArgumentError, did_you_mean
from layergraph.labels import UNLABELED
from layergraph.wording import quoted


class LabelArray(np.ndarray[Any, np.dtype[np.uint8]]):
    """A uint8 array of class indices, of any shape, with ``classes``: the name of each index.

    ``semanticseg`` returns such arrays, and a ``PixelLabelDatastore`` reads them. ``labels == "road"`` is
    True where the class has that name; ``!=``, ``np.isin(labels, ["road", "car"])`` and
    ``"road" in labels`` also take names, and raise for an unknown name. All other operations are those of a
    uint8 array. 255 (``UNLABELED``) is a pixel without a class.

    Slices, copies, views, reshaped arrays, pickles, and arrays of the same classes side by side
    (``np.stack``, ``np.concatenate``) keep the names. Arithmetic and functions that count or measure return
    plain arrays. Arrays of different classes side by side and arrays of another type, such as
    ``labels.astype(int)``, lose the names, and then a comparison with a name raises;
    ``LabelArray(array, classes)`` restores the names. ``np.asarray`` returns the plain numbers.

    Args:
        values: whole numbers from 0 to the number of classes less one, or 255.
        classes: the class names, each once; ``None`` if they are unknown.

    Raises:
        WrongTypeError: ``values`` are not whole numbers, such as a boolean mask.
        DataError: an index has no class, or a name is empty or occurs twice.

    >>> labels = LabelArray([[0, 1], [1, 255]], ["sky", "road"])
    >>> (labels == "road").tolist(), labels[0].classes
    ([[False, True], [True, False]], ('sky', 'road'))
    >>> labels == "raod"  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    layergraph.errors.ArgumentError: LabelArray: a name must be one of its classes, got 'raod'; did you ...
    """

    classes: tuple[str, ...] | None
    __array_priority__ = 1.0  # of several arrays side by side, too, so that no name is compared with numbers

    def __new__(cls, values: ArrayLike, classes: Iterable[str] | None) -> Self:
        array = class_indices(values, "LabelArray: values")
        names = None if classes is None else class_names(classes, "LabelArray: classes")
        check_indices(array, UNLABELED if names is None else len(names), "LabelArray: values")
        return cls.from_indices(array.astype(np.uint8), names)

    @classmethod
    def from_indices(cls, indices: NDArray[np.uint8], classes: tuple[str, ...] | None) -> Self:
        """A view of the indices with names, without checks.

        >>> LabelArray.from_indices(np.zeros(2, np.uint8), ("sky",)).classes
        ('sky',)
        """
        labels = indices.view(cls)
        labels.classes = classes
        return labels

    def __array_finalize__(self, source: Any, /) -> None:
        # positions, as from argmax, are no class indices, but NumPy returns them as this type
        self.classes = getattr(source, "classes", None) if self.dtype == np.uint8 else None

    def __reduce__(self) -> tuple[Any, ...]:
        # the state of an ndarray has only its own fields, and the class names would be lost
        reduced: Any = super().__reduce__()
        make, arguments, state = reduced
        return make, arguments, (state, self.classes)

    def __setstate__(self, state: Any, /) -> None:
        array, self.classes = state
        super().__setstate__(array)

    def class_index(self, name: object) -> int:
        """The index of a class name.

        Raises:
            ArgumentError: no class has that name, or the names are unknown.

        >>> LabelArray([1], ["sky", "road"]).class_index("road")
        1
        """
        if self.classes is None:
            raise ArgumentError(
                f"LabelArray: classes must be known to compare with {quoted(name)}, got None; give them: "
                "LabelArray(labels, classes), or semanticseg(..., classes=classes)"
            )
        if name not in self.classes:
            advice = did_you_mean(name, self.classes) if isinstance(name, str) else ""
            raise ArgumentError(f"LabelArray: a name must be one of its classes, got {quoted(name)}{advice}")
        return self.classes.index(str(name))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        # 1. names become indices, where NumPy would compare numbers with text: never equal
        if ufunc in (np.equal, np.not_equal):
            inputs = tuple(map(self._without_names, inputs))
        # 2. plain arrays: a sum of indices is no class, and a LabelArray would call this again
        if out:
            options["out"] = tuple(map(_plain, out))
        return getattr(ufunc, method)(*map(_plain, inputs), **options)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.isin:  # np.isin compares plain arrays, in which no number equals a name
            args = tuple(map(self._without_names, args))
            kwargs = {
                key: self._without_names(item) if key == "test_elements" else item
                for key, item in kwargs.items()
            }
        # NumPy makes the array of parts side by side without names: they get those that all parts share
        result = super().__array_function__(func, types, args, kwargs)
        if isinstance(result, LabelArray) and result.dtype == np.uint8 and result.classes is None:
            parts = args[0] if args and isinstance(args[0], list | tuple) else ()
            names = {getattr(part, "classes", None) for part in parts}
            result.classes = names.pop() if len(names) == 1 else None
        return result

    def _repr_html_(self) -> str | None:
        # imported here: a picture needs more than an array
        from layergraph.data.preview.labels_html import labels_html

        return labels_html(np.asarray(self), self.classes)

    def _without_names(self, values: Any) -> Any:
        """Values for a comparison, with class indices instead of names."""
        array = np.asarray(values)
        # T is the StringDType of NumPy 2; arrays of objects may hold names among numbers
        if array.dtype.kind not in "USTO":
            return values
        items = array.ravel().tolist()
        names = [isinstance(item, str | bytes) for item in items]
        indices = [
            self.class_index(item) if named else item for item, named in zip(items, names, strict=True)
        ]
        # the comparison of bytes with bytes is ten times as fast as with longer numbers
        return np.array(indices, np.uint8 if all(names) else None).reshape(array.shape)


def class_names_of(labels: Any) -> tuple[str, ...] | None:
    """The class names that labels know: of an array, of a store, or of the first array of a list.

    >>> class_names_of([LabelArray([0], ["sky"])])
    ('sky',)
    """
    if isinstance(labels, list | tuple) and len(labels):
        labels = labels[0]
    names = getattr(labels, "classes", None)
    return None if names is None else tuple(map(str, names))


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, LabelArray) else value
