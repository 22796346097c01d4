"""``layergraph train``: options of training, files of options, validation data, and the record of a run."""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import fields

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from layergraph import load
from layergraph.cli import training_options as options
from layergraph.cli.app import app
from layergraph.cli.run_file import read_run, write_run
from layergraph.cli.train import TrainCommand, train
from layergraph.cli.training_data import run_data
from layergraph.data import count_each_label, inverse_frequency_weights, triangle_images
from layergraph.errors import LayergraphError
from layergraph.training import TrainingOptions

DATA = "--images set/images --labels set/labels --classes triangle,background --label-ids 255,0"
SMALL = f"segnet {DATA} --encoder-depth 1 --num-output-channels 2 --max-epochs 1"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    triangle_images(tmp_path / "set", 8, (16, 16), seed=1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(words):
    """The output of a run that succeeds."""
    application = typer.Typer()
    application.command(cls=TrainCommand)(train)
    result = CliRunner().invoke(application, shlex.split(words))
    assert result.exit_code == 0, f"{result.output} {result.exception!r}"
    return result.output


def fails(words):
    """The message of a run that fails."""
    application = typer.Typer()
    application.command(cls=TrainCommand)(train)
    result = CliRunner().invoke(application, shlex.split(words))
    assert isinstance(result.exception, LayergraphError), f"{result.output} {result.exception!r}"
    return str(result.exception)


def trained_options(words, monkeypatch):
    """The TrainingOptions of a run, without the run."""
    seen = []

    def stop(data, lgraph, options, **_):
        seen.append(options)
        raise LayergraphError("stopped")

    monkeypatch.setattr("layergraph.training.train_network", stop)
    assert fails(words) == "stopped"
    return seen[0]


def test_every_option_of_training_is_an_option_of_the_command():
    command = typer.main.get_command(app).commands["train"]
    context = command.make_context("train", ["unet"], resilient_parsing=True)
    names = {name for parameter in command.get_params(context) for name in parameter.opts}
    without_words = {
        "validation_data",
        "output_fcn",
        "sequence_length",
        "sequence_padding_value",
        "worker_load",
    }
    for each in fields(TrainingOptions):
        assert (f"--{each.name.replace('_', '-')}" in names) == (each.name not in without_words)
    assert set(options.training_names()) == {each.name for each in fields(TrainingOptions)} - without_words


def test_every_option_has_a_text_in_the_help():
    result = CliRunner().invoke(app, ["train", "--help"], terminal_width=200, env={"COLUMNS": "200"})
    assert result.exit_code == 0
    section = result.output[result.output.index("Options of training") :]
    for name in options.training_names():
        assert re.search(rf"--{name.replace('_', '-')}\b.*\s+\S", section), name
    assert "[default: every-epoch]" in section


def test_words_become_the_values_of_training_options(folder, monkeypatch):
    found = trained_options(
        f"{SMALL} --solver ADAM --initial-learn-rate 1e-4 --learn-rate-schedule warmup,cosine --no-verbose "
        "--gradient-threshold 2 --gradient-threshold-method global-l2norm --logger csv,tensorboard "
        "--validation-patience 3 --devices 2 --shuffle never --seed 7 --accumulate-grad-batches 2",
        monkeypatch,
    )
    assert found == TrainingOptions(
        "adam",
        initial_learn_rate=1e-4,
        learn_rate_schedule=["warmup", "cosine"],
        verbose=False,
        gradient_threshold=2,
        gradient_threshold_method="global-l2norm",
        logger=["csv", "tensorboard"],
        validation_patience=3,
        devices=2,
        shuffle="never",
        seed=7,
        accumulate_grad_batches=2,
        max_epochs=1,
        mini_batch_size=8,
        verbose_frequency=10,
    )


def test_words_win_over_the_file_and_the_file_over_the_defaults(folder, monkeypatch):
    (folder / "run.toml").write_text(
        """network = "segnet"
images = "set/images"
labels = "set/labels"
classes = ["triangle", "background"]
label_ids = [255, 0]
class_weights = false

[training]
max_epochs = 4
solver = "adam"
learn_rate_schedule = {type = "polynomial", power = 0.5}

[builder]
encoder_depth = 1
"""
    )
    found = trained_options("--config run.toml --max-epochs 2", monkeypatch)
    assert (found.max_epochs, found.solver, found.mini_batch_size, found.seed) == (2, "adam", 8, 0)
    assert found.learn_rate_schedule.power == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "imags = 'a'",
            "'run.toml' must hold options of layergraph train alone, got 'imags'; did you mean 'images'",
        ),
        ("[training]\nsolvr = 'a'", "got 'solvr' in the table [training]; did you mean 'solver'"),
        (
            "[training]\nmini_batch_size = 'many'",
            "mini_batch_size must be a whole number of at least 1, got 'many'",
        ),
        ("[training]\noutput_fcn = 'f'", "'output_fcn' must be given to train_network in Python"),
        (
            "[builder]\nencoder_deph = 1",
            "must hold arguments of segnet, got 'encoder_deph'; did you mean 'encoder_depth'",
        ),
        ("training = 1", "'run.toml': training must be a table, got 1; write [training]"),
        ("images = 1", "'run.toml': images must be text, got 1"),
        ("class_weights = 'yes'", "'run.toml': class_weights must be true or false, got 'yes'"),
        ("validation_fraction = true", "'run.toml': validation_fraction must be a number, got True"),
        ("class_weights_by = 'size'", "class_weights_by must be 'median-frequency', 'inverse-frequency' or"),
        ("images = ", "'run.toml' must be a TOML file, got one that is not: "),
    ],
)
def test_faults_of_a_file(folder, text, message):
    (folder / "run.toml").write_text(text)
    assert message in fails(f"{SMALL} --config run.toml")
    assert [*folder.glob("*.safetensors")] == []


