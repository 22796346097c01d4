"""Blocks: each layer is in one, no path leaves and reenters one, and they are those a person would draw."""

from collections.abc import Callable

import networkx
import pytest
from call_counts import assert_linear
from hypothesis import given
from hypothesis import strategies as st

from layergraph import (
    AdditionLayer,
    BatchNormalizationLayer,
    Convolution2dLayer,
    DepthConcatenationLayer,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
)
from layergraph.analyze.blocks import Block, blocks
from layergraph.builders import BUILDERS
from tests.random_graphs import networks

ARGUMENTS = {
    "bayesian_segnet": {"image_size": (64, 64, 3), "num_classes": 5},
    "deeplabv1": {"image_size": (321, 321, 3), "num_classes": 5},
    "deeplabv2": {"image_size": (321, 321, 3), "num_classes": 5},
    "deeplabv3": {"image_size": (320, 320, 3), "num_classes": 5},
    "deeplabv3plus": {"image_size": (320, 320, 3), "num_classes": 5, "network": "resnet18"},
    "fcn": {"image_size": (320, 320, 3), "num_classes": 5},
    "patch_classification": {"patch_size": (61, 61, 3), "num_classes": 5},
    "segnet": {"image_size": (64, 64, 3), "num_classes": 5, "encoder_depth": 3},
    "segnet_basic": {"image_size": (64, 64, 3), "num_classes": 5},
    "unet": {"image_size": (64, 64, 3), "num_classes": 5},
    "unet3d": {"image_size": (64, 64, 64, 3), "num_classes": 5},
}


def built(name: str, **arguments: object) -> LayerGraph:
    return BUILDERS[name].build(**{**ARGUMENTS.get(name, {}), **arguments})


def names(lgraph: LayerGraph) -> str:
    return " ".join(block.name for block in blocks(lgraph))


def check(lgraph: LayerGraph) -> tuple[Block, ...]:
    """Assert the properties that hold for the blocks of any graph, and return the blocks."""
    parts = blocks(lgraph)
    assert [name for block in parts for name in block.layers] == list(lgraph.order)
    assert all(block.layers and block.name for block in parts)
    assert len({block.name for block in parts}) == len(parts)
    block_of = {name: block.name for block in parts for name in block.layers}
    folded = networkx.DiGraph()
    folded.add_nodes_from(block.name for block in parts)
    for name in lgraph:
        for _, end in lgraph.destinations(name):
            if block_of[name] != block_of[end.layer]:
                folded.add_edge(block_of[name], block_of[end.layer])
    assert networkx.is_directed_acyclic_graph(folded)  # a path that reenters a block would be a cycle
    return parts


@given(networks(most=14))
def test_random_graphs(lgraph: LayerGraph) -> None:
    check(lgraph)


PARTS = st.sampled_from(["res", "bn", "conv", "relu", "aspp", "Stage", "1", "1a", "2", "_", "-", ".", "x"])
NAMES = st.lists(PARTS, min_size=1, max_size=5).map("".join)
KINDS = (
    lambda name: ReluLayer(name=name),
    lambda name: Convolution2dLayer(1, 2, name=name),
    lambda name: BatchNormalizationLayer(name=name),
    lambda name: MaxPooling2dLayer(2, name=name),
    lambda name: TransposedConv2dLayer(2, 2, name=name),
    lambda name: AdditionLayer(2, name=name),
    lambda name: DepthConcatenationLayer(3, name=name),
    lambda name: ImageInputLayer((8, 8, 2), name=name),
    lambda name: SoftmaxLayer(name=name),
    lambda name: PixelClassificationLayer(name=name),
)


@st.composite
def wirings(draw: st.DrawFn) -> LayerGraph:
    """Layers of any type with similar names, connected at random or not at all; sizes do not matter here."""
    lgraph = LayerGraph()
    for name in draw(st.lists(NAMES, min_size=1, max_size=14, unique=True)):
        layer = draw(st.sampled_from(KINDS))(name)
        sources = [other for other in lgraph if lgraph[other].output_names]
        lgraph = lgraph.add_layers(layer)
        for port in layer.input_names if sources else ():
            if draw(st.integers(0, 9)):
                lgraph = lgraph.connect_layers(draw(st.sampled_from(sources[-4:])), f"{name}/{port}")
    return lgraph


