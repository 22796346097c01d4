"""Output functions, log files and loggers of a training."""

import csv
import errno
import math
import time

import pytest
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.logger import Logger

from layergraph import LayergraphError
from layergraph.training import TrainingWarning
from layergraph.training.monitor import views
from layergraph.training.unfinished_network import unfinished_network


@pytest.fixture
def _always_due(monkeypatch):
    """Update the views after each iteration."""
    monkeypatch.setattr(views, "_PERIOD", 0.0)
    monkeypatch.setattr(views, "_LARGEST_SHARE", math.inf)


# -- output functions ----------------------------------------------------------------------------


def test_records_of_an_output_function(tiny, pairs, train):
    records = []
    _, info = train(
        pairs(9), tiny(), max_epochs=2, output_fcn=records.append, validation_data=pairs(3, seed=1),
        validation_frequency=3, batch_normalization_statistics="moving",
    )  # fmt: skip
    assert [record.state for record in records] == ["start", *["iteration"] * 4, "done"]
    assert (records[0].epoch, records[0].iteration, records[0].training_loss) == (0, 0, None)
    middle = records[1:-1]
    assert [(r.epoch, r.iteration) for r in middle] == [(1, 1), (1, 2), (2, 3), (2, 4)]
    assert [r.training_loss for r in middle] == info.training_loss
    assert [r.training_accuracy for r in middle] == info.training_accuracy
    assert [r.base_learn_rate for r in middle] == info.base_learn_rate
    assert [r.time_since_start for r in middle] == info.time_since_start
    assert [r.validation_loss is not None for r in middle] == [True, False, True, True]
    assert records[3].validation_loss == info.validation_loss[2]
    assert records[3].validation_accuracy == info.validation_accuracy[2]
    assert (middle[0].training_rmse, middle[0].validation_rmse) == (None, None)
    assert records[-1].training_loss == info.training_loss[-1]


def test_an_output_function_ends_training(tiny, pairs, train, capsys):
    called = []

    def stop(record):
        return record.iteration == 3

    _, info = train(pairs(4), tiny(), max_epochs=9, output_fcn=[stop, called.append], verbose=True)
    assert (len(info.training_loss), info.stop_reason) == (3, "Stopped by output function.")
    assert len(called) == 5  # also after the function that stops
    assert capsys.readouterr().out.splitlines()[-1] == "Training finished: Stopped by output function."


def test_an_output_function_may_stop_before_the_first_iteration(tiny, pairs, train):
    net, info = train(pairs(4), tiny("zerocenter"), output_fcn=lambda record: True)
    assert (info.training_loss, info.stop_reason) == ([], "Stopped by output function.")
    assert not net.training


def test_an_error_of_an_output_function_has_the_network(tiny, pairs, train):
    def fail(record):
        if record.iteration == 2:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        train(pairs(4), tiny(), max_epochs=5, output_fcn=fail)
    assert unfinished_network(caught.value) is not None


def test_an_error_at_the_end_loses_no_network(tiny, pairs, train):
    def fail(record):
        if record.state == "done":
            raise ValueError("too\nlate")

    with pytest.warns(TrainingWarning, match=r"an output function failed at the end .*too\\nlate"):
        _, info = train(pairs(4), tiny(), output_fcn=fail)
    assert info.stop_reason == "Max epochs completed."


