"""The networks that unpool: SegNet by depth and on VGG, SegNet-Basic, Bayesian SegNet."""

import re
from itertools import pairwise
from math import prod

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layergraph import ArgumentError, Convolution2dLayer, DropoutLayer
from layergraph.builders import bayesian_segnet_layers, segnet_basic_layers, segnet_layers
from layergraph.builders.backbones import find_backbone
from layergraph.builders.bayesian_segnet import with_deep_dropout
from layergraph.edits import with_input_size
from layergraph.graph.size_inference import infer_sizes


def learnables(lgraph):
    inputs = infer_sizes(lgraph).inputs
    return sum(prod(size) for n in lgraph for size in lgraph[n].learnables(list(inputs[n])).values())


# -- in plain PyTorch ------------------------------------------------------------------------------------


class PlainSegNet(nn.Module):
    """SegNet from lists of layers, one list per section of encoder and decoder, and a classifier."""

    def __init__(self, encoder, decoder, classifier=None, *, adds_encoder=False):
        super().__init__()
        self.encoder = nn.ModuleList(nn.Sequential(*section) for section in encoder)
        self.decoder = nn.ModuleList(nn.Sequential(*section) for section in decoder)
        self.classifier = classifier or nn.Identity()
        self.adds_encoder = adds_encoder

    def forward(self, x):
        memory = []
        for section in self.encoder:
            features = section(x)
            x, indices = F.max_pool2d(features, 2, 2, return_indices=True)
            memory.append((features, indices))
        for section in self.decoder:
            features, indices = memory.pop()
            x = section(F.max_unpool2d(x, indices, 2, 2, output_size=features.shape[-2:]))
            if self.adds_encoder:
                x = x + features
        return self.classifier(x).softmax(1)


def block(channels, filters, window=(3, 3), relu=True, groups=1):
    padding = (window[0] // 2, window[1] // 2)
    layers = [nn.Conv2d(channels, filters, window, padding=padding, groups=groups), nn.BatchNorm2d(filters)]
    return [*layers, nn.ReLU()] if relu else layers


def plain_segnet(channels, classes, convolutions, filters, window=(3, 3)):
    """SegNet with several blocks per section, whose decoder mirrors the channels of the encoder."""
    encoder, chain = [], [channels]
    for count, maps in zip(convolutions, filters, strict=True):
        chain += [maps] * count
    steps = list(pairwise(chain))
    at = 0
    for count in convolutions:
        encoder.append([part for pair in steps[at : at + count] for part in block(*pair, window)])
        at += count
    back = [(b, a) for a, b in reversed(steps)]
    back[-1] = (back[-1][0], classes)
    decoder, at = [], 0
    for count in reversed(convolutions):
        decoder.append([part for pair in back[at : at + count] for part in block(*pair, window)])
        at += count
    return PlainSegNet(encoder, decoder)


def plain_segnet_basic(channels, classes, depth, filters, window, decoder):
    groups = filters if decoder == "single-channel" else 1
    return PlainSegNet(
        [block(filters if stage else channels, filters, window) for stage in range(depth)],
        [block(filters, filters, window, relu=False, groups=groups) for _ in range(depth)],
        nn.Conv2d(filters, classes, 1),
        adds_encoder=decoder == "encoder-addition",
    )


def with_random_tensors(plain):
    """The network with random weights and statistics, because initial zeros and ones would hide errors."""
    for module in plain.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_var, module.weight.data):
                tensor.uniform_(0.5, 2)
            for tensor in (module.running_mean, module.bias.data):
                tensor.uniform_(-1, 1)
    return plain.eval()


def with_the_weights_of(plain, lgraph):
    """The compiled graph with the tensors of a plain network, which have the same order."""
    net = lgraph.compile().eval()
    own = [key for key in net.state_dict() if not key.startswith("inputImage")]
    theirs = dict(zip(own, plain.state_dict().values(), strict=True))
    missing, unexpected = net.load_state_dict(theirs, strict=False)
    assert unexpected == []
    assert all(key.startswith("inputImage") for key in missing)
    return net


def assert_equal_to(plain, lgraph, size):
    x = torch.rand(2, *size)
    with torch.no_grad():
        expected, output = plain(x), with_the_weights_of(plain, lgraph)(x)
    assert expected.std() > 1e-3  # constant outputs would always be equal
    torch.testing.assert_close(output, expected, atol=1e-9, rtol=0)


