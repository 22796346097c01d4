"""Datastores: sequences whose items are read from disk on access."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, Self, SupportsIndex, TypeVar, cast, get_args, overload

import numpy as np

from layergraph.data.pairing import Pair, partners
from layergraph.errors import DataError, WrongTypeError
from layergraph.layers.arguments import choice
from layergraph.values import Value
from layergraph.wording import counted, visible

# covariant, so that a store of LabelArray is accepted as a store of arrays
Item = TypeVar("Item", covariant=True)
NewItem = TypeVar("NewItem")


class Datastore(Value, ABC, Generic[Item]):
    """A sequence whose items are read on access; the base class of all datastores.

    A datastore is a value: no method changes it, and ``subset``, ``shuffle`` and others return new ones.
    It is a map-style dataset for ``torch.utils.data.DataLoader``. A subclass defines ``__len__`` and
    ``read_item(index)`` (one item, ``0 <= index < len``), and everything else works. It may define ``take``,
    ``classes`` and ``files``.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import triangle_images
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=4)
    ...     pairs = images.combine(labels)
    ...     image, label = pairs[-1]
    >>> len(pairs), image.shape, label.shape
    (4, (32, 32, 1), (32, 32))
    >>> len(pairs[:3]), len(pairs.partition(2, 0)), pairs.classes
    (3, 2, ('triangle', 'background'))
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read_item(self, index: int) -> Item:
        """The item at a position, ``0 <= index < len``."""

    def take(self, indices: tuple[int, ...]) -> Self:
        """The store with the items at these positions, ``0 <= index < len``, in this order.

        All subsets, partitions and shuffles come from this method. Here it returns a
        :class:`SubsetDatastore`, which a subclass may replace by a store of its own kind.
        """
        # of no other kind than the annotation says for all that a datastore offers
        return cast("Self", SubsetDatastore(self, indices))

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The class names of this store or of its first part with class names, or ``None``."""
        return None

    @property
    def files(self) -> tuple[Path, ...] | None:
        """The file of each item of this store or of its first part that reads files, or ``None``."""
        return None

    @overload
    def __getitem__(self, index: SupportsIndex) -> Item: ...
    @overload
    def __getitem__(self, index: slice | Iterable[SupportsIndex]) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice | Iterable[SupportsIndex]) -> Item | Self:
        # arrays and tensors without axes are single positions, although they are instances of Iterable
        if isinstance(index, slice) or (isinstance(index, Iterable) and getattr(index, "ndim", 1) > 0):
            return self.subset(index)
        return self.read_item(self._position(index))

    def __iter__(self) -> Iterator[Item]:
        # Python would take items until an IndexError, and one from a transform would end the loop silently
        return (self.read_item(index) for index in range(len(self)))

    def subset(self, indices: slice | Iterable[SupportsIndex]) -> Self:
        """The items at these 0-based positions, in this order; negative ones count from the end.

        Raises ``IndexError`` for a position out of range, ``WrongTypeError`` for a position that is not a
        whole number.
        """
        if isinstance(indices, slice):
            return self.take(tuple(range(len(self))[indices]))
        if isinstance(indices, str) or not isinstance(indices, Iterable):
            raise WrongTypeError(
                f"subset: indices must be a slice or a sequence of whole numbers, got {indices!r}"
            )
        return self.take(tuple(self._position(index) for index in indices))

    def partition(self, num_parts: int, index: int) -> Self:
        """Part ``index`` (from 0) of ``num_parts`` contiguous parts of nearly equal size.

        The parts together hold every item once. Raises ``DataError`` for numbers out of range.
        """
        if num_parts < 1 or not 0 <= index < num_parts:
            raise DataError(
                f"partition: num_parts must be at least 1 and index from 0 to num_parts - 1, "
                f"got num_parts={num_parts} and index={index}"
            )
        # the end of each part is computed as the start of the next: no item is lost or in two parts
        return self[len(self) * index // num_parts : len(self) * (index + 1) // num_parts]

    def shuffle(self, seed: int | None = None) -> Self:
        """The same items in random order: a fixed order per seed, or a new order per call without a seed.

        Raises ``DataError`` for a negative seed.
        """
        if seed is not None and seed < 0:
            raise DataError(f"shuffle: seed must be 0 or more, got {seed}")
        # a separate generator: np.random.permutation would read and change the global random state
        return self.take(tuple(np.random.default_rng(seed).permutation(len(self)).tolist()))

    def transform(self, function: Callable[[Any], NewItem]) -> TransformedDatastore[NewItem]:
        """The store whose items are ``function(item)``, computed at each read."""
        return TransformedDatastore(self, function)

    def combine(self, *others: Datastore[Any], pair: Pair = "name") -> CombinedDatastore:
        """The store of tuples: one item of this store, one of each other; see :func:`combine`."""
        return CombinedDatastore(self, *others, pair=pair)

    def _position(self, index: Any) -> int:
        try:
            # takes the integers of NumPy and torch, and refuses 1.0, which int() would take
            position = operator.index(index)
        except TypeError:
            position = None
        # True is the number 1 in Python, but as a position it is a mask of one item
        if position is None or isinstance(index, bool) or str(getattr(index, "dtype", "")).endswith("bool"):
            raise WrongTypeError(f"{type(self).__name__}: a position must be a whole number, got {index!r}")
        if not -len(self) <= position < len(self):
            raise IndexError(
                f"{type(self).__name__}: a position must be within its {counted(len(self), 'item')}, got "
                f"{position}"
            )
        return position % len(self)

    def __repr__(self) -> str:
        first = f", first file {str(self.files[0])!r}" if self.files else ""
        return f"{type(self).__name__}({counted(len(self), 'item')}{first})"


class SubsetDatastore(Datastore[Item]):
    """Some items of a store, in an order of their own: what ``take`` returns by default."""

    def __init__(self, store: Datastore[Item], indices: tuple[int, ...]) -> None:
        self._store, self._indices = store, indices

    @property
    def classes(self) -> tuple[str, ...] | None:
        return self._store.classes

    @property
    def files(self) -> tuple[Path, ...] | None:
        files = self._store.files
        return None if files is None else tuple(files[index] for index in self._indices)

    def __len__(self) -> int:
        return len(self._indices)

    def read_item(self, index: int) -> Item:
        return self._store.read_item(self._indices[index])

    def take(self, indices: tuple[int, ...]) -> Self:
        # of the whole store, so that subsets of subsets are no deeper
        return type(self)(self._store, tuple(self._indices[index] for index in indices))


class CombinedDatastore(Datastore[tuple[Any, ...]]):
    """Several stores of one length, read side by side; see :func:`combine`."""

    def __init__(self, *stores: Datastore[Any], pair: Pair = "name") -> None:
        for store in stores:
            if not isinstance(store, Datastore):
                raise WrongTypeError(f"combine: stores must be datastores, got {type(store).__name__}")
        if not stores:
            raise DataError("combine: there must be at least one datastore, got none")
        pair_by = choice("combine", "pair", pair, get_args(Pair))
        groups = [store.stores if isinstance(store, CombinedDatastore) else (store,) for store in stores]
        # the first store that reads files keeps its order, and the others get the same order
        first, *others = [index for index, store in enumerate(stores) if store.files is not None] or [0]
        # a combined store is ordered by one of its parts, so that all of its parts move together
        for index in others if pair_by == "name" else ():
            order = tuple(partners(stores[first].files or (), stores[index].files or (), "combine"))
            groups[index] = tuple(part.take(order) for part in groups[index])
        # nested stores become flat, so that an item is one tuple and not a tuple of tuples
        self._stores: tuple[Datastore[Any], ...] = sum(groups, ())
        if len({len(store) for store in self._stores}) > 1:
            raise DataError(
                "combine: all stores must have one length, got "
                f"{' and '.join(map(repr, stores))}; give each the same items in the same order"
            )

    @property
    def stores(self) -> tuple[Datastore[Any], ...]:
        """The stores that are read side by side."""
        return self._stores

    @property
    def classes(self) -> tuple[str, ...] | None:
        return next((store.classes for store in self._stores if store.classes is not None), None)

    @property
    def files(self) -> tuple[Path, ...] | None:
        return next((store.files for store in self._stores if store.files is not None), None)

    def __len__(self) -> int:
        return len(self._stores[0])

    def read_item(self, index: int) -> tuple[Any, ...]:
        return tuple(store.read_item(index) for store in self._stores)

    def take(self, indices: tuple[int, ...]) -> Self:
        # the parts have one order already; pairs by name would be wrong where names occur twice
        return type(self)(*(store.take(indices) for store in self._stores), pair="order")


class TransformedDatastore(Datastore[Item]):
    """A store whose items go through a function; see ``transform``."""

    def __init__(self, store: Datastore[Any], function: Callable[[Any], Item]) -> None:
        if not isinstance(store, Datastore):
            raise WrongTypeError(f"transform: store must be a datastore, got {type(store).__name__}")
        if not callable(function):
            raise WrongTypeError(f"transform: function must be a function of one item, got {function!r}")
        self._store, self._function = store, function

    @property
    def store(self) -> Datastore[Any]:
        """The store whose items are transformed."""
        return self._store

    @property
    def classes(self) -> tuple[str, ...] | None:
        return self._store.classes

    @property
    def files(self) -> tuple[Path, ...] | None:
        return self._store.files

    def __len__(self) -> int:
        return len(self._store)

    def read_item(self, index: int) -> Item:
        item = self._store.read_item(index)
        try:
            return self._function(item)
        except Exception as error:
            # the error of the user's function stays unchanged, except for a note with the item
            file = f" (file '{visible(str(self.files[index]))}')" if self.files else ""
            error.add_note(f"raised by the transform of item {index}{file}")
            raise

    def take(self, indices: tuple[int, ...]) -> Self:
        # the order of the two does not matter: the function sees one item at a time
        return type(self)(self._store.take(indices), self._function)


def combine(*stores: Datastore[Any], pair: Pair = "name") -> CombinedDatastore:
    """The store whose item i is the tuple of the items i of all stores: MATLAB's ``combine``.

    Stores that read files are paired by the names of their files: ``scan1.png`` belongs to
    ``scan1_mask.png`` at any position in its folder. The pairs have the order of the first store, shuffled
    or not. The key of a file is its name without the part that all names of its store share at the start and
    at the end. If the stores share no key, the order of the files pairs them, with a :class:`DataWarning`;
    ``pair="order"`` pairs any names by order, without a warning. Stores without files are paired by order.

    A combined store is replaced by its parts. Subsets, shuffles and partitions keep the tuples together.
    MATLAB pairs only by order and ends silently with the shortest store; here stores of unequal
    length and files without a partner raise ``DataError``.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import triangle_images
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=3)
    >>> combine(images, labels).shuffle(seed=1).stores[1].files[0].name
    'label_001.png'
    >>> combine(images, labels[:2])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    layergraph.errors.DataError: combine: '...image_003.png' has no partner among the files such as ...
    """
    return CombinedDatastore(*stores, pair=pair)


def transform(store: Datastore[Any], function: Callable[[Any], NewItem]) -> TransformedDatastore[NewItem]:
    """The store whose items are ``function(item)``: MATLAB's ``transform``.

    The function gets the item of a combined store, a tuple, as one argument.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import triangle_images
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=3)
    ...     transform(images, lambda image: image[:16] / 255)[0].shape
    (16, 32, 1)
    """
    return TransformedDatastore(store, function)
