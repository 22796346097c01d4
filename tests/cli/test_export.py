"""layergraph export."""

import os

import pytest
from network_examples import trained_classifier

from layergraph.builders import segnet_layers
from layergraph.cli.app import run

SEGNET = ("segnet", "--image-size", "16", "20", "1", "--num-classes", "2", "--encoder-depth", "1")


def test_python_code_of_a_builder_and_of_a_file(tmp_path):
    path = tmp_path / "net.py"
    assert run(["export", *SEGNET, "--to", "python", "--output", str(path)]) == 0
    names = {}
    exec(path.read_text("utf-8"), names)
    assert names["lgraph"] == segnet_layers((16, 20, 1), 2, 1)
    lgraph = segnet_layers((16, 20, 1), 2, 1)
    lgraph.compile().layer_graph().save(tmp_path / "net.safetensors")
    assert run(["export", str(tmp_path / "net.safetensors"), "--to", "python", "--output", str(path)]) == 0
    exec(path.read_text("utf-8"), names)
    assert names["lgraph"] == lgraph


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "pt2"])
def test_files_for_other_programs(to, tmp_path, capsys):
    if to == "onnx":
        pytest.importorskip("onnxscript")
    trained_classifier().float().layer_graph().save(tmp_path / "net.safetensors")
    output = str(tmp_path / f"net.{to}")
    status = run(["export", str(tmp_path / "net.safetensors"), "--to", to, "--optimize", "--output", output])
    printed = capsys.readouterr()
    assert (status, printed.err) == (0, "")
    assert printed.out == f"wrote {output}\ninput images: batch × 2 × height × width\n"
    assert os.path.isfile(output)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*SEGNET, "--to", "onnx", "--output", "x.pt2"),
         "--output: a file of --to onnx must end in .onnx, got 'x.pt2'"),
        ((*SEGNET, "--to", "onnx", "--output", "x.onnx"),
         "NETWORK must have trained weights for --to onnx, got 'segnet' without; train it, "),
        ((*SEGNET, "--to", "python", "--optimize", "--output", "x.py"),
         "--optimize changes weights, which the code of --to python does not hold"),
        (("no.safetensors", "--to", "pt2", "--output", "x.pt2"),
         "no file 'no.safetensors' to load a layer graph from"),
    ],
)  # fmt: skip
def test_errors_are_one_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["export", *words]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"layergraph: {message}")
    assert error.count("\n") == 1
    assert not [*tmp_path.iterdir()]
