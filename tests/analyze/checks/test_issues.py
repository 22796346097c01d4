"""Every kind of issue in a minimal graph; the texts are in a golden file."""

import re
from collections.abc import Callable

import pytest
from torch import nn

from layergraph import (
    AdditionLayer,
    ClassificationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    Crop2dLayer,
    DepthConcatenationLayer,
    FullyConnectedLayer,
    GroupedConvolution2dLayer,
    ImageInputLayer,
    Layer,
    LayerGraph,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    ModuleLayer,
    PixelClassificationLayer,
    ReluLayer,
    Resize2dLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
)
from layergraph.analyze import analyze_network

INPUT = ImageInputLayer((8, 8, 3), name="data")
LOSS = PixelClassificationLayer(name="loss")


def chain(*layers: Layer) -> LayerGraph:
    """The input, these layers, and a loss."""
    return LayerGraph([INPUT, *layers, LOSS])


def with_branch(layer: Layer, other: Layer, port: str) -> LayerGraph:
    """``layer``, whose second input is the image after ``other``."""
    lgraph = chain(layer).add_layers(other)
    return lgraph.connect_layers("data", other.name).connect_layers(other.name, port)


def unpooling(*between: Layer, indices: str = "pool/indices", size: str = "pool/size") -> LayerGraph:
    """A pooling layer, layers between, and its unpooling layer."""
    pool = MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name="pool")
    lgraph = chain(pool, *between, MaxUnpooling2dLayer(name="unpool"))
    return lgraph.connect_layers(indices, "unpool/indices").connect_layers(size, "unpool/size")


GRAPHS: dict[str, Callable[[], LayerGraph]] = {
    "LG-NO-INPUT": lambda: LayerGraph([ReluLayer(name="relu"), LOSS]),
    "LG-NO-OUTPUT": lambda: LayerGraph([INPUT, ReluLayer(name="relu")]),
    "LG-NO-OUTPUT, empty": LayerGraph,
    "LG-DISCONNECTED": lambda: chain().add_layers([ReluLayer(name="far"), SoftmaxLayer(name="away")]),
    "LG-MISSING-INPUT": lambda: chain(AdditionLayer(2, name="add")),
    "LG-UNUSED-OUTPUT": lambda: chain().add_layers(ReluLayer(name="end")).connect_layers("data", "end"),
    "LG-UNUSED-OUTPUT, a second output": lambda: chain(
        MaxPooling2dLayer(2, has_unpooling_outputs=True, name="pool")
    ),
    "LG-CHANNELS": lambda: chain(Convolution2dLayer(3, 8, num_channels=4, name="conv")),
    "LG-CHANNELS, groups": lambda: chain(GroupedConvolution2dLayer(3, 1, 2, name="conv")),
    "LG-CHANNELS, fully connected": lambda: chain(FullyConnectedLayer(2, input_size=5, name="fc")),
    "LG-CHANNELS, addition": lambda: with_branch(
        AdditionLayer(2, name="add"), Convolution2dLayer(1, 8, name="conv"), "add/in2"
    ),
    "LG-SPATIAL, addition": lambda: with_branch(
        AdditionLayer(2, name="add"), Convolution2dLayer(3, 3, name="conv"), "add/in2"
    ),
    "LG-SPATIAL, concatenation": lambda: with_branch(
        DepthConcatenationLayer(2, name="cat"), MaxPooling2dLayer(2, stride=2, name="pool"), "cat/in2"
    ),
    "LG-SPATIAL, crop": lambda: with_branch(
        Crop2dLayer(name="crop"), TransposedConv2dLayer(2, 3, stride=2, name="up"), "crop/ref"
    ),
    "LG-SPATIAL, classification": lambda: LayerGraph([INPUT, ClassificationLayer(name="loss")]),
    "LG-WINDOW": lambda: chain(Convolution2dLayer(9, 8, name="conv")),
    "LG-WINDOW, padded": lambda: chain(Convolution2dLayer(13, 8, padding=1, name="conv")),
    "LG-WINDOW, resizing": lambda: chain(Resize2dLayer(scale=0.1, name="resize")),
    "LG-CROPPING": lambda: chain(TransposedConv2dLayer(2, 8, cropping=5, name="up")),
    "LG-DIMENSIONS": lambda: chain(Convolution3dLayer(3, 8, name="conv")),
    "LG-CLASSES": lambda: LayerGraph([INPUT, PixelClassificationLayer(classes=["a", "b"], name="loss")]),
    "LG-UNPOOLING, another size": lambda: unpooling(Convolution2dLayer(1, 8, name="conv")),
    "LG-UNPOOLING, no memory": lambda: unpooling(indices="data"),
    "LG-UNPOOLING, mixed up": lambda: unpooling(indices="pool/size", size="pool/indices"),
    "LG-MODULE": lambda: chain(ModuleLayer(nn.Linear(4, 2), name="linear")),
    "LG-MODULE, outputs": lambda: chain(ModuleLayer(nn.ReLU(), num_outputs=2, name="two")),
}


