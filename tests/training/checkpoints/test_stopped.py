"""A training that is stopped leaves a checkpoint of that iteration, from which it continues."""

import os
import signal

import numpy as np
import pytest

from layergraph import (
    BatchNormalizationLayer,
    Convolution2dLayer,
    DropoutLayer,
    ImageInputLayer,
    PixelClassificationLayer,
    SoftmaxLayer,
)
from layergraph.training import TrainingOptions, train_network

LAYERS = [
    ImageInputLayer((8, 8, 1), normalization="zscore"),
    Convolution2dLayer(3, 4, padding="same"),
    BatchNormalizationLayer(),
    DropoutLayer(0.5),
    Convolution2dLayer(1, 2),
    SoftmaxLayer(),
    PixelClassificationLayer(),
]


class Pairs:
    """Pairs of image and labels; a read in the given iteration stops the training."""

    def __init__(self, stop=lambda: None, iteration=None):
        self.stop, self.iteration, self.reads = stop, iteration, 0

    def __len__(self):
        return 6

    def __getitem__(self, index):
        # the first item is read once before the training, and all of them for the normalization
        self.reads += 1
        if self.iteration is not None and self.reads == 7 + 2 * self.iteration:
            self.stop()
        random = np.random.default_rng(index)
        return random.random((8, 8, 1), np.float32), random.integers(0, 2, (8, 8)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    """An empty folder for checkpoints."""
    return tmp_path / "checkpoints"


def train(data, resume_from=None, **options):
    settings = {
        **{"max_epochs": 4, "mini_batch_size": 2, "shuffle": "every-epoch", "seed": 0, "verbose": False},
        **{"batch_normalization_statistics": "moving", "device": "cpu", **options},
    }
    return train_network(data, LAYERS, TrainingOptions("adam", **settings), resume_from=resume_from)


def assert_continues(folder, iteration, **options):
    """The only checkpoint is of the iteration, and gives what a training without interruption gives."""
    (path,) = folder.iterdir()
    assert path.name.startswith(f"net_checkpoint__{iteration}__")
    (net, info), (expected_net, expected) = train(Pairs(), folder, **options), train(Pairs(), **options)
    state, expected_state = net.state_dict(), expected_net.state_dict()
    assert all(state[key].equal(expected_state[key]) for key in expected_state)
    assert info.training_loss == expected.training_loss


@pytest.mark.parametrize("iteration", [4, 5, 6])  # 6 is the end of an epoch
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal(folder, name, iteration):
    number = getattr(signal, name)
    usual = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
    before = signal.signal(number, usual)
    try:
        data = Pairs(lambda: os.kill(os.getpid(), number), iteration)
        _, info = train(data, checkpoint_path=folder, checkpoint_frequency=4)
    finally:
        signal.signal(number, before)
    assert info.stop_reason == ("Stopped manually." if name == "SIGINT" else f"Stopped by {name}.")
    assert len(info.training_loss) == iteration
    assert_continues(folder, iteration)


def test_an_output_function(folder, capsys):
    def stop(record):
        return record.iteration == 5

    # iteration 5 is due anyway, and is written once
    due = {"checkpoint_frequency": 5, "checkpoint_frequency_unit": "iteration"}
    _, info = train(Pairs(), checkpoint_path=folder, output_fcn=stop, verbose=True, **due)
    assert info.stop_reason == "Stopped by output function."
    (path,) = folder.iterdir()
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "Training finished: Stopped by output function.",
        f"Wrote {path.name}; continue with resume_from={str(folder)!r} (in a shell: --resume).",
    ]
    assert_continues(folder, 5)


def test_the_validation_criterion(folder):
    # a rate this small changes no loss
    options = {"validation_data": Pairs(), "validation_frequency": 2, "initial_learn_rate": 1e-30}
    _, info = train(Pairs(), checkpoint_path=folder, checkpoint_frequency=9, validation_patience=2, **options)
    assert info.stop_reason == "Met validation criterion."
    assert_continues(folder, len(info.training_loss), **options)


def test_a_training_that_ends_by_itself_leaves_none(folder, capsys):
    train(Pairs(), checkpoint_path=folder, checkpoint_frequency=9, verbose=True)
    assert [*folder.iterdir()] == []
    assert capsys.readouterr().out.endswith("Max epochs completed.\n")
