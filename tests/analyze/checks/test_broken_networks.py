"""Networks as users break them: the first finding is the cause, and its edit fixes the network."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import torch

from layergraph import (
    AdditionLayer,
    BatchNormalizationLayer,
    ClassificationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    Crop2dLayer,
    DepthConcatenationLayer,
    DropoutLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    ModuleLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
)
from layergraph.analyze import NetworkAnalysis, analyze_network
from layergraph.builders import deeplabv3_layers, segnet_layers, unet_layers
from layergraph.builders.backbones import vgg16
from layergraph.edits import with_input_size

CLASSES = ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "person", "bicycle"]


class Broken(NamedTuple):
    """A broken network, the code and layer of its first finding, and words of its message."""

    make: Callable[[], LayerGraph]
    code: str
    layer: str
    words: tuple[str, ...] = ()
    edit: bool = True


def unet(size: tuple[int, ...] = (96, 96, 3), classes: int = 3) -> LayerGraph:
    return unet_layers(size, classes)


def segnet() -> LayerGraph:
    return segnet_layers((96, 96, 3), 11, 3)


def changed(lgraph: LayerGraph, name: str, **arguments: Any) -> LayerGraph:
    layer: Any = lgraph[name]
    return lgraph.replace_layer(name, replace(layer, **arguments))


def with_classes(lgraph: LayerGraph, name: str, weights: int = 11) -> LayerGraph:
    loss = PixelClassificationLayer(name=name, classes=CLASSES, class_weights=[1.0] * weights)
    return lgraph.replace_layer(name, loss)


def residual(
    filters: int = 16, stride: int = 1, shortcut_stride: int = 1, image: tuple[int, ...] = (32, 32, 3)
) -> LayerGraph:
    """A residual block with a projection, and a classifier."""
    lgraph = LayerGraph(
        [
            ImageInputLayer(image, name="input"),
            Convolution2dLayer(3, 8, padding="same", name="stem"),
            ReluLayer(name="stem_relu"),
            Convolution2dLayer(3, 16, padding="same", stride=stride, name="branch_a"),
            ReluLayer(name="branch_a_relu"),
            Convolution2dLayer(3, filters, padding="same", name="branch_b"),
            AdditionLayer(2, name="add"),
            ReluLayer(name="relu"),
            Convolution2dLayer(1, 4, name="score"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="loss"),
        ]
    ).add_layers(Convolution2dLayer(1, 16, stride=shortcut_stride, name="shortcut"))
    return lgraph.connect_layers("stem_relu", "shortcut").connect_layers("shortcut", "add/in2")


def without_memory() -> LayerGraph:
    """An encoder with pooling and a decoder with unpooling, without indices from one to the other."""
    return LayerGraph(
        [
            ImageInputLayer((32, 32, 3), name="input"),
            Convolution2dLayer(3, 8, padding="same", name="conv"),
            MaxPooling2dLayer(2, stride=2, name="pool"),
            Convolution2dLayer(3, 8, padding="same", name="middle"),
            MaxUnpooling2dLayer(name="unpool"),
            Convolution2dLayer(3, 4, padding="same", name="score"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="loss"),
        ]
    )


def decoder(**up: Any) -> LayerGraph:
    """One pooling and a transposed convolution back to the size of the image."""
    lgraph = LayerGraph(
        [
            ImageInputLayer((64, 64, 3), name="input"),
            Convolution2dLayer(3, 8, padding="same", name="conv"),
            MaxPooling2dLayer(2, stride=2, name="pool"),
            Convolution2dLayer(3, 16, padding="same", name="middle"),
            TransposedConv2dLayer(**{"filter_size": 2, "num_filters": 8, "stride": 2, "name": "up"} | up),
            DepthConcatenationLayer(2, name="cat"),
            Convolution2dLayer(1, 4, name="score"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="loss"),
        ]
    )
    return lgraph.connect_layers("conv", "cat/in2")


def branches_of_two_windows() -> LayerGraph:
    """The sum of two convolutions without padding."""
    lgraph = LayerGraph(
        [
            ImageInputLayer((12, 12, 3), name="input"),
            Convolution2dLayer(3, 4, name="small"),
            AdditionLayer(2, name="add"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="loss"),
        ]
    ).add_layers(Convolution2dLayer(5, 4, name="large"))
    return lgraph.connect_layers("input", "large").connect_layers("large", "add/in2")


def classifier(*head: Any, image: tuple[int, ...] = (32, 32, 3)) -> LayerGraph:
    return LayerGraph(
        [
            ImageInputLayer(image, name="input"),
            Convolution2dLayer(3, 8, padding="same", name="conv"),
            ReluLayer(name="relu"),
            MaxPooling2dLayer(2, stride=2, name="pool"),
            *head,
        ]
    )


def moved(lgraph: LayerGraph, old: tuple[str, str], new: tuple[str, str]) -> LayerGraph:
    return lgraph.disconnect_layers(*old).connect_layers(*new)


BROKEN: dict[str, Broken] = {
    "U-Net on images of 100×100": Broken(
        lambda: with_input_size(unet(), (100, 100, 3)),
        "LG-SPATIAL",
        "Decoder-Stage-2-DepthConcatenation",
        ("24(S) × 24(S)", "25(S) × 25(S)", "images of 96×96 or 112×112 need none"),
    ),
    "U-Net on images of 102×90, at fault at two joins": Broken(
        lambda: with_input_size(unet(), (102, 90, 3)),
        "LG-SPATIAL",
        "Decoder-Stage-1-DepthConcatenation",
        ("images of 96×80 or 112×96",),
    ),
    "a connection of SegNet forgotten": Broken(
        lambda: segnet().disconnect_layers("encoder2_relu_1", "encoder2_conv2"),
        "LG-MISSING-INPUT",
        "encoder2_conv2",
        ("connect 'encoder2_relu_1', which feeds nothing, to 'encoder2_conv2'",),
    ),
    "a skip connection of U-Net forgotten": Broken(
        lambda: unet().disconnect_layers("Encoder-Stage-3-ReLU-2", "Decoder-Stage-2-DepthConcatenation/in2"),
        "LG-MISSING-INPUT",
        "Decoder-Stage-2-DepthConcatenation",
        ("'Encoder-Stage-3-ReLU-2'",),
    ),
    "10 filters for 11 classes and weights": Broken(
        lambda: with_classes(unet(classes=10), "Segmentation-Layer"),
        "LG-CLASSES",
        "Segmentation-Layer",
        ("has 11 classes", "have 10 channels", "give 'Final-ConvolutionLayer' 11 filters"),
    ),
    "a transposed convolution by the wrong stride": Broken(
        lambda: changed(unet(), "Decoder-Stage-2-UpConv", stride=3),
        "LG-SPATIAL",
        "Decoder-Stage-2-DepthConcatenation",
        ("change stride of 'Decoder-Stage-2-UpConv' from 3 to 2",),
    ),
    "a transposed convolution that does not crop": Broken(
        lambda: decoder(filter_size=4),
        "LG-SPATIAL",
        "cat",
        ("change cropping of 'up' from 0 to 'same'",),
    ),
    "a convolution of U-Net without padding": Broken(
        lambda: changed(unet(), "Encoder-Stage-2-Conv-1", padding=0),
        "LG-SPATIAL",
        "Decoder-Stage-1-DepthConcatenation",
        ("change padding of 'Encoder-Stage-2-Conv-1' from 0 to 'same'",),
    ),
    "branches of windows of different sizes": Broken(
        branches_of_two_windows,
        "LG-SPATIAL",
        "add",
        ("crop the larger (Crop2dLayer)",),
    ),
    "gray images for layers of color images": Broken(
        lambda: changed(with_input_size(unet(), (96, 96, 1)), "Encoder-Stage-1-Conv-1", num_channels=3),
        "LG-CHANNELS",
        "Encoder-Stage-1-Conv-1",
        ("takes 3 channels", "has 1"),
    ),
    "a branch with other filters than its shortcut": Broken(
        lambda: residual(filters=32), "LG-CHANNELS", "add", ("16(C)", "32(C)", "filters")
    ),
    "a stride in the branch that the shortcut lacks": Broken(
        lambda: residual(stride=2), "LG-SPATIAL", "add", ("16(S) × 16(S)", "32(S) × 32(S)", "stride")
    ),
    "unpooling without indices and size": Broken(
        without_memory,
        "LG-UNPOOLING",
        "unpool",
        ("inputs 'indices' and 'size' are not connected", "from 'pool'"),
    ),
    "indices and size of SegNet crossed": Broken(
        lambda: moved(
            segnet().disconnect_layers("encoder3_maxpool/size", "decoder3_unpool/size"),
            ("encoder3_maxpool/indices", "decoder3_unpool/indices"),
            ("encoder3_maxpool/size", "decoder3_unpool/indices"),
        ).connect_layers("encoder3_maxpool/indices", "decoder3_unpool/size"),
        "LG-UNPOOLING",
        "decoder3_unpool",
        ("from 'encoder3_maxpool'",),
    ),
    "the network without its input layer": Broken(
        lambda: unet().remove_layers("ImageInputLayer"),
        "LG-NO-INPUT",
        "",
        ("no input layer", "'Encoder-Stage-1-Conv-1'"),
    ),
    "the network without its loss": Broken(
        lambda: unet().remove_layers(["Softmax-Layer", "Segmentation-Layer"]),
        "LG-NO-OUTPUT",
        "",
        ("no output layer", "after 'Final-ConvolutionLayer'"),
    ),
    "softmax forgotten": Broken(
        lambda: (
            unet()
            .remove_layers("Softmax-Layer")
            .connect_layers("Final-ConvolutionLayer", "Segmentation-Layer")
        ),
        "LG-NO-SOFTMAX",
        "Segmentation-Layer",
        ("'Final-ConvolutionLayer' (Convolution) gives any numbers",),
    ),
    "softmax twice": Broken(
        lambda: moved(
            unet().add_layers(SoftmaxLayer(name="probabilities")),
            ("Softmax-Layer", "Segmentation-Layer"),
            ("Softmax-Layer", "probabilities"),
        ).connect_layers("probabilities", "Segmentation-Layer"),
        "LG-DOUBLE-SOFTMAX",
        "probabilities",
        ("from 'Softmax-Layer'",),
    ),
    "an experiment left behind": Broken(
        lambda: (
            unet()
            .add_layers([Convolution2dLayer(3, 8, padding="same", name="attention"), ReluLayer(name="try")])
            .connect_layers("Encoder-Stage-1-ReLU-2", "attention")
        ),
        "LG-UNUSED-OUTPUT",
        "try",
        ("'attention' is computed for nothing",),
    ),
    "layers added and not connected": Broken(
        lambda: unet().add_layers([Convolution2dLayer(3, 8, name="extra"), ReluLayer(name="extra_relu")]),
        "LG-DISCONNECTED",
        "extra",
        ("'extra', 'extra_relu' are not connected to the rest",),
    ),
    "images too small for VGG-16": Broken(
        lambda: with_input_size(vgg16(), (24, 24, 3)),
        "LG-WINDOW",
        "pool5",
        ("the 2×2 window is larger than its input 1×1", "images of at least 32×32"),
    ),
    "the inputs of a crop swapped": Broken(
        lambda: (
            LayerGraph(
                [
                    ImageInputLayer((30, 30, 3), name="input"),
                    Convolution2dLayer(7, 4, padding=8, name="conv"),
                    Crop2dLayer(name="crop"),
                    SoftmaxLayer(name="softmax"),
                    PixelClassificationLayer(name="loss"),
                ]
            )
            .disconnect_layers("conv", "crop/in")
            .connect_layers("conv", "crop/ref")
            .connect_layers("input", "crop/in")
        ),
        "LG-SPATIAL",
        "crop",
        ("nothing to crop: 'in' is 30×30",),
    ),
    "a layer for volumes among images": Broken(
        lambda: residual().replace_layer(
            "branch_a", Convolution3dLayer(3, 16, padding="same", name="branch_a")
        ),
        "LG-DIMENSIONS",
        "branch_a",
        ("use a Convolution2dLayer",),
        edit=False,
    ),
    "a fully connected layer for images of another size": Broken(
        lambda: classifier(
            FullyConnectedLayer(10, input_size=7 * 7 * 8, name="fc"),
            SoftmaxLayer(name="softmax"),
            ClassificationLayer(name="loss"),
        ),
        "LG-CHANNELS",
        "fc",
        ("the layer takes 392 numbers", "has 2048"),
    ),
    "a class of each image, from scores of each pixel": Broken(
        lambda: classifier(
            Convolution2dLayer(1, 3, name="score"),
            SoftmaxLayer(name="softmax"),
            ClassificationLayer(name="loss"),
        ),
        "LG-SPATIAL",
        "loss",
        ("one score per class", "16(S) × 16(S)"),
        edit=False,
    ),
    "dropout before batch normalization": Broken(
        lambda: changed(residual(), "branch_a", bias_learn_rate_factor=0).replace_layer(
            "branch_a_relu",
            [
                DropoutLayer(0.5, name="drop"),
                BatchNormalizationLayer(name="bn"),
                ReluLayer(name="branch_relu"),
            ],
        ),
        "LG-DROPOUT-BEFORE-BATCHNORM",
        "bn",
        ("'drop' (50% dropout)",),
    ),
    "rates of DeepLab for large images on small ones": Broken(
        lambda: deeplabv3_layers((129, 129, 3), 3),
        "LG-DILATION",
        "aspp_Conv_3",
        ("9×9", "one row and one column"),
    ),
    "names that differ in a letter's case": Broken(
        lambda: moved(
            residual().add_layers(ReluLayer(name="Shortcut")),
            ("shortcut", "add/in2"),
            ("shortcut", "Shortcut"),
        ).connect_layers("Shortcut", "add/in2"),
        "LG-NEAR-DUPLICATE",
        "shortcut",
        ("'Shortcut'",),
        edit=False,
    ),
    "two faults far from each other": Broken(
        lambda: with_classes(
            changed(unet(classes=10), "Encoder-Stage-2-Conv-1", num_channels=7), "Segmentation-Layer"
        ),
        "LG-CHANNELS",
        "Encoder-Stage-2-Conv-1",
        ("takes 7 channels",),
    ),
}

# networks with several findings, and the codes of the further ones
MORE = {
    "U-Net on images of 102×90, at fault at two joins": None,
    "two faults far from each other": ["LG-CLASSES"],
}


def fix(analysis: NetworkAnalysis) -> LayerGraph:
    """The graph after the edits of all findings, as a user would paste them."""
    names = {"lgraph": analysis.lgraph}
    for issue in analysis.issues:
        exec(issue.edit, names)
    return names["lgraph"]


def test_there_are_twenty() -> None:
    assert len(BROKEN) >= 20


@pytest.mark.parametrize("name", BROKEN)
def test_the_first_finding_is_the_cause(name: str) -> None:
    broken = BROKEN[name]
    analysis = analyze_network(broken.make())
    first, *others = analysis.issues
    assert (first.code, first.layer) == (broken.code, broken.layer), str(first)
    for words in broken.words:
        assert words in first.message
    if name not in MORE:
        assert not others
    elif MORE[name] is not None:
        assert [issue.code for issue in others] == MORE[name]
    assert bool(first.edit) == broken.edit


@pytest.mark.parametrize("name", [name for name, broken in BROKEN.items() if broken.edit])
def test_its_edit_fixes_the_network(name: str) -> None:
    analysis = analyze_network(BROKEN[name].make())
    again = analyze_network(fix(analysis))
    assert [str(issue) for issue in again.issues] == []


def test_nothing_was_wrong_before() -> None:
    """The unbroken networks have no findings."""
    for lgraph in (unet(), segnet(), residual(), decoder()):
        assert analyze_network(lgraph).issues == ()


def test_modules_are_run_a_few_times_only() -> None:
    """Each candidate for a fix runs them, for inference with one observation and for training with two."""
    runs = []

    class Counted(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            runs.append(x.shape)
            return x

    module = ModuleLayer(Counted(), name="module")
    lgraph = with_input_size(unet().insert_after("Encoder-Stage-1-Conv-1", module), (102, 90, 3))
    assert analyze_network(lgraph).issues[0].code == "LG-SPATIAL"
    assert 0 < sum(shape[0] == 1 for shape in runs) < 120
    assert len(runs) <= 2 * sum(shape[0] == 1 for shape in runs)


def test_the_page_and_the_text_list_the_cause_first() -> None:
    analysis = analyze_network(BROKEN["two faults far from each other"].make())
    for shown in (analysis.to_text(), analysis.to_html(), analysis.to_json()):
        assert 0 < shown.index("takes 7 channels") < shown.index("has 11 classes")
