"""A table of layers as a pandas data frame."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from layergraph.analyze.table.columns import COLUMNS
from layergraph.errors import MissingExtraError

if TYPE_CHECKING:
    from pandas import DataFrame

    from layergraph.analyze.table.rows import LayerRows


def data_frame(table: LayerRows) -> DataFrame:
    """A data frame with the columns of a table; counts are integers, missing where they are unknown.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    try:
        pandas: Any = import_module("pandas")
    except ModuleNotFoundError:
        raise MissingExtraError(
            'a data frame needs the package pandas, which is not installed: pip install "layergraph[pandas]"'
        ) from None
    arrays = {}
    for index, name in enumerate(table.columns):
        kind = COLUMNS[name].kind
        # a number is never blank: blocks have the sum or the first value of their layers
        values = [row.values[index] for row in table.rows]
        if kind.number:
            # int64 cannot hold a missing value, and float64 would round large counts
            arrays[name] = pandas.array(values, dtype="Int64")
        else:
            arrays[name] = pandas.array([str(kind.plain(value)) for value in values], dtype="object")
    return pandas.DataFrame(arrays, columns=list(table.columns))
