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
from layergraph.data import read_image, write_image
from layergraph.errors import ArgumentError, DataError, LayergraphError

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
    )


def run_evaluate(folder: Path, **options: object) -> None:
    values = {"classes": str(folder / "classes.txt"), "label_ids": None, "output": folder / "m.json"}
    evaluate(predicted=folder / "out", truth=folder / "masks", **{**values, **options})


def accuracy(folder: Path) -> float:
    return json.loads((folder / "m.json").read_text())["data_set_metrics"]["global_accuracy"]


def test_results_are_paired_by_name(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_segment(folders)
    names = {path.name for path in (folders / "out").iterdir()}
    expected = {f"pixelLabel_scan{n}.png" for n in range(1, 13)}
    assert names == {*expected, "classes.json", "overlays"}
    pictures = {path.name for path in (folders / "out" / "overlays").iterdir()}
    assert pictures == {f"scan{n}.png" for n in range(1, 13)}
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


def test_the_options_of_segment(folders: Path) -> None:
    model, images = folders / "model.safetensors", folders / "images"
    options = {"tile_size": 0, "roi": (1, 0, 3, 4), "names": "source", "device": "cpu", "batch_size": 2}
    segment(model, images=images, output=folders / "tiles", **options)  # type: ignore[arg-type]
    labels = read_image(folders / "tiles" / "scan3.png")
    assert labels.shape == (4, 5, 3)  # the colors of the palette
    assert (labels[:, 1:4] != 0).any(axis=2).all()
    assert (labels[:, 0] == 0).all()
    segment(
        model, images=images / "scan3.png", output=folders / "one", scales="0.5,1", flip=True, fit="error"
    )
    assert (folders / "one" / "pixelLabel_scan3.png").is_file()
    wrong: tuple[tuple[dict[str, object], str], ...] = (
        ({"overlap": 3}, "--overlap is for tiles, got 3 without --tile-size"),
        (
            {"scales": "1;2"},
            "--scales must be numbers with commas between them, such as 0.75,1,1.25, got '1;2'",
        ),
        ({"flip": True, "fit": "pad"}, "--fit must be resize or error with --scales and --flip, got pad"),
    )
    for arguments, text in wrong:
        with pytest.raises(LayergraphError, match=f"^{re.escape(text)}$"):
            segment(model, images=images, output=folders / "no", **arguments)  # type: ignore[arg-type]
    assert not (folders / "no").exists()


FFMPEG = """#!/bin/sh
for word in "$@"; do case "$word" in file:*) source="${word#file:}" ;; esac; done
grep -q damaged "$source" && { echo "moov atom not found" >&2; exit 1; }
cp "$FRAME" 000001.png; cp "$FRAME" 000002.png
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the substitute for ffmpeg is a shell script")
def test_a_video_is_its_frames(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, video = folders / "model.safetensors", folders / "a%d.mp4"
    video.write_text("frames")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(
        LayergraphError, match="is a video, and needs the program ffmpeg, which is not installed"
    ):
        segment(model, images=video, output=folders / "out")
    program = folders / "ffmpeg"
    program.write_text(FFMPEG)
    program.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda name: str(program))
    monkeypatch.setenv("FRAME", str(folders / "images" / "scan1.png"))
    segment(model, images=video, output=folders / "out")
    names = {path.name for path in (folders / "out").iterdir()}
    assert names == {"classes.json", "pixelLabel_a%d_000001.png", "pixelLabel_a%d_000002.png"}
    video.write_text("damaged")
    with pytest.raises(DataError, match=r"^cannot read video '.*': moov atom not found$"):
        segment(model, images=video, output=folders / "other")
    assert not (folders / "other").exists()


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
