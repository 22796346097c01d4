"""Fixtures of the training tests: a tiny network, a few images, and functions that train."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from layergraph import (
    BatchNormalizationLayer,
    Convolution2dLayer,
    ImageInputLayer,
    LayerGraph,
    LayergraphError,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
)
from layergraph.training import TrainingOptions, train_network


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    """No file may appear in the working directory."""
    folder = tmp_path / "working"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield
    assert not [*folder.iterdir()]


@pytest.fixture
def tiny() -> Callable[..., LayerGraph]:
    """Two convolutions for 6×6 gray images and two classes; options of the first and of the input."""

    def build(normalization="none", batch_norm=False, classes=2, channels=1, **options) -> LayerGraph:
        layers = [
            ImageInputLayer((6, 6, channels), name="image", normalization=normalization),
            Convolution2dLayer(3, 4, padding=1, name="conv1", **options),
            *([BatchNormalizationLayer(name="bn")] if batch_norm else []),
            ReluLayer(name="relu"),
            Convolution2dLayer(1, classes, name="conv2"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="labels"),
        ]
        return LayerGraph(layers)

    return build


@pytest.fixture
def pairs() -> Callable[..., list]:
    """Images of noise, brighter where the class is 1."""

    def make(count=6, size=(6, 6), channels=1, seed=0):
        random = np.random.default_rng(seed)
        made = []
        for _ in range(count):
            target = random.integers(0, 2, size).astype(np.uint8)
            noise = random.normal(0, 0.5, (*size, channels))
            made.append(((noise + target[..., None]).astype(np.float32), target))
        return made

    return make


@pytest.fixture
def train() -> Callable[..., tuple]:
    """train_network, silent and seeded, with options by name."""

    def call(data, lgraph, solver="sgdm", resume_from=None, **options):
        settings = {"max_epochs": 1, "mini_batch_size": 4, "verbose": False, "seed": 0, "device": "cpu"}
        chosen = TrainingOptions(solver, **{**settings, **options})
        return train_network(data, lgraph, chosen, resume_from=resume_from)

    return call


@pytest.fixture
def refusal(train) -> Callable[..., str]:
    """The text of the error that training must end with."""

    def call(*arguments, error=LayergraphError, **options):
        with pytest.raises(error) as caught:
            train(*arguments, **options)
        return str(caught.value)

    return call


@pytest.fixture
def masked() -> Callable[[str], str]:
    """A log with its times and the number of threads replaced."""
    return lambda text: re.sub(r"\d+ threads?", "N threads", re.sub(r"\d\d:\d\d:\d\d", "hh:mm:ss", text))
