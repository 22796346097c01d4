"""ONNX files: the scores of the network, names of layers, open sizes, and files that do not appear."""

import os
import stat

import numpy as np
import pytest
import torch
from network_examples import odd_network, small_segnet, trained_classifier, two_by_two, with_random_statistics
from torch import nn

import layergraph.export.onnx_file
from layergraph import (
    AdditionLayer,
    ArgumentError,
    Convolution2dLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    LayerGraph,
    LayergraphError,
    MissingExtraError,
    ModuleLayer,
    ReluLayer,
    SoftmaxLayer,
)

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def run(path, *inputs):
    session = onnxruntime.InferenceSession(str(path))
    names = [value.name for value in session.get_inputs()]
    return session.run(None, dict(zip(names, [x.numpy() for x in inputs], strict=True)))


def check_scores(net, path, *inputs):
    with torch.no_grad():
        expected = net.eval()(*inputs)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for ours, theirs in zip(expected, run(path, *inputs), strict=True):
        np.testing.assert_allclose(theirs, ours.numpy(), rtol=0, atol=1e-4)


@pytest.mark.slow
def test_the_file_has_the_scores_and_the_names_of_the_network(tmp_path):
    net = with_random_statistics(odd_network().compile()).train()
    path = tmp_path / "net.onnx"
    state = torch.random.get_rng_state()
    assert net.to_onnx(path) == {"in": ("batch", 2, "height", "width")}
    assert os.listdir(tmp_path) == ["net.onnx"]
    assert net.training
    assert torch.equal(torch.random.get_rng_state(), state)
    for shape in ((1, 2, 11, 13), (2, 2, 12, 9)):
        check_scores(net, path, 10 * torch.rand(shape))
    graph = onnx.load(path).graph
    onnx.checker.check_model(str(path))
    assert [value.name for value in graph.input] == ["in"]
    assert [value.name for value in graph.output] == ["softmax"]
    for value in (graph.input[0], graph.output[0]):
        dimensions = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        assert [dimensions[i] for i in (0, 2, 3)] == ["batch", "height", "width"]
    operations = {node.name: node.op_type for node in graph.node}
    layers = {"conv": "Conv", "bn": "BatchNormalization", "relu": "Relu", "pool": "MaxPool"}
    assert {name: operations[name] for name in layers} == layers
    results = {node.name: node.output[0] for node in graph.node}
    assert all(results[name] == name for name in layers)
    # every layer with an operation has one of its name; dropout and the loss have none
    assert {name.partition("/")[0] for name in operations} - {""} == {*odd_network()} - {"drop", "pixels"}
    assert "conv/weight" in {tensor.name for tensor in graph.initializer}


@pytest.mark.slow
def test_other_networks(tmp_path):
    path = tmp_path / "net.onnx"
    segnet = with_random_statistics(small_segnet((12, 14, 2)).compile())
    segnet.optimize().to_onnx(path)
    check_scores(segnet, path, torch.rand(2, 2, 9, 15))
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(path).graph.node}
    net = two_by_two().compile()
    assert net.to_onnx(path) == {
        "first": ("batch", 1, "height", "width"),
        "second": ("batch", 2, "height", "width"),
    }
    check_scores(net, path, torch.rand(3, 1, 4, 5), torch.rand(3, 2, 4, 5))
    assert [value.name for value in onnx.load(path).graph.output] == [*net.output_names]


@pytest.mark.slow
def test_a_fully_connected_layer_fixes_the_size(tmp_path):
    layers = [ImageInputLayer((5, 6, 2), name="in"), FullyConnectedLayer(3), SoftmaxLayer()]
    net = LayerGraph(layers).compile()
    assert net.to_onnx(tmp_path / "net.onnx") == {"in": ("batch", 2, 5, 6)}
    check_scores(net, tmp_path / "net.onnx", torch.rand(4, 2, 5, 6))


@pytest.mark.slow
def test_hostile_names_stay_names(tmp_path):
    names = ['"); import os', "a.b", "a", "/etc".replace("/", "\\"), "relu\x1b[2J", "é 1", "Conv_1"]
    layers = [Convolution2dLayer(1, 2, name=name) for name in names]
    net = LayerGraph([ImageInputLayer((4, 5, 2), name="x\n"), *layers]).compile()
    net.to_onnx(tmp_path / "net.onnx")
    check_scores(net, tmp_path / "net.onnx", torch.rand(2, 2, 4, 5))
    nodes = [node.name for node in onnx.load(tmp_path / "net.onnx").graph.node]
    assert nodes[1:] == names


