"""U-Net: of any depth, with both joins of features of unequal size, and on classification networks."""

import inspect
import re
from math import prod

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from layergraph import (
    ArgumentError,
    MaxPooling2dLayer,
    TransposedConv2dLayer,
)
from layergraph.builders import unet_layers, unet_output_size
from layergraph.builders.backbones import BACKBONES
from layergraph.edits import with_input_size
from layergraph.graph.size_inference import infer_sizes

JOINS = (None, "crop", "pad")


def learnables(lgraph):
    inputs = infer_sizes(lgraph).inputs
    return sum(prod(size) for n in lgraph for size in lgraph[n].learnables(list(inputs[n])).values())


def tiny(size, **options):
    """A U-Net with two classes and one filter."""
    return unet_layers(size, 2, **{"num_first_encoder_filters": 1, **options})


# -- in plain PyTorch ------------------------------------------------------------------------------------


def crop_center(x, like):
    top, left = ((x.shape[d] - like.shape[d]) // 2 for d in (2, 3))
    return x[:, :, top : top + like.shape[2], left : left + like.shape[3]]


def pad_around(x, like):
    result = x.new_zeros(*x.shape[:2], *like.shape[2:])
    crop_center(result, x).copy_(x)
    return result


class PlainUnet:
    """U-Net with functions of torch, on the tensors of a state dict.

    ``margin`` is the padding of 3×3 convolutions.
    """

    def __init__(self, weights, depth, margin, join):
        self.weights, self.depth, self.margin, self.join = weights, depth, margin, join

    def double(self, section, x):
        for index in (1, 2):
            weight, bias = (self.weights[f"{section}-Conv-{index}.{what}"] for what in ("weight", "bias"))
            x = F.relu(F.conv2d(x, weight, bias, padding=self.margin))
        return x

    def up(self, stage, x):
        name = f"Decoder-Stage-{stage}-UpConv"
        x = F.conv_transpose2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], stride=2)
        return F.relu(x)

    def scores(self, x):
        name = "Final-ConvolutionLayer"
        return F.conv2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]).softmax(1)

    def __call__(self, x):
        skips = []
        for stage in range(1, self.depth + 1):
            skips.append(self.double(f"Encoder-Stage-{stage}", x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.double("Bridge", x)
        for stage in range(1, self.depth + 1):
            x, skip = self.up(stage, x), skips.pop()
            if self.join == "pad":
                x = pad_around(x, skip)
            else:
                skip = crop_center(skip, x)
            x = self.double(f"Decoder-Stage-{stage}", torch.cat([x, skip], 1))
        return self.scores(x)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_outputs_are_those_of_plain_pytorch(depth, join, padding):
    size = (97, 110) if join else ((92, 108) if depth > 1 else (24, 30))
    if padding == "same" and not join:
        size = (40, 48)
    options = {"encoder_depth": depth, "convolution_padding": padding, "join": join}
    lgraph = unet_layers((*size, 2), 3, num_first_encoder_filters=2, **options)
    net = lgraph.compile().eval()
    plain = PlainUnet(net.state_dict(), depth, 1 if padding == "same" else 0, join)
    x = torch.rand(2, 2, *size)
    with torch.no_grad():
        output, expected = net(x), plain(x)
    assert output.shape[2:] == unet_output_size((*size, 2), 3, **options)[:2]
    torch.testing.assert_close(output, expected, atol=1e-9, rtol=0)


# -- counts, names, order --------------------------------------------------------------------------------


def unet_count(channels, classes, depth, first, window):
    total = 0

    def add(inputs, outputs, taps):
        nonlocal total
        total += taps * inputs * outputs + outputs
        return outputs

    taps, now = window[0] * window[1], channels
    for stage in range(depth + 1):
        for _ in range(2):
            now = add(now, first * 2**stage, taps)
    for stage in reversed(range(depth)):
        now = add(now, first * 2**stage, 4)
        now = add(2 * now, first * 2**stage, taps)
        now = add(now, first * 2**stage, taps)
    add(now, classes, 1)
    return total


@pytest.mark.parametrize(
    ("size", "classes", "depth", "layers", "connections", "count"),
    [((480, 640, 3), 5, 3, 46, 48, 7_697_605), ((32, 32, 1), 2, 4, 58, 61, 31_030_658)],
)
def test_the_counts_of_unet(size, classes, depth, layers, connections, count):
    lgraph = unet_layers(size, classes, encoder_depth=depth)
    assert (len(lgraph), len(lgraph.connections), learnables(lgraph)) == (layers, connections, count)
    assert unet_output_size(size, classes, encoder_depth=depth) == (*size[:2], classes)


WINDOWS = st.tuples(*[st.sampled_from([1, 3, 5])] * 2)


@settings(max_examples=100)
@given(
    depth=st.integers(1, 5),
    channels=st.integers(1, 4),
    classes=st.integers(2, 6),
    first=st.integers(1, 5),
    window=WINDOWS,
    above=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    valid=st.booleans(),
    join=st.sampled_from(JOINS),
)
def test_the_closed_forms_of_unet(depth, channels, classes, first, window, above, valid, join):
    height, width = (
        [n for n in range(1, 1500) if count_rows(n, depth, w, valid, join)][more]
        for w, more in zip(window, above, strict=True)
    )
    options = {
        "encoder_depth": depth,
        "filter_size": window,
        "convolution_padding": "valid" if valid else "same",
        "join": join,
    }
    image_size = (height, width, channels)
    lgraph = unet_layers(image_size, classes, num_first_encoder_filters=first, **options)
    fitted = valid or join is not None
    assert len(lgraph) == 12 * depth + 10 + fitted * depth
    assert len(lgraph.connections) == 13 * depth + 9 + fitted * 2 * depth
    inferred = infer_sizes(lgraph)
    assert list(inferred.issues) == []
    (size,) = inferred.outputs["Segmentation-Layer"]
    assert unet_output_size(image_size, classes, **options) == (*size.spatial, size.channels)
    assert size.channels == classes
    if not valid:
        whole = [n if join == "pad" else n >> depth << depth for n in (height, width)]
        assert [*size.spatial] == whole
    assert learnables(lgraph) == unet_count(channels, classes, depth, first, window)


def test_the_unet_of_the_paper():
    for join in (None, "crop"):
        lgraph = unet_layers((572, 572), 2, convolution_padding="valid", join=join)
        assert unet_output_size((572, 572), 2, convolution_padding="valid", join=join) == (388, 388, 2)
        assert infer_sizes(lgraph).outputs["Segmentation-Layer"][0].shape == (388, 388, 2, 1)
    assert unet_output_size((188, 188), 2, convolution_padding="valid") == (4, 4, 2)
    assert unet_output_size((92, 100), 2, encoder_depth=3, convolution_padding="valid") == (4, 12, 2)
    # with padding, only the first and the last stage lose margins: 2 · 2 · 2 rows
    assert unet_output_size((572, 572), 2, convolution_padding="valid", join="pad") == (564, 564, 2)


def test_the_names_and_order_of_unet():
    lgraph = unet_layers((32, 32), 2)
    assert list(lgraph)[16:27] == [
        "Encoder-Stage-4-Conv-1",
        "Encoder-Stage-4-ReLU-1",
        "Encoder-Stage-4-Conv-2",
        "Encoder-Stage-4-ReLU-2",
        "Encoder-Stage-4-DropOut",
        "Encoder-Stage-4-MaxPool",
        "Bridge-Conv-1",
        "Bridge-ReLU-1",
        "Bridge-Conv-2",
        "Bridge-ReLU-2",
        "Bridge-DropOut",
    ]
    assert list(lgraph)[27:34] == [
        "Decoder-Stage-1-UpConv",
        "Decoder-Stage-1-UpReLU",
        "Decoder-Stage-1-DepthConcatenation",
        "Decoder-Stage-1-Conv-1",
        "Decoder-Stage-1-ReLU-1",
        "Decoder-Stage-1-Conv-2",
        "Decoder-Stage-1-ReLU-2",
    ]
    assert list(lgraph)[-3:] == ["Final-ConvolutionLayer", "Softmax-Layer", "Segmentation-Layer"]
    assert lgraph.order == tuple(lgraph)
    assert lgraph.sources("Decoder-Stage-1-DepthConcatenation")["in2"].layer == "Encoder-Stage-4-ReLU-2"
    assert lgraph.sources("Decoder-Stage-4-DepthConcatenation")["in2"].layer == "Encoder-Stage-1-ReLU-2"
    ups = [layer for layer in lgraph.layers if isinstance(layer, TransposedConv2dLayer)]
    assert [layer.bias_learn_rate_factor for layer in ups] == [2] * 4
    assert [layer.num_filters for layer in ups] == [512, 256, 128, 64]
    assert all(layer.stride == (2, 2) for layer in lgraph.layers if isinstance(layer, MaxPooling2dLayer))


@pytest.mark.parametrize(("padding", "join"), [("valid", None), ("valid", "crop"), ("same", "crop")])
def test_skips_are_cropped_to_the_upsampled_features(padding, join):
    lgraph = (
        unet_layers((92, 92), 2, encoder_depth=3, convolution_padding=padding, join=join)
        if (padding == "valid")
        else tiny((95, 93), encoder_depth=3, join=join)
    )
    assert lgraph.order == tuple(lgraph)
    for stage in (1, 2, 3):
        crop = f"Crop2d-{stage}"
        assert lgraph.sources(crop)["in"].layer == f"Encoder-Stage-{4 - stage}-ReLU-2"
        assert lgraph.sources(crop)["ref"].layer == f"Decoder-Stage-{stage}-UpReLU"
        joined = lgraph.sources(f"Decoder-Stage-{stage}-DepthConcatenation")
        assert (joined["in1"].layer, joined["in2"].layer) == (f"Decoder-Stage-{stage}-UpReLU", crop)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_upsampled_features_are_padded_to_the_skips(padding):
    lgraph = tiny((93, 94), encoder_depth=3, convolution_padding=padding, join="pad")
    assert lgraph.order == tuple(lgraph)
    for stage in (1, 2, 3):
        pad, skip = f"Pad2d-{stage}", f"Encoder-Stage-{4 - stage}-ReLU-2"
        assert lgraph.sources(pad)["in"].layer == f"Decoder-Stage-{stage}-UpReLU"
        assert lgraph.sources(pad)["ref"].layer == skip
        joined = lgraph.sources(f"Decoder-Stage-{stage}-DepthConcatenation")
        assert (joined["in1"].layer, joined["in2"].layer) == (pad, skip)


# -- sizes -----------------------------------------------------------------------------------------------


def count_rows(n, depth, window, valid, join):
    """The rows of the output for n rows, stage by stage; ``None`` if the network does not accept n."""
    lost = 2 * (window - 1) if valid else 0
    skips = []
    for _ in range(depth):
        n -= lost
        if n < 2 or (n % 2 and join is None):
            return None
        skips.append(n)
        n //= 2
    n -= lost
    for skip in reversed(skips):
        if n < 1:
            return None
        n = (skip if join == "pad" else 2 * n) - lost
    return n if n >= 1 else None


@settings(max_examples=150)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    depth=st.integers(1, 3),
    window=WINDOWS,
    valid=st.booleans(),
    join=st.sampled_from(["crop", "pad"]),
)
def test_the_output_size_is_that_of_size_inference_and_of_torch(size, depth, window, valid, join):
    expected = tuple(count_rows(n, depth, w, valid, join) for n, w in zip(size, window, strict=True))
    options = {
        "encoder_depth": depth,
        "filter_size": window,
        "convolution_padding": "valid" if valid else "same",
        "join": join,
    }
    if None in expected:
        with pytest.raises(ArgumentError, match=r"^unet_layers: .* the nearest that fits: "):
            tiny(size, **options)
        with pytest.raises(ArgumentError, match=r"^unet_output_size: .* the nearest that fits: "):
            unet_output_size(size, 2, **options)
        assume(False)
    lgraph = tiny(size, **options)
    assert unet_output_size(size, 2, **options) == (*expected, 2)
    inferred = infer_sizes(lgraph)
    assert list(inferred.issues) == []
    assert inferred.outputs["Segmentation-Layer"][0].spatial == expected
    with torch.no_grad():
        assert lgraph.compile().eval()(torch.rand(1, 1, *size)).shape == (1, 2, *expected)


@pytest.mark.parametrize("join", ["crop", "pad"])
def test_a_network_with_join_accepts_other_image_sizes(join):
    lgraph = tiny((32, 32), encoder_depth=3, join=join)
    net = lgraph.compile().eval()
    for size in ((32, 33), (45, 71), (8, 8)):
        other = tiny(size, encoder_depth=3, join=join)
        assert other == with_input_size(lgraph, (*size, 1))
        output_size = unet_output_size(size, 2, encoder_depth=3, join=join)
        assert net(torch.rand(1, 1, *size)).shape[2:] == output_size[:2]


@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize("valid", [False, True])
@pytest.mark.parametrize("window", [1, 3, 5])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_an_error_names_the_nearest_sizes_that_fit(depth, window, valid, join):
    """For every size, the builder accepts it if it fits, else it names the nearest two."""
    outputs = {n: count_rows(n, depth, window, valid, join) for n in range(1, 301)}
    good = [n for n, output in outputs.items() if output]
    right = good[0]

    options = {
        "encoder_depth": depth,
        "filter_size": window,
        "convolution_padding": "valid" if valid else "same",
        "join": join,
    }

    for n in range(1, 121):
        for what in ("height", "width"):
            height, width = (n, right) if what == "height" else (right, n)
            if n in good:
                tiny((height, width), **options)
                size = unet_output_size((height, width), 2, **options)
                assert size == (outputs[height], outputs[width], 2)
                continue
            with pytest.raises(ArgumentError) as caught:
                tiny((height, width), **options)
            text = str(caught.value)
            assert text.startswith(f"unet_layers: an image {what} of {n} does not fit encoder_depth={depth}")
            listed = re.search(r"nearest that fits?: ([\d and]+);", text)[1]
            below, above = [g for g in good if g < n][-1:], [g for g in good if g > n][:1]
            assert [int(digits) for digits in re.findall(r"\d+", listed)] == [*below, *above]
            for other in ("crop", "pad"):
                offered = count_rows(n, depth, window, valid, other) is not None
                assert (f"join={other!r}" in text) == offered


# -- on classification networks --------------------------------------------------------------------------

every_backbone = pytest.mark.parametrize("backbone", BACKBONES)


def tiny_on(backbone, size, depth, **options):
    return tiny(
        (*size, 3), backbone=backbone, encoder_depth=depth, **{"width": 1 / 16, "join": None, **options}
    )


def depths(backbone):
    return [stride.bit_length() - 1 for stride in sorted(BACKBONES[backbone].features) if stride > 1]


@every_backbone
@pytest.mark.parametrize("join", JOINS)
def test_any_size_and_any_depth_on(backbone, join):
    for depth in depths(backbone):
        for size in ((1, 3), (33, 40), (64, 64), (75, 50)):
            lgraph = tiny_on(backbone, size, depth, join=join)
            inferred = infer_sizes(lgraph)
            assert list(inferred.issues) == []
            options = {"encoder_depth": depth, "join": join, "backbone": backbone}
            assert unet_output_size(size, 2, **options) == (*size, 2)
            assert inferred.outputs["Segmentation-Layer"][0].spatial == size
            for stage in range(1, depth + 1):
                name = f"Decoder-Stage-{stage}-DepthConcatenation"
                feature = BACKBONES[backbone].features.get(2 ** (depth - stage))
                assert (name in lgraph) == (feature is not None)
                if feature:
                    end = lgraph.sources(name)["in2"].layer
                    assert (lgraph.sources(end)["in"].layer if end.startswith("Pad2d") else end) == feature


@every_backbone
@pytest.mark.parametrize("join", JOINS)
def test_training_on(backbone, join):
    size = (33, 43)
    net = tiny_on(backbone, size, depths(backbone)[-2], num_first_encoder_filters=2, join=join).compile()
    x, target = torch.rand(2, 3, *size), torch.randint(0, 2, (2, *size))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    net.eval()
    before = net.loss(x, target)
    before.backward()
    assert all(p.grad is not None for p in net.parameters())
    optimizer.step()
    assert net.loss(x, target) < before


@every_backbone
def test_the_decoder_is_that_of_plain_pytorch_on(backbone):
    """The features of the network by name, and the decoder in plain PyTorch, with every join."""
    depth, size = depths(backbone)[-1], (35, 64)
    for join in JOINS:
        lgraph = tiny_on(backbone, size, depth, num_first_encoder_filters=2, join=join)
        net = lgraph.compile().eval()
        plain = PlainUnet(net.state_dict(), depth, 1, join)
        features = {s: name for s, name in BACKBONES[backbone].features.items() if s <= 2**depth}
        image = torch.rand(2, 3, *size)
        with torch.no_grad():
            maps = dict(zip(features, net.activations(image, [*features.values()]), strict=True))
            for stride, features_of_stride in maps.items():
                assert features_of_stride.shape[2:] == tuple(-(-n // stride) for n in size)
            x = maps[2**depth]
            for stage in range(1, depth + 1):
                x, skip = plain.up(stage, x), maps.get(2 ** (depth - stage))
                if skip is not None:
                    x = crop_center(x, skip) if join != "pad" else x
                    x = torch.cat([x, pad_around(skip, x)], 1)
                if stage == depth:
                    x = crop_center(x, image)
                x = plain.double(f"Decoder-Stage-{stage}", x)
            torch.testing.assert_close(net(image), plain.scores(x), atol=1e-9, rtol=0)


@pytest.mark.parametrize(("backbone", "join"), [("resnet18", "crop"), ("vgg16", "pad"), ("alexnet", "pad")])
def test_a_network_on_a_backbone_accepts_other_image_sizes(backbone, join):
    lgraph = tiny_on(backbone, (64, 64), 3, join=join)
    net = lgraph.compile().eval()
    for size in ((64, 65), (45, 71)):
        assert tiny_on(backbone, size, 3, join=join) == with_input_size(lgraph, (*size, 3))
        assert net(torch.rand(1, 3, *size)).shape == (1, 2, *size)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", [None, "resnet18"])
def test_padded_networks_export_with_dynamic_sizes(backbone):
    dynamic = torch.export.Dim.DYNAMIC
    options = {"backbone": backbone, "width": 1 / 16} if backbone else {}
    net = tiny((45, 53, 3), encoder_depth=2, join="pad", **options).compile().eval()
    exported = torch.export.export(
        net, (torch.rand(2, 3, 45, 53),), dynamic_shapes=({0: dynamic, 2: dynamic, 3: dynamic},)
    )
    x = torch.rand(3, 3, 33, 71)
    torch.testing.assert_close(exported.module()(x), net(x))


def test_a_fitting_image_needs_no_crops_on_a_network():
    lgraph = tiny_on("resnet18", (64, 96), 5)
    assert not [name for name in lgraph if "2d-" in name]
    cropped = tiny_on("resnet18", (64, 97), 5)
    assert [name for name in cropped if "2d-" in name] == [f"Crop2d-{stage}" for stage in range(1, 6)]


def test_the_filters_of_the_decoder_on_a_network():
    lgraph = unet_layers((64, 64), 2, backbone="resnet18", num_first_encoder_filters=8, width=1 / 16)
    ups = [layer for layer in lgraph.layers if isinstance(layer, TransposedConv2dLayer)]
    assert [layer.num_filters for layer in ups] == [64, 32, 16, 8]
    assert lgraph["data"].input_size == (64, 64, 3)


def test_the_weights_of_a_backbone(tmp_path):
    network = BACKBONES["vgg16"].encoder((32, 32, 3), width=1 / 16)
    trained = network.compile().layer_graph()
    trained.save(tmp_path / "vgg16.safetensors")
    lgraph = tiny_on("vgg16", (40, 40), 2, weights=tmp_path / "vgg16.safetensors")
    assert torch.equal(lgraph["conv1_2"].weights["weight"], trained["conv1_2"].weights["weight"])
    assert lgraph["Decoder-Stage-1-UpConv"].weights is None


def test_the_older_name_of_the_number_of_filters():
    assert unet_layers((32, 32), 2, num_output_channels=8) == unet_layers(
        (32, 32), 2, num_first_encoder_filters=8
    )
    assert "num_output_channels" not in inspect.signature(unet_layers).parameters


# -- mistakes --------------------------------------------------------------------------------------------

MISTAKES = """
unet_layers((32, 32, 3), 1)
unet_layers((32, 32, 3, 1), 2)
unet_layers((32, 32, 3), 2, encoder_depth=0)
unet_layers((32, 32, 3), 2, encoder_depth=10**9)
unet_layers((32, 32, 3), 2, num_first_encoder_filters=1.5)
unet_layers((32, 32, 3), 2, num_first_encoder_filters=8, num_output_channels=8)
unet_layers((32, 32, 3), 2, filter_size=(3, 2))
unet_layers((32, 32, 3), 2, convolution_padding="full")
unet_layers((30, 32, 3), 2)
unet_layers((32, 9, 3), 2, encoder_depth=3)
unet_layers((32, 7, 3), 2, encoder_depth=3)
unet_layers((570, 572, 3), 2, convolution_padding="valid")
unet_layers((10, 572, 3), 2, convolution_padding="valid")
unet_layers((572, 572, 3), 2, filter_size=5, convolution_padding="valid")
unet_layers((150, 572, 3), 2, convolution_padding="valid")
unet_layers((150, 572, 3), 2, convolution_padding="valid", join="crop")
unet_layers((15, 32), 2, join="pad")
unet_layers((32, 32), 2, join="resize")
unet_layers((32, 32), 2, join=True)
unet_layers((32, 32), 2, width=0.5)
unet_layers((32, 32), 2, weights="imagenet")
unet_layers((32, 32), 2, conventions="torchvision")
unet_layers((32, 32), 2, backbone="vgg61")
unet_layers((32, 32), 2, backbone=18)
unet_layers((32, 32), 2, backbone="vgg16", encoder_depth=6)
unet_layers((32, 32), 2, backbone="alexnet", encoder_depth=1)
unet_layers((32, 32), 2, backbone="vgg16", width=0)
unet_layers((32, 32), 2, backbone="vgg16", conventions="caffe")
unet_layers((32, 32), 2, backbone="vgg16", weights="no such file.pth")
unet_layers((32, 32), 2, backbone="vgg16", convolution_padding="valid")
"""


def test_the_texts_of_mistakes(golden_errors):
    calls = {line: lambda line=line: eval(line) for line in MISTAKES.strip().splitlines()}
    golden_errors("unet", calls)
