"""The complete printed log."""

import contextlib
import io
import sys

import numpy as np
import pytest

from layergraph import (
    UNLABELED,
    Convolution2dLayer,
    ImageInputLayer,
    LayerGraph,
    RegressionLayer,
)
from layergraph.progress import progress
from layergraph.training.monitor.log import TrainingLog
from layergraph.training.series import Row

LOG = """\
Training on single CPU (N threads).
Initializing input data normalization.
|========================================================================================|
|  Epoch  |  Iteration  |  Time Elapsed  |  Mini-batch  |  Mini-batch  |  Base Learning  |
|         |             |   (hh:mm:ss)   |   Accuracy   |     Loss     |      Rate       |
|========================================================================================|
|       1 |           1 |       hh:mm:ss |      100.00% |       0.0000 |          0.0100 |
|       2 |           3 |       hh:mm:ss |      100.00% |       0.0000 |          0.0100 |
|       3 |           6 |       hh:mm:ss |      100.00% |       0.0000 |          0.0100 |
|       4 |           8 |       hh:mm:ss |      100.00% |       0.0000 |          0.0100 |
|========================================================================================|
Training finished: Max epochs completed.
"""


def certain(tiny):
    """A network with zero loss from the start, so that its numbers are known."""
    net = tiny("zerocenter").compile()
    with_bias = net.state_dict()["conv2.bias"]
    with_bias[:] = with_bias.new_tensor([100, -100])
    return net.layer_graph()


def test_log_of_a_training(tiny, pairs, train, capfd, masked):
    data = [(image, np.zeros_like(target)) for image, target in pairs(5)]
    train(data, certain(tiny), max_epochs=4, mini_batch_size=2, verbose=True, verbose_frequency=3)
    out, err = capfd.readouterr()
    assert masked(out) == LOG
    assert err == ""


def test_no_row_occurs_twice(tiny, pairs, train, capfd):
    train(pairs(4), tiny(), max_epochs=4, verbose=True, verbose_frequency=2)
    rows = [line.split("|")[2].strip() for line in capfd.readouterr().out.splitlines() if line.count("|") > 2]
    assert rows[2:] == ["1", "2", "4"]


def test_not_verbose_prints_nothing(tiny, pairs, train, capfd):
    train(pairs(), tiny("zerocenter"))
    assert capfd.readouterr() == ("", "")


def test_rows_appear_while_training_runs(tiny, pairs, train):
    stream = io.StringIO()
    seen = []

    class Watching(list):
        def __getitem__(self, index):
            seen.append(stream.getvalue().count("\n"))
            return super().__getitem__(index)

    with contextlib.redirect_stdout(stream):
        train(Watching(pairs(4)), tiny(), max_epochs=3, verbose=True, verbose_frequency=1)
    assert len(set(seen)) > 3


REGRESSION = """\
|========================================================================================|
|  Epoch  |  Iteration  |  Time Elapsed  |  Mini-batch  |  Mini-batch  |  Base Learning  |
|         |             |   (hh:mm:ss)   |     RMSE     |     Loss     |      Rate       |
|========================================================================================|
|       1 |           1 |       hh:mm:ss |        12.00 |      72.0000 |      1.0000e-05 |
|========================================================================================|
"""


def test_regression_shows_the_rmse(train, capfd, masked):
    zero = Convolution2dLayer(1, 1, weights_initializer="zeros", name="conv")
    lgraph = LayerGraph([ImageInputLayer((6, 6, 1), normalization="none"), zero, RegressionLayer()])
    # 36 pixels that are wrong by 2: the squared error of an image is 144
    data = [(np.ones((6, 6, 1), np.float32), np.full((6, 6), 2.0))] * 3
    _, info = train(data, lgraph, initial_learn_rate=1e-5, verbose=True)
    assert REGRESSION in masked(capfd.readouterr().out)
    assert (info.training_rmse, info.training_loss, info.training_accuracy) == ([12.0], [72.0], None)


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.0, "0.0000"), (0.738, "0.7380"), (5e-4, "5.0000e-04"), (1234.5, "1234.5000"), (2e7, "2.0000e+07")],
)
def test_numbers_of_any_size(capsys, number, shown):
    TrainingLog("Accuracy").print_row(Row(1, 1, 0, number, 50, 1, None))
    assert capsys.readouterr().out.split("|")[5].strip() == shown


def test_long_trainings_have_long_times(capsys):
    TrainingLog("Accuracy").print_row(Row(1, 1, 360000 + 61.9, 1, float("nan"), 1, None))
    assert "| 100:01:01 |" in capsys.readouterr().out.replace("      ", " ")


VALIDATION = """\
|======================================================================================================================|
|  Epoch  |  Iteration  |  Time Elapsed  |  Mini-batch  |  Validation  |  Mini-batch  |  Validation  |  Base Learning  |
|         |             |   (hh:mm:ss)   |   Accuracy   |   Accuracy   |     Loss     |     Loss     |      Rate       |
|======================================================================================================================|
|       1 |           1 |       00:00:02 |       50.00% |       48.50% |       0.7000 |       0.7500 |          0.0100 |
|       1 |          50 |       00:01:00 |       60.00% |              |       0.6000 |              |          0.0100 |
|======================================================================================================================|
Training finished: Met validation criterion.
"""  # noqa: E501


def test_columns_of_validation(capsys):
    log = TrainingLog("Accuracy", validation=True)
    log.print_head()
    log.print_row(Row(1, 1, 2.0, 0.7, 50.0, 0.01, (0.75, 48.5)))
    log.print_row(Row(1, 50, 60.0, 0.6, 60.0, 0.01, None))
    log.print_end("Met validation criterion.")
    assert capsys.readouterr().out == VALIDATION


def test_the_rmse_of_a_validation_has_no_percent_sign(capsys):
    TrainingLog("RMSE", validation=True).print_row(Row(1, 1, 0, 72.0, 12.0, 0.01, (50.0, 10.0)))
    assert [cell.strip() for cell in capsys.readouterr().out.split("|")[4:8]] == [
        "12.00", "10.00", "72.0000", "50.0000",
    ]  # fmt: skip


def test_several_devices(capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "NVIDIA\x1b H100")
    TrainingLog("Accuracy").print_device("GPU", 4)
    assert capsys.readouterr().out == "Training on 4 GPUs (NVIDIA\\x1b H100).\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_bar_in_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress("Training", 2) as advance:
        advance()
        advance()
    assert "Training" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")  # the bar is erased


def test_no_progress_bar_in_a_pipe_or_unasked(monkeypatch, capfd):
    with progress("Training", 2) as advance:
        advance()
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("Training", 2, shown=False) as advance:
        advance()
    assert capfd.readouterr().err == ""


def test_unlabeled_pixels_do_not_count(tiny, pairs, train):
    lgraph, data = certain(tiny), pairs(4)
    for _, target in data:
        target[:] = 0
        target[:3] = UNLABELED
        target[3:, :2] = 1  # 6 of 18 labeled pixels are wrong
    _, info = train(data, lgraph)
    assert info.training_accuracy == pytest.approx([100 * 12 / 18])


def test_a_mini_batch_without_labels_gives_nan_and_loss_0(tiny, pairs, train):
    data = [(image, np.full_like(target, UNLABELED)) for image, target in pairs(4)] + pairs(4)
    _, info = train(data, tiny(), mini_batch_size=4, shuffle="never")
    assert [np.isnan(accuracy) for accuracy in info.training_accuracy] == [True, False]
    assert info.training_loss[0] == 0 < info.training_loss[1]
