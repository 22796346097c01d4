"""The course of a training, as a value, a table and a picture."""

import csv
import io
import math

import pytest

from layergraph.json_text import json_text
from layergraph.training import TrainingInfo
from layergraph.training.monitor.curves import Smooth
from layergraph.training.series import Numbers

NUMBERS = Numbers(
    [0.9, 0.7, math.nan],
    [50.0, math.nan, 60.0],
    [0.01, 0.01, 0.001],
    [1, 1, 2],
    [1.0, 2.0, 3.25],
    {2: (0.8, 55.0)},
)


def test_fields_of_a_classification():
    info = TrainingInfo.of(
        NUMBERS, "Accuracy", "Met validation criterion.", validation=True,
        final_validation=(0.75, 57.0), output_network_iteration=2,
    )  # fmt: skip
    assert (info.training_rmse, info.validation_rmse, info.final_validation_rmse) == (None, None, None)
    assert str(info.validation_loss) == "[nan, 0.8, nan]"
    assert str(info.validation_accuracy) == "[nan, 55.0, nan]"
    assert (info.final_validation_loss, info.final_validation_accuracy) == (0.75, 57.0)
    assert (info.metric, info.output_network_iteration) == ("Accuracy", 2)
    assert "validation loss 0.7500, 'Met validation criterion.'" in repr(info)


def test_fields_of_a_regression_without_validation():
    info = TrainingInfo.of(NUMBERS, "RMSE", "Max epochs completed.")
    assert (info.training_accuracy, info.validation_loss, info.validation_rmse) == (None, None, None)
    assert str(info.training_rmse) == "[50.0, nan, 60.0]"
    assert (info.metric, info.output_network_iteration) == ("RMSE", 3)
    assert "final_validation_loss" not in info.to_dict()


def test_json_takes_all_of_it():
    info = TrainingInfo.of(NUMBERS, "Accuracy", "Loss is not finite.", ["a"], validation=True)
    values = info.to_dict()
    assert json_text(values)
    assert values["training_loss"] == [0.9, 0.7, None]
    assert values["validation_accuracy"] == [None, 55.0, None]


@pytest.mark.parametrize("metric", ["Accuracy", "RMSE"])
def test_table(tmp_path, metric):
    info = TrainingInfo.of(NUMBERS, metric, "Max epochs completed.", validation=True)
    info.to_csv(tmp_path / "info.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "info.csv").read_text("utf-8"))))
    assert [row["training_loss"] for row in rows] == ["0.9", "0.7", "nan"]
    assert [row[f"validation_{metric.lower()}"] for row in rows] == ["", "55.0", ""]
    assert rows[2]["time_since_start"] == "3.25"
    assert not [*tmp_path.glob(".*")]  # no temporary file is left


def test_a_table_that_cannot_be_written(tmp_path):
    info = TrainingInfo.of(NUMBERS, "Accuracy", "Max epochs completed.")
    with pytest.raises(FileNotFoundError):
        info.to_csv(tmp_path / "no" / "info.csv")


def test_picture(tmp_path):
    figure = TrainingInfo.of(NUMBERS, "Accuracy", "Max epochs completed.", validation=True).plot()
    upper, lower = figure.axes
    assert [list(line.get_ydata()) for line in upper.lines][2] == [55.0]
    assert list(lower.lines[0].get_ydata())[:2] == [0.9, 0.7]
    assert len(upper.patches) == len(lower.patches) == 1  # the second epoch is shaded
    figure.savefig(tmp_path / "curves.png", dpi=20)


def test_picture_of_a_training_without_iterations_and_epochs():
    assert TrainingInfo([], [], None, [], "Stopped manually.").plot().axes
    assert TrainingInfo([0.5], [10.0], None, [0.1], "Stopped manually.").plot().axes


def test_the_smoothed_curve_is_a_weighted_mean():
    values = [3.0, math.nan, 5.0, 4.0]
    weights = [0.9**3, 0, 0.9, 1]  # a step of NaN does not age the others
    weights[0] = 0.9**2
    expected = sum(w * v for w, v in zip(weights, values, strict=True) if w) / sum(weights)
    assert [*map(Smooth(), values)][-1] == pytest.approx(expected)
    assert math.isnan(Smooth()(math.nan))


def test_a_notebook_shows_the_curves():
    info = TrainingInfo([0.7, 0.5], [51.0, 63.25], None, [0.001, 0.001], "Max epochs completed.")
    png = info._repr_png_()
    assert png is not None
    assert png.startswith(b"\x89PNG")
    assert TrainingInfo([], [], None, [], "Stopped manually.")._repr_png_() is None
