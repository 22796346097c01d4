"""``layergraph diff``: exit status 0, 1 and 2, arguments of one network, formats, errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from layergraph.builders import segnet_layers

SEGNET = ("segnet", "--image-size", "32", "32", "1", "--num-classes", "2")


def diff(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "layergraph", "diff", *words], capture_output=True, text=True, cwd=cwd
    )


def test_help_shows_an_example() -> None:
    assert "Example: layergraph diff unet" in diff("--help").stdout


def test_equal_networks_have_status_0() -> None:
    result = diff("segnet", *SEGNET, "--encoder-depth", "2")
    assert (result.returncode, result.stderr) == (0, "")
    assert "no difference" in result.stdout


def test_an_argument_of_one_network_overrides_the_option() -> None:
    result = diff(*SEGNET, "--encoder-depth", "2", "--after", "encoder-depth=1", "--format", "json")
    assert result.returncode == 1, result.stderr
    comparison = json.loads(result.stdout)
    assert (comparison["before"], comparison["after"]) == ("segnet", "segnet encoder-depth=1")
    assert comparison["totals"]["layers"] == {"before": 31, "after": 17}
    both = diff(*SEGNET, "--before", "encoder_depth=2", "--after", "--encoder-depth=1", "--format", "json")
    assert json.loads(both.stdout)["layers"] == comparison["layers"]


def test_switches_and_sizes_of_one_network() -> None:
    words = ("vgg16", "--width", "0.1", "--before", "image-size=64x64x3", "--after", "image-size=96 64 3")
    result = diff(*words, "--before", "include-head=no", "--after", "include-head=false", "--format", "json")
    comparison = json.loads(result.stdout)
    assert comparison["changed"] == ["input"]
    (change,) = comparison["layers"][0]["arguments"]
    assert change == {"argument": "input_size", "before": [64, 64, 3], "after": [96, 64, 3]}


@pytest.mark.slow
def test_files_and_a_builder(tmp_path: Path) -> None:
    graph = segnet_layers((32, 32, 1), 2, 2)
    graph.save(tmp_path / "a.safetensors")
    graph.compile().layer_graph().save(tmp_path / "b.safetensors")
    assert diff("a.safetensors", *SEGNET, "--encoder-depth", "2", cwd=tmp_path).returncode == 0
    assert diff("a.safetensors", "b.safetensors", cwd=tmp_path).returncode == 0
    result = diff("a.safetensors", "b.safetensors", "--with-weights", cwd=tmp_path)
    assert result.returncode == 1
    assert "17 with different weights" in result.stdout


@pytest.mark.parametrize(("name", "beginning"), [("d.html", "<!DOCTYPE html>"), ("d.json", '{"before"')])
def test_the_extension_gives_the_format(name: str, beginning: str, tmp_path: Path) -> None:
    result = diff(*SEGNET, "--encoder-depth", "1", "--after", "num-classes=3", "--output", name, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (1, f"wrote {name}\n")
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(beginning)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("segnt",), "no builder is called 'segnt'; did you mean 'segnet'?"),
        ((*SEGNET, "--before", "encoder-depth"),
         "--before must be NAME=VALUE, such as encoder-depth=3, got 'encoder-depth'"),
        ((*SEGNET, "--encoder-depth", "2", "--after", "encoder-dept=3"),
         "--after: no builder takes 'encoder-dept'; did you mean 'encoder-depth'"),
        (("vgg16", "--after", "include-head=2"), "--after include-head must be true or false, got '2'"),
        (("segnet", "fcn", *SEGNET[1:], "--encoder-depth", "2"),
         "fcn takes no --encoder-depth; give it to the other network alone: --before encoder-depth=..."),
        (("fcn", *SEGNET, "--type", "8s"),
         "segnet takes no --type; give it to the other network alone: --before type=..."),
        (("fcn", *SEGNET, "--kernel-size", "3"), "fcn takes no --kernel-size; "),
        (("a.safetensors", "b.safetensors", "--num-classes", "2"),
         "--num-classes is for builders such as unet, not for a file"),
        (("a.safetensors", "segnet"), "no file 'a.safetensors' to load a layer graph from"),
        (("a.safetensors", "--before", "encoder-depth=2"),
         "--encoder-depth is for builders such as unet, not for a file"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_status_2(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = diff(*words, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"layergraph: {message}")
    assert result.stderr.count("\n") == 1


def test_torch_is_not_imported() -> None:
    code = (
        f"import sys; sys.argv = ['layergraph', 'diff', *{SEGNET!r}, '--encoder-depth', '2', "
        "'--after', 'encoder-depth=1']\n"
        "from layergraph.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 1\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
