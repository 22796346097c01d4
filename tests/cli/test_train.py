"""``layergraph train``: it overwrites no network unasked, and loses no trained network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from inherited_signals import heed_signals
from typer.testing import CliRunner

from layergraph import ClassificationLayer, DataError, PixelClassificationLayer, RegressionLayer, load
from layergraph.builders import segnet_layers
from layergraph.cli.train import TrainCommand, train
from layergraph.cli.trained_files import default_output, save_somewhere
from layergraph.cli.training_loss import fit_loss
from layergraph.data import ImageDatastore, PixelLabelDatastore, resize_pair, triangle_images, write_image

CLASSES = ("--classes", "triangle,background", "--label-ids", "255,0")
SMALL = ("segnet", "--image-size", "16", "16", "1", "--encoder-depth", "1", "--num-output-channels", "2")
FOLDERS = ("--images", "set/images", "--labels", "set/labels")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with images and labels."""
    triangle_images(tmp_path / "set", 4, (16, 16), seed=1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str):
    """Run the command in this process."""
    app = typer.Typer()
    app.command(cls=TrainCommand)(train)
    return CliRunner().invoke(app, [*FOLDERS, *CLASSES, "--max-epochs", "1", *words])


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("missing/m.safetensors", "there is no folder '"),
        (".", "is a folder; give the name of a file in it"),
        ("set", "is a folder; give the name of a file in it"),
        ("", "is a folder; give the name of a file in it"),
    ],
)
def test_an_output_that_cannot_be_written_is_reported_before_any_image_is_read(folder, output, message):
    result = run(*SMALL, "--output", output, "--images", "none")
    assert result.exit_code == 1
    assert message in str(result.exception)
    assert "Training" not in result.output


def test_a_disk_without_space_is_reported_before_training(folder, monkeypatch):
    monkeypatch.setattr(sys.modules["layergraph.cli.train"], "num_bytes", lambda _: 9 * 10**17)
    result = run(*SMALL)
    assert "for 900000000000000000 bytes" in str(result.exception)
    assert "Training" not in result.output
    assert [*folder.iterdir()] == [folder / "set"]


@pytest.mark.slow
def test_a_network_from_a_file_is_not_overwritten(folder):
    path = folder / "model.safetensors"
    segnet_layers((16, 16, 1), 2, 1, num_output_channels=2).save(path)
    before = path.read_bytes()
    result = run("model.safetensors")
    assert result.exit_code == 0, result.output
    assert path.read_bytes() == before
    assert load("model-trained.safetensors") != load(path)
    assert "wrote model-trained.safetensors" in result.output
    assert default_output("segnet") == Path("model.safetensors")


def test_a_disk_that_is_full_at_the_end_sends_the_network_to_another_folder(folder):
    result = run(*SMALL, "--output", "/dev/full")
    elsewhere = folder / f"layergraph-{os.getpid()}.safetensors"
    assert result.exit_code == 1
    assert str(result.exception) == (
        f"the trained network cannot be written to '/dev/full' (No space left on device); it is in "
        f"'{elsewhere}'"
    )
    assert load(elsewhere).output_names == ("pixelLabels",)


