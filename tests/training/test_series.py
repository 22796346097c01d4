"""The series of a training."""

import math

import pytest
import torch

from layergraph.training.series import Numbers, Row, Series


def filled(monkeypatch, count=3):
    """A series whose iteration i has loss i / 2, accuracy 10 i, and two seconds per iteration."""
    clock = iter(range(100, 1000, 2))
    monkeypatch.setattr("layergraph.training.series.time.monotonic", lambda: float(next(clock)))
    series = Series()
    series.start()
    for i in range(1, count + 1):
        series.add(torch.tensor(i / 2), torch.tensor(10.0 * i), learn_rate=0.1 / i, epoch=(i + 1) // 2)
    series.validation[2] = (0.25, 80.0)
    return series


def test_numbers_and_rows(monkeypatch):
    series = filled(monkeypatch)
    assert len(series) == 3
    assert series.row(2) == Row(1, 2, 4.0, 1.0, 20.0, 0.05, (0.25, 80.0))
    series.add(torch.tensor(math.nan), torch.tensor(1), learn_rate=1, epoch=3)
    assert series.row(1).validation is None
    assert math.isnan(series.row(4).loss)
    assert series.numbers().epochs == [1, 1, 2, 3]
    assert series.numbers().seconds == [2, 4, 6, 8]
    assert [row.iteration for row in series.rows(3, 4)] == [3, 4]
    assert series.rows(5, 4) == []


def test_numbers_are_copies(monkeypatch):
    series = filled(monkeypatch)
    numbers = series.numbers()
    numbers.losses.clear()
    numbers.validation.clear()
    assert series.numbers().losses == [0.5, 1.0, 1.5]
    assert series.validation == {2: (0.25, 80.0)}


@pytest.mark.parametrize(("kept", "validations"), [(0, 0), (1, 0), (2, 1), (9, 1)])
def test_truncation(monkeypatch, kept, validations):
    series = filled(monkeypatch)
    series.truncate(kept)
    numbers = series.numbers()
    assert {len(column) for column in numbers[:5]} == {min(kept, 3)}
    assert len(numbers.validation) == validations


def test_a_restored_series_is_equal_and_continues_its_times(monkeypatch):
    series = filled(monkeypatch)
    series.validation[3] = (math.inf, 1.0)
    state = {name: tensor.clone() for name, tensor in series.state_dict().items()}
    other = Series()
    other.load_state_dict(state)
    assert other.numbers() == series.numbers()
    other.start()
    other.add(torch.tensor(1.0), torch.tensor(1.0), learn_rate=1, epoch=2)
    assert other.row(4).seconds == 8.0
    assert [type(epoch) for epoch in other.numbers().epochs] == [int] * 4


def test_an_empty_series_can_be_stored():
    series = Series()
    series.load_state_dict(Series().state_dict())
    assert series.numbers() == Numbers([], [], [], [], [], {})
