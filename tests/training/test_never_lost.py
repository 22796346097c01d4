"""A trained network is never lost, for any later error."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from inherited_signals import heed_signals

from layergraph import load
from layergraph.progress import progress
from layergraph.training import TrainingOptions, TrainingWarning, train_network
from layergraph.training.batches.items import Items
from layergraph.training.batches.mini_batches import MiniBatches
from layergraph.training.divergence import FiniteLoss
from layergraph.training.interrupts import stop_request
from layergraph.training.unfinished_network import unfinished_network


def state(net):
    return {key: tensor.clone() for key, tensor in net.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(one[key].equal(other[key]) for key in one)


class BrokenItem(list):
    """Data with one item that cannot be read."""

    def __init__(self, items, broken):
        super().__init__(items)
        self.broken = broken

    def __getitem__(self, index):
        if index == self.broken:
            raise OSError("cannot read\nit")
        return super().__getitem__(index)


def test_an_unreadable_item_in_the_remainder_is_omitted(tiny, pairs, train):
    data = pairs(5)
    with pytest.warns(TrainingWarning) as caught:
        net, info = train(BrokenItem(data, 4), tiny(batch_norm=True), mini_batch_size=2, shuffle="never")
    without, _ = train(data[:4], tiny(batch_norm=True), mini_batch_size=2, shuffle="never")
    assert same(state(net), state(without))
    assert info.stop_reason == "Max epochs completed."
    assert info.warnings == tuple(str(warning.message) for warning in caught)
    assert info.warnings == (
        "train_network: the statistics of batch normalization omit 1 of 5 items, the first is item 4 "
        "(OSError: cannot read\\nit)",
    )
    assert info.to_dict()["warnings"] == info.warnings


def test_an_item_with_nan_in_the_remainder_is_omitted(tiny, pairs, train):
    data = pairs(5)
    data[4][0][1, 1] = np.nan
    with pytest.warns(TrainingWarning, match="item 4 \\(it holds values that are NaN or infinite\\)"):
        net, _ = train(data, tiny(batch_norm=True), mini_batch_size=2, shuffle="never")
    assert all(tensor.isfinite().all() for tensor in state(net).values())


def test_when_statistics_fail_the_running_averages_stay(tiny, pairs, train, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("out of memory")

    monkeypatch.setattr("layergraph.training.statistics.finalization.finalize_batch_normalization", fail)
    with pytest.warns(TrainingWarning, match=r"could not be computed \(RuntimeError: out of memory\)"):
        net, _ = train(pairs(), tiny(batch_norm=True))
    monkeypatch.undo()
    moving, _ = train(pairs(), tiny(batch_norm=True), batch_normalization_statistics="moving")
    assert same(state(net), state(moving))


@pytest.mark.filterwarnings("error")
def test_warnings_as_errors_lose_no_network(tiny, pairs, train, capsys):
    net, info = train(BrokenItem(pairs(5), 4), tiny(batch_norm=True), mini_batch_size=2, shuffle="never")
    assert not net.training
    assert capsys.readouterr().err == info.warnings[0] + "\n"


def test_a_log_that_cannot_be_written_ends_no_training(tiny, pairs, train, monkeypatch):
    class Full:
        def write(self, text):
            raise OSError(28, "No space left on device")

        def flush(self):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    _, info = train(pairs(), tiny(), verbose=True, max_epochs=2)
    assert len(info.training_loss) == 2


def test_an_error_between_iterations_has_the_network(tiny, pairs, train):
    data = pairs(6)
    settings = {"mini_batch_size": 2, "shuffle": "never", "batch_normalization_statistics": "moving"}
    with pytest.raises(OSError, match="cannot read") as caught:
        train(BrokenItem(data, 4), tiny(batch_norm=True), **settings)
    assert caught.value.__notes__ == [
        "training ends after 2 iterations; this error's trained_network is the network of that moment"
    ]
    net = unfinished_network(caught.value)
    before, _ = train(data[:4], tiny(batch_norm=True), **settings)
    assert same(state(net), state(before))
    assert not net.training
    with pytest.raises(OSError, match="cannot read") as caught:
        train(BrokenItem(data, 1), tiny(batch_norm=True), **settings)
    assert unfinished_network(caught.value) is None


# -- losses that are not finite ------------------------------------------------------------------


def test_an_image_with_nan_ends_training_with_the_network_before_it(tiny, pairs, train):
    data = pairs(10)
    data[7][0][0, 0] = np.nan
    settings = {"mini_batch_size": 2, "shuffle": "never", "batch_normalization_statistics": "moving"}
    with pytest.warns(TrainingWarning) as caught:
        net, info = train(data, tiny(batch_norm=True), max_epochs=9, **settings)
    assert str(caught[0].message) == (
        "train_network: the loss of iteration 4 (item 6, item 7) is not finite: item 7 holds values that are "
        "NaN or infinite; repair it or leave it out. Training ends here, and the network is the one after "
        "iteration 3"
    )
    assert info.stop_reason == "Loss is not finite."
    assert np.isfinite(info.training_loss).tolist() == [True, True, True, False]
    assert len(info.training_accuracy) == len(info.base_learn_rate) == 4
    before, _ = train(data[:6], tiny(batch_norm=True), **settings)
    assert same(state(net), state(before))


def test_nan_that_does_not_reach_the_loss_counts_too(tiny, pairs, train):
    data = pairs(4)
    for image, target in data[2:]:
        image[0, 0] = np.nan
        target[:4, :4] = 255  # all pixels whose scores depend on it
    with pytest.warns(TrainingWarning, match=r"iteration 2 .* item 2 holds values"):
        net, _ = train(data, tiny(), mini_batch_size=2, shuffle="never", max_epochs=5)
    assert all(tensor.isfinite().all() for tensor in state(net).values())


@pytest.mark.parametrize("delay", [False, True], ids=["at once", "one iteration later, as on a GPU"])
@pytest.mark.parametrize(("bad_item", "restored"), [(True, 4), (False, 3)])
@pytest.mark.parametrize("last", [4, 5])
def test_the_restored_network(tiny, pairs, delay, bad_item, restored, last):
    """Iteration t finds the number t in the weights; iteration 4 is not finite."""
    data = pairs(6)
    data[3][0][0, 0] = np.nan if bad_item else 0  # the item of iteration 4
    net = tiny(batch_norm=True).compile()
    guard = FiniteLoss(net, Items(data, tiny()), MiniBatches(6, 1, "never", seed=0))
    guard._delay = delay
    divergence = None
    for iteration in range(1, last + 1):
        with torch.no_grad():
            for tensor in net.state_dict().values():
                tensor.fill_(iteration)
        guard.copy_network(iteration)
        assert divergence is None
        divergence = guard.check(iteration, torch.tensor(iteration != 4))
        if divergence is not None:
            break
    divergence = divergence or guard.check_pending()
    assert divergence is not None
    assert iteration == min(last, 5 if delay else 4)
    assert divergence.iteration == 4
    assert all((tensor == restored).all() for tensor in net.state_dict().values())
    assert f"the network is the one after iteration {restored - 1}" in divergence.text


@pytest.mark.parametrize("rate", [1e6, 1e20, 1e30])
def test_a_diverging_rate_gives_a_working_network(tiny, pairs, train, rate):
    with pytest.warns(TrainingWarning) as caught:
        net, info = train(pairs(), tiny(batch_norm=True), max_epochs=200, initial_learn_rate=rate)
    iteration = len(info.training_loss)
    assert 1 < iteration < 200
    assert np.isfinite(info.training_loss[:-1]).all()
    assert not np.isfinite(info.training_loss[-1])
    assert f"the loss of iteration {iteration} (" in str(caught[0].message)
    assert "the learning rate is probably too high; lower initial_learn_rate" in str(caught[0].message)
    assert all(tensor.isfinite().all() for tensor in state(net).values())


def test_weights_that_are_nan_are_named(tiny, pairs, train):
    net = tiny().compile()
    with torch.no_grad():
        net.layer_module("conv1").weight[0] = np.nan
    with pytest.warns(TrainingWarning, match="the weights that training starts from are NaN or infinite"):
        _, info = train(pairs(), net)
    assert len(info.training_loss) == 1


def test_the_log_shows_the_row_and_the_reason(tiny, pairs, train, capsys):
    data = pairs(8)
    data[5][0][0, 0] = np.nan
    with pytest.warns(TrainingWarning):
        train(data, tiny(), mini_batch_size=2, shuffle="never", verbose=True, max_epochs=2)
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == "Training finished: Loss is not finite."
    assert re.match(r"\|       1 \|           3 \|.*\|          nan \|", out[-3])


# -- signals -------------------------------------------------------------------------------------

SCRIPT = """
import sys, signal
import numpy as np
from layergraph import *
from layergraph.progress import progress
from layergraph.training import TrainingOptions, train_network
layers = [ImageInputLayer((6, 6, 1), normalization="none"), Convolution2dLayer(3, 4, padding=1),
          BatchNormalizationLayer(), Convolution2dLayer(1, 2), SoftmaxLayer(), PixelClassificationLayer()]