def test_a_network_that_no_folder_takes_is_reported_as_lost(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("layergraph.graph.layer_graph.LayerGraph.save", full)
    with pytest.raises(OSError, match="nor to the working, temporary or home folder; it is lost"):
        save_somewhere(segnet_layers((16, 16, 1), 2, 1), folder / "m.safetensors")


def test_a_loss_that_is_not_finite_gives_status_1_and_a_saved_network(folder):
    result = run(*SMALL, "--initial-learn-rate", "1e30", "--max-epochs", "50")
    assert result.exit_code == 1
    assert "layergraph: train_network: the loss of iteration " in result.output
    assert "Training finished: Loss is not finite." in result.output
    weights = load("model.safetensors").compile().state_dict().values()
    assert all(tensor.isfinite().all() for tensor in weights)


def start_training(words, prefix=()):
    """Start the command in another process; return the process after its first iteration."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "layergraph", "train", *words, *FOLDERS, *CLASSES],
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
@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("SIGTERM", ()),
        ("SIGTERM", ("sh", "-c", 'trap "" INT HUP; exec "$@"', "sh")),  # nohup, &
        ("SIGHUP", ()),
        ("SIGINT", ()),
    ],
    ids=["SIGTERM", "SIGTERM in the background", "SIGHUP", "Ctrl-C"],
)
def test_a_signal_saves_the_network(folder, name, prefix):
    process = start_training((*SMALL, "--max-epochs", "1000000", "--verbose-frequency", "1000000"), prefix)
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=60)
    assert process.returncode == (0 if name == "SIGINT" else 128 + getattr(signal, name)), err
    assert out.endswith("wrote model.safetensors\n")
    assert "Traceback" not in err
    assert load("model.safetensors").output_names == ("pixelLabels",)


def test_the_loss_of_a_file_is_kept(folder, capsys):
    labels = PixelLabelDatastore("set/labels", ["triangle", "background"], [255, 0])
    layer = PixelClassificationLayer(name="pixelLabels", classes=labels.classes, class_weights=[3, 1])
    lgraph = segnet_layers((16, 16, 1), 2, 1).replace_layer("pixelLabels", layer)
    assert fit_loss(lgraph, labels, None) == lgraph
    assert capsys.readouterr().err == (
        "layergraph: layer 'pixelLabels' keeps its loss, Class weighted cross-entropy loss with 'triangle' "
        "and 'background'; --class-weights computes class weights from the labels\n"
    )
    assert fit_loss(lgraph, labels, False)["pixelLabels"].class_weights == "none"
    weights = fit_loss(lgraph, labels, True)["pixelLabels"].class_weights
    assert weights == fit_loss(segnet_layers((16, 16, 1), 2, 1), labels, None)["pixelLabels"].class_weights
    assert weights != (3, 1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("layer", [ClassificationLayer(name="loss"), RegressionLayer(name="loss")])
def test_a_loss_that_takes_no_label_images_is_refused(folder, layer):
    lgraph = segnet_layers((16, 16, 1), 2, 1).replace_layer("pixelLabels", layer)
    labels = PixelLabelDatastore("set/labels", ["triangle", "background"], [255, 0])
    with pytest.raises(DataError) as caught:
        fit_loss(lgraph, labels, None)
    assert str(caught.value) == (
        f"the loss 'loss' must take a class per pixel, got {type(layer).__name__}; replace it by a "
        "PixelClassificationLayer, or train with train_network"
    )


def test_a_builder_without_an_image_size(folder):
    result = run("patch_classification")
    assert str(result.exception).startswith("patch_classification also needs --patch-size; ")


def test_classes_in_another_order_are_refused(folder):
    layer = PixelClassificationLayer(name="pixelLabels", classes=["background", "triangle"])
    lgraph = segnet_layers((16, 16, 1), 2, 1).replace_layer("pixelLabels", layer)
    labels = PixelLabelDatastore("set/labels", ["triangle", "background"], [255, 0])
    with pytest.raises(DataError) as caught:
        fit_loss(lgraph, labels, True)
    assert str(caught.value) == (
        "train_network: the classes of data must be in the order of layer 'pixelLabels' ('background', "
        "'triangle'), got ('triangle', 'background'); give the classes of the layer in its order"
    )
    same = PixelLabelDatastore("set/labels", ["background", "triangle"], [0, 255])
    assert fit_loss(lgraph, same, True)["pixelLabels"].classes == ("background", "triangle")


def test_image_and_label_of_two_sizes_are_refused_with_the_file(folder):
    path = next((folder / "set" / "images").iterdir())
    write_image(path, np.zeros((16, 32), np.uint8))
    result = run(*SMALL)
    message = str(result.exception)
    assert result.exit_code == 1
    assert message.startswith(
        "resize_pair: image and labels must have one height and width, got 16×32 and 16×16; check that they "
        "belong together, or crop one; raised by the transform of item "
    )
    assert path.name in message


def test_a_file_that_vanishes_ends_training_and_the_network_is_saved(folder, monkeypatch):
    reads = []
    read = ImageDatastore.read_item

    def read_once(store, index):
        reads.append(index)
        if len(reads) == 14:  # the first reads are for the size and the input layer
            store.files[index].unlink()
        return read(store, index)

    monkeypatch.setattr(ImageDatastore, "read_item", read_once)
    result = run(*SMALL, "--mini-batch-size", "2", "--max-epochs", "9")
    assert result.exit_code == 1
    assert "there is no image file " in str(result.exception)
    assert "training ends after " in str(result.exception)
    assert "wrote model.safetensors" in result.output
    assert load("model.safetensors").output_names == ("pixelLabels",)


def test_a_pair_of_two_sizes_is_not_resized():
    pair = (np.zeros((32, 64, 3), np.uint8), np.zeros((64, 32), np.uint8))
    with pytest.raises(DataError, match="got 32×64 and 64×32"):
        resize_pair(pair, (32, 64))
