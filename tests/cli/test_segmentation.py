"""The commands segment and evaluate with a network whose predictions are all correct."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import layergraph as lg
from layergraph.cli.evaluate import evaluate
from layergraph.cli.segment import segment
from layergraph.data import write_image
from layergraph.errors import ArgumentError, DataError

CLASSES = ["dark\x1b[2J", "bright"]


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder of a network that separates dark from bright, 12 images, and their masks of 0 and 255."""
    convolution = lg.Convolution2dLayer(1, 2, name="conv")
    layers = [convolution, lg.SoftmaxLayer(), lg.PixelClassificationLayer(classes=CLASSES)]
    net = lg.LayerGraph([lg.ImageInputLayer((4, 5), normalization="none"), *layers]).compile()
    with torch.no_grad():
        module = net.layer_module("conv")
        module.weight.copy_(torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1))
        module.bias.copy_(torch.tensor([100.0, 0.0]))
    net.layer_graph().save(tmp_path / "model.safetensors")
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for number in range(1, 13):
        bright = np.random.default_rng(number).integers(0, 2, (4, 5), np.uint8)
        write_image(tmp_path / "images" / f"scan{number}.png", bright * np.uint8(200))
        write_image(tmp_path / "masks" / f"scan{number}_mask.png", bright * np.uint8(255))
    (tmp_path / "classes.txt").write_text(f"0 {CLASSES[0]}\n255 {CLASSES[1]}\n")
    return tmp_path


def run_segment(folder: Path, output: str = "out") -> None:
    segment(
        folder / "model.safetensors",
        images=folder / "images",
        output=folder / output,
        overlays=True,
        resize=True,
    )


def run_evaluate(folder: Path, **options: object) -> None:
    values = {"classes": str(folder / "classes.txt"), "label_ids": None, "output": folder / "m.json"}
    evaluate(predicted=folder / "out", truth=folder / "masks", **{**values, **options})


def accuracy(folder: Path) -> float:
    return json.loads((folder / "m.json").read_text())["data_set_metrics"]["global_accuracy"]


def test_results_are_paired_by_name(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_segment(folders)
    names = {path.name for path in (folders / "out").iterdir()}
    expected = {f"{kind}_scan{n}.png" for kind in ("pixelLabel", "overlay") for n in range(1, 13)}
    assert names == {*expected, "classes.json"}
    run_evaluate(folders)
    assert accuracy(folders) == 1
    run_evaluate(folders, pair="order")
    assert accuracy(folders) < 0.9
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert f"wrote 12 label images to {folders / 'out'}; classes: dark\\x1b[2J, bright\n" in printed


def test_classes_in_another_order_than_the_network_has_are_refused(folders: Path) -> None:
    run_segment(folders)
    with pytest.raises(DataError, match="must have the same classes in the same order, got"):
        run_evaluate(folders, classes="bright,dark", label_ids="255,0")
    (folders / "out" / "classes.json").write_text('{"a": 1}')
    file = str(folders / "out" / "classes.json")
    message = f"{file!r} must be a list of class names in JSON; segment writes it again"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        run_evaluate(folders)


def test_results_go_to_another_folder_than_the_images(folders: Path) -> None:
    with pytest.raises(DataError, match=r"^--output must be another folder than --images, got "):
        run_segment(folders, "images")
    assert len(list((folders / "images").iterdir())) == 12


def test_a_warning_is_one_line(tmp_path: Path) -> None:
    """Python adds the file and the source code of the warning."""
    for folder, labels in (("predicted", [[0, 1, 0]]), ("truth", [[0, 1, 2]])):
        (tmp_path / folder).mkdir()
        write_image(tmp_path / folder / "a.png", labels)
    words = ["--predicted", "predicted", "--truth", "truth", "--classes", "a,b"]
    process = subprocess.run(
        [sys.executable, "-m", "layergraph", "evaluate", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    (line,) = process.stderr.splitlines()
    assert line.startswith("layergraph: warning: label image 'truth/a.png' has values that are of no class")
    assert line.endswith("2 (33.33%); give each value to a class in label_ids, or name it in ignored_ids")


def test_the_page_and_chosen_metrics(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_segment(folders)
    capsys.readouterr()
    run_evaluate(folders, metrics="iou, bfscore", html=folders / "m.html", images=folders / "images")
    printed = capsys.readouterr().out
    assert "mean_bf_score" in printed
    assert "accuracy" not in printed
    assert f"wrote {folders / 'm.html'}\n" in printed
    page = (folders / "m.html").read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") == 8
    assert "\x1b" not in page


def test_wrong_files_fail_before_an_image_is_read(folders: Path) -> None:
    missing = folders / "missing" / "m.html"
    for options, error, message in (
        ({"html": folders / "m.pdf"}, ArgumentError, r"^--html must end in \.html or \.htm, got"),
        ({"html": missing}, FileNotFoundError, "^there is no folder '.*missing' to write 'm.html' to$"),
        ({"images": folders / "images"}, ArgumentError, "^--images are for the page of --html FILE"),
    ):
        with pytest.raises(error, match=message):
            run_evaluate(folders, **options)
    assert not (folders / "m.json").exists()