@pytest.mark.slow
def test_layers_that_share_a_module_or_are_inputs_and_outputs_at_once(tmp_path):
    shared = nn.Conv2d(2, 2, 1)
    layers = [ImageInputLayer((4, 5, 2), normalization="none", name="in"), ModuleLayer(shared, name="one")]
    lgraph = LayerGraph([*layers, ModuleLayer(shared, name="two"), AdditionLayer(2, name="add")])
    net = lgraph.connect_layers("in", "add/in2").compile()
    net.to_onnx(tmp_path / "net.onnx")
    check_scores(net, tmp_path / "net.onnx", torch.rand(2, 2, 4, 5))
    alone = LayerGraph(layers[0]).compile()
    alone.to_onnx(tmp_path / "net.onnx")
    check_scores(alone, tmp_path / "net.onnx", torch.rand(2, 2, 4, 5))


@pytest.mark.slow
def test_large_weights_are_in_a_second_file(tmp_path, monkeypatch):
    monkeypatch.setattr(layergraph.export.onnx_file, "_LARGEST", 100)
    net = trained_classifier(torch.float32, filters=16)
    net.to_onnx(tmp_path / "net.onnx")
    assert sorted(os.listdir(tmp_path)) == ["net.onnx", "net.onnx.data"]
    check_scores(net, tmp_path / "net.onnx", torch.rand(2, 2, 6, 7))
    net.to_onnx(tmp_path / "net.onnx")  # over the older files
    check_scores(net, tmp_path / "net.onnx", torch.rand(2, 2, 6, 7))
    assert stat.S_IMODE((tmp_path / "net.onnx.data").stat().st_mode) == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Changeable(nn.Module):
    """A module whose exported program has other numbers than the module later."""

    def forward(self, x):
        return x + (0 if torch.compiler.is_exporting() else 1)


class Unexportable(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize("method", ["to_onnx", "to_pt2"])
def test_a_file_with_other_scores_does_not_appear(method, tmp_path):
    layers = [ImageInputLayer((4, 5, 2), name="in"), ModuleLayer(Changeable(), name="changeable")]
    net = LayerGraph(layers).compile()
    path = tmp_path / f"net{'.onnx' if method == 'to_onnx' else '.pt2'}"
    path.write_text("older")
    with pytest.raises(LayergraphError, match="must give the scores of the network, got others at 'changeab"):
        getattr(net, method)(path)
    assert path.read_text() == "older"
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("method", ["to_onnx", "to_pt2"])
def test_layers_that_torch_cannot_export_are_an_error(method, tmp_path):
    layers = [ImageInputLayer((4, 5, 2), name="in"), ModuleLayer(Unexportable(), name="values")]
    with pytest.raises(LayergraphError, match=f"{method}: torch.* cannot export the network: "):
        getattr(LayerGraph(layers).compile(), method)(tmp_path / "net")
    assert os.listdir(tmp_path) == []


def test_wrong_paths_and_missing_packages(tmp_path, monkeypatch):
    net = LayerGraph([ImageInputLayer((4, 5, 2)), ReluLayer()]).compile()
    with pytest.raises(ArgumentError, match=r"to_onnx: path must end in \.onnx, got 'net\.pt'"):
        net.to_onnx("net.pt")
    with pytest.raises(ArgumentError, match=r"to_pt2: path must end in \.pt2, got 'net\.pt'"):
        net.to_pt2("net.pt")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        net.to_onnx(tmp_path / "no" / "net.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"onnxruntime must be installed.*pip install"):
        net.to_onnx(tmp_path / "net.onnx")


@pytest.mark.slow
def test_a_dtype_that_onnxruntime_cannot_run_is_an_error(tmp_path):
    net = trained_classifier(torch.float64)
    with pytest.raises(LayergraphError, match=r"onnxruntime must be able to run the file.*net\.float\(\)"):
        net.to_onnx(tmp_path / "net.onnx")
    assert os.listdir(tmp_path) == []
