"""Schedules of the learning rate: their formulas, and the rates of a training."""

import math

import pytest
import torch

from layergraph import ArgumentError, WrongTypeError
from layergraph.training import (
    CosineLearnRate,
    ExponentialLearnRate,
    PiecewiseLearnRate,
    PolynomialLearnRate,
    WarmupLearnRate,
)
from layergraph.training.optimization.schedule_series import learn_rate_factor


def rates(train, tiny, pairs, **options):
    """The base learning rates of a training with 4 iterations in each of 3 epochs."""
    settings = {"mini_batch_size": 2, "max_epochs": 3, "initial_learn_rate": 0.5, **options}
    return train(pairs(8), tiny(), **settings)[1].base_learn_rate


EXPECTED = {
    "none": lambda i: 1,
    "piecewise": lambda i: 0.1 ** (i // 8),
    "warmup": lambda i: min(0.1 + 0.18 * i, 1),
    "cosine": lambda i: (1 + math.cos(math.pi * i / 12)) / 2,
    "polynomial": lambda i: (1 - i / 12) ** 0.9,
    "exponential": lambda i: 0.1 ** (i // 4),
}


@pytest.mark.parametrize("word", EXPECTED)
def test_the_rates_of_a_training(tiny, pairs, train, word):
    found = rates(train, tiny, pairs, learn_rate_schedule=word, learn_rate_drop_period=2)
    assert found == pytest.approx([0.5 * EXPECTED[word](i) for i in range(12)], rel=1e-12)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (PiecewiseLearnRate(drop_factor=0.5, period=3, frequency_unit="iteration"), [1, 1, 1, 0.5, 0.5, 0.5]),
        (PiecewiseLearnRate(drop_factor=0, period=1), [1, 1, 0, 0, 0, 0]),
        (ExponentialLearnRate(drop_factor=0.25, period=2), [1, 1, 0.5, 0.5, 0.25, 0.25]),
        (WarmupLearnRate(initial_factor=0.5, final_factor=2, num_steps=2), [0.5, 1.25, 2, 2, 2, 2]),
        (WarmupLearnRate(initial_factor=0, num_steps=2, frequency_unit="epoch"), [0, 0, 0.5, 0.5, 1, 1]),
        (PolynomialLearnRate(power=1, num_steps=4, final_factor=0.2), [1, 0.8, 0.6, 0.4, 0.2, 0.2]),
        (PolynomialLearnRate(power=1, frequency_unit="epoch"), [1, 1, 2 / 3, 2 / 3, 1 / 3, 1 / 3]),
        (CosineLearnRate(period=2), [1, 0.5, 1, 0.5, 1, 0.5]),
        (CosineLearnRate(period=2, period_growth_factor=2, final_factor=0.5), [1, 0.75, 1, None, 0.75, None]),
    ],
    ids=str,
)
def test_factors(schedule, expected):
    found = [learn_rate_factor([schedule], i, 2, 6) for i in range(6)]
    known = [(f, e) for f, e in zip(found, expected, strict=True) if e is not None]
    assert [f for f, _ in known] == pytest.approx([e for _, e in known])


def test_a_series_in_which_each_starts_where_the_one_before_ends():
    series = [
        WarmupLearnRate(initial_factor=0, num_steps=3),
        PolynomialLearnRate(power=1, num_steps=2, frequency_unit="epoch", final_factor=0.5),
        CosineLearnRate(),
    ]
    found = [learn_rate_factor(series, i, 2, 11) for i in range(11)]
    wave = [(1 + math.cos(math.pi * i / 4)) / 2 for i in range(4)]
    assert found == pytest.approx([0, 1 / 3, 2 / 3, 1, 1, 0.75, 0.75, *wave])


def test_a_series_of_words(tiny, pairs, train):
    found = rates(train, tiny, pairs, learn_rate_schedule=["warmup", "polynomial"])
    warm = [0.5 * (0.1 + 0.18 * i) for i in range(5)]
    assert found == pytest.approx(warm + [0.5 * (1 - i / 7) ** 0.9 for i in range(7)])


@pytest.mark.parametrize("factor", [1, 3])
def test_a_scheduler_of_torch_steps_per_epoch_or_iteration(tiny, pairs, train, factor):
    def schedule(optimizer):
        return torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

    lgraph = tiny(weight_learn_rate_factor=factor)
    found = rates(train, lambda: lgraph, pairs, learn_rate_schedule=schedule)
    assert found == pytest.approx([0.5] * 4 + [0.25] * 4 + [0.125] * 4)
    found = rates(
        train,
        lambda: lgraph,
        pairs,
        learn_rate_schedule=lambda optimizer: {"scheduler": schedule(optimizer), "interval": "step"},
    )
    assert found == pytest.approx([0.5**i for i in range(1, 13)])


def test_functions_that_return_no_scheduler(tiny, pairs, refusal):
    assert refusal(pairs(), tiny(), learn_rate_schedule=lambda _: 3, error=WrongTypeError) == (
        "TrainingOptions: the function of learn_rate_schedule must return a scheduler of torch, or a dict "
        "with one as 'scheduler', got an object of type int"
    )
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau
    text = refusal(pairs(), tiny(), learn_rate_schedule=plateau, error=WrongTypeError)
    assert "must not be ReduceLROnPlateau without validation_data" in text


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (PolynomialLearnRate, {"power": -1}, "power must be a finite number of at least 0, got -1"),
        (WarmupLearnRate, {"num_steps": 0}, "num_steps must be a whole number of at least 1, got 0"),
        (CosineLearnRate, {"period_growth_factor": 0.5}, "a finite number of at least 1, got 0.5"),
        (PiecewiseLearnRate, {"frequency_unit": "step"}, "must be 'epoch' or 'iteration', got 'step'"),
    ],
)
def test_wrong_values(kind, arguments, message):
    with pytest.raises(ArgumentError) as caught:
        kind(**arguments)
    assert str(caught.value).startswith(f"{kind.__name__}: ")
    assert message in str(caught.value)


def test_values_in_the_forms_of_scripts():
    assert PiecewiseLearnRate(period=5.0, frequency_unit="Epoch") == PiecewiseLearnRate(period=5)