data = [(np.ones((6, 6, 1), np.float32), np.zeros((6, 6), np.uint8))] * 4
options = TrainingOptions("sgdm", max_epochs=10**7, mini_batch_size=4, verbose_frequency=10**6, device="cpu")
net, info = train_network(data, LayerGraph(layers), options)
net.layer_graph().save(sys.argv[1])
print(info.stop_reason, len(info.training_loss) > 0, signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
"""


def start(path, *prefix):
    """A process in the first iteration of a training."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", SCRIPT, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=heed_signals,
    )
    for line in process.stdout:
        if line.startswith("|       1 |           1 |"):
            return process
    raise AssertionError(process.stderr.read())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_training_and_the_network_is_returned(tmp_path, name):
    process = start(tmp_path / "net.safetensors")
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.splitlines()[-1] == f"Stopped by {name}. True True"
    assert f"{name} came before the statistics of all images were complete" in err
    assert load(tmp_path / "net.safetensors")


@pytest.mark.slow
def test_sigterm_where_ctrl_c_is_ignored(tmp_path):
    """As with ``nohup`` and ``&``: a shell starts such processes without Ctrl-C."""
    ignoring = ("sh", "-c", 'trap "" INT HUP; exec "$@"', "sh")
    process = start(tmp_path / "net.safetensors", *ignoring)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.splitlines()[-1] == "Stopped by SIGTERM. True True"
    assert load(tmp_path / "net.safetensors")


