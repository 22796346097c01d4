"""Datastores: sequences whose items are read from disk on access."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar, cast, get_args

from layergraph.data.item_cache import FolderCache, ItemCache, MemoryCache
from layergraph.data.item_sequence import Item
from layergraph.data.pairing import Pair, partners
from layergraph.data.preview.store_html import store_html
from layergraph.data.reader import Info, Reader
from layergraph.errors import DataError, WrongTypeError
from layergraph.layers import arguments
from layergraph.wording import counted, visible

NewItem = TypeVar("NewItem")


class Datastore(Reader[Item]):
    """A sequence whose items are read on access; the base class of all datastores.

    A datastore is a value: ``subset``, ``shuffle`` and others return new ones, and nothing changes but the
    position of ``read``. It is a map-style dataset for ``torch.utils.data.DataLoader``. A subclass defines
    ``__len__`` and ``read_item(index)`` (one item, ``0 <= index < len``), and everything else works. It may
    define ``take``, ``classes`` and ``files``.

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

    def take(self, indices: tuple[int, ...]) -> Self:
        """The store with the items at these positions, in this order: here, a :class:`SubsetDatastore`.

        A subclass may return a store of its own kind instead.
        """
        # of no other kind than the annotation says for all that a datastore offers
        return cast("Self", SubsetDatastore(self, indices))

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The class names of this store or of its first part with class names, or ``None``."""
        return None

    def transform(
        self, function: Callable[..., NewItem], *, include_info: bool = False
    ) -> TransformedDatastore[NewItem]:
        """The store whose items are ``function(item)``, computed at each read; see :func:`transform`."""
        return TransformedDatastore(self, function, include_info=include_info)

    def combine(self, *others: Datastore[Any], pair: Pair = "name") -> CombinedDatastore:
        """The store of tuples: one item of this store, one of each other; see :func:`combine`."""
        return CombinedDatastore(self, *others, pair=pair)

    def cache(self, folder: str | os.PathLike[str] | None = None) -> CachedDatastore[Item]:
        """The same items, each read once: all of them now, into memory, or each at its first use into a file.

        In memory, worker processes that fork share the items. A ``folder`` is made if missing; workers
        and later runs share its files. An existing cache is accepted if the files of the store
        have not changed and some items are equal. Cache before random transforms, of which a cache
        would keep one result.

        Raises:
            DataError: an item differs from one read to the next, as random transforms make it; or
                ``folder`` holds other files, or the cache of another store.
            WrongTypeError: with a folder, an item is not an array, a number or a tuple of these.

        >>> from tempfile import TemporaryDirectory
        >>> from layergraph.data import triangle_images
        >>> with TemporaryDirectory() as folder:
        ...     images, labels = triangle_images(folder, n=4)
        ...     cached = images.combine(labels).cache()
        >>> image, label = cached[0]  # the files no longer exist
        """
        return CachedDatastore(self, MemoryCache(self) if folder is None else FolderCache(folder, self))

    def __repr__(self) -> str:
        first = f", first file {str(self.files[0])!r}" if self.files else ""
        return f"{type(self).__name__}({counted(len(self), 'item')}{first})"

    def _repr_html_(self) -> str:
        """The view in a notebook: classes, and pictures of the first items, of which it reads four."""
        return store_html(self)


class DerivedDatastore(Datastore[Item]):
    """A store made of another one, with its classes, files and information; ``store`` is the other."""

    def __init__(self, store: Datastore[Any]) -> None:
        self._store = store

    @property
    def store(self) -> Datastore[Any]:
        """The store that this one is made of."""
        return self._store

    @property
    def classes(self) -> tuple[str, ...] | None:
        return self._store.classes

    @property
    def files(self) -> tuple[Path, ...] | None:
        return self._store.files

    @property
    def read_size(self) -> int:
        return self._store.read_size

    def info(self, index: int) -> Info:
        return self._store.info(index)

    def __len__(self) -> int:
        return len(self._store)


class SubsetDatastore(DerivedDatastore[Item]):
    """Some items of a store, in an order of their own: what ``take`` returns by default."""

    def __init__(self, store: Datastore[Item], indices: tuple[int, ...]) -> None:
        super().__init__(store)
        self._indices = indices

    @property
    def files(self) -> tuple[Path, ...] | None:
        files = self._store.files
        return None if files is None else tuple(files[index] for index in self._indices)

    @property
    def labels(self) -> tuple[str, ...] | None:
        labels = self._store.labels
        return None if labels is None else tuple(labels[index] for index in self._indices)

    def info(self, index: int) -> Info:
        return self._store.info(self._indices[index])

    def __len__(self) -> int:
        return len(self._indices)

    def read_item(self, index: int) -> Item:
        item: Item = self._store.read_item(self._indices[index])
        return item

    def take(self, indices: tuple[int, ...]) -> Self:
        # of the whole store, so that subsets of subsets are no deeper
        return type(self)(self._store, tuple(self._indices[index] for index in indices))


class CachedDatastore(DerivedDatastore[Item]):
    """The items of a store, each read once; see ``cache``."""

    def __init__(self, store: Datastore[Item], cache: ItemCache[Item]) -> None:
        super().__init__(store)
        self._cache = cache

    @property
    def labels(self) -> tuple[str, ...] | None:
        return self._store.labels

    def read_item(self, index: int) -> Item:
        return self._cache.item(index)


class CombinedDatastore(Datastore[tuple[Any, ...]]):
    """Several stores of one length, read side by side; see :func:`combine`."""

    def __init__(self, *stores: Datastore[Any], pair: Pair = "name") -> None:
        for store in stores:
            if not isinstance(store, Datastore):
                raise WrongTypeError(f"combine: stores must be datastores, got {type(store).__name__}")
        if not stores:
            raise DataError("combine: there must be at least one datastore, got none")
        pair_by = arguments.choice("combine", "pair", pair, get_args(Pair))
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

    @property
    def read_size(self) -> int:
        sizes = [store.read_size for store in self._stores]
        if len(set(sizes)) > 1:
            raise DataError(f"read: all parts must have one read_size, got {' and '.join(map(str, sizes))}")
        return sizes[0]

    def info(self, index: int) -> tuple[Any, ...]:
        return tuple(store.info(index) for store in self._stores)

    def __len__(self) -> int:
        return len(self._stores[0])

    def read_item(self, index: int) -> tuple[Any, ...]:
        return tuple(store.read_item(index) for store in self._stores)

    def take(self, indices: tuple[int, ...]) -> Self:
        # the parts have one order already; pairs by name would be wrong where names occur twice
        return type(self)(*(store.take(indices) for store in self._stores), pair="order")


class TransformedDatastore(DerivedDatastore[Item]):
    """A store whose items go through a function; see :func:`transform`."""

    def __init__(
        self, store: Datastore[Any], function: Callable[..., Item], *, include_info: bool = False
    ) -> None:
        if not isinstance(store, Datastore):
            raise WrongTypeError(f"transform: store must be a datastore, got {type(store).__name__}")
        if not callable(function):
            raise WrongTypeError(f"transform: function must be a function of one item, got {function!r}")
        super().__init__(store)
        self._function = function
        self._include_info = arguments.flag("transform", "include_info", include_info)

    def read_item(self, index: int) -> Item:
        item = self._store.read_item(index)
        arguments_of_function = (item, self._store.info(index)) if self._include_info else (item,)
        try:
            return self._function(*arguments_of_function)
        except Exception as error:
            # the error of the user's function stays unchanged, except for a note with the item
            file = f" (file '{visible(str(self.files[index]))}')" if self.files else ""
            error.add_note(f"raised by the transform of item {index}{file}")
            raise

    def take(self, indices: tuple[int, ...]) -> Self:
        # the order of the two does not matter: the function sees one item at a time
        return type(self)(self._store.take(indices), self._function, include_info=self._include_info)


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


def transform(
    store: Datastore[Any], function: Callable[..., NewItem], *, include_info: bool = False
) -> TransformedDatastore[NewItem]:
    """The store whose items are ``function(item)``: MATLAB's ``transform``.

    The function gets the item of a combined store, a tuple, as one argument; with ``include_info=True`` also
    the :class:`ItemInfo` of the item, of a combined store a tuple of these.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import triangle_images
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=3)
    ...     transform(images, lambda image: image[:16] / 255)[0].shape
    (16, 32, 1)
    """
    return TransformedDatastore(store, function, include_info=include_info)
