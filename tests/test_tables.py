"""Tables: columns by name, rows by number."""

import numpy as np
import pytest

from layergraph import ArgumentError
from layergraph.errors import WrongTypeError
from layergraph.tables import Table

TABLE = Table({"name": ["Sky", "Road"], "pixel_count": [120, 80]})


def test_a_name_gives_a_column_and_a_number_a_row():
    assert TABLE["pixel_count"] == TABLE.pixel_count == (120, 80)
    assert TABLE[-1] == TABLE[np.int64(1)] == {"name": "Road", "pixel_count": 80}
    assert "pixel_count" in TABLE
    assert "count" not in TABLE
    assert TABLE[0] in TABLE
    assert len(list(TABLE)) == 2


def test_what_is_not_there_is_named():
    with pytest.raises(ArgumentError, match="no column 'pixel_counts'; did you mean 'pixel_count'"):
        TABLE["pixel_counts"]
    with pytest.raises(IndexError, match="row 2 of a table with 2 rows"):
        TABLE[2]
    for wrong in (slice(1), 1.0, None):
        with pytest.raises(WrongTypeError, match="name of a column or the number of a row"):
            TABLE[wrong]


def test_a_table_does_not_change():
    table = Table({"name": ["a"]})
    with pytest.raises(AttributeError, match=r"^Table has no attribute 'names'"):
        table.names = ("b",)
