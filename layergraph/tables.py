"""A small read-only table of named columns, which prints as text, and as HTML in notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from operator import index
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from layergraph.errors import ArgumentError, WrongTypeError, did_you_mean
from layergraph.values import Value
from layergraph.wording import counted, quoted, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Table(Value):
    """Columns of equal length under their names, as NumPy arrays; a column is also an attribute.

    A column of numbers computes as any array does; a column of text or of mixed cells is an array of
    Python objects. The arrays are read-only. Rows count from 0; their cells are plain Python values.

    >>> table = Table({"name": ["Sky", "Road"], "pixel_count": [120, 80]})
    >>> print(table)
    name      pixel_count
    ------  -------------
    Sky               120
    Road               80
    >>> table.pixel_count / table.pixel_count.sum()
    array([0.6, 0.4])
    >>> table["pixel_count"][table.name == "Road"]
    array([80])
    >>> table[1]
    {'name': 'Road', 'pixel_count': 80}
    """

    def __init__(self, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> None:
        self._columns = {name: _column(values) for name, values in columns.items()}
        lengths = {name: len(column) for name, column in self._columns.items()}
        if len(set(lengths.values())) > 1:
            raise ArgumentError(f"Table: columns must have one length, got {lengths}")

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(self._columns)

    def __getattr__(self, name: str) -> NDArray[Any]:
        columns = self.__dict__.get("_columns", {})  # copy and pickle ask before __init__ sets it
        if name in columns:
            return columns[name]  # type: ignore[no-any-return]
        raise AttributeError(f"Table: there is no column {quoted(name)}{did_you_mean(name, columns)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._columns]

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    @overload
    def __getitem__(self, row: str) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, row: SupportsIndex) -> dict[str, Any]: ...
    def __getitem__(self, row: str | SupportsIndex) -> NDArray[Any] | dict[str, Any]:
        """The column of a name, or the row of a number.

        Raises:
            ArgumentError: no column has that name.
            IndexError: no row has that number.
            WrongTypeError: the key is neither.
        """
        if isinstance(row, str):
            if row not in self._columns:
                raise ArgumentError(
                    f"Table: there is no column {quoted(row)}{did_you_mean(row, self._columns)}"
                )
            return self._columns[row]
        # SupportsIndex includes NumPy's whole numbers, unlike int
        if not isinstance(row, SupportsIndex):
            raise WrongTypeError(
                f"Table: a key must be the name of a column or the number of a row, got {quoted(row)}"
            )
        row = index(row)
        if not -len(self) <= row < len(self):
            raise IndexError(f"Table: a row must be within its {counted(len(self), 'row')}, got {row}")
        # item gives a plain Python value, which JSON can write, unlike NumPy's numbers
        return {name: column.item(row) for name, column in self._columns.items()}

    def __contains__(self, item: object) -> bool:
        """Whether there is a column of that name, or such a row."""
        return item in self._columns if isinstance(item, str) else any(item == row for row in self)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[row] for row in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table) or self._columns.keys() != other._columns.keys():
            return False
        return all(_is_equal(column, other._columns[name]) for name, column in self._columns.items())

    # equal tables would need equal hashes, and arrays have none
    __hash__ = None  # type: ignore[assignment]

    def to_records(self) -> list[dict[str, Any]]:
        """One dictionary per row, for ``json.dumps`` or ``pandas.DataFrame``."""
        return list(self)

    def _lists(self) -> dict[str, list[Any]]:
        return {name: column.tolist() for name, column in self._columns.items()}

    def _repr_html_(self) -> str:
        # imported here: most programs print text
        from layergraph.notebook import table_html

        numbers = [all(type(cell) is not str for cell in column) for column in self._lists().values()]
        rows = [[_cell_text(cell) for cell in cells] for cells in zip(*self._lists().values(), strict=True)]
        return table_html([visible(name) for name in self._columns], rows, numbers)

    def __str__(self) -> str:
        # imported here: tabulate costs 40 ms, and most programs print no table
        from tabulate import tabulate

        cells = self._lists()
        # tabulate would parse a layer name such as "007" or "1e5" as a number
        texts = [i for i, column in enumerate(cells.values()) if any(type(cell) is str for cell in column)]
        shown = {
            name: [visible(cell) if isinstance(cell, str) else cell for cell in column]
            for name, column in cells.items()
        }
        return str(tabulate(shown, headers="keys", floatfmt=".5g", disable_numparse=texts))

    __repr__ = __str__


def _cell_text(cell: object) -> str:
    """A cell as in the printed table."""
    if cell is None:
        return ""
    return f"{cell:.5g}" if isinstance(cell, float) else visible(str(cell))


def _is_equal(a: NDArray[Any], b: NDArray[Any]) -> bool:
    import numpy as np

    # NumPy cannot look for NaN among objects
    return np.array_equal(a, b, equal_nan=a.dtype.kind == b.dtype.kind == "f")


def _column(values: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    """A read-only array: of numbers if all cells are real numbers, else of the cells as they are."""
    # imported here: a graph is built and printed without NumPy, which costs 60 ms
    import numpy as np

    if all(isinstance(value, Real | np.bool_) for value in values):
        # a copy, so that the caller's own array stays writable
        column = np.array(values)
    else:
        # NumPy's own text type pads every cell to the longest one, and drops NUL characters at its end
        column = np.fromiter(values, dtype=object, count=len(values))
    column.flags.writeable = False
    return column