@given(wirings())
def test_similar_names_in_any_wiring(lgraph: LayerGraph) -> None:
    check(lgraph)


@pytest.mark.parametrize("name", BUILDERS)
def test_builders(name: str) -> None:
    assert 1 < len(check(built(name))) < len(built(name))


def test_resnet18() -> None:
    lgraph = built("resnet18")
    assert names(lgraph) == "data conv1 res2a res2b res3a res3b res4a res4b res5a res5b pool5"
    assert blocks(lgraph)[4].layers == (
        *("res3a_branch2a", "bn3a_branch2a", "res3a_branch2a_relu", "res3a_branch2b", "bn3a_branch2b"),
        *("res3a_branch1", "bn3a_branch1", "res3a", "res3a_relu"),
    )


def test_resnet50_where_names_alone_do_not_suffice() -> None:
    layers_of = {block.name: block.layers for block in blocks(built("resnet50"))}
    assert " ".join(layers_of) == (
        "input_1 conv1 res2a res2b res2c res3a res3b res3c res3d res4a res4b res4c res4d res4e res4f "
        "res5a res5b res5c avg_pool fc1000"
    )
    assert layers_of["conv1"] == ("conv1", "bn_conv1", "activation_1_relu", "max_pooling2d_1")
    assert layers_of["res2b"][0] == "res2b_branch2a"
    assert layers_of["res2b"][-2:] == ("add_2", "activation_7_relu")


def test_unet_and_segnet() -> None:
    assert names(built("unet", encoder_depth=2)) == (
        "ImageInputLayer Encoder-Stage-1 Encoder-Stage-2 Bridge Decoder-Stage-1 Decoder-Stage-2 "
        "Final-ConvolutionLayer"
    )
    assert names(built("segnet", encoder_depth=2)) == "inputImage encoder1 encoder2 decoder2 decoder1 softmax"


def test_a_crop_of_the_skip_belongs_to_the_stage_that_it_feeds() -> None:
    for join in ("crop", "pad"):
        parts = blocks(built("unet", image_size=(60, 70, 3), encoder_depth=2, join=join))
        assert " ".join(block.name for block in parts) == (
            "ImageInputLayer Encoder-Stage-1 Encoder-Stage-2 Bridge Decoder-Stage-1 Decoder-Stage-2 "
            "Final-ConvolutionLayer"
        )


def test_deeplab() -> None:
    assert names(built("deeplabv3plus")) == (
        "data conv1 res2a res2b res3a res3b res4a res4b res5a res5b aspp dec softmax-out"
    )
    layers_of = {block.name: block.layers for block in blocks(built("deeplabv3plus"))}
    assert layers_of["aspp"][-1] == "catAspp"
    assert "scorer" in layers_of["dec"]


def test_names_of_roles_and_numbers() -> None:
    assert names(built("vgg16")) == "input conv1 conv2 conv3 conv4 conv5 fc6 fc7 fc8"
    assert names(built("alexnet")) == "data conv1 conv2 conv3 conv4 conv5 fc6 fc7 fc8"
    assert names(built("fcn")) == (
        "input conv1 conv2 conv3 conv4 conv5 fc6 fc7 score_fr fuse_pool4 fuse_pool3 upscore8"
    )
    assert names(built("segnet_basic")) == (
        "inputImage conv1 conv2 conv3 conv4 conv_decode4 conv_decode3 conv_decode2 conv_decode1 "
        "conv_classifier"
    )