# -- SegNet by depth -------------------------------------------------------------------------------------


def segnet_count(channels, classes, convolutions, filters, window):
    """Weights, zero biases and batch normalization of every convolution, counted one by one."""
    total, depth = 0, len(filters)

    def add(inputs, outputs):
        nonlocal total
        total += window[0] * window[1] * inputs * outputs + outputs + 2 * outputs
        return outputs

    now = channels
    for stage in range(depth):
        for _ in range(convolutions[stage]):
            now = add(now, filters[stage])
    for stage in reversed(range(depth)):
        for index in range(convolutions[stage]):
            last = index == convolutions[stage] - 1
            now = add(now, filters[stage] if not last else filters[stage - 1] if stage else classes)
    return total


@pytest.mark.parametrize(
    ("size", "classes", "depth", "layers", "connections", "count"),
    [
        ((32, 32, 1), 2, 2, 31, 34, 224_262),
        ((360, 480, 3), 11, 3, 45, 50, 378_849),
        ((480, 640, 3), 5, 4, 59, 66, 523_599),
    ],
)
def test_the_counts_of_segnet(size, classes, depth, layers, connections, count):
    lgraph = segnet_layers(size, classes, depth)
    assert (len(lgraph), len(lgraph.connections), learnables(lgraph)) == (layers, connections, count)


@settings(max_examples=60)
@given(data=st.data(), depth=st.integers(1, 5), channels=st.integers(1, 4), classes=st.integers(2, 6))
def test_the_closed_forms_of_segnet(data, depth, channels, classes):
    convolutions = data.draw(st.lists(st.integers(1, 4), min_size=depth, max_size=depth))
    filters = data.draw(st.lists(st.integers(1, 9), min_size=depth, max_size=depth))
    window = data.draw(st.tuples(*[st.sampled_from([1, 3, 5])] * 2))
    lgraph = segnet_layers(
        (33, 40, channels),
        classes,
        depth,
        num_convolution_layers=convolutions,
        num_output_channels=filters,
        filter_size=window,
    )
    assert len(lgraph) == 6 * sum(convolutions) + 2 * depth + 3
    assert len(lgraph.connections) == len(lgraph) - 1 + 2 * depth
    assert learnables(lgraph) == segnet_count(channels, classes, convolutions, filters, window)
    assert list(infer_sizes(lgraph).issues) == []


def test_the_names_and_order_of_segnet():
    lgraph = segnet_layers((32, 32), 2, 2)
    assert lgraph.order == tuple(lgraph)
    assert list(lgraph)[:8] == [
        "inputImage",
        "encoder1_conv1",
        "encoder1_bn_1",
        "encoder1_relu_1",
        "encoder1_conv2",
        "encoder1_bn_2",
        "encoder1_relu_2",
        "encoder1_maxpool",
    ]
    assert list(lgraph)[15:] == [
        *("decoder2_unpool", "decoder2_conv2", "decoder2_bn_2", "decoder2_relu_2"),
        *("decoder2_conv1", "decoder2_bn_1", "decoder2_relu_1"),
        *("decoder1_unpool", "decoder1_conv2", "decoder1_bn_2", "decoder1_relu_2"),
        *("decoder1_conv1", "decoder1_bn_1", "decoder1_relu_1", "softmax", "pixelLabels"),
    ]
    connections = {(c.source, c.destination) for c in lgraph.connections}
    for stage in (1, 2):
        for port in ("indices", "size"):
            assert (f"encoder{stage}_maxpool/{port}", f"decoder{stage}_unpool/{port}") in connections
    for layer in lgraph.layers:
        if isinstance(layer, Convolution2dLayer):
            assert layer.bias_learn_rate_factor == 0
            assert layer.padding == (1, 1, 1, 1)
            assert layer.weights_initializer == "he"


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("size", [(8, 8), (9, 15), (11, 8), (23, 17), (31, 9)])
def test_segnet_restores_every_size(depth, size):
    lgraph = segnet_layers(size, 2, depth, num_output_channels=1, num_convolution_layers=1)
    assert infer_sizes(lgraph).outputs["pixelLabels"][0].spatial == size
    assert lgraph.compile().eval()(torch.rand(1, 1, *size)).shape[2:] == size


