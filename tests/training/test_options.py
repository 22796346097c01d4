"""TrainingOptions: defaults and errors."""

import dataclasses

import pytest

from layergraph import ArgumentError
from layergraph.training import TrainingOptions


@pytest.mark.parametrize(
    ("solver", "expected"),
    [
        ("sgdm", (0.01, 0.9, None, None, None)),
        ("adam", (0.001, None, 0.9, 0.999, 1e-8)),
        ("rmsprop", (0.001, None, None, 0.9, 1e-8)),
    ],
)
def test_defaults_of_each_solver(solver, expected):
    options = TrainingOptions(solver)
    decays = (options.gradient_decay_factor, options.squared_gradient_decay_factor)
    assert (options.initial_learn_rate, options.momentum, *decays, options.epsilon) == expected


def test_other_defaults_are_matlabs():
    options = TrainingOptions("sgdm")
    assert (options.max_epochs, options.mini_batch_size, options.verbose_frequency) == (30, 128, 50)
    assert (options.shuffle, options.l2_regularization) == ("once", 1e-4)
    assert options.batch_normalization_statistics == "population"


def test_words_in_any_case_and_the_numbers_of_matlab():
    options = TrainingOptions("SGDM", shuffle="Every-Epoch", device="CPU", verbose=0, max_epochs=20.0)
    assert (options.solver, options.shuffle, options.device) == ("sgdm", "every-epoch", "cpu")
    assert (options.verbose, options.max_epochs) == (False, 20)
    assert isinstance(options.max_epochs, int)
    assert options == TrainingOptions(
        "sgdm", shuffle="every-epoch", device="cpu", verbose=False, max_epochs=20
    )


def test_the_device_has_matlabs_name_too():
    options = TrainingOptions("adam", execution_environment="cpu")  # type: ignore[call-arg]
    assert options == TrainingOptions("adam", device="cpu")
    assert options.execution_environment == "cpu"
    with pytest.raises(ArgumentError, match=r"^TrainingOptions: device must be given once"):
        TrainingOptions("adam", execution_environment="cpu", device="cpu")


REFUSED = [
    ({"solver": "sgd"}, "solver must be 'sgdm', 'adam' or 'rmsprop', got 'sgd'"),
    (
        {"initial_learn_rate": 0},
        "initial_learn_rate must be a finite number above 0, at most 1e+30, got 0",
    ),
    (
        {"initial_learn_rate": float("nan")},
        "initial_learn_rate must be a finite number above 0, at most 1e+30, got nan",
    ),
    (
        {"initial_learn_rate": "fast"},
        "initial_learn_rate must be a finite number above 0, at most 1e+30, got 'fast'",
    ),
    (
        {"initial_learn_rate": 1e300},
        "initial_learn_rate must be a finite number above 0, at most 1e+30, got 1e+300",
    ),
    ({"max_epochs": 0}, "max_epochs must be a whole number of at least 1, got 0"),
    ({"max_epochs": 2.5}, "max_epochs must be a whole number of at least 1, got 2.5"),
    ({"mini_batch_size": True}, "mini_batch_size must be a whole number of at least 1, got True"),
    ({"shuffle": True}, "shuffle must be 'once', 'never' or 'every-epoch', got True"),
    ({"momentum": 1.5}, "momentum must be a finite number from 0 to 1, got 1.5"),
    (
        {"l2_regularization": -1},
        "l2_regularization must be a finite number from 0 to 1e+30, got -1",
    ),
    (
        {"solver": "adam", "gradient_decay_factor": 1},
        "gradient_decay_factor must be a finite number from 0 to below 1, got 1",
    ),
    (
        {"solver": "rmsprop", "squared_gradient_decay_factor": -0.1},
        "squared_gradient_decay_factor must be a finite number from 0 to below 1, got -0.1",
    ),
    ({"solver": "adam", "epsilon": 0}, "epsilon must be a finite number above 0, at most 1e+30, got 0"),
    (
        {"solver": "adam", "momentum": 0.9},
        "momentum must be None for the solver 'adam', got 0.9; it is an option of 'sgdm'",
    ),
    (
        {"epsilon": 1e-8},
        "epsilon must be None for the solver 'sgdm', got 1e-08; it is an option of 'adam' and 'rmsprop'",
    ),
    (
        {"solver": "rmsprop", "gradient_decay_factor": 0.9},
        "gradient_decay_factor must be None for the solver 'rmsprop', got 0.9; it is an option of 'adam'",
    ),
    (
        {"batch_normalization_statistics": "none"},
        "batch_normalization_statistics must be 'population' or 'moving', got 'none'",
    ),
    ({"verbose": 2}, "verbose must be True or False, got 2"),
    ({"verbose_frequency": 0}, "verbose_frequency must be a whole number of at least 1, got 0"),
    ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
    ({"seed": 2**32}, "seed must be below 2^32, got 4294967296"),
    ({"device": "cuda"}, "device must be 'auto', 'cpu' or 'gpu', got 'cuda'"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_errors_are_one_sentence(arguments, message):
    with pytest.raises(ArgumentError) as caught:
        TrainingOptions(**{"solver": "sgdm", **arguments})
    assert str(caught.value) == f"TrainingOptions: {message}"


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize("name", ["initial_learn_rate", "momentum", "mini_batch_size", "seed"])
def test_numbers_of_many_digits(name, digits):
    with pytest.raises(ArgumentError, match=f"^TrainingOptions: {name} "):
        TrainingOptions("sgdm", **{name: 10**digits})


def test_options_are_a_value():
    options = TrainingOptions("adam", seed=3)
    assert dataclasses.replace(options, max_epochs=5) == TrainingOptions("adam", seed=3, max_epochs=5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.max_epochs = 5  # type: ignore[misc]
