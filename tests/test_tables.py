"""Tables: columns by name, rows by number."""

import copy
import pickle

import numpy as np
import pytest

from layergraph import ArgumentError
from layergraph.errors import WrongTypeError
from layergraph.tables import Table

TABLE = Table({"name": ["Sky", "Road"], "pixel_count": [120, 80]})


def test_a_name_gives_a_column_and_an_integer_gives_a_row():
    assert TABLE["pixel_count"] is TABLE.pixel_count
    assert TABLE.pixel_count.tolist() == [120, 80]
    assert TABLE[-1] == TABLE[np.int64(1)] == {"name": "Road", "pixel_count": 80}
    assert "pixel_count" in TABLE
    assert "count" not in TABLE
    assert TABLE[0] in TABLE
    assert len(list(TABLE)) == 2


def test_columns_are_read_only_arrays():
    assert (TABLE.pixel_count / 40).tolist() == [3, 2]
    assert TABLE.pixel_count[TABLE.name == "Road"].tolist() == [80]
    with pytest.raises(ValueError, match="read-only"):
        TABLE.pixel_count[0] = 1
    given = np.arange(3, dtype=np.uint8)
    table = Table({"count": given})
    given[0] = 7
    assert table.count.tolist() == [0, 1, 2]
    assert table.count.dtype == np.uint8


def test_cells_keep_their_types():
    columns = {
        "text": ["a\0", "b" * 50],
        "size": [(3, 3), ()],
        "mixed": [None, 2.5],
        "flag": [True, False],
        "large": [10**30, 1],
    }
    table = Table(columns)
    assert table.to_records() == [
        dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    ]
    assert [type(cell) for cell in table[1].values()] == [str, tuple, float, bool, int]


def test_tables_are_equal_by_their_cells():
    nan = float("nan")
    assert Table({"x": [1.0, nan]}) == Table({"x": np.array([1.0, nan])})
    assert Table({"x": [1]}) != Table({"x": [2]})
    assert Table({"x": [1]}) != Table({"y": [1]})
    assert Table({"x": ["1"]}) != Table({"x": [1]})
    assert Table({}) == Table({})


def test_columns_must_have_one_length():
    with pytest.raises(ArgumentError, match=r"^Table: columns must have one length, got \{'a': 1, 'b': 2\}$"):
        Table({"a": [1], "b": [1, 2]})


def test_a_missing_column_or_row_is_named():
    with pytest.raises(
        ArgumentError, match=r"^Table: there is no column 'pixel_counts'; did you mean 'pixel_count'"
    ):
        TABLE["pixel_counts"]
    with pytest.raises(IndexError, match=r"^Table: a row must be within its 2 rows, got 2$"):
        TABLE[2]
    for wrong in (slice(1), 1.0, None):
        with pytest.raises(WrongTypeError, match="name of a column or the number of a row"):
            TABLE[wrong]


def test_copies_and_pickles_are_equal():
    for copied in (copy.deepcopy(TABLE), pickle.loads(pickle.dumps(TABLE))):
        assert copied == TABLE


def test_a_table_is_immutable():
    table = Table({"name": ["a"]})
    with pytest.raises(AttributeError, match=r"^Table has no attribute 'names'"):
        table.names = ("b",)