def test_segnet_by_depth_equals_plain_pytorch():
    lgraph = segnet_layers(
        (21, 18, 2), 3, 3, num_convolution_layers=(1, 3, 2), num_output_channels=(6, 4, 8), filter_size=(5, 3)
    )
    plain = with_random_tensors(plain_segnet(2, 3, (1, 3, 2), (6, 4, 8), (5, 3)))
    assert_equal_to(plain, lgraph, (2, 21, 18))


# -- SegNet on VGG ---------------------------------------------------------------------------------------

VGG = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
FILTERS = (64, 128, 256, 512, 512)


@pytest.mark.parametrize(
    ("backbone", "layers", "connections", "count"),
    [("vgg16", 91, 100, 29_449_377), ("vgg19", 109, 118, 40_073_889)],
)
def test_the_counts_of_segnet_on_vgg(backbone, layers, connections, count):
    lgraph = segnet_layers((360, 480), 11, backbone=backbone)
    assert (len(lgraph), len(lgraph.connections), learnables(lgraph)) == (layers, connections, count)
    assert count == segnet_count(3, 11, VGG[backbone], FILTERS, (3, 3))
    assert list(infer_sizes(lgraph).issues) == []
    assert lgraph["inputImage"].input_size == (360, 480, 3)


@pytest.mark.parametrize("backbone", VGG)
def test_the_names_and_order_of_segnet_on_vgg(backbone):
    lgraph = segnet_layers((360, 480), 11, backbone=backbone)
    expected = ["inputImage"]
    for stage, count in enumerate(VGG[backbone], 1):
        for index in range(1, count + 1):
            end = f"{stage}_{index}"
            expected += [f"conv{end}", f"bn_conv{end}", f"relu{end}"]
        expected.append(f"pool{stage}")
    for stage in range(5, 0, -1):
        expected.append(f"decoder{stage}_unpool")
        for index in range(VGG[backbone][stage - 1], 0, -1):
            section = f"decoder{stage}"
            expected += [f"{section}_conv{index}", f"{section}_bn_{index}", f"{section}_relu_{index}"]
    assert list(lgraph) == [*expected, "softmax", "pixelLabels"]
    assert lgraph.order == tuple(lgraph)
    for stage in range(1, 6):
        fed = lgraph.sources(f"decoder{stage}_unpool")
        assert (fed["indices"].layer, fed["size"].layer) == (f"pool{stage}",) * 2


def test_the_third_argument_may_name_the_backbone_as_in_matlab():
    assert segnet_layers((32, 40), 2, "vgg19", width=1 / 16) == segnet_layers(
        (32, 40), 2, backbone="vgg19", width=1 / 16
    )


def test_the_decoder_sections_of_segnet_on_vgg16():
    """The positions of the sections in MATLAB, counted from 1, and their last channels."""
    lgraph = segnet_layers((360, 480), 11, backbone="vgg16")
    index = {name: number for number, name in enumerate(lgraph, 1)}
    assert [index[f"decoder{stage}_unpool"] for stage in (5, 4, 3, 2, 1)] == [46, 56, 66, 76, 83]
    assert [index[f"decoder2_conv{n}"] for n in (2, 1)] == [77, 80]
    assert [index[f"decoder1_conv{n}"] for n in (2, 1)] == [84, 87]
    ends = [lgraph[f"decoder{stage}_conv1"].num_filters for stage in (5, 4, 3, 2, 1)]
    assert ends == [512, 256, 128, 64, 11]
    for layer in lgraph.layers:
        if isinstance(layer, Convolution2dLayer):
            assert (layer.padding, layer.bias_learn_rate_factor) == ((1, 1, 1, 1), 0)
            assert layer.weights_initializer == "he"


@pytest.mark.parametrize("backbone", VGG)
def test_segnet_on_vgg_equals_plain_pytorch(backbone):
    lgraph = segnet_layers((45, 38), 4, backbone=backbone, width=1 / 16)
    plain = with_random_tensors(plain_segnet(3, 4, VGG[backbone], (8, 8, 16, 32, 32)))
    assert_equal_to(plain, lgraph, (3, 45, 38))


