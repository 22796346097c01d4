"""The commands as a user types them, most of them in a separate process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from layergraph.builders import BUILDERS, Builder, segnet_layers
from layergraph.cli.app import app
from layergraph.cli.app import run as run_here
from layergraph.cli.builder_options import all_options, argument_texts, given_arguments, options_of
from layergraph.cli.class_options import classes_and_ids
from layergraph.data import triangle_images
from layergraph.errors import DataError

COMMANDS = (
    *("demo", "builders", "analyze", "diagram", "diff", "explain"),
    *("train", "segment", "evaluate", "export"),
)
SEGNET = ("segnet", "--image-size", "32", "32", "1", "--num-classes", "2", "--encoder-depth", "2")


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "layergraph", *words], capture_output=True, text=True, env=environment, cwd=cwd
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_that_names_the_command(command: str) -> None:
    result = run(command, "--help")
    assert result.returncode == 0, result.stderr
    assert f"Example: layergraph {command}" in result.stdout


@pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)
def test_docstrings_describe_every_argument_of_a_builder(builder: Builder) -> None:
    assert {*argument_texts(builder.function)} >= {*builder.parameters}


def help_of(*words: str, columns: int = 80) -> str:
    environment = {**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "layergraph", *words, "--help"]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout


def test_help_shows_the_options_of_the_named_network_alone() -> None:
    general, unet = help_of("analyze"), help_of("analyze", "unet")
    assert "--num-first-encoder-filters" not in general
    assert "layergraph analyze unet --help lists those of unet" in " ".join(general.split())
    assert {*re.findall(r"^  (--[\w-]+)", unet.partition("Options of unet:")[2], re.MULTILINE)} == {
        option for option in options_of(BUILDERS["unet"]) if not option.startswith("--no-")
    }
    assert "Number of classes, at least 2.  [required]" in unet
    assert "[default: that of the data]" in " ".join(help_of("train", "unet").split())
    both = help_of("diff", "fcn", "segnet")
    assert "Options of fcn:" in both
    assert "Options of segnet:" in both


@pytest.mark.parametrize("columns", [30, 80])
def test_help_cuts_no_option(columns: int) -> None:
    text = help_of("diff", "deeplabv3plus", "unet", columns=columns)
    options = {**options_of(BUILDERS["deeplabv3plus"]), **options_of(BUILDERS["unet"])}
    assert all(re.search(rf"{option}\b(?!-)", text) for option in options)
    assert "…" not in text
    assert columns < 80 or "..." not in help_of().partition("Commands:")[2]


def test_options_of_builders_and_commands_have_different_names() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    own = {
        option for command in commands.values() for parameter in command.params for option in parameter.opts
    }
    assert not own & {*all_options()}


def test_options_can_come_before_the_network() -> None:
    expected = run("analyze", *SEGNET, "--format", "json").stdout
    for words in (
        (*SEGNET[1:], "--format=json", "segnet"),
        (*SEGNET[1:], "--format=json", "--", "segnet"),
        ("--format", "json", "--image-size=32x32x1", "segnet", "--num-classes=2", "--encoder-depth", "2"),
    ):
        assert run("analyze", *words).stdout == expected
    first = run("analyze", "--no-include-head", "vgg16", "--target-usage", "network", "--format", "json")
    assert len(json.loads(first.stdout)["layers"]) == 32


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("unet", "--num-clases", "2"), "there is no option '--num-clases'; did you mean '--num-classes'?"),
        (("unet", "--colums", "name"), "there is no option '--colums'; did you mean '--columns'?"),
        (("x.safetensors", "--num-clases", "2"), "there is no option '--num-clases'"),
        (("deeplabv3plus", "--downsampling-factor", "7"), "Invalid value for '--downsampling-factor': "),
        (("unet", "--convolution-padding", "full"), "Invalid value for '--convolution-padding': "),
        (("segnet", "--num-classes", "2 3"), "Invalid value for '--num-classes': "),
        (("segnet", "--image-size"), "Option '--image-size' requires an argument"),
        (("vgg16", "--include-head=yes"), "Option '--include-head' does not take a value"),
    ],
)
def test_wrong_options_of_a_network_are_one_line_and_status_2(
    words: tuple[str, ...], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_here(("analyze", *words)) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"layergraph: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("builder", "words", "arguments"),
    [
        ("unet", ("--image-size", "480 640 3"), {"image_size": (480, 640, 3)}),
        ("unet", ("--image-size", "480", "--filter-size", "3"), {"image_size": (480,), "filter_size": 3}),
        ("segnet", ("--backbone", "vgg16"), {"backbone": "vgg16"}),
        ("segnet", ("--encoder-depth", "4"), {"encoder_depth": 4}),
        ("deeplabv3", ("--downsampling-factor", "8"), {"downsampling_factor": 8}),
        ("deeplabv2", ("--rates", "6x12,18 24"), {"rates": (6, 12, 18, 24)}),
        ("vgg16", ("--no-include-head", "--width", "1"), {"include_head": False, "width": 1.0}),
        ("deeplabv3plus", ("--separable-convolutions",), {"separable_convolutions": True}),
    ],
)
def test_options_have_the_types_of_the_builder(
    builder: str, words: tuple[str, ...], arguments: dict[str, Any]
) -> None:
    given = given_arguments(BUILDERS[builder], words)
    assert given == arguments
    assert [*map(type, given.values())] == [*map(type, arguments.values())]


def test_several_numbers_are_for_the_builders_that_take_them(capfd: pytest.CaptureFixture[str]) -> None:
    sizes = ("--num-classes", "2", "--encoder-depth", "2", "--num-output-channels", "4", "8")
    assert run_here(("analyze", "segnet", "--image-size", "32", "32", "1", *sizes, "--columns", "size")) == 0
    assert "32×32×4" in capfd.readouterr().out
    assert run_here(("analyze", "segnet_basic", "--image-size", "32", "32", "1", *sizes)) == 2
    assert "Invalid value for '--num-output-channels'" in capfd.readouterr().err


def test_analyze_writes_json(tmp_path: Path) -> None:
    result = run("analyze", *SEGNET, "--format", "json")
    assert result.returncode == 0, result.stderr
    analysis = json.loads(result.stdout)
    assert analysis["total_learnables"] == 224_262
    assert analysis["num_connections"] == 34
    assert len(analysis["layers"]) == 31
    assert analysis["input_names"] == ["inputImage"]
    assert analysis["layers"][1]["learnables"][0] == {"name": "Weights", "size": [3, 3, 1, 64]}
    again = run("analyze", *SEGNET, "--output", str(tmp_path / "segnet.json"))
    assert again.returncode == 0
    assert json.loads((tmp_path / "segnet.json").read_text()) == analysis


def test_analyze_prints_the_same_table_for_a_builder_and_its_file(tmp_path: Path) -> None:
    path = tmp_path / "segnet.safetensors"
    segnet_layers((32, 32, 1), 2, 2).save(path)
    built, loaded = run("analyze", *SEGNET), run("analyze", str(path))
    assert built.returncode == loaded.returncode == 0, loaded.stderr
    assert "ANALYSIS RESULT" in built.stdout
    assert "decoder1_relu_1" in loaded.stdout
    assert [*re.findall(r"\d+\(S\)", built.stdout)] == [*re.findall(r"\d+\(S\)", loaded.stdout)]


@pytest.mark.parametrize("form", ["csv", "markdown", "html"])
def test_analyze_in_other_formats(form: str, tmp_path: Path) -> None:
    path = tmp_path / "result"
    result = run("analyze", *SEGNET, "--format", form, "--output", str(path))
    assert result.returncode == 0, result.stderr
    assert "encoder2_maxpool" in path.read_text()


def test_analyze_never_imports_torch() -> None:
    code = (
        f"import sys; sys.argv = ['layergraph', 'analyze', *{SEGNET!r}]\n"
        "from layergraph.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_builders_lists_builders_and_the_arguments_of_one() -> None:
    listed = json.loads(run("builders", "--format", "json").stdout)
    assert [row["name"] for row in listed] == list(BUILDERS)
    assert all(len(row["summary"]) > 10 for row in listed)
    table = run("builders").stdout
    assert all(re.search(rf"^{name} ", table, re.MULTILINE) for name in BUILDERS)
    one = json.loads(run("builders", "unet", "--format", "json").stdout)
    assert [argument["name"] for argument in one["arguments"]] == list(BUILDERS["unet"].parameters)
    depth = next(argument for argument in one["arguments"] if argument["name"] == "encoder_depth")
    assert (depth["required"], depth["default"]) == (False, 4)
    assert "--image-size N...  " in run("builders", "unet").stdout


def test_analyze_takes_switches_decimals_and_the_usage_of_the_network() -> None:
    words = ("analyze", "vgg16", "--no-include-head", "--width", "0.25", "--format", "json")
    for_training, for_inference = run(*words), run(*words, "--target-usage", "network")
    assert (for_training.returncode, for_inference.returncode) == (1, 0)
    analysis = json.loads(for_inference.stdout)
    assert len(analysis["layers"]) == 32
    assert analysis["layers"][1]["learnables"][0]["size"] == [3, 3, 3, 16]


def test_diagram_writes_svg(tmp_path: Path) -> None:
    result = run("diagram", *SEGNET, "--output", str(tmp_path / "segnet.svg"))
    assert result.returncode == 0, result.stderr
    assert "<svg" in (tmp_path / "segnet.svg").read_text()


def test_options_of_the_diagram(tmp_path: Path) -> None:
    path = tmp_path / "resnet18.dot"
    words = ("diagram", "resnet18", "--width", "0.25", "--output", str(path))
    options = ("--fold", "res2*, res3*", "--theme", "dark", "--sizes", "both", "--direction", "horizontal")
    result = run(*words, *options, "--title", "A <title>", "--detail", "layers")
    assert result.returncode == 0, result.stderr
    source = path.read_text("utf-8")
    assert all(text in source for text in ("rankdir=LR", "#0d1117", "res2a … res2b", "A &lt;title&gt;"))
    result = run(*words, "--fold", "rez*")
    assert (result.returncode, result.stdout) == (1, "")
    assert "or names of blocks of this network, got 'rez*'" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("analyze", "segnt"), "no builder is called 'segnt'; did you mean 'segnet'?"),
        (
            ("analyze", "segnet", "--image-size", "32", "32"),
            "segnet also needs --num-classes; for example --image-size 480 640 3 --num-classes 5",
        ),
        (
            ("analyze", "unet", "--num-output-channels", "3"),
            "unet takes no --num-output-channels; there are '--image-size', '--num-classes', ",
        ),
        (
            ("analyze", *SEGNET[:-1], "0"),
            "segnet_layers: encoder_depth must be a whole number from 1 to 30, got 0",
        ),
        (("analyze", "no.safetensors"), "no file 'no.safetensors' to load a layer graph from"),
        (
            ("analyze", "no.safetensors", "--num-classes", "2"),
            "--num-classes is for builders such as unet, not for a file",
        ),
        (("diagram", *SEGNET, "--output", "x"),
         "--output must have the extension of a format, such as x.svg"),
        (("segment", "no.safetensors", "--images", "i", "--output", "o"),
         "no file 'no.safetensors' to load a layer graph from"),
        (("demo", "--classes", "a,b"),
         "--labels, --classes and --label-ids describe your --images; give --images too"),
        (("train", "segnet", "--images", "none", "--labels", "none", "--classes", "a,b"),
         "there is no file or folder 'none'"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_status_1(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = run(*words, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"layergraph: {message}")
    assert result.stderr.count("\n") == 1


def test_errors_of_a_network_are_printed_and_give_status_1(tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    segnet_layers((32, 32, 1), 2, 2).remove_layers("decoder1_conv1").save(path)
    result = run("analyze", str(path))
    assert result.returncode == 1
    assert "LG-MISSING-INPUT" in result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_train_segment_evaluate(tmp_path: Path) -> None:
    triangle_images(tmp_path / "set", 8, (40, 36), seed=1)
    data = ("--classes", "triangle,background", "--label-ids", "255,0")
    trained = run(
        "train", "segnet", "--image-size", "16", "20", "1", "--encoder-depth", "1",
        "--num-output-channels", "4", "--images", "set/images", "--labels", "set/labels", *data,
        "--max-epochs", "1", "--mini-batch-size", "4", cwd=tmp_path,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    assert "Mini-batch" in trained.stdout
    segmented = run(
        "segment",
        "model.safetensors",
        "--images",
        "set/images",
        "--output",
        "out",
        "--overlays",
        cwd=tmp_path,
    )
    assert segmented.returncode == 0, segmented.stderr
    assert len(list((tmp_path / "out").glob("pixelLabel_*.png"))) == 8
    assert len(list((tmp_path / "out" / "overlays").glob("*.png"))) == 8
    evaluated = run(
        "evaluate", "--predicted", "out", "--truth", "set/labels", *data, "--output", "m.json", cwd=tmp_path
    )
    assert evaluated.returncode == 0, evaluated.stderr
    metrics = json.loads((tmp_path / "m.json").read_text())
    assert 0 <= metrics["data_set_metrics"]["global_accuracy"] <= 1
    further = run(
        "train", "model.safetensors", "--images", "set/images", "--labels", "set/labels", *data,
        "--max-epochs", "1", "--output", "more.safetensors", cwd=tmp_path,
    )  # fmt: skip
    assert further.returncode == 0, further.stderr
    missing = run(
        "train", "no.safetensors", "--images", "set/images", "--labels", "set/labels", *data, cwd=tmp_path
    )
    assert missing.stderr == "layergraph: no file 'no.safetensors' to load a layer graph from\n"


@pytest.mark.slow
def test_demo_writes_its_folder(tmp_path: Path) -> None:
    result = run("demo", "--max-epochs", "1", "--output", "here", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    files = {path.name for path in (tmp_path / "here").iterdir()}
    assert files == {
        "data", "network.html", "report.html", "network.svg", "overlay.png", "metrics.json",
        "model.safetensors",
    }  # fmt: skip
    assert "report.html        start here" in result.stdout
    assert [*tmp_path.iterdir()] == [tmp_path / "here"]


@pytest.mark.slow
def test_demo_ends_its_training_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # as on a machine so slow that the time is up before the first iteration
    monkeypatch.setattr("layergraph.cli.demo._TRAINING_ENDS", 0.0)
    monkeypatch.chdir(tmp_path)
    assert run_here(["demo"]) == 0
    assert "training ended in epoch 1 of 12; --max-epochs 12 trains to the end." in capsys.readouterr().out
    results = json.loads((tmp_path / "layergraph-demo" / "metrics.json").read_text())
    assert len(results["training"]["training_loss"]) == 1


@pytest.mark.slow
def test_demo_on_own_images(tmp_path: Path) -> None:
    triangle_images(tmp_path / "set", 10, (150, 170), seed=1)
    (tmp_path / "classes.txt").write_text("255 triangle\n0 background\n")
    result = run(
        "demo", "--images", "set/images", "--labels", "set/labels", "--classes", "classes.txt",
        "--max-epochs", "1", cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "10 images of 150×170×1; used: 8 for training and 2 for testing, at 104×118" in result.stdout
    assert (tmp_path / "layergraph-demo" / "report.html").stat().st_size > 10_000


def test_a_file_of_classes(tmp_path: Path) -> None:
    path = tmp_path / "colors.txt"
    path.write_text("# CamVid\n128 128 128\tSky\n\n128 0 0\tBuilding\n64 192 0  Building\n")
    assert classes_and_ids(str(path), None) == (
        ["Sky", "Building"],
        [[(128, 128, 128)], [(128, 0, 0), (64, 192, 0)]],
    )
    path.write_text("0 Sky\nBuilding\n")
    with pytest.raises(DataError, match=re.escape("line 2 of ") + ".*must be 'id name' or 'R G B name'"):
        classes_and_ids(str(path), None)