def test_without_a_result_a_signal_ends_the_process():
    with stop_request() as stop, pytest.raises(SystemExit) as caught:
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.code == 143
    assert stop.received is None
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


class Signalling(list):
    """Data whose read sends a signal, once."""

    reads = 0

    def __getitem__(self, index):
        self.reads += 1
        if self.reads == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().__getitem__(index)


def test_a_handler_of_the_user_stays_in_charge(tiny, pairs, train):
    came = []
    before = signal.signal(signal.SIGTERM, lambda *_: came.append("SIGTERM"))
    mine = signal.getsignal(signal.SIGTERM)
    try:
        _, info = train(Signalling(pairs(4)), tiny(), max_epochs=4)
        assert signal.getsignal(signal.SIGTERM) is mine
        assert (len(info.training_loss), info.stop_reason) == (4, "Max epochs completed.")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        with pytest.raises(SystemExit) as caught:
            train(Signalling(pairs(4)), tiny(), max_epochs=4)
        assert caught.value.code == 7
    finally:
        signal.signal(signal.SIGTERM, before)
    assert came == ["SIGTERM"]


def test_a_closed_terminal_does_not_end_training(monkeypatch):
    class Closed:
        def isatty(self):
            return True

        def write(self, text):
            raise OSError(errno.EIO, "Input/output error")

        flush = fileno = write

    monkeypatch.setattr(sys, "stderr", Closed())
    with progress("Training", 2) as advance:
        advance()


def test_ctrl_c_while_statistics_are_computed_gives_the_network(tiny, pairs):
    reads = []

    class Interrupting(list):
        def __getitem__(self, index):
            reads.append(index)
            if len(reads) == 6:  # one at the start of training, four during training
                os.kill(os.getpid(), signal.SIGINT)
            return super().__getitem__(index)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    options = TrainingOptions("sgdm", max_epochs=1, mini_batch_size=4, verbose=False, seed=0, device="cpu")
    try:
        with pytest.warns(TrainingWarning, match="SIGINT came before the statistics of all images"):
            net, info = train_network(Interrupting(pairs(4)), tiny(batch_norm=True), options)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert (len(info.training_loss), info.stop_reason) == (1, "Stopped manually.")
    assert not net.training