def test_segnet_on_vgg_starts_from_the_weights_of_a_file(tmp_path):
    """The file has the layout of torchvision's VGG-16; it gives no weights to the decoder."""
    vgg, keys = find_backbone("test", "vgg16"), find_backbone("test", "vgg16").keys
    tensors = {
        f"{keys[key.partition('.')[0]]}.{key.partition('.')[2]}": torch.rand_like(tensor) - 0.4
        for key, tensor in vgg.build((32, 32), 7, True, 1 / 16, None, "torchvision")
        .compile()
        .state_dict()
        .items()
        if key.partition(".")[0] in keys
    }
    torch.save(tensors, tmp_path / "vgg16.pth")
    lgraph = segnet_layers((32, 40), 2, backbone="vgg16", width=1 / 16, weights=tmp_path / "vgg16.pth")
    state = lgraph.compile().state_dict()
    for name in lgraph:
        if name in keys:
            assert torch.equal(state[f"{name}.weight"], tensors[f"{keys[name]}.weight"])
            assert torch.equal(state[f"{name}.bias"], tensors[f"{keys[name]}.bias"])
    assert (state["decoder1_conv1.bias"] == 0).all()
    assert lgraph["inputImage"].normalization == "zscore"  # as the weights were trained
    other = segnet_layers((32, 40), 2, backbone="vgg16", width=1 / 16, conventions="torchvision")
    assert other["inputImage"].normalization == "zscore"
    assert (
        segnet_layers((32, 40), 2, backbone="vgg16", width=1 / 16)["inputImage"].normalization == "zerocenter"
    )


# -- sizes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depth", "build"),
    [
        (1, lambda size: segnet_layers((*size, 1), 2, 1)),
        (3, lambda size: segnet_layers((*size, 3), 2, 3)),
        (5, lambda size: segnet_layers(size, 2, backbone="vgg16", width=1 / 16)),
        (4, lambda size: segnet_basic_layers(size, 2)),
        (2, lambda size: bayesian_segnet_layers(size, 2, 2)),
    ],
)
def test_an_error_names_the_smallest_size(depth, build):
    """Compared with the inferred sizes, which do not depend on the check of the builder."""
    large = build((64, 64))
    channels = large["inputImage"].input_size[-1]
    for n in range(1, 40):
        for what, size in (("height", (n, 33)), ("width", (33, n))):
            if infer_sizes(with_input_size(large, (*size, channels))).errors:
                with pytest.raises(ArgumentError) as caught:
                    build(size)
                assert f"an image {what} of {n} does not fit" in str(caught.value)
                nearest = int(re.search(r"nearest that fits: (\d+);", str(caught.value))[1])
                assert nearest == 2**depth
                build((nearest, 33) if what == "height" else (33, nearest))
            else:
                build(size)
                assert n >= 2**depth


def test_default_channels():
    sizes = [
        build((32, 48))["inputImage"].input_size
        for build in (
            lambda size: segnet_layers(size, 2, 2),
            lambda size: segnet_layers(size, 2, backbone="vgg19"),
            lambda size: segnet_basic_layers(size, 2),
            lambda size: bayesian_segnet_layers(size, 2),
            lambda size: bayesian_segnet_layers(size, 2, 3),
        )
    ]
    assert [size[-1] for size in sizes] == [1, 3, 3, 3, 1]


# -- SegNet-Basic ----------------------------------------------------------------------------------------

DECODERS = ("all-channels", "single-channel", "encoder-addition")


def test_the_names_and_order_of_segnet_basic():
    lgraph = segnet_basic_layers((360, 480), 11)
    encoder = [
        f"{name}" for n in (1, 2, 3, 4) for name in (f"conv{n}", f"conv{n}_bn", f"relu{n}", f"pool{n}")
    ]
    decoder = [
        name for n in (4, 3, 2, 1) for name in (f"upsample{n}", f"conv_decode{n}", f"conv_decode{n}_bn")
    ]
    ends = ["conv_classifier", "softmax", "pixelLabels"]
    assert list(lgraph) == ["inputImage", *encoder, *decoder, *ends]
    assert lgraph.order == tuple(lgraph)
    assert list(infer_sizes(lgraph).issues) == []
    for layer in lgraph.layers:
        if isinstance(layer, Convolution2dLayer):
            classifier = layer.name == "conv_classifier"
            assert layer.bias_learn_rate_factor == (1 if classifier else 0)
            assert layer.filter_size == ((1, 1) if classifier else (7, 7))