def test_what_must_be_given(folder):
    assert fails(DATA) == "layergraph train: NETWORK must be given, such as unet, or network in the file"
    assert fails("unet --images a") == (
        "layergraph train: --labels and --classes must be given, or be in the file of --config"
    )


def test_the_record_repeats_the_run(folder):
    out = run(
        f"{SMALL} --validation-fraction 0.25 --class-weights-by inverse-frequency --mini-batch-size 3 "
        "--output first.safetensors --solver adam --learn-rate-schedule cosine"
    )
    assert out.endswith(
        "wrote first.toml: layergraph train --config first.toml repeats the run\nwrote first.safetensors\n"
    )
    assert "Validation" in out
    first = (folder / "first.safetensors").read_bytes()
    record = (folder / "first.toml").read_text()
    run("--config first.toml --output second.safetensors")
    assert (folder / "second.safetensors").read_bytes() == first
    # the same file is its own record; other options would need another one
    (folder / "first.safetensors").unlink()
    assert "wrote first.toml" not in run("--config first.toml")
    assert (folder / "first.safetensors").read_bytes() == first
    assert (folder / "first.toml").read_text() == record
    assert fails("--config first.toml --max-epochs 2").startswith(
        "--output must have another name than --config, because the options that differ are recorded"
    )
    found = tomllib.loads(record)
    assert found["training"]["solver"] == "adam"
    assert found["builder"] == {"encoder_depth": 1, "num_output_channels": 2}


def test_nothing_is_written_over_an_input(folder):
    run(f"{SMALL} --no-verbose")
    before = (folder / "model.safetensors").read_bytes()
    assert fails(f"model.safetensors {DATA} --output ./model.safetensors") == (
        "--output must be another file than NETWORK, got 'model.safetensors' for both; leave it out to write "
        "'model-trained.safetensors'"
    )
    # a file that no training wrote is not the record of one
    (folder / "model.toml").write_text("mine = 1\n")
    assert "toml" not in run(f"{SMALL} --no-verbose")
    assert (folder / "model.toml").read_text() == "mine = 1\n"
    assert (folder / "model.safetensors").read_bytes() == before


def test_weights_by_another_method(folder):
    run(f"{SMALL} --class-weights-by Inverse-Frequency --no-verbose".replace("Inverse-F", "inverse-f"))
    _, labels = triangle_images(folder / "set", 8, (16, 16), seed=1)
    expected = inverse_frequency_weights(count_each_label(labels))
    assert load("model.safetensors")["pixelLabels"].class_weights == pytest.approx(expected)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("dice", "DicePixelClassificationLayer"),
        ("focal", "FocalLossLayer"),
        ("crossentropy", "PixelClassificationLayer"),
    ],
)
def test_another_loss(folder, word, kind):
    run(f"{SMALL} --loss {word} --no-verbose")
    layer = load("model.safetensors")["pixelLabels"]
    assert type(layer).__name__ == kind
    assert layer.classes == ("triangle", "background")
    weights = getattr(layer, "class_weights", None)
    assert (weights is None) == (word != "crossentropy")


def test_a_loss_without_class_weights_refuses_them(folder):
    message = fails(f"{SMALL} --loss dice --class-weights")
    assert (
        "--class-weights must not be given for the loss 'pixelLabels', a DicePixelClassificationLayer"
        in message
    )
    (folder / "run.toml").write_text("loss = 'dise'")
    assert "loss must be 'crossentropy', 'dice' or 'focal', got 'dise'" in fails(f"{SMALL} --config run.toml")


