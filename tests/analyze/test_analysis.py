"""The arguments of an analysis, its content, and its imports."""

import subprocess
import sys
from datetime import datetime, timedelta

import pytest
import torch

from layergraph import (
    ArgumentError,
    BatchNormalizationLayer,
    Convolution2dLayer,
    ImageInputLayer,
    LayerGraph,
    ReluLayer,
    WrongTypeError,
)
from layergraph.analyze import NetworkAnalysis, analyze_network
from layergraph.builders import segnet_layers, unet_layers

LAYERS = [ImageInputLayer((8, 8, 3)), Convolution2dLayer(3, 4), BatchNormalizationLayer(), ReluLayer()]


def test_a_row_describes_its_layer() -> None:
    row = analyze_network(segnet_layers((32, 32, 1), 2, 2)).layers[7]
    assert (row.index, row.name, row.type) == (8, "encoder1_maxpool", "Max Pooling")
    assert row.description == "2×2 max pooling with stride [2 2] and padding [0 0 0 0]"
    assert [(port, str(size)) for port, size in row.activations] == [
        ("out", "16(S) × 16(S) × 64(C) × 1(B)"),
        ("indices", "16384(S) × 1(S) × 1(C) × 1(B)"),
        ("size", "1(S) × 4(S) × 1(S) × 32(S) × 32(S) × 64(C) × 1(B)"),
    ]
    assert (row.learnables, row.num_learnables, row.states) == ({}, 0, {})


def test_learnables_and_states_have_names_and_sizes() -> None:
    _, conv, norm, _ = analyze_network(LAYERS).layers
    assert conv.learnables == {"Weights": (3, 3, 3, 4), "Bias": (1, 1, 4)}
    assert conv.num_learnables == 112
    assert norm.learnables == {"Offset": (1, 1, 4), "Scale": (1, 1, 4)}
    assert norm.states == {"TrainedMean": (1, 1, 4), "TrainedVariance": (1, 1, 4)}


def test_totals() -> None:
    analysis = analyze_network(segnet_layers((32, 32, 1), 2, 2), name="SegNet")
    assert (analysis.total_learnables, analysis.num_layers, analysis.num_connections) == (224_262, 31, 34)
    assert (analysis.input_names, analysis.output_names) == (("inputImage",), ("pixelLabels",))
    assert (analysis.num_errors, analysis.num_warnings, analysis.issues) == (0, 0, ())
    assert analysis.name == "SegNet"
    age = datetime.now().astimezone() - analysis.analysis_date
    assert timedelta() <= age < timedelta(minutes=1)


def test_the_total_equals_the_count_of_torch() -> None:
    lgraph = unet_layers((32, 32, 1), 2, encoder_depth=2)
    counted = sum(parameter.numel() for parameter in lgraph.compile().parameters())
    assert analyze_network(lgraph).total_learnables == counted


def test_target_usage() -> None:
    assert [issue.code for issue in analyze_network(LAYERS).issues] == ["LG-NO-OUTPUT", "LG-WASTED-BIAS"]
    analysis = analyze_network(LAYERS, target_usage="network")
    assert [issue.code for issue in analysis.issues] == ["LG-WASTED-BIAS"]
    assert (analysis.num_errors, analysis.num_warnings, analysis.num_notes) == (0, 0, 1)
    with pytest.raises(ArgumentError, match="target_usage must be 'train_network' or 'network', got 'both'"):
        analyze_network(LAYERS, target_usage="both")


def test_a_compiled_network_is_neither_run_nor_changed() -> None:
    lgraph = LayerGraph(LAYERS)
    net = lgraph.compile()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    random = torch.get_rng_state()
    analysis = analyze_network(net)
    assert analysis.to_json() == analyze_network(lgraph, target_usage="network").to_json()
    assert net.training
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_a_compiled_network_with_a_loss_is_analyzed_for_training() -> None:
    net = segnet_layers((32, 32, 1), 2, 1).compile()
    assert analyze_network(net).target_usage == "train_network"
    assert analyze_network(net).issues == ()


def test_a_sequence_of_layers_and_a_single_layer() -> None:
    assert [layer.name for layer in analyze_network(iter(LAYERS)).layers] == [
        "imageinput",
        "conv",
        "batchnorm",
        "relu",
    ]
    assert analyze_network(ReluLayer()).num_layers == 1
    assert analyze_network([]).num_layers == 0


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ((unet_layers((32, 32, 1), 2, encoder_depth=1), (32, 32, 2)), r"lgraph = unet_layers\(\.\.\.\)"),
        ("model.safetensors", r"layergraph\.load\(path\)"),
        (torch.nn.ReLU(), r"ModuleLayer\(module, name=\.\.\.\)"),
        (ReluLayer, "the network must be a LayerGraph, a compiled network or a sequence of layers"),
        ([ReluLayer], r"call it: ReluLayer\(\.\.\.\)"),
        (3, "got int"),
        (None, "got NoneType"),
    ],
)
def test_other_arguments_raise_with_advice(argument: object, message: str) -> None:
    with pytest.raises(WrongTypeError, match=message):
        analyze_network(argument)


def test_the_repr_is_that_of_a_matlab_object() -> None:
    text = repr(analyze_network(LAYERS, name="a\nb"))
    assert text.splitlines()[0] == "NetworkAnalysis with properties:"
    assert "total_learnables: 120" in text
    assert r"name: a\nb" in text


def test_an_analysis_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        analyze_network(LAYERS).name = "other"


IMPORTS = """
import sys
from layergraph.analyze import analyze_network
from layergraph.builders import unet_layers
lgraph = unet_layers((480, 640, 3), 5, encoder_depth=3)
analysis = analyze_network(lgraph)
print(analysis)
for text in (analysis.to_json(), analysis.to_csv(), analysis.to_markdown(), analysis.to_html()):
    assert text
print([name for name in ("torch", "networkx") if name in sys.modules], file=sys.stderr)
"""


def test_a_fresh_process_imports_neither_torch_nor_networkx() -> None:
    ran = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, check=True)
    assert ran.stderr.decode().strip() == "[]"
    assert "7,697,605" in ran.stdout.decode("utf-8")


def test_rows_are_computed_on_first_access() -> None:
    analysis = analyze_network(LAYERS)
    assert "layers" not in vars(analysis)
    assert analysis.layers is analysis.layers


def test_analyses_are_compared_by_identity() -> None:
    assert isinstance(analyze_network(LAYERS), NetworkAnalysis)
    assert analyze_network(LAYERS) != analyze_network(LAYERS)
