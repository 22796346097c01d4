"""The command line as a user types it: every command in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from layergraph.builders import BUILDERS, segnet_layers
from layergraph.cli.builder_options import ARGUMENT_HELP, classes_and_ids
from layergraph.data import triangle_images
from layergraph.errors import DataError

COMMANDS = ("demo", "builders", "analyze", "diagram", "diff", "explain", "train", "segment", "evaluate")
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


def test_every_builder_argument_has_a_help_text() -> None:
    assert set(ARGUMENT_HELP) == {name for builder in BUILDERS.values() for name in builder.parameters}


def test_analyze_writes_the_json_of_the_design(tmp_path: Path) -> None:
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


def test_analyze_prints_the_table_and_takes_saved_files(tmp_path: Path) -> None:
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


def test_builders_lists_them_and_the_arguments_of_one() -> None:
    listed = json.loads(run("builders", "--format", "json").stdout)
    assert [row["name"] for row in listed] == list(BUILDERS)
    assert all(len(row["summary"]) > 10 for row in listed)
    table = run("builders").stdout
    assert all(re.search(rf"^{name} ", table, re.MULTILINE) for name in BUILDERS)
    one = json.loads(run("builders", "unet", "--format", "json").stdout)
    assert [argument["name"] for argument in one["arguments"]] == list(BUILDERS["unet"].parameters)
    depth = next(argument for argument in one["arguments"] if argument["name"] == "encoder_depth")
    assert (depth["required"], depth["default"]) == (False, 4)
    assert "--image-size H W [C]  " in run("builders", "unet").stdout


def test_analyze_takes_switches_decimals_and_what_the_network_is_for() -> None:
    words = ("analyze", "vgg16", "--no-include-head", "--width", "0.25", "--format", "json")
    for_training, for_itself = run(*words), run(*words, "--target-usage", "network")
    assert (for_training.returncode, for_itself.returncode) == (1, 0)
    analysis = json.loads(for_itself.stdout)
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
         "--output needs an ending that says the format, such as x.svg"),
        (("segment", "no.safetensors", "--images", "i", "--output", "o"),
         "no file 'no.safetensors' to load a layer graph from"),
        (("demo", "--classes", "a,b"),
         "--labels, --classes and --label-ids describe your --images; give these too"),
        (("train", "segnet", "--images", "none", "--labels", "none", "--classes", "a,b"),
         "there is no file or folder 'none'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_status_1(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = run(*words, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"layergraph: {message}")
    assert result.stderr.count("\n") == 1


def test_analyze_of_a_network_with_errors_prints_them_and_exits_with_1(tmp_path: Path) -> None:
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
    assert len(list((tmp_path / "out").glob("overlay_*.png"))) == 8
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
def test_demo_leaves_its_folder(tmp_path: Path) -> None:
    result = run("demo", "--max-epochs", "1", "--output", "here", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    files = {path.name for path in (tmp_path / "here").iterdir()}
    assert files == {
        "data", "report.html", "network.svg", "overlay.png", "metrics.json", "model.safetensors"
    }  # fmt: skip
    assert "report.html        start here" in result.stdout
    assert [*tmp_path.iterdir()] == [tmp_path / "here"]


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
    path = tmp_path / "colours.txt"
    path.write_text("# CamVid\n128 128 128\tSky\n\n128 0 0\tBuilding\n64 192 0  Building\n")
    assert classes_and_ids(str(path), None) == (
        ["Sky", "Building"],
        [[(128, 128, 128)], [(128, 0, 0), (64, 192, 0)]],
    )
    path.write_text("0 Sky\nBuilding\n")
    with pytest.raises(DataError, match=re.escape("line 2 of ") + ".*is 'id name' or 'R G B name'"):
        classes_and_ids(str(path), None)
