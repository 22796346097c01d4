"""The reading of mini-batches in this process and in workers."""

import multiprocessing
import os
import random
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import torch

from layergraph import DataError
from layergraph.data import ImageDatastore, PixelLabelDatastore, combine, transform, write_image
from layergraph.data.datastore import Datastore
from layergraph.errors import DataWarning, WrongTypeError
from layergraph.training.batches import loader as loader_module
from layergraph.training.batches.items import Items
from layergraph.training.batches.loader import BatchLoader
from layergraph.training.batches.mini_batches import MiniBatches

WORKERS = pytest.mark.parametrize("num_workers", [0, 2])


class Pairs(Datastore):
    """Pairs, which a function may change before the read of each."""

    def __init__(self, pairs, before=lambda index: None):
        self.pairs, self.before = pairs, before

    def __len__(self):
        return len(self.pairs)

    def read_item(self, index):
        self.before(index)
        return self.pairs[index]


def noisy(pair):
    """Add random numbers of all three global generators."""
    image, target = pair
    return image + random.random() + np.random.rand() + torch.rand(()).item(), target


def tensors(batch):
    """The tensors of a mini-batch of one input and one output layer."""
    return *batch.images, *batch.targets


@pytest.fixture
def read(tiny):
    """A function that reads some epochs."""

    loaders = []

    def call(data, num_workers, epochs=1, start=0, seed=7):
        items = Items(data, tiny())
        items.seed = seed
        batches = MiniBatches(len(items), 2, "every-epoch", seed, start=start)
        loader = BatchLoader(items, batches, num_workers=num_workers)
        loaders.append(loader)
        found = []
        for epoch in range(start // len(batches), epochs):
            batches.set_epoch(epoch)
            found += loader
        return found, items

    yield call
    for loader in loaders:
        loader.close()
    assert not multiprocessing.active_children()


@WORKERS
def test_random_transforms_depend_on_seed_epoch_and_item_alone(read, pairs, num_workers):
    data = transform(Pairs(pairs(6)), noisy)
    here, _ = read(data, 0, epochs=2)
    states = random.getstate(), torch.get_rng_state()
    there, _ = read(data, num_workers, epochs=2)
    later, _ = read(data, num_workers, epochs=2, start=2)
    other, _ = read(data, num_workers, epochs=2, seed=8)
    assert len(there) == 6
    for one, two in zip(here, there, strict=True):
        assert all(a.equal(b) for a, b in zip(tensors(one), tensors(two), strict=True))
    for one, two in zip(here[2:], later, strict=True):
        assert all(a.equal(b) for a, b in zip(tensors(one), tensors(two), strict=True))
    assert not any(one.images[0].equal(two.images[0]) for one, two in zip(here, other, strict=True))
    # each item differs from epoch to epoch, not only in its place
    first, second = (
        torch.cat([b.images[0] for b in part]).mean(dim=(1, 2, 3)) for part in (here[:3], here[3:])
    )
    assert not set(first.tolist()) & set(second.tolist())
    # the reading takes no random number that dropout would take
    assert states[0] == random.getstate()
    assert torch.equal(states[1], torch.get_rng_state())


def test_workers_keep_what_they_opened(read, pairs):
    opened = []
    data = Pairs(pairs(4), lambda index: opened.append(os.getpid()))
    _, _ = read(data, 2, epochs=3)
    # only the check of the first item is of this process, in spite of three epochs
    assert opened == [os.getpid()]


@WORKERS
def test_errors_of_ours_are_the_same_sentence(read, pairs, num_workers):
    data = pairs(6)
    data[3] = data[3][0], data[3][1][:4]
    with pytest.raises(DataError) as caught:
        read(data, num_workers)
    assert str(caught.value) == (
        "train_network: the target of item 3 must be an array of whole numbers, 6×6 (class indices from 0) "
        "or 6×6×2 (probabilities of the classes), "
        "got uint8 of shape (4, 6)"
    )
    assert not hasattr(caught.value, "__notes__")


@WORKERS
def test_errors_of_the_user_keep_type_and_place(read, pairs, num_workers):
    def fail(index):
        if index == 3:
            raise OSError(5, "no such disk")

    with pytest.raises(OSError, match="no such disk") as caught:
        read(Pairs(pairs(6), fail), num_workers)
    assert caught.value.errno == 5
    if num_workers:
        (note,) = caught.value.__notes__
        assert note.startswith("raised in a process that reads ahead:\n  File ")
        assert 'raise OSError(5, "no such disk")' in note


class OddError(Exception):
    """An error whose copy needs two arguments."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class LockedError(Exception):
    """An error that no process can send."""

    def __init__(self):
        super().__init__("locked")
        self.lock = lambda: None


@pytest.mark.parametrize(
    ("error", "text"), [(OddError(1, 2), "OddError: 1 and 2"), (LockedError(), "LockedError: locked")]
)
def test_errors_that_cannot_be_sent(read, pairs, error, text):
    def fail(index):
        if index:
            raise error

    with pytest.raises(RuntimeError, match=text):
        read(Pairs(pairs(4), fail), 2)


@WORKERS
def test_warnings_reach_the_user_once(read, pairs, num_workers):
    def warn(index):
        if index:
            warnings.warn("odd pixels", DataWarning, stacklevel=1)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        read(Pairs(pairs(8), warn), num_workers)
    assert [str(each.message) for each in caught] == ["odd pixels"]
    assert caught[0].filename == __file__


@WORKERS
def test_labels_seen_in_workers_count(read, pairs, num_workers):
    data = pairs(4)
    data[0] = data[0][0], np.full((6, 6), 255, np.uint8)
    _, items = read(data, num_workers)
    assert items.has_labels == [True]


def test_data_that_cannot_be_sent_where_processes_cannot_fork(read, pairs, monkeypatch):
    monkeypatch.setattr(loader_module.sys, "platform", "win32")
    with pytest.raises(WrongTypeError, match=r"^train_network: data must be an object that can be pickled"):
        read(transform(Pairs(pairs(4)), lambda pair: pair), 2)


PROGRAM = """
import os, signal, sys, time
import numpy as np
from layergraph import *
from layergraph.training import TrainingOptions, train_network

class Data:
    def __len__(self):
        return 64
    def __getitem__(self, index):
        time.sleep(0.02)
        return np.zeros((6, 6, 1), np.uint8), np.zeros((6, 6), np.uint8)

layers = [ImageInputLayer((6, 6, 1), normalization="none"), Convolution2dLayer(1, 2), SoftmaxLayer(),
          PixelClassificationLayer()]
options = TrainingOptions("sgdm", max_epochs=1000, mini_batch_size=2, verbose_frequency=1, num_workers=2)
_, info = train_network(Data(), layers, options)
print(info.stop_reason, len(info.training_loss) > 0)
"""


def children_of(process_id):
    with open(f"/proc/{process_id}/task/{process_id}/children") as file:
        return [int(text) for text in file.read().split()]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_a_signal_to_all_processes_ends_them_cleanly(tmp_path, signal_name):
    import signal

    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=tmp_path,
    )
    for line in process.stdout:
        if line.startswith("|       1 |           5 "):
            break
    workers = children_of(process.pid)
    assert len(workers) == 2
    number = getattr(signal, signal_name)
    if signal_name == "SIGKILL":
        process.kill()
    else:
        os.killpg(process.pid, number)
    out, err = process.communicate()
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{worker}") for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    if signal_name != "SIGKILL":
        assert err == ""
        reason = "Stopped manually." if signal_name == "SIGINT" else "Stopped by SIGTERM."
        assert out.splitlines()[-1] == f"{reason} True"


@WORKERS
def test_an_undeclared_value_is_reported_once_per_training(tmp_path, tiny, train, num_workers):
    """Workers read it in two epochs, and this process at the end, for the batch normalization."""
    for index in range(8):
        for folder, image in (
            ("images", np.full((6, 6), index)),
            ("labels", np.eye(6) * (7 if index else 1)),
        ):
            (tmp_path / folder).mkdir(exist_ok=True)
            write_image(tmp_path / folder / f"{index}.png", image.astype(np.uint8))
    labels = PixelLabelDatastore(tmp_path / "labels", ["a", "b"], [0, 1])
    data = combine(ImageDatastore(tmp_path / "images"), labels)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        options = {"mini_batch_size": 2, "max_epochs": 2, "num_workers": num_workers}
        train(data, tiny(batch_norm=True), **options)
    assert len(caught) == 1
    assert "has values that are of no class" in str(caught[0].message)