@pytest.mark.parametrize(
    ("decoder", "layers", "connections", "weights"),
    [
        # the paper prints 1.425 M and 0.625 M; only the second is exact
        ("all-channels", 32, 39, 1_415_040),
        ("single-channel", 32, 39, 624_768),
        ("encoder-addition", 36, 47, 1_415_040),
    ],
)
def test_the_counts_of_segnet_basic(decoder, layers, connections, weights):
    lgraph = segnet_basic_layers((360, 480), 11, decoder=decoder)
    assert (len(lgraph), len(lgraph.connections)) == (layers, connections)
    seen = 1 if decoder == "single-channel" else 64
    assert weights == 49 * (3 + 3 * 64) * 64 + 4 * 49 * seen * 64 + 64 * 11
    biases, normalizations = 8 * 64 + 11, 8 * 2 * 64
    assert learnables(lgraph) == weights + biases + normalizations
    assert sum(p.numel() for p in lgraph.compile().parameters() if p.ndim == 4) == weights


def test_each_encoder_is_added_to_its_decoder():
    lgraph = segnet_basic_layers((64, 64), 3, decoder="encoder-addition")
    for stage in (1, 2, 3, 4):
        fed = lgraph.sources(f"add{stage}")
        assert (fed["in1"].layer, fed["in2"].layer) == (f"conv_decode{stage}_bn", f"relu{stage}")


@pytest.mark.parametrize("decoder", DECODERS)
def test_segnet_basic_equals_plain_pytorch(decoder):
    lgraph = segnet_basic_layers(
        (22, 29), 3, encoder_depth=3, num_output_channels=6, filter_size=(5, 7), decoder=decoder
    )
    plain = with_random_tensors(plain_segnet_basic(3, 3, 3, 6, (5, 7), decoder))
    assert_equal_to(plain, lgraph, (3, 22, 29))


# -- Bayesian SegNet -------------------------------------------------------------------------------------


def test_the_dropouts_of_bayesian_segnet():
    lgraph, segnet = bayesian_segnet_layers((360, 480), 11), segnet_layers((360, 480), 11, backbone="vgg16")
    assert (len(lgraph), len(lgraph.connections)) == (97, 106)
    assert learnables(lgraph) == learnables(segnet) == 29_449_377
    assert lgraph.order == tuple(lgraph)
    assert list(infer_sizes(lgraph).issues) == []
    names = [layer.name for layer in lgraph.layers if isinstance(layer, DropoutLayer)]
    assert names == ["encdrop3", "encdrop4", "encdrop5", "decdrop5", "decdrop4", "decdrop3"]
    assert {lgraph[name].probability for name in names} == {0.5}
    between = {
        name: (lgraph.sources(name)["in"], [end.layer for _, end in lgraph.destinations(name)])
        for name in names
    }
    assert between == {
        "encdrop3": (("pool3", "out"), ["conv4_1"]),
        "encdrop4": (("pool4", "out"), ["conv5_1"]),
        "encdrop5": (("pool5", "out"), ["decoder5_unpool"]),
        "decdrop5": (("decoder5_relu_1", "out"), ["decoder4_unpool"]),
        "decdrop4": (("decoder4_relu_1", "out"), ["decoder3_unpool"]),
        "decdrop3": (("decoder3_relu_1", "out"), ["decoder2_unpool"]),
    }
    assert [name for name in lgraph if name not in names] == list(segnet)


@pytest.mark.parametrize(
    ("depth", "names"),
    [
        (1, ["encdrop1"]),
        (2, ["encdrop2", "decdrop2"]),
        (3, ["encdrop2", "encdrop3", "decdrop3", "decdrop2"]),
        (4, ["encdrop3", "encdrop4", "decdrop4", "decdrop3"]),
    ],
)
def test_the_deepest_half_of_any_depth(depth, names):
    by_depth = bayesian_segnet_layers((32, 32), 2, depth)
    basic = with_deep_dropout(segnet_basic_layers((32, 32), 2, encoder_depth=depth))
    for lgraph in (by_depth, basic):
        assert [name for name in lgraph if "drop" in name] == names


def test_bayesian_segnet_equals_segnet_without_dropout():
    lgraph = bayesian_segnet_layers((45, 38), 4, width=1 / 16, dropout=0.3)
    plain = with_random_tensors(plain_segnet(3, 4, VGG["vgg16"], (8, 8, 16, 32, 32)))
    assert_equal_to(plain, lgraph, (3, 45, 38))
    net, x = with_the_weights_of(plain, lgraph), torch.rand(1, 3, 45, 38)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            assert module.p == 0.3
            module.train()
    assert not torch.allclose(net(x), net(x), atol=1e-3)


