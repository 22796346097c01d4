"""Reading the items of a store one after the other, as MATLAB's ``read`` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

from layergraph.data.item_sequence import Item, ItemSequence
from layergraph.errors import DataError
from layergraph.layers import arguments
from layergraph.progress import with_progress


@dataclass(frozen=True)
class ItemInfo:
    """What is known of an item without reading it: MATLAB's ``info``. ``None`` where it is unknown.

    ``filename`` is the path, ``file_size`` the bytes of the file, ``label`` the class of the whole image.
    """

    filename: Path | None = None
    file_size: int | None = None
    label: str | None = None


Info = ItemInfo | tuple[Any, ...]
"""The information of an item, or of each part of an item."""


class Reader(ItemSequence[Item]):
    """Items that can be read in turn. The reading position is the one thing that changes in a store.

    A new store, and so each subset, shuffle, transform and combination, starts at its first item. Training,
    counting and access by index neither use nor move the position.
    """

    @property
    def files(self) -> tuple[Path, ...] | None:
        """The file of each item of this store or of its first part that reads files, or ``None``."""
        return None

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The class name of each item as a whole, or ``None``."""
        return None

    @property
    def read_size(self) -> int:
        """The number of items per ``read``."""
        return 1

    def info(self, index: int) -> Info:
        """What is known of the item at a position, ``0 <= index < len``, without reading it."""
        file = None if self.files is None else self.files[index]
        size = file.stat().st_size if file is not None and file.exists() else None
        return ItemInfo(file, size, None if self.labels is None else self.labels[index])

    @overload
    def read(self, *, return_info: Literal[False] = ...) -> Any: ...
    @overload
    def read(self, *, return_info: Literal[True]) -> tuple[Any, Any]: ...
    def read(self, *, return_info: bool = False) -> Any:
        """The next item, or with a ``read_size`` above 1 the list of the next items.

        With ``return_info=True``, the pair of it and its :class:`ItemInfo` (of a combined store a tuple
        of these), or the list of these. At the end, a list has the items that remain. Raises ``DataError``
        after the last item. Unreadable items are skipped: the next call
        reads the item after them.

        >>> from tempfile import TemporaryDirectory
        >>> from layergraph.data import triangle_images
        >>> with TemporaryDirectory() as folder:
        ...     images, labels = triangle_images(folder, n=2)
        ...     while images.hasdata():
        ...         image, info = images.read(return_info=True)
        ...         image.shape, info.filename.name
        ((32, 32, 1), 'image_001.png')
        ((32, 32, 1), 'image_002.png')
        """
        name, start = type(self).__name__, self._next_position
        is_single, has_info = self.read_size == 1, arguments.flag("read", "return_info", return_info)
        if not self.hasdata():
            raise DataError(
                f"read: {name} must have an item left, got the end after {len(self)}; reset() starts again, "
                "and hasdata() tells whether there is one"
            )
        indices = range(start, min(start + self.read_size, len(self)))
        # before the items: a loop that catches the error of a damaged file would never end
        vars(self)["_read_position"] = indices.stop
        items = [self.read_item(index) for index in indices]
        infos = [self.info(index) for index in indices] if has_info else []
        if is_single:
            return (items[0], infos[0]) if has_info else items[0]
        return (items, infos) if has_info else items

    def hasdata(self) -> bool:
        """Whether an item is left to ``read``."""
        return self._next_position < len(self)

    def reset(self) -> None:
        """Go back to the first item."""
        vars(self)["_read_position"] = 0

    def preview(self) -> Item:
        """The first item; the reading position stays. Raises ``DataError`` for an empty store."""
        if not len(self):
            raise DataError(f"preview: {type(self).__name__} must have an item, got none")
        return self.read_item(0)

    def readall(self, *, verbose: bool = True) -> list[Item]:
        """All items, in memory at once; the reading position stays.

        ``verbose`` shows a progress bar on stderr, if stderr is a terminal.
        """
        indices = with_progress(range(len(self)), "Reading", len(self), shown=verbose)
        return [self.read_item(index) for index in indices]

    @property
    def _next_position(self) -> int:
        # subclasses of users need not call __init__, and may be frozen dataclasses
        return int(vars(self).get("_read_position", 0))