def test_augmentation_changes_what_is_trained_on_and_not_what_validates(folder, monkeypatch):
    seen = []

    def stop(data, lgraph, options, **_):
        seen.extend([[*data], [*options.validation_data]])
        raise LayergraphError("stopped")

    monkeypatch.setattr("layergraph.training.train_network", stop)
    words = f"{SMALL} --validation-fraction 0.25"
    assert fails(words) == fails(f"{words} --augment") == "stopped"
    plain, plain_validation, moved, validation = seen
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(plain_validation, validation, strict=True))
    assert not any(np.array_equal(a[0], b[0]) for a, b in zip(plain, moved, strict=True))
    assert any((label == 255).any() for _, label in moved)


VALUES = {
    "images": "set/images",
    "labels": "set/labels",
    "classes": "triangle,background",
    "label_ids": "255,0",
}


def test_validation_by_fraction_and_by_folders(folder):
    data = run_data(VALUES | {"validation_fraction": 0.25}, seed=3)
    parts = [{file.name for file in part.files} for part in (data.training, data.validation)]
    assert [len(part) for part in parts] == [6, 2]
    assert not parts[0] & parts[1]
    assert data.labels.files == data.training.stores[1].files
    assert run_data(VALUES | {"validation_fraction": 0.25}, seed=3).training.files == data.training.files
    assert run_data(VALUES | {"validation_fraction": 0.25}, seed=4).training.files != data.training.files
    triangle_images(folder / "other", 3, (16, 16))
    folders = {"validation_images": "other/images", "validation_labels": "other/labels"}
    assert len(run_data(VALUES | folders, 0).validation) == 3
    assert len(run_data(VALUES | folders, 0).training) == 8
    assert run_data(VALUES, 0).validation is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"validation_fraction": 0.01}, "must leave images to train and to validate on, got 0.01 of 8"),
        ({"validation_fraction": 1}, "must leave images to train and to validate on, got 1 of 8"),
        ({"validation_fraction": 2}, "--validation-fraction must be a finite number from 0 to 1, got 2"),
        ({"validation_images": "set/images"}, "and --validation-labels must be given together"),
        (
            {"validation_images": "a", "validation_labels": "b", "validation_fraction": 0.5},
            "--validation-fraction must not be given with --validation-images",
        ),
    ],
)
def test_wrong_validation_data(folder, given, message):
    with pytest.raises(LayergraphError) as caught:
        run_data(VALUES | given, 0)
    assert message in str(caught.value)


def test_toml_gives_back_every_value(tmp_path):
    values = {
        "network": 'C:\\nets\\"a" \x7f\t\u00e9\U0001f600.safetensors',
        "classes": ["a,b", "c"],
        "label_ids": [[0, 0, 0], [[1, 2, 3], [4, 5, 6]]],
        "class_weights": False,
        "validation_fraction": 1e-7,
        "training": {
            "gradient_threshold": float("inf"),
            "learn_rate_schedule": {"type": "polynomial", "power": 1.0},
        },
        "builder": {"image_size": [16, 16, 1], "weights": ""},
    }
    write_run(tmp_path / "run.toml", values | {"pair": None})
    assert read_run(tmp_path / "run.toml", values, values["training"]) == values


def test_a_training_resumes(folder):
    words = f"{SMALL} --mini-batch-size 4 --max-epochs 2 --output whole.safetensors"
    run(f"{words} --checkpoint-path checkpoints")
    first = min(folder.glob("checkpoints/net_*"), key=lambda path: int(path.name.split("__")[1]))
    run(f"{words.replace('whole', 'again')} --resume '{first}'")
    assert load("again.safetensors") == load("whole.safetensors")
    assert "initial_learn_rate 0.5 instead of 0.01" in fails(
        f"{words} --resume checkpoints --initial-learn-rate 0.5"
    )


def test_faulty_files_are_left_out_on_request(folder, capsys):
    image = next((folder / "set/images").iterdir())
    image.write_bytes(image.read_bytes()[:60])
    label = sorted((folder / "set/labels").iterdir())[-1]
    label.unlink()
    files = len(run_data(VALUES | {"skip_faulty": True}, 0).training)
    assert files == 6
    err = capsys.readouterr().err.splitlines()
    assert err[0] == "layergraph: 2 images of 8 left out:"
    assert len(err) == 3
    assert any(image.name in line for line in err)
    # the record of a run has the option
    output = run(f"{SMALL} --skip-faulty --no-verbose")
    assert "2 images of 8 left out:" in output
    assert tomllib.loads((folder / "model.toml").read_text())["skip_faulty"] is True
    (folder / "run.toml").write_text("skip_faulty = 'yes'")
    assert "skip_faulty must be true or false, got 'yes'" in fails(f"{SMALL} --config run.toml")


def test_no_pair_is_left(folder):
    for image in (folder / "set/images").iterdir():
        image.write_bytes(b"")
    assert "there must be an item without an error" in fails(f"{SMALL} --skip-faulty")
