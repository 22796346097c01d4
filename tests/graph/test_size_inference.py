"""Size inference: every issue code on the smallest graph that has it; all faults in one pass."""

import re
from pathlib import Path

import pytest
import torch

import layergraph
from layergraph import (
    AdditionLayer,
    BatchNormalizationLayer,
    ClassificationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    Crop2dLayer,
    DepthConcatenationLayer,
    ImageInputLayer,
    InvalidNetworkError,
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
from layergraph.graph.draft import Draft
from layergraph.graph.size_inference import infer_sizes, network_outputs
from layergraph.sizes import image_size


def images(size=(8, 8, 3), name="in"):
    return ImageInputLayer(size, name=name)


def ending(*layers):
    return LayerGraph([images(), *layers, SoftmaxLayer(name="softmax"), PixelClassificationLayer(name="out")])


def pooled(**pool):
    layers = [
        images(),
        MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name="pool", **pool),
        MaxUnpooling2dLayer(name="unpool"),
    ]
    return LayerGraph(layers)


def unpooled(lgraph, indices="pool/indices", size="pool/size"):
    return lgraph.connect_layers(indices, "unpool/indices").connect_layers(size, "unpool/size")


def between(graph, layer):
    """A layer between pooling and unpooling."""
    graph = graph.disconnect_layers("pool/out", "unpool/in").add_layers(layer)
    return graph.connect_layers("pool/out", layer.name).connect_layers(layer.name, "unpool/in")


def two_poolings():
    graph = pooled().add_layers(MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name="other"))
    return graph.connect_layers("in", "other")


