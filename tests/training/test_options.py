"""TrainingOptions: defaults and errors."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from layergraph import ArgumentError
from layergraph.training import CosineLearnRate, TrainingOptions, WarmupLearnRate


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


def test_the_execution_environment_has_its_older_name_too():
    options = TrainingOptions("adam", device="cpu")  # type: ignore[call-arg]
    assert options == TrainingOptions("adam", execution_environment="cpu")
    assert options.device == "cpu"
    with pytest.raises(ArgumentError, match=r"^TrainingOptions: execution_environment must be given once"):
        TrainingOptions("adam", execution_environment="cpu", device="cpu")


REFUSED = [
    ({"solver": "sgd"}, "solver must be 'sgdm', 'adam', 'rmsprop' or 'lbfgs', got 'sgd'"),
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
    (
        {"device": "cuda"},
        "execution_environment must be 'auto', 'cpu', 'gpu', 'multi-gpu' or 'parallel', got 'cuda'",
    ),
    ({"learn_rate_drop_factor": 2}, "learn_rate_drop_factor must be a finite number from 0 to 1, got 2"),
    ({"learn_rate_drop_period": 0}, "learn_rate_drop_period must be a whole number of at least 1, got 0"),
    (
        {"learn_rate_schedule": "poly"},
        "learn_rate_schedule must be 'none', 'piecewise', 'warmup', 'cosine', 'polynomial', 'exponential' or "
        "a schedule such as PolynomialLearnRate(), a list of these, or a function of the optimizer, got "
        "'poly'",
    ),
    (
        {"learn_rate_schedule": ["piecewise", "cosine"]},
        "learn_rate_schedule must have only one schedule without an end, the last, got PiecewiseLearnRate "
        "before others; put it last",
    ),
    (
        {"gradient_threshold": 0},
        "gradient_threshold must be a finite number above 0, at most 1e+30, got 0",
    ),
    (
        {"gradient_threshold_method": "norm"},
        "gradient_threshold_method must be 'l2norm', 'global-l2norm' or 'absolute-value', got 'norm'",
    ),
    ({"validation_patience": 0}, "validation_patience must be a whole number of at least 1, got 0"),
    (
        {"validation_frequency": "often"},
        "validation_frequency must be a whole number of at least 1, got 'often'",
    ),
    (
        {"output_network": "best"},
        "output_network must be 'last-iteration', 'best-validation-loss' or 'auto', got 'best'",
    ),
    ({"checkpoint_path": 3}, "checkpoint_path must be the path of a folder, got 3"),
    (
        {"output_fcn": "print"},
        "output_fcn must be a function, or several, got 'print'; give the function itself, without calling "
        "it",
    ),
    (
        {"logger": ["csv", "wandb"]},
        "logger must be 'csv', 'tensorboard', a logger of Lightning or several of these, got 'wandb'",
    ),
    ({"sequence_length": 9}, "sequence_length must be 'longest', got 9; there are no sequences"),
    (
        {"worker_load": 0.5},
        "worker_load must be None, got 0.5; all devices get equal parts; num_workers is the number of "
        "reading processes",
    ),
    ({"precision": 16}, "precision must be '32-true', '64-true', '16-mixed' or 'bf16-mixed', got 16"),
    ({"num_workers": -1}, "num_workers must be a whole number of at least 0, got -1"),
    ({"compile": "yes"}, "compile must be True or False, got 'yes'"),
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


def test_the_values_of_scripts_have_one_form():
    options = TrainingOptions(
        "sgdm",
        validation_data=[],
        validation_patience=4.0,
        worker_load=[],
        sequence_length="Longest",
        sequence_padding_value=0.0,
        checkpoint_path=[],
        output_fcn=print,
        logger="TensorBoard",
        learn_rate_schedule=["Piecewise"],
        compile=0,
        reset_input_normalization=1,
        gradient_threshold=np.float32(0.5),
    )
    assert options == TrainingOptions(
        "sgdm",
        validation_patience=4,
        output_fcn=(print,),
        logger=("tensorboard",),
        learn_rate_schedule="piecewise",
        gradient_threshold=0.5,
    )
    assert (options.validation_data, options.checkpoint_path, options.validation_patience) == (None, "", 4)


RECORDED = [
    TrainingOptions("adam"),
    TrainingOptions("sgdm", validation_patience=4, gradient_threshold=2, checkpoint_path=Path("somewhere")),
    TrainingOptions("rmsprop", learn_rate_schedule="piecewise", seed=5, logger="csv"),
    TrainingOptions(
        "sgdm",
        learn_rate_schedule=[WarmupLearnRate(num_steps=3), "polynomial"],
        gradient_threshold_method="absolute-value",
    ),
    TrainingOptions("sgdm", learn_rate_schedule=CosineLearnRate(period=7, period_growth_factor=2)),
]


@pytest.mark.parametrize("options", RECORDED, ids=str)
def test_a_record_and_back(options):
    record = json.loads(json.dumps(options.to_dict(), allow_nan=False))
    assert TrainingOptions.from_dict(record) == options
    assert eval(repr(options)) == options


def test_a_record_leaves_out_what_json_cannot_hold():
    options = TrainingOptions(
        "sgdm", validation_data=[1], output_fcn=print, learn_rate_schedule=lambda _: None
    )
    assert "validation_data" not in options.to_dict()
    assert TrainingOptions.from_dict(options.to_dict()) == TrainingOptions("sgdm")


def test_wrong_records():
    for record, message in (
        ({"solver": "adam", "max_epoch": 3}, "got 'max_epoch'; did you mean 'max_epochs'?"),
        ({"max_epochs": 3}, "solver must be 'sgdm', 'adam', 'rmsprop' or 'lbfgs', got ''"),
        (
            {"solver": "adam", "learn_rate_schedule": {"type": "poly"}},
            "the type of a learn_rate_schedule must be 'piecewise', ",
        ),
        (
            {"solver": "adam", "learn_rate_schedule": {"type": "warmup", "steps": 3}},
            "the learn_rate_schedule WarmupLearnRate must have fields of initial_factor, final_factor, "
            "num_steps, frequency_unit, got 'steps'",
        ),
    ):
        with pytest.raises(ArgumentError) as caught:
            TrainingOptions.from_dict(record)
        assert message in str(caught.value)


def test_the_text_shows_what_differs():
    assert repr(TrainingOptions("adam")) == "TrainingOptions('adam')"
    options = TrainingOptions("adam", validation_data=[1], max_epochs=3, initial_learn_rate=1e-4)
    assert repr(options) == (
        "TrainingOptions('adam', initial_learn_rate=0.0001, max_epochs=3, validation_data=...)"
    )
