"""Caches of the items of a store: in memory, or in a folder of ``.npy`` files."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from layergraph.atomic import atomic_file
from layergraph.data.item_sequence import Item
from layergraph.data.label_array import LabelArray
from layergraph.data.reader import Info, ItemInfo, Reader
from layergraph.errors import DataError, WrongTypeError
from layergraph.progress import with_progress
from layergraph.wording import quoted

_DESCRIPTION = "cache.json"


class ItemCache(Protocol[Item]):
    """The items of a store by position."""

    def item(self, index: int) -> Item: ...


class MemoryCache(ItemCache[Item]):
    """All items, read now; see :meth:`Datastore.cache`."""

    def __init__(self, store: Reader[Item]) -> None:
        # here and not at the first use: a worker process would fill its own memory, and lose it at its end
        indices = with_progress(range(len(store)), "Caching", len(store))
        self._items = [store.read_item(index) for index in indices]
        for index in _compared(len(store)):
            _check_equal(self._items[index], store.read_item(index), index)

    def item(self, index: int) -> Item:
        # a copy: a function that changes its argument would change all later reads
        return copy.deepcopy(self._items[index])


class FolderCache(ItemCache[Item]):
    """The items in a folder, each written at its first use; see :meth:`Datastore.cache`."""

    def __init__(self, folder: str | os.PathLike[str], store: Reader[Item]) -> None:
        self._folder, self._store = Path(folder), store
        fingerprint = _fingerprint(store)
        # 1. the folder: a new one, or the cache of this store
        if self._folder.exists() and not self._folder.is_dir():
            raise DataError(f"cache: folder must be a folder, got the file {quoted(str(folder))}")
        description = self._folder / _DESCRIPTION
        if description.exists():
            if description.read_text("utf-8", "replace") != fingerprint:
                raise DataError(
                    f"cache: folder {quoted(str(folder))} must be the cache of this store, got that of other "
                    "or since changed files; delete it, or give another one"
                )
        elif self._folder.exists() and any(self._folder.iterdir()):
            raise DataError(
                f"cache: folder {quoted(str(folder))} must be new, empty or a cache, got other files; give "
                "another one"
            )
        # 2. some items, before the folder is made: a random store leaves nothing behind
        compared = [(position, store.read_item(position)) for position in _compared(len(store))]
        for position, item in compared:
            _check_equal(item, store.read_item(position), position)
            _parts(item, position)
        # 3. the same items of an older cache: the transform may have changed, which the files do not show
        for position, item in compared:
            if self._path(position).exists():
                _check_equal(self.item(position), item, position, f"; delete {quoted(str(folder))}")
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(description) as temporary:
            temporary.write_text(fingerprint, "utf-8")

    def item(self, index: int) -> Item:
        path = self._path(index)
        try:
            item: Item = self._load(path)
        except FileNotFoundError:
            item = self._store.read_item(index)
            self._write(path, item, index)
        return item

    def _path(self, index: int) -> Path:
        return self._folder / f"item_{index:06d}.npy"

    def _load(self, path: Path) -> Any:
        try:
            with path.open("rb") as file:
                # the first array tells the form: whether the item is a tuple, and the kind of each part
                header = json.loads(bytes(np.load(file, allow_pickle=False)))
                parts = [_from_array(np.load(file, allow_pickle=False), kind) for kind in header["parts"]]
        except (ValueError, KeyError, TypeError, EOFError) as error:
            raise DataError(
                f"cache: file {quoted(str(path))} must be an item of the cache, got a damaged file; delete it"
            ) from error
        return tuple(parts) if header["is_tuple"] else parts[0]

    def _write(self, path: Path, item: object, index: int) -> None:
        parts = _parts(item, index)
        header = {"is_tuple": isinstance(item, tuple), "parts": [_kind(part) for part in parts]}
        # several workers may write the same item: each replaces the whole file
        with atomic_file(path, synced=False) as temporary, temporary.open("wb") as file:
            np.save(file, np.frombuffer(json.dumps(header).encode(), np.uint8), allow_pickle=False)
            for part in parts:
                np.save(file, np.asarray(part), allow_pickle=False)


def _compared(length: int) -> list[int]:
    """The first position, the one in the middle, and the last."""
    return sorted({0, length // 2, length - 1}) if length else []


def _check_equal(one: object, other: object, index: int, advice: str = "") -> None:
    ours, theirs = _as_tuple(one), _as_tuple(other)
    if len(ours) != len(theirs) or not all(map(_are_equal, ours, theirs)):
        raise DataError(
            f"cache: an item must be the same at each read, got two different items {index}; cache before "
            f"random transforms{advice}"
        )


def _are_equal(one: object, other: object) -> bool:
    # bytes, since NaN is not equal to itself
    a, b = np.asarray(one), np.asarray(other)
    if a.dtype == object:
        return b.dtype == object  # not comparable
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def _as_tuple(item: object) -> tuple[Any, ...]:
    return item if isinstance(item, tuple) else (item,)


def _parts(item: object, index: int) -> tuple[Any, ...]:
    """The arrays and numbers of an item; ``WrongTypeError`` for anything else."""
    parts = _as_tuple(item)
    for part in parts:
        numeric = isinstance(part, (np.ndarray, np.generic, bool, int, float))
        if not numeric or np.asarray(part).dtype.kind not in "biufc":
            raise WrongTypeError(
                f"cache: with a folder, an item must be an array, a number or a tuple of these, got "
                f"{type(part).__name__} in item {index}; cache in memory, without a folder"
            )
    return parts


def _kind(part: object) -> Any:
    if isinstance(part, LabelArray):
        return {"classes": part.classes}
    if isinstance(part, np.ndarray):
        return "array"
    return "scalar" if isinstance(part, np.generic) else "number"


def _from_array(array: Any, kind: Any) -> Any:
    if kind == "array":
        return array
    if kind in ("scalar", "number"):
        return array[()] if kind == "scalar" else array.item()
    names = kind["classes"]
    return LabelArray.from_indices(array, None if names is None else tuple(names))


def _fingerprint(store: Reader[Any]) -> str:
    """A text that changes with the number of items and with their files."""
    digest = hashlib.sha256()
    for index in range(len(store)):
        for info in _flat(store.info(index)):
            exists = info.filename is not None and info.file_size is not None
            modified = _modified(Path(info.filename or "")) if exists else None
            digest.update(repr((str(info.filename), info.file_size, modified, info.label)).encode())
    return json.dumps({"layergraph_cache": 1, "num_items": len(store), "files": digest.hexdigest()})


def _modified(path: Path) -> object:
    """When a file changed, or each file of a folder of slices: the time of a folder stays."""
    if path.is_dir():
        return [(file.name, file.stat().st_mtime_ns) for file in sorted(path.iterdir())]
    return path.stat().st_mtime_ns


def _flat(info: Info) -> list[ItemInfo]:
    return [info] if isinstance(info, ItemInfo) else [part for parts in info for part in _flat(parts)]
