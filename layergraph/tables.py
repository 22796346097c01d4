"""A small read-only table: named columns, printed by tabulate, shown as HTML in notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import index
from typing import Any, SupportsIndex, overload

from layergraph.errors import ArgumentError, WrongTypeError, did_you_mean
from layergraph.values import Value
from layergraph.wording import quoted, visible


class Table(Value):
    """Columns of equal length under their names; a column is also an attribute. A row has a number from 0.

    >>> table = Table({"name": ["Sky", "Road"], "pixel_count": [120, 80]})
    >>> print(table)
    name      pixel_count
    ------  -------------
    Sky               120
    Road               80
    >>> table.pixel_count
    (120, 80)
    >>> table["pixel_count"]
    (120, 80)
    >>> table[1]
    {'name': 'Road', 'pixel_count': 80}
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._columns = {name: tuple(values) for name, values in columns.items()}
        lengths = {name: len(values) for name, values in self._columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of a table need one length, got {lengths}")

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(self._columns)

    def __getattr__(self, name: str) -> tuple[Any, ...]:
        columns = self.__dict__.get("_columns", {})
        if name in columns:
            return columns[name]  # type: ignore[no-any-return]
        raise AttributeError(f"no column {name!r}; the columns are {', '.join(columns)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._columns]

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    @overload
    def __getitem__(self, row: str) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, row: SupportsIndex) -> dict[str, Any]: ...
    def __getitem__(self, row: str | SupportsIndex) -> tuple[Any, ...] | dict[str, Any]:
        """The column of a name, or the row of a number.

        Raises:
            ArgumentError: no column has that name.
            IndexError: no row has that number.
            WrongTypeError: something that is neither.
        """
        if isinstance(row, str):
            if row not in self._columns:
                raise ArgumentError(
                    f"the table has no column {quoted(row)}{did_you_mean(row, self._columns)}"
                )
            return self._columns[row]
        if not isinstance(row, SupportsIndex):
            raise WrongTypeError(
                f"a table takes the name of a column or the number of a row, got {type(row).__name__}"
            )
        row = index(row)
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of a table with {len(self)} rows")
        return {name: values[row] for name, values in self._columns.items()}

    def __contains__(self, item: object) -> bool:
        """Whether there is a column of that name, or such a row."""
        return item in self._columns if isinstance(item, str) else any(item == row for row in self)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[row] for row in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self._columns == other._columns

    __hash__ = None  # type: ignore[assignment]

    def to_records(self) -> list[dict[str, Any]]:
        """One dictionary a row, ready for ``json.dumps`` where the cells are."""
        return list(self)

    def __str__(self) -> str:
        return self._formatted("simple")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self._formatted("html")

    def _formatted(self, style: str) -> str:
        # imported here: tabulate costs 40 ms, and most programs print no table
        from tabulate import tabulate

        # text stays as it is: a layer may be called "007" or "1e5"
        texts = [i for i, values in enumerate(self._columns.values()) if any(type(v) is str for v in values)]
        shown = {
            name: [visible(cell) if isinstance(cell, str) else cell for cell in values]
            for name, values in self._columns.items()
        }
        return str(tabulate(shown, headers="keys", tablefmt=style, floatfmt=".5g", disable_numparse=texts))