def test_mobilenet_xception_inception() -> None:
    units = " ".join(f"block_{index}" for index in range(1, 17))
    assert names(built("mobilenetv2")) == (
        f"input_1 Conv1 expanded_conv {units} Conv_1 global_average_pooling2d_1 Logits"
    )
    units = " ".join(f"block{index}" for index in range(1, 15))
    assert names(built("xception")) == f"input_1 {units} avg_pool predictions"
    layers_of = {block.name: block.layers for block in blocks(built("xception"))}
    assert layers_of["block3"][0] == "block3_sepconv1_act"  # and not the last layer of block2
    assert layers_of["block3"][-3:] == ("conv2d_2", "batch_normalization_2", "add_2")
    layers_of = {block.name: block.layers for block in blocks(built("inceptionresnetv2"))}
    assert [*layers_of][:6] == ["input_1", "conv2d_1", "conv2d_4", "mixed_5b", "block35_1", "block35_2"]
    assert (layers_of["block35_2"][0], layers_of["block35_2"][-1]) == ("conv2d_19", "block35_2_ac")
    assert len(layers_of) == 49


def test_with_default_names_the_wiring_decides() -> None:
    lgraph = LayerGraph(
        [
            ImageInputLayer((32, 32, 3)),
            Convolution2dLayer(3, 8, padding="same"),
            ReluLayer(),
            MaxPooling2dLayer(2, stride=2),
            Convolution2dLayer(3, 8, padding="same"),
            BatchNormalizationLayer(),
            ReluLayer(),
            Convolution2dLayer(3, 8, padding="same"),
            AdditionLayer(2),
            ReluLayer(),
            Convolution2dLayer(3, 8, padding="same"),
            TransposedConv2dLayer(2, 8, stride=2),
            DepthConcatenationLayer(2),
            Convolution2dLayer(1, 2),
            SoftmaxLayer(),
            PixelClassificationLayer(),
        ]
    )
    lgraph = lgraph.connect_layers("maxpool", "addition/in2").connect_layers("relu_1", "depthcat/in2")
    assert [(block.name, len(block.layers)) for block in check(lgraph)] == [
        ("imageinput", 1),
        ("conv_1", 3),  # up to the pooling layer
        ("addition", 6),  # the branches, the addition and its activation
        ("conv_4", 1),
        ("depthcat", 2),  # from the upsampling to the concatenation
        ("conv_5", 3),
    ]


def test_names_of_torch_modules() -> None:
    layers = [ImageInputLayer((32, 32, 8), name="x")]
    for unit in ("layer1.0", "layer1.1", "layer2.0"):
        for index in (1, 2):
            layers.append(Convolution2dLayer(3, 8, padding="same", name=f"{unit}.conv{index}"))
            layers.append(BatchNormalizationLayer(name=f"{unit}.bn{index}"))
    assert names(LayerGraph(layers)) == "x layer1.0 layer1.1 layer2.0"


def test_names_without_words() -> None:
    hostile = [
        "",
        " ",
        "...",
        "1",
        "²³",
        "_9_",
        "١٢",
        "a" * 5000,
        "conv" + "9" * 500,
        "\n",
        "日本1_x",
        "日本1_y",
    ]
    chain = [ImageInputLayer((8, 8, 1)), *(ReluLayer(name=name or "relu") for name in hostile)]
    check(LayerGraph(chain))
    assert blocks(LayerGraph()) == ()


def test_a_block_with_the_name_of_a_layer_elsewhere() -> None:
    taken = ["a_1_x", "a_1_y", "relu", "a_1", "b", "a_1_z", "a_1_w"]
    check(LayerGraph([ImageInputLayer((8, 8, 1)), *(ReluLayer(name=name) for name in taken)]))


def test_blocks_of_a_long_chain_take_linear_time() -> None:
    def make(count: int) -> Callable[[], object]:
        lgraph = LayerGraph([ImageInputLayer((8, 8, 1)), *(ReluLayer() for _ in range(count))])
        assert len(blocks(lgraph)) == 2
        return lambda: blocks(lgraph)

    assert_linear(make, 500)


def test_hostile_names_take_linear_time() -> None:
    """The names are so long that quadratic steps, in calls or in a regular expression, would never end."""

    def make(count: int) -> Callable[[], object]:
        hostile = ["9" * count + "é", "a_" * count + "1", "a1" * count, "conv_" * count]
        lgraph = LayerGraph([ImageInputLayer((8, 8, 1)), *(ReluLayer(name=name) for name in hostile)])
        check(lgraph)
        return lambda: blocks(lgraph)

    assert_linear(make, 20_000)