# the graph, what it is for, and the (code, severity, layer, port) of its issues
GRAPHS = {
    "a good network": (lambda: ending(), "train_network", []),
    "an empty graph": (
        lambda: LayerGraph(),
        "train_network",
        [("LG-NO-INPUT", "error", "", ""), ("LG-NO-OUTPUT", "error", "", "")],
    ),
    "more elements than a tensor can hold": (
        lambda: ending(Resize2dLayer(scale=2.0**60, name="one"), Resize2dLayer(scale=2.0**60, name="two")),
        "train_network",
        [("LG-TOO-LARGE", "error", "one", "")],
    ),
    "an infinite size": (
        lambda: ending(Resize2dLayer(scale=1e308, name="resize")),
        "train_network",
        [("LG-TOO-LARGE", "error", "resize", "")],
    ),
    "no input layer": (
        lambda: ending().remove_layers("in"),
        "train_network",
        [("LG-NO-INPUT", "error", "", ""), ("LG-MISSING-INPUT", "error", "softmax", "in")],
    ),
    "no output layer": (
        lambda: LayerGraph([images(), ReluLayer(name="relu")]),
        "train_network",
        [("LG-NO-OUTPUT", "error", "", ""), ("LG-UNUSED-OUTPUT", "error", "relu", "out")],
    ),
    "a network without a loss": (lambda: LayerGraph([images(), ReluLayer()]), "network", []),
    "a missing second input": (
        lambda: ending(AdditionLayer(3, name="add")),
        "network",
        [("LG-MISSING-INPUT", "error", "add", "in2")],
    ),
    "an output that feeds nothing": (
        lambda: ending().add_layers(ReluLayer(name="end")).connect_layers("in", "end"),
        "network",
        [("LG-UNUSED-OUTPUT", "error", "end", "out")],
    ),
    "unpooling outputs that feed nothing": (
        lambda: ending(MaxPooling2dLayer(2, has_unpooling_outputs=True, name="pool")),
        "train_network",
        [
            ("LG-UNUSED-OUTPUT", "warning", "pool", "indices"),
            ("LG-UNUSED-OUTPUT", "warning", "pool", "size"),
        ],
    ),
    "a part apart": (
        lambda: ending().add_layers([ReluLayer(name="x"), ReluLayer(name="y")]),
        "network",
        [
            ("LG-DISCONNECTED", "error", "x", ""),
            ("LG-MISSING-INPUT", "error", "x", "in"),
            ("LG-UNUSED-OUTPUT", "error", "y", "out"),
        ],
    ),
    "six layers apart": (
        lambda: ending().add_layers([ReluLayer(name=f"x{i}") for i in range(6)]),
        "network",
        [
            ("LG-DISCONNECTED", "error", "x0", ""),
            ("LG-MISSING-INPUT", "error", "x0", "in"),
            ("LG-UNUSED-OUTPUT", "error", "x5", "out"),
        ],
    ),
    "a window larger than the image": (
        lambda: ending(Convolution2dLayer(9, 4, name="conv")),
        "network",
        [("LG-WINDOW", "error", "conv", "")],
    ),
    "a resize to nothing": (
        lambda: ending(Resize2dLayer(scale=0.1, name="resize")),
        "network",
        [("LG-WINDOW", "error", "resize", "")],
    ),
    "a cropping that leaves nothing": (
        lambda: ending(TransposedConv2dLayer(2, 4, cropping=9, name="up")),
        "network",
        [("LG-CROPPING", "error", "up", "")],
    ),
    "other channels than the layer was made for": (
        lambda: ending(BatchNormalizationLayer(num_channels=4, name="bn")),
        "network",
        [("LG-CHANNELS", "error", "bn", "")],
    ),
    "other channels to add": (
        lambda: ending(Convolution2dLayer(1, 4, name="conv"), AdditionLayer(2, name="add")).connect_layers(
            "in", "add/in2"
        ),
        "network",
        [("LG-CHANNELS", "error", "add", "in2")],
    ),
    "other heights to join": (
        lambda: ending(Convolution2dLayer(2, 4, name="conv"), DepthConcatenationLayer(2, name="cat"))
        .connect_layers("in", "cat/in2"),
        "network",
        [("LG-SPATIAL", "error", "cat", "in2")],
    ),
    "nothing to crop": (
        lambda: ending(Convolution2dLayer(2, 4, name="conv"), Crop2dLayer(name="crop")).connect_layers(
            "in", "crop/ref"
        ),
        "network",
        [("LG-SPATIAL", "error", "crop", "ref")],
    ),
    "a volume's layer on an image": (
        lambda: ending(Convolution3dLayer(1, 4, name="conv")),
        "network",
        [("LG-DIMENSIONS", "error", "conv", "")],
    ),
    "scores of an image for a class of each": (
        lambda: LayerGraph([images(), SoftmaxLayer(), ClassificationLayer(name="out")]),
        "network",
        [("LG-SPATIAL", "error", "out", "")],
    ),
    "other classes than scores": (
        lambda: ending().replace_layer("out", PixelClassificationLayer(classes=["a", "b"], name="out")),
        "network",
        [("LG-CLASSES", "error", "out", "")],
    ),
    "a module that cannot take it": (
        lambda: ending(ModuleLayer(torch.nn.Identity(), num_outputs=2, name="module")),
        "network",
        [("LG-MODULE", "error", "module", ""), ("LG-UNUSED-OUTPUT", "warning", "module", "out2")],
    ),
    "unpooling of other channels": (
        lambda: unpooled(between(pooled(), Convolution2dLayer(1, 4, name="conv"))),
        "network",
        [("LG-UNPOOLING", "error", "unpool", "indices")],
    ),
    "unpooling of as many numbers in another shape": (
        lambda: unpooled(between(pooled(), Resize2dLayer(output_size=(2, 8), name="flat"))),
        "network",
        [("LG-UNPOOLING", "error", "unpool", "in")],
    ),
    "indices where an image belongs": (
        lambda: pooled().remove_layers("unpool").add_layers(ReluLayer(name="relu"))
        .connect_layers("pool/indices", "relu"),
        "network",
        [("LG-UNPOOLING", "error", "relu", "in"), ("LG-UNUSED-OUTPUT", "warning", "pool", "size")],
    ),
    "an image where indices belong": (
        lambda: unpooled(pooled(), indices="in"),
        "network",
        [("LG-UNUSED-OUTPUT", "warning", "pool", "indices"), ("LG-UNPOOLING", "error", "unpool", "indices")],
    ),
    "size and indices crossed": (
        lambda: unpooled(pooled(), indices="pool/size", size="pool/indices"),
        "network",
        [("LG-UNPOOLING", "error", "unpool", "indices"), ("LG-UNPOOLING", "error", "unpool", "size")],
    ),
    "indices and size of two layers": (
        lambda: unpooled(two_poolings(), size="other/size"),
        "network",
        [
            ("LG-UNPOOLING", "error", "unpool", ""),
            ("LG-UNUSED-OUTPUT", "warning", "pool", "size"),
            ("LG-UNUSED-OUTPUT", "warning", "other", "indices"),
        ],
    ),
    "many faults": (
        lambda: LayerGraph(
            [
                images((8, 8, 3)),
                Convolution2dLayer(9, 4, name="too large"),
                ReluLayer(name="after it"),
                AdditionLayer(2, name="add"),
            ]
        )
        .add_layers([ReluLayer(name="apart"), PixelClassificationLayer(classes=["a", "b"], name="out")])
        .add_layers(BatchNormalizationLayer(num_channels=5, name="bn"))
        .connect_layers("in", "bn"),
        "network",
        [
            ("LG-DISCONNECTED", "error", "apart", ""),
            ("LG-WINDOW", "error", "too large", ""),
            ("LG-MISSING-INPUT", "error", "add", "in2"),
            ("LG-UNUSED-OUTPUT", "error", "add", "out"),
            ("LG-MISSING-INPUT", "error", "apart", "in"),
            ("LG-CHANNELS", "error", "bn", ""),
            ("LG-UNUSED-OUTPUT", "error", "bn", "out"),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_the_issues_of_a_graph(name):
    make, usage, wanted = GRAPHS[name]
    inferred = infer_sizes(make(), usage)
    assert sorted((i.code, i.severity, i.layer, i.port) for i in inferred.issues) == sorted(wanted)


@pytest.mark.parametrize("name", GRAPHS)
def test_compile_raises_all_errors_at_once(name):
    make, usage, _ = GRAPHS[name]
    if usage != "network":
        return
    errors = [issue for issue in infer_sizes(make(), "network").issues if issue.severity == "error"]
    if errors:
        with pytest.raises(InvalidNetworkError) as caught:
            make().compile()
        assert caught.value.issues == tuple(errors)
        assert str(caught.value).count("\n") == len(errors)
    else:
        make().compile()


def test_the_messages_of_all_issues(golden):
    lines = []
    for name, (make, usage, _) in GRAPHS.items():
        lines += [name, *(f"  {issue}" for issue in infer_sizes(make(), usage).issues), ""]
    golden("size_inference", "\n".join(lines))


def test_every_code_has_a_graph_here():
    """The codes of layers and size inference, read from their source."""
    folder = Path(layergraph.__file__).parent
    files = [
        *folder.glob("layers/*.py"),
        folder / "graph/size_inference.py",
        folder / "network/compilation.py",
    ]
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    codes = set(re.findall(r'"(LG-[A-Z-]+)"', source))
    met = {code for _, _, issues in GRAPHS.values() for code, *_ in issues}
    assert codes - met == {"LG-WEIGHTS"}  # met where networks are compiled


def test_sizes_downstream_of_a_fault_are_those_after_its_fix():
    lgraph = ending(
        Convolution2dLayer(9, 4, name="conv"), ReluLayer(name="relu"), AdditionLayer(2, name="add")
    )
    lgraph = lgraph.add_layers(Convolution2dLayer(3, 4, name="side")).connect_layers("in", "side")
    inferred = infer_sizes(lgraph.connect_layers("side", "add/in2"))
    assert inferred.outputs["conv"] == inferred.outputs["relu"] == (image_size((8, 8), 4),)
    assert inferred.guesses["relu"].free == {"S"}  # any height and width, so that the addition may fit
    assert [issue.code for issue in inferred.issues] == ["LG-WINDOW"]
    assert inferred.faulty == {"conv"}


def joined(*skips, size=100):
    """A U-Net of poolings and transposed convolutions, without convolutions."""
    layers = [images((size, size, 1))]
    depth = len(skips)
    layers += [MaxPooling2dLayer(2, stride=2, name=f"pool{level}") for level in range(depth)]
    for level in reversed(range(depth)):
        layers += [
            TransposedConv2dLayer(2, 1, stride=skips[level], name=f"up{level}"),
            DepthConcatenationLayer(2, name=f"cat{level}"),
        ]
    lgraph = LayerGraph([*layers, SoftmaxLayer(), PixelClassificationLayer(name="out")])
    for level in range(depth):
        lgraph = lgraph.connect_layers(f"pool{level - 1}" if level else "in", f"cat{level}/in2")
    return lgraph


@pytest.mark.parametrize(
    ("lgraph", "places"),
    [
        (joined(2, 2, 2, 2, size=96), []),
        (joined(2, 2, 2, 2, size=100), ["cat2"]),  # 24 or 25, and behind it 48 or 50 against 50
        (joined(2, 2, 2, 2, size=102), ["cat2", "cat1"]),  # 24 or 25, and behind it 48 or 50 against 51
        (joined(2, 2, 3, 2, size=96), ["cat2"]),
        (joined(3, 2, 3, 2, size=96), ["cat2", "cat0"]),
    ],
)
def test_one_fault_is_reported_once(lgraph, places):
    inferred = infer_sizes(lgraph)
    assert [(issue.code, issue.layer) for issue in inferred.issues] == [
        ("LG-SPATIAL", name) for name in places
    ]
    assert None not in inferred.outputs["out"]


def test_a_fault_downstream_of_an_unconnected_input_is_reported():
    lgraph = ending(
        DepthConcatenationLayer(2, name="cat"),
        BatchNormalizationLayer(num_channels=5, name="any"),  # 3 channels, and those of what is missing
        Convolution2dLayer(1, 4, name="conv"),
        BatchNormalizationLayer(num_channels=5, name="bn"),
    )
    inferred = infer_sizes(lgraph)
    assert [(issue.code, issue.layer) for issue in inferred.issues] == [
        ("LG-MISSING-INPUT", "cat"),
        ("LG-CHANNELS", "bn"),
    ]
    assert inferred.guesses["cat"].free == {"C"}
    assert inferred.outputs["conv"] == (image_size((8, 8), 4),)


def test_the_outputs_of_a_network():
    lgraph = LayerGraph([images(), ReluLayer(name="a"), ReluLayer(name="b")]).add_layers(ReluLayer(name="c"))
    lgraph = lgraph.connect_layers("in", "c")
    assert network_outputs(lgraph) == ["b", "c"]
    lgraph = lgraph.add_layers(MaxPooling2dLayer(2, has_unpooling_outputs=True, name="pool"))
    assert network_outputs(lgraph.connect_layers("c", "pool")) == ["b", "pool"]
    assert network_outputs(ending()) == ["out"]
    assert network_outputs(LayerGraph()) == []


def test_volumes_and_vectors_have_their_formats():
    inferred = infer_sizes(ending())
    assert inferred.outputs["out"][0].format == "SSCB"
    assert infer_sizes(pooled(), "network").outputs["pool"][2].format == "SSSSSCB"


def test_size_inference_is_linear():
    """A long chain, and as many unconnected layers: quadratic time would be minutes instead of a second."""
    layers = [ReluLayer(name=str(i)) for i in range(30_000)]
    assert infer_sizes(LayerGraph([images(), *layers]), "network").issues == []
    draft = Draft()
    draft.append(layers, in_series=False)
    assert len(infer_sizes(LayerGraph._from_draft(draft), "network").issues) > 30_000