def test_dropout_is_an_edit_that_keeps_weights():
    segnet = segnet_basic_layers((16, 16), 2, num_output_channels=3, decoder="encoder-addition")
    trained = segnet.compile().eval()
    net, x = with_deep_dropout(trained.layer_graph(), 0.9).compile().eval(), torch.rand(1, 3, 16, 16)
    assert torch.equal(net(x), trained(x))
    assert not torch.allclose(net.train()(x), net(x))


@pytest.mark.slow
@pytest.mark.parametrize(
    "lgraph",
    [
        segnet_layers((33, 37), 2, backbone="vgg16", width=1 / 16),
        segnet_basic_layers((17, 19), 3, num_output_channels=2, decoder="single-channel"),
        segnet_basic_layers((17, 19), 3, num_output_channels=2, decoder="encoder-addition"),
        bayesian_segnet_layers((33, 37), 2, width=1 / 16),
    ],
    ids=["vgg16", "single-channel", "encoder-addition", "bayesian"],
)
def test_they_pass_torch_compile_and_export(lgraph):
    torch._dynamo.reset()
    net = lgraph.compile().eval()
    x = torch.rand(2, 3, *lgraph["inputImage"].input_size[:2])
    assert torch.equal(torch.compile(net, fullgraph=True, backend="eager")(x), net(x))
    exported = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch", max=64)},))
    assert torch.equal(exported.module()(x[:1]), net(x[:1]))


# -- mistakes --------------------------------------------------------------------------------------------

MISTAKES = """
segnet_layers((32, 32), 2, 2, num_convolution_layers=100_000_000)
segnet_layers((32, 32, 3), 1, 2)
segnet_layers((32, 32, 3), 2, 0)
segnet_layers((32, 32, 3), 2, 10**9)
segnet_layers((32, 32, 3), 2, 2.5)
segnet_layers((32, 32, 3), 2)
segnet_layers((32, 32, 3), 2, 5, backbone="vgg16")
segnet_layers((32, 32, 3), 2, "vgg11")
segnet_layers((32, 32, 3), 2, backbone="vgg11")
segnet_layers((32,), 2, 2)
segnet_layers(32, 2, 2)
segnet_layers(32, 2, backbone="vgg16")
segnet_layers((32, 32, 3), 2, 2, num_convolution_layers=(2, 2, 2))
segnet_layers((32, 32, 3), 2, 2, num_output_channels=0)
segnet_layers((32, 32, 3), 2, 2, filter_size=4)
segnet_layers((3, 9), 2, 2)
segnet_layers((900, 900), 2, 10)
segnet_layers((64, 31), 2, backbone="vgg16")
segnet_layers((64, 64), 2, backbone="vgg16", num_convolution_layers=3)
segnet_layers((64, 64), 2, backbone="vgg19", filter_size=3)
segnet_layers((64, 64), 2, backbone="vgg16", width=0)
segnet_layers((64, 64), 2, backbone="vgg16", conventions="caffe")
segnet_layers((64, 64), 2, 3, width=0.5)
segnet_layers((64, 64), 2, 3, weights="imagenet")
segnet_layers((64, 64), 2, 3, conventions="torchvision")
segnet_basic_layers((360, 480, 3), 1)
segnet_basic_layers((360, 480, 3), 11, encoder_depth="vgg16")
segnet_basic_layers((360, 480, 3), 11, num_output_channels=(64, 64, 64, 64))
segnet_basic_layers((360, 480, 3), 11, filter_size=8)
segnet_basic_layers((360, 480, 3), 11, decoder="bilinear")
segnet_basic_layers((15, 480, 3), 11)
bayesian_segnet_layers((360, 480), 11, "basic")
bayesian_segnet_layers((360, 480), 11, 4, backbone="vgg19")
bayesian_segnet_layers((360, 480), 11, dropout=1.5)
bayesian_segnet_layers((360, 480), 11, dropout=1)
bayesian_segnet_layers((360, 480), 11, 4, width=0.5)
bayesian_segnet_layers((360, 20), 11)
"""


def test_the_texts_of_mistakes(golden_errors):
    calls = {line: lambda line=line: eval(line) for line in MISTAKES.strip().splitlines()}
    golden_errors("segnet", calls)
    for call in calls.values():
        with pytest.raises(ArgumentError):
            call()