def test_texts(golden: Callable[[str, str], None]) -> None:
    lines = []
    for label, graph in GRAPHS.items():
        lines += [label, *(f"  {issue}" for issue in analyze_network(graph()).issues), ""]
    text = re.sub(r"(the module cannot take [^:]+: ).*(?= \(from)", r"\1<torch's words>", "\n".join(lines))
    golden("analyze/issues", text)


@pytest.mark.parametrize("label", GRAPHS)
def test_the_issue_names_its_layer(label: str) -> None:
    analysis = analyze_network(GRAPHS[label]())
    code = label.partition(",")[0]
    issues = [issue for issue in analysis.issues if issue.code == code]
    assert issues
    assert all(issue.layer in analysis.lgraph for issue in issues if issue.layer)
    assert analysis.num_errors + analysis.num_warnings == len(analysis.issues)
    assert all(issue.message in analysis.to_text() for issue in issues)


def test_the_analysis_goes_on_past_an_error() -> None:
    bad = Convolution2dLayer(3, 8, num_channels=4, name="bad")
    lgraph = LayerGraph([INPUT, bad, ReluLayer(name="relu")]).add_layers(
        [Convolution2dLayer(99, 8, name="worse"), ReluLayer(name="end")]
    )
    analysis = analyze_network(lgraph.connect_layers("data", "worse"))
    assert [issue.layer for issue in analysis.issues if issue.code in ("LG-CHANNELS", "LG-WINDOW")] == [
        "bad",
        "worse",
    ]
    assert [layer.activations[0].size.channels for layer in analysis.layers] == [3, 8, 8, 8, 8]
    assert [layer.learnables is None for layer in analysis.layers] == [False, True, False, True, False]


def test_unknown_learnables_are_not_counted() -> None:
    layers = [Convolution2dLayer(3, 8, name="good"), Convolution2dLayer(3, 8, num_channels=4, name="bad")]
    analysis = analyze_network(chain(*layers, ReluLayer(name="relu")))
    assert analysis.total_learnables is None
    assert analysis.known_learnables == 3 * 3 * 3 * 8 + 8
    assert [layer.num_learnables for layer in analysis.layers] == [0, 224, None, 0, 0]
    assert "unknown, at least 224" in str(analysis)


def test_an_error_that_leaves_sizes_alone_leaves_the_total_alone() -> None:
    analysis = analyze_network(LayerGraph([INPUT, Convolution2dLayer(3, 8)]))
    assert analysis.num_errors
    assert analysis.total_learnables == 224


def test_sizes_that_rest_on_a_guess_are_marked() -> None:
    window = Convolution2dLayer(9, 8, name="conv")  # of any size, once it fits
    analysis = analyze_network(chain(window, ReluLayer(name="relu"), SoftmaxLayer(name="softmax")))
    assert [layer.assumed for layer in analysis.layers] == [False, True, True, True, True]
    assert "≈ 8(S) × 8(S) × 8(C) × 1(B)" in analysis.to_text()
    assert [layer["assumed"] for layer in analysis.to_records()] == [False, True, True, True, True]
    certain = analyze_network(chain(Convolution2dLayer(3, 8, num_channels=4, name="conv")))
    assert not any(layer.assumed for layer in certain.layers)
