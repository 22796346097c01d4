"""The page of a training as a file, and its data."""

import json
import math
import re
import sys
import types

import pytest

from layergraph.training.monitor.notebook import notebook_display
from layergraph.training.monitor.page_data import PageData, Plan, seconds_left
from layergraph.training.monitor.training_page import TrainingPage
from layergraph.training.series import Row


def row(iteration, loss=0.5, metric=50.0, rate=0.01, validation=None):
    return Row((iteration - 1) // 10 + 1, iteration, 2.0 * iteration, loss, metric, rate, validation)


def data_of(path):
    """The data in a page."""
    text = path.read_text("utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])


def test_data_of_a_page():
    data = PageData("Accuracy", Plan(10, 3))
    data.add([row(1, validation=(0.6, 48.0)), row(2, loss=math.nan)])
    data.add([row(3, loss=math.inf, rate=0.001)])
    values = data.values()
    assert values["curves"]["loss"]["raw"] == [0.5, None, None]
    assert values["curves"]["loss"]["smoothed"] == [0.5, 0.5, 0.5]
    assert values["validation"] == [[1, 0.6, 48.0]]
    assert values["rates"] == [[1, 0.01], [3, 0.001]]
    assert (values["iteration"], values["iterations"], values["epoch"], values["epochs"]) == (3, 30, 1, 3)
    assert (values["seconds"], values["seconds_left"]) == (6.0, 54.0)


def test_a_long_curve_keeps_its_peaks_in_few_points():
    data = PageData("RMSE", Plan(10_000, 1))
    losses = [math.nan if i % 7 == 0 else 1.0 for i in range(10_000)]
    losses[4321], losses[9999] = 9.0, -3.0
    data.add(row(i + 1, loss=loss) for i, loss in enumerate(losses))
    curve = data.values()["curves"]["loss"]
    assert len(curve["iterations"]) == len(curve["raw"]) <= 1500
    assert len(curve["ends"]) == len(curve["smoothed"]) <= 1500
    assert max(curve["raw"]) == 9.0
    assert abs(curve["iterations"][curve["raw"].index(9.0)] - 4322) < 14
    assert (curve["raw"][-2], curve["iterations"][-1]) == (-3.0, 10_000)


def test_time_left_follows_the_newest_pace():
    slow_then_fast = [10.0 * i for i in range(1, 101)] + [1000.0 + i for i in range(1, 101)]
    assert seconds_left(slow_then_fast, 300) == 100.0
    assert seconds_left([], 10) is None
    assert seconds_left([1.0], 1) == 0.0


def test_page_of_a_training(tiny, pairs, train, tmp_path, capsys):
    _, info = train(
        pairs(8), tiny(), max_epochs=2, plots="training-progress", log_path=tmp_path, validation_data=pairs(2)
    )
    path = tmp_path / "training.html"
    assert capsys.readouterr().out == f"Training page: {str(path)!r}\n"
    values = data_of(path)
    assert values["reason"] == "Max epochs completed."
    assert values["curves"]["loss"]["raw"] == pytest.approx(info.training_loss, rel=1e-4)
    assert [point[0] for point in values["validation"]] == [1, 4]
    assert ["max_epochs", "2"] in values["options"]
    assert [*tmp_path.glob(".*")] == []


def test_without_a_folder_the_page_is_in_a_temporary_one(tiny, pairs, train, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    train(pairs(4), tiny(), plots="training-progress")
    assert str(tmp_path) in capsys.readouterr().out
    assert len([*tmp_path.glob("layergraph-*/training.html")]) == 1


def test_an_error_is_the_reason_on_the_page(tiny, pairs, train, tmp_path):
    with pytest.raises(ZeroDivisionError):
        train(
            pairs(4), tiny(), max_epochs=9, plots="training-progress", log_path=tmp_path,
            output_fcn=lambda record: record.iteration == 3 and 1 / 0,
        )  # fmt: skip
    assert data_of(tmp_path / "training.html")["reason"] == "Stopped by an error."


def test_no_text_of_options_ends_the_block_of_data(tmp_path):
    hostile = "</script><script>alert(1)</script><!--\x1b[2J"
    page = TrainingPage(tmp_path / "page.html", "Accuracy", Plan(1, 1), {hostile: hostile})
    page.write([row(1)])
    text = (tmp_path / "page.html").read_text("utf-8")
    assert (text.count("<script"), text.count("</script"), text.count("<!--")) == (2, 2, 0)
    assert data_of(tmp_path / "page.html")["options"] == [[hostile, hostile.replace("\x1b", "\\x1b")]]


def test_pages_in_a_notebook_replace_each_other(monkeypatch):
    shown = []

    class Handle:
        def update(self, frame):
            shown.append(("update", frame))

    def display(frame, display_id):
        shown.append(("display", frame))
        return Handle()

    assert notebook_display() is None
    shell = types.SimpleNamespace(kernel=object())
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(
        sys.modules, "IPython.display", types.SimpleNamespace(HTML=lambda text: text, display=display)
    )
    show = notebook_display()
    show('<p title="a">')
    show("2")
    assert [kind for kind, _ in shown] == ["display", "update"]
    assert 'srcdoc="&lt;p title=&quot;a&quot;&gt;"' in shown[0][1]
    shell.kernel = None  # IPython in a terminal
    assert notebook_display() is None
