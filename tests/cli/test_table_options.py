"""The options of ``layergraph analyze`` for the columns, the rows and the order of its table."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from layergraph import Convolution2dLayer, ImageInputLayer, LayerGraph
from layergraph.analyze import analyze_network
from layergraph.builders import segnet_layers

SEGNET = ("segnet", "--image-size", "32", "32", "1", "--num-classes", "2", "--encoder-depth", "2")
ANALYSIS = analyze_network(segnet_layers((32, 32, 1), 2, 2), name="segnet")


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "layergraph", "analyze", *words]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment)


def test_columns_rows_and_order() -> None:
    columns = ("name", "num_learnables", "multiply_adds", "activation_bytes_training")
    words = ("--columns", ",".join(columns), "--sort", "-num_learnables,name", "--filter", "decoder1*")
    words = (*words, "--filter", "softmax", "--batch-size", "4", "--dtype", "float16")
    result = analyze(*SEGNET, *words)
    assert result.returncode == 0, result.stderr
    expected = ANALYSIS.table(
        columns,
        sort_by=("-num_learnables", "name"),
        names=("decoder1*", "softmax"),
        batch_size=4,
        dtype="float16",
    )
    assert result.stdout == f"{expected.to_text()}\n"  # without colors, because the output is no terminal


def test_groups_blocks_and_types() -> None:
    words = ("--group", "--block", "*coder?", "--layer-type", "convolution")
    result = analyze(*SEGNET, *words, "--format", "csv", "--columns", "name,num_learnables")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["name"] for row in rows] == ["encoder1*", "encoder2*", "decoder2*", "decoder1*"]
    assert rows[0]["num_learnables"] == str(640 + 36_928)


def test_all_columns_as_json() -> None:
    table = json.loads(analyze(*SEGNET, "--columns", "all", "--format", "json").stdout)
    assert table == json.loads(ANALYSIS.table(table["columns"]).to_json())
    assert {"multiply_adds", "receptive_field", "states", "block"} <= set(table["columns"])


@pytest.mark.parametrize("words", [("--format", "latex"), ("--output", "table.tex")])
def test_latex(words: tuple[str, str], tmp_path: Path) -> None:
    if words[0] == "--output":
        words = ("--output", str(tmp_path / words[1]))
    result = analyze(*SEGNET, *words)
    assert result.returncode == 0, result.stderr
    text = (tmp_path / "table.tex").read_text("utf-8") if words[0] == "--output" else result.stdout
    assert text == ANALYSIS.to_latex()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--columns", "name,typ"), "no column is called 'typ'; did you mean 'type'?"),
        (("--sort", "lernables"), "no column is called 'lernables'; did you mean 'learnables'"),
        (
            ("--filter", "encoder1_conv3"),
            "no layer is called 'encoder1_conv3'; did you mean 'encoder1_conv2'",
        ),
        (("--layer-type", "conv"), "no layer has the type 'conv'; did you mean 'Convolution'?"),
        (("--group", "--format", "html"), "--format html writes a page of all layers"),
        (("--batch-size", "4"), "--batch-size needs --columns with costs, such as multiply_adds"),
        (("--columns", "multiply_adds", "--dtype", "int8"), "costs: dtype must be one of float64, float32"),
    ],
)
def test_errors(words: tuple[str, ...], message: str) -> None:
    result = analyze(*SEGNET, *words)
    assert result.returncode != 0
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_table_of_a_network_with_errors_reports_them_and_gives_status_1(tmp_path: Path) -> None:
    path = tmp_path / "faulty.safetensors"
    LayerGraph([ImageInputLayer((8, 8, 1)), Convolution2dLayer(3, 2, num_channels=4)]).save(path)
    result = analyze(str(path), "--columns", "name,issues", "--target-usage", "network")
    assert result.returncode == 1
    assert "LG-CHANNELS" in result.stdout
    assert result.stderr == (
        "layergraph: the network has 1 error; leave out the options of the table to list them\n"
    )


def test_costs_need_no_torch() -> None:
    code = (
        f"import sys; sys.argv = ['layergraph', 'analyze', *{SEGNET!r}, '--group', '--columns', 'all']\n"
        "from layergraph.cli import main\n"
        "try: main()\n"
        "finally: print({'torch', 'numpy', 'pandas'} & set(sys.modules), file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert ran.stderr.strip().splitlines()[-1] == "set()"