# -- the CSV log ---------------------------------------------------------------------------------


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_log(tiny, pairs, train, tmp_path):
    _, info = train(
        pairs(8), tiny(), max_epochs=3, logger="CSV", log_path=tmp_path / "a" / "b",
        validation_data=pairs(3, seed=1), validation_frequency=4,
    )  # fmt: skip
    rows = read(tmp_path / "a" / "b" / "log.csv")
    assert [row["iteration"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert [float(row["training_loss"]) for row in rows] == info.training_loss
    assert [float(row["base_learn_rate"]) for row in rows] == info.base_learn_rate
    assert [row["validation_loss"] != "" for row in rows] == [True, False, False, True, False, True]
    info.to_csv(tmp_path / "info.csv")
    assert (tmp_path / "info.csv").read_text("utf-8") == (tmp_path / "a" / "b" / "log.csv").read_text("utf-8")


@pytest.mark.usefixtures("_always_due")
def test_the_csv_log_can_be_read_while_training_runs(tiny, pairs, train, tmp_path):
    counts = []

    def count(record):
        if record.state == "iteration" and (tmp_path / "log.csv").exists():
            counts.append(len(read(tmp_path / "log.csv")))

    train(pairs(4), tiny(), max_epochs=6, logger="csv", log_path=tmp_path, output_fcn=count)
    assert counts == [0, 1, 2, 3, 4, 5]
    assert len(read(tmp_path / "log.csv")) == 6


def test_a_new_training_replaces_the_log_of_an_older_one(tiny, pairs, train, tmp_path):
    for _ in range(2):
        train(pairs(4), tiny(), max_epochs=2, logger="csv", log_path=tmp_path)
    assert len(read(tmp_path / "log.csv")) == 2


def test_the_row_that_diverges_is_the_last_of_the_log(tiny, pairs, train, tmp_path):
    data = pairs(8)
    data[5][0][0, 0] = math.nan
    with pytest.warns(TrainingWarning):
        train(data, tiny(), mini_batch_size=2, shuffle="never", max_epochs=2, logger="csv", log_path=tmp_path)
    assert [row["training_loss"] for row in read(tmp_path / "log.csv")][2:] == ["nan"]


def test_words_of_loggers_need_a_folder(tiny, pairs, refusal):
    assert refusal(pairs(), tiny(), logger="csv") == (
        "train_network: log_path must be a folder for the logger 'csv', got ''; give "
        'TrainingOptions(..., log_path="folder")'
    )


def test_a_folder_that_cannot_be_made_is_known_before_training(tiny, pairs, train, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError) as caught:
        train(pairs(), tiny(), logger="csv", log_path=tmp_path / "file" / "logs")
    assert unfinished_network(caught.value) is None


@pytest.mark.usefixtures("_always_due")
def test_a_full_disk_ends_no_training(tiny, pairs, train, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("layergraph.training.monitor.csv_log.CsvLog.write", fail)
    with pytest.warns(TrainingWarning) as caught:
        _, info = train(pairs(4), tiny(), max_epochs=3, logger="csv", log_path=tmp_path)
    assert [str(warning.message) for warning in caught] == [
        "train_network: the CSV log is incomplete, since writing failed (OSError: [Errno 28] No space left "
        "on device)"
    ]
    assert len(info.training_loss) == 3


# -- loggers of Lightning ------------------------------------------------------------------------


def test_tensorboard(tiny, pairs, train, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    _, info = train(pairs(8), tiny(), max_epochs=2, logger="tensorboard", log_path=tmp_path / "board")
    events = accumulator.EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    scalars = events.Scalars("training_loss")
    assert [event.step for event in scalars] == [1, 2, 3, 4]
    assert [event.value for event in scalars] == pytest.approx(info.training_loss, rel=1e-6)
    assert "validation_loss" not in events.Tags()["scalars"]


def test_a_logger_of_lightning(tiny, pairs, train, tmp_path):
    logger = CSVLogger(tmp_path, name="", version="")
    _, info = train(pairs(4), tiny(), max_epochs=3, logger=logger, validation_data=pairs(2, seed=1))
    rows = read(tmp_path / "metrics.csv")
    assert [float(row["training_loss"]) for row in rows] == info.training_loss
    assert float(rows[0]["validation_loss"]) == info.validation_loss[0]
    assert "solver: sgdm" in (tmp_path / "hparams.yaml").read_text("utf-8")


class Failing(Logger):
    """A logger whose server does not answer."""

    name, version = "failing", 0

    def log_metrics(self, metrics, step=None):
        raise ConnectionError("no answer")

    def log_hyperparams(self, params, *args, **kwargs):
        pass


def test_a_logger_that_fails_ends_no_training(tiny, pairs, train, tmp_path):
    with pytest.warns(TrainingWarning, match="the log of Failing is incomplete, .*no answer"):
        _, info = train(pairs(4), tiny(), max_epochs=2, logger=[Failing(), "csv"], log_path=tmp_path)
    assert (len(info.training_loss), len(info.warnings)) == (2, 1)
    assert len(read(tmp_path / "log.csv")) == 2


def test_updates_that_take_long_come_less_often(monkeypatch):
    class Slow:
        name = "slow"

        def write(self, rows):
            clock[0] += 3.0

        def close(self, reason):
            pass

    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    both = views.Views([Slow()])
    assert both.is_due
    both.write([])
    clock[0] += 3.0 / 0.005 - 1
    assert not both.is_due
    clock[0] += 2
    assert both.is_due


def test_without_a_view_nothing_is_due():
    assert not views.Views([]).is_due


def test_errors_are_errors_of_layergraph(tiny, pairs, train):
    with pytest.raises(LayergraphError):
        train(pairs(), tiny(), logger="tensorboard")
