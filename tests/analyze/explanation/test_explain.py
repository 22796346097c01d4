"""Explanations of sizes: printed numbers are true, the lecture's numbers appear, faults are explained."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from math import prod

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from printed_arithmetic import check, evaluate
from random_graphs import networks
from torch import nn

from layergraph import (
    AdditionLayer,
    ArgumentError,
    BatchNormalizationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    DepthConcatenationLayer,
    Image3dInputLayer,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    ModuleLayer,
    ReluLayer,
    UnknownLayerError,
    UnknownPortError,
    WrongTypeError,
)
from layergraph.analyze import analyze_network, explain
from layergraph.builders import BUILDERS, segnet_layers, unet_layers

FCN = BUILDERS["fcn"].build(image_size=(360, 480, 3), num_classes=11, type="8s", width=1 / 16)
SEGNET = segnet_layers((45, 60, 3), 2, 2)


# -- the lecture -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "height", "width"),
    [
        ("conv1_1", "(360 + 2·100 − 3)/1 + 1 = 558", "(480 + 2·100 − 3)/1 + 1 = 678"),
        ("pool1", "(558 − 2)/2 + 1 = 279", "(678 − 2)/2 + 1 = 339"),
        ("upscore2", "2·(11 − 1) + 4 = 24", "2·(15 − 1) + 4 = 32"),
    ],
)
def test_the_numbers_of_the_lecture(layer: str, height: str, width: str) -> None:
    last = explain(FCN, layer).layers[-1]
    assert [step.text for _, step in last.steps][:2] == [height, width]


def test_the_size_of_a_crop_is_that_of_its_reference() -> None:
    explanation = explain(FCN, "score")
    assert [layer.name for layer in explanation.layers] == ["input", "score"]
    assert str(explanation.size) == "360(S) × 480(S) × 11(C) × 1(B)"


def test_the_text(golden: Callable[[str, str], None]) -> None:
    parts = [explain(FCN, "pool2"), explain(FCN, "upscore2", steps=2), explain(FCN, "score_pool4c", steps=1)]
    segnet = explain(SEGNET, "decoder1_unpool", steps=3)
    golden("analyze/explanation", "\n\n".join(map(str, [*parts, segnet, explain(SEGNET, "encoder1_bn_1")])))


# -- every number is true ----------------------------------------------------------------------


@settings(max_examples=100, suppress_health_check=[*HealthCheck])
@given(lgraph=networks(), data=st.data())
def test_every_printed_number_of_any_layer_is_true(lgraph: LayerGraph, data: st.DataObject) -> None:
    analysis = analyze_network(lgraph)
    rows = {row.name: row for row in analysis.layers}
    costs = analysis.costs().layers
    name = data.draw(st.sampled_from([*lgraph]))
    for activation in rows[name].activations:
        port = activation.port if lgraph[name].output_names else None
        explanation = explain(analysis, name, port)
        assert explanation.size == activation.size
        assert lgraph[explanation.layers[0].name].is_input
        for source, layer in zip(explanation.layers, explanation.layers[1:], strict=False):
            assert source.name in {end.layer for end in lgraph.sources(layer.name).values()}
        for layer in explanation.layers:
            results = [list(check(step))[-1] for _, step in layer.steps]
            if layer.port not in ("indices", "size"):
                assert tuple(results) == layer.size.shape[:-1]
            if layer.learnables:
                expression, _, total = layer.learnables.rpartition(" = ")
                count = int(total.replace(",", ""))
                assert not expression or evaluate(expression) == count
                assert count == rows[layer.name].num_learnables
            for field, size in zip(layer.receptive_field, costs[layer.name].receptive_field, strict=False):
                assert {evaluate(part) for part in field.text.split(" = ")} == {size} == {field.size}
        assert str(explanation)


def test_each_network_explains_its_layers() -> None:
    for lgraph in (FCN, SEGNET, unet_layers((32, 48, 1), 3, encoder_depth=2, num_first_encoder_filters=2)):
        analysis = analyze_network(lgraph)
        for row in analysis.layers:
            layer = explain(analysis, row.name).layers[-1]
            assert layer.steps
            assert prod(step.result for _, step in layer.steps) == layer.size.num_elements
            assert layer.issues == ()


def test_the_path_through_unpooling_leads_to_the_pooling_layer() -> None:
    explanation = explain(SEGNET, "decoder1_unpool")
    path = [(layer.name, layer.port) for layer in explanation.layers[-2:]]
    assert path == [("encoder1_maxpool", "size"), ("decoder1_unpool", "out")]
    pooling = explanation.layers[-2]
    assert [(dimension, step.result) for dimension, step in pooling.steps] == [
        ("height", 45),
        ("width", 60),
        ("channels", 64),
    ]


def test_ports() -> None:
    indices = explain(SEGNET, "encoder1_maxpool/indices")
    assert indices.layers[-1].steps[0][1].text == "22·30·64 = 42240, one index per number of 'out'"
    assert str(explain(SEGNET, "encoder1_maxpool", "indices")) == str(indices)
    assert explain(SEGNET, "pixelLabels").port == ""


def test_steps_are_the_last_ones() -> None:
    whole, part = explain(SEGNET, "encoder1_maxpool"), explain(SEGNET, "encoder1_maxpool", steps=2)
    assert part.layers == whole.layers[-2:]
    assert part.left_out == len(whole.layers) - 2
    assert explain(SEGNET, "encoder1_maxpool", steps=1000).left_out == 0


def test_three_dimensions_and_a_torch_module() -> None:
    volume = [Image3dInputLayer((8, 8, 6, 3)), Convolution3dLayer((3, 3, 2), 4, padding="same", name="c")]
    assert [dimension for dimension, _ in explain(volume, "c").layers[-1].steps] == [
        "height", "width", "depth", "channels",
    ]  # fmt: skip
    module = [ImageInputLayer((8, 8, 3)), ModuleLayer(nn.Conv2d(3, 5, 3), name="stem"), ReluLayer(name="r")]
    explanation = explain(module, "r")
    assert [step.text for _, step in explanation.layers[1].steps] == [
        "6, measured by a run of the module without data",
        "6, measured by a run of the module without data",
        "5, measured by a run of the module without data",
    ]
    assert explanation.layers[1].learnables == "5·3·3·3 + 5 = 140"


# -- faults -----------------------------------------------------------------------


def unet_of_an_odd_size() -> LayerGraph:
    lgraph = unet_layers((104, 104, 1), 2, encoder_depth=2, num_first_encoder_filters=2)
    first = next(iter(lgraph))
    return lgraph.replace_layer(first, ImageInputLayer((102, 104, 1), name=first))


def faulty() -> dict[str, tuple[object, str]]:
    data = ImageInputLayer((8, 8, 3), name="data")
    open_join = LayerGraph(
        [data, Convolution2dLayer(3, 4, name="c"), AdditionLayer(2, name="add"), ReluLayer(name="r")]
    )
    both = open_join.add_layers(Convolution2dLayer(5, 4, name="d")).connect_layers("data", "d")
    return {
        "window": ([data, Convolution2dLayer(5, 4, dilation_factor=3, name="c"), ReluLayer(name="r")], "c"),
        "channels": ([data, Convolution2dLayer(3, 4, num_channels=4, name="c"), ReluLayer(name="r")], "r"),
        "join": (unet_of_an_odd_size(), "Decoder-Stage-1-DepthConcatenation"),
        "addition": (both.connect_layers("d", "add/in2"), "add"),
        "not connected": (open_join, "add"),
        "no input layer": (LayerGraph([ReluLayer(name="r"), ReluLayer(name="s")]), "s"),
    }  # fmt: skip


def test_the_text_of_faults(golden: Callable[[str, str], None]) -> None:
    texts = [f"{label}\n\n{explain(network, name)}" for label, (network, name) in faulty().items()]
    golden("analyze/explanation_faulty", "\n\n\n".join(texts))


def test_a_window_that_does_not_fit_is_shown_in_its_own_arithmetic() -> None:
    network, name = faulty()["window"]
    explanation = explain(network, name)
    step = dict(explanation.layers[-1].steps)["height"]
    assert step.text == "(8 − 13)/1 + 1 = −4, the window of 13 does not fit into 8"
    assert list(check(step)) == [13, -4]
    assert explanation.has_errors
    assert [issue.code for issue in explanation.layers[-1].issues] == ["LG-WINDOW"]


def test_where_inputs_do_not_fit_together_the_path_to_each_is_shown() -> None:
    addition = explain(*faulty()["addition"])
    assert [(layer.name, layer.branch) for layer in addition.layers] == [
        ("data", "in1"), ("c", "in1"), ("d", "in2"), ("add", ""),
    ]  # fmt: skip
    unet = explain(*faulty()["join"])
    dropped = [layer.name for layer in unet.layers if "remainder" in "".join(s.note for _, s in layer.steps)]
    assert dropped == ["Encoder-Stage-2-MaxPool"]
    assert unet.layers[-1].issues[0].code == "LG-SPATIAL"


def test_downstream_of_a_fault_the_size_is_assumed() -> None:
    explanation = explain(*faulty()["channels"])
    assert explanation.has_errors
    assert "6×6×4 once the error below is fixed" in str(explanation)
    assert not explain(SEGNET, "softmax").has_errors


def test_a_layer_of_unknown_size() -> None:
    for label in ("not connected", "no input layer"):
        explanation = explain(*faulty()[label])
        assert "not connected" in str(explanation)
        assert explanation.has_errors
        json.dumps(explanation.to_dict())


def test_mistakes(golden_errors: Callable[..., None]) -> None:
    golden_errors(
        "analyze/explain",
        {
            "name": lambda: explain(SEGNET, "encoder1_con1"),
            "port": lambda: explain(SEGNET, "encoder1_maxpool", "index"),
            "written port": lambda: explain(SEGNET, "encoder1_conv1/size"),
            "port of an output layer": lambda: explain(SEGNET, "pixelLabels", "out"),
            "no name": lambda: explain(SEGNET, 3),
            "steps": lambda: explain(SEGNET, "softmax", steps=0),
            "no network": lambda: explain("segnet", "softmax"),
        },
    )
    for error, call in {
        UnknownLayerError: lambda: explain(SEGNET, "nothing"),
        UnknownPortError: lambda: explain(SEGNET, "softmax", "in"),
        ArgumentError: lambda: explain(SEGNET, "softmax", steps=-1),
        WrongTypeError: lambda: explain(3, "softmax"),
    }.items():
        with pytest.raises(error):
            call()


# -- output ---------------------------------------------------------------------------


def test_the_dictionary() -> None:
    explanation = json.loads(json.dumps(explain(FCN, "conv1_1").to_dict()))
    assert [*explanation] == ["name", "port", "size", "left_out", "layers", "formulas"]
    assert explanation["size"] == [558, 678, 8, 1]
    last = explanation["layers"][-1]
    assert last["steps"][0] == {
        "dimension": "height",
        "expression": "(360 + 2·100 − 3)/1 + 1",
        "result": 558,
        "note": "",
        "formula": "Window",
        "first": [],
    }
    assert last["receptive_field"][0] == {
        "dimension": "height",
        "text": "1 + (3 − 1)·1 = 3",
        "size": 3,
        "stride": 1,
    }
    assert explanation["formulas"][0]["text"] == "⌊(n + p − w)/s⌋ + 1"


def test_no_name_becomes_markup() -> None:
    layers = [ImageInputLayer((8, 8, 1), name="<b>data"), ReluLayer(name="<script>alert(1)\x1b[31m")]
    explanation = explain(layers, layers[1].name)
    assert "<script" not in explanation._repr_html_()
    assert "<b>" not in explanation._repr_html_()
    assert "\x1b" not in str(explanation)


def test_a_slash_in_a_name_separates_the_port() -> None:
    pool = MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name="p")
    layers = [ImageInputLayer((8, 8, 1)), BatchNormalizationLayer(), pool]
    assert explain(layers, "p/size").port == "size"
    assert DepthConcatenationLayer(2).input_names == ("in1", "in2")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "layergraph", "explain", *words], capture_output=True, text=True
    )


SHELL = ("segnet", "--image-size", "45", "60", "3", "--num-classes", "2", "--encoder-depth", "2")


def test_the_command() -> None:
    assert "Example: layergraph explain fcn conv1_1" in re.sub(r"\s+", " ", run("--help").stdout)
    result = run("fcn", "conv1_1", "--image-size", "360", "480", "3", "--num-classes", "11", "--width", "0.1")
    assert result.returncode == 0, result.stderr
    assert "(360 + 2·100 − 3)/1 + 1 = 558" in result.stdout
    result = run(SHELL[0], "encoder1_maxpool/indices", *SHELL[1:], "--steps", "1", "--format", "json")
    assert json.loads(result.stdout)["layers"][0]["steps"][0]["result"] == 42240
    mistake = run(SHELL[0], "encoder1_con", *SHELL[1:])
    assert mistake.returncode == 1
    assert mistake.stderr.startswith("layergraph: no layer is called 'encoder1_con'; did you mean")
    assert mistake.stderr.count("\n") == 1


def test_torch_is_not_imported() -> None:
    code = (
        f"import sys; sys.argv = ['layergraph', 'explain', 'segnet', 'softmax', *{SHELL[1:]!r}]\n"
        "from layergraph.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
