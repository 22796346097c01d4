"""The contract that every builder passes, and what its networks are: counts, sizes, names, errors."""

import re
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layergraph import (
    LayerArgumentError,
    LayerGraph,
    LayergraphError,
    MaxPooling2dLayer,
    TransposedConv2dLayer,
    load,
)
from layergraph.builders import BUILDERS, find_builder, unet_layers
from layergraph.propagation import propagate

UNET = {"image_size": (8, 8), "num_classes": 2, "encoder_depth": 1, "num_first_encoder_filters": 2}
SEGNET_BASIC = {"image_size": (13, 18), "encoder_depth": 2, "num_output_channels": 4}

# small networks of every builder: name, arguments
EXAMPLES = [
    ("alexnet", {"image_size": (67, 71), "num_classes": 3, "width": 1 / 16}),
    ("deeplabv1", {"image_size": (21, 26), "num_classes": 3, "width": 1 / 16}),
    ("deeplabv2", {"image_size": (35, 26), "num_classes": 2, "width": 1 / 16}),
    ("deeplabv2", {"image_size": (21, 30), "num_classes": 3, "backbone": "vgg16", "width": 1 / 16}),
    (
        "deeplabv3",
        {
            "image_size": (33, 26, 1),
            "num_classes": 3,
            "backbone": "resnet50",
            "output_stride": 8,
            "variant": "cascade",
            "width": 1 / 16,
        },
    ),
    ("deeplabv3", {"image_size": (35, 26), "num_classes": 2, "backbone": "resnet50", "width": 1 / 16}),
    (
        "deeplabv3plus",
        {
            "image_size": (33, 43),
            "num_classes": 2,
            "network": "resnet18",
            "downsampling_factor": 8,
            "width": 1 / 16,
        },
    ),
    ("deeplabv3plus", {"image_size": (37, 42), "num_classes": 3, "network": "xception", "width": 1 / 16}),
    ("deeplabv3plus", {"image_size": (35, 50), "num_classes": 3, "network": "resnet18", "width": 1 / 16}),
    ("fcn", {"image_size": (26, 29), "num_classes": 3, "width": 1 / 64}),
    ("fcn", {"image_size": (35, 26), "num_classes": 2, "type": "16s", "width": 1 / 64}),
    (
        "fcn",
        {
            "image_size": (27, 40, 1),
            "num_classes": 2,
            "type": "32s",
            "backbone": "alexnet",
            "width": 1 / 64,
        },
    ),
    ("mobilenetv2", {"image_size": (33, 40), "num_classes": 3, "width": 1 / 16}),
    ("mobilenetv2", {"image_size": (35, 32), "num_classes": 2, "width": 1 / 8, "conventions": "torchvision"}),
    ("resnet101", {"image_size": (35, 32), "num_classes": 2, "width": 1 / 16}),
    (
        "patch_classification",
        {"patch_size": 13, "num_classes": 2, "encoder_depth": 2, "num_output_channels": 3},
    ),
    (
        "patch_classification",
        {
            "patch_size": (16, 22, 3),
            "num_classes": 3,
            "encoder_depth": 1,
            "num_convolution_layers": 2,
            "filter_sizes": 3,
            "fully_connected_sizes": (7, 5),
        },
    ),
    ("resnet18", {"image_size": (33, 40), "num_classes": 3, "width": 1 / 16}),
    ("resnet50", {"image_size": (33, 40), "num_classes": 3, "width": 1 / 16}),
    ("resnet50", {"image_size": (35, 32), "num_classes": 2, "width": 1 / 16, "conventions": "torchvision"}),
    ("segnet", {"image_size": (8, 8, 1), "num_classes": 2, "encoder_depth": 1, "num_output_channels": 4}),
    ("segnet", {"image_size": (13, 11, 3), "num_classes": 3, "encoder_depth": 3, "num_output_channels": 2}),
    (
        "segnet",
        {
            "image_size": (9, 17),
            "num_classes": 5,
            "encoder_depth": 2,
            "num_output_channels": (2, 3),
            "num_convolution_layers": (1, 3),
            "filter_size": (5, 3),
        },
    ),
    ("segnet", {"image_size": (45, 33), "num_classes": 2, "encoder_depth": "vgg16", "width": 1 / 16}),
    ("segnet_basic", {**SEGNET_BASIC, "num_classes": 2}),
    ("segnet_basic", {**SEGNET_BASIC, "num_classes": 3, "decoder": "single-channel"}),
    ("segnet_basic", {**SEGNET_BASIC, "num_classes": 2, "decoder": "encoder-addition"}),
    ("bayesian_segnet", {"image_size": (35, 41), "num_classes": 2, "width": 1 / 16}),
    (
        "bayesian_segnet",
        {"image_size": (13, 11, 2), "num_classes": 3, "encoder_depth": 2, "num_output_channels": 4},
    ),
    ("unet", {**UNET, "image_size": (8, 12, 3), "encoder_depth": 2}),
    ("unet", {**UNET, "image_size": (6, 10), "num_classes": 3, "num_first_encoder_filters": 3}),
    (
        "unet",
        {
            "image_size": (52, 60, 2),
            "num_classes": 4,
            "encoder_depth": 2,
            "num_first_encoder_filters": 2,
            "convolution_padding": "valid",
        },
    ),
    (
        "unet",
        {**UNET, "filter_size": (5, 1)},
    ),
    ("vgg16", {"image_size": (32, 35), "num_classes": 3, "width": 1 / 16}),
    ("vgg19", {"image_size": (34, 32, 1), "num_classes": 2, "width": 1 / 16}),
]
every_example = pytest.mark.parametrize(("name", "arguments"), EXAMPLES, ids=lambda v: str(v)[:60])


def build(name, arguments) -> LayerGraph:
    return BUILDERS[name].build(**arguments)


def learnables(lgraph):
    inputs = propagate(lgraph).inputs
    return sum(prod(size) for n in lgraph for size in lgraph[n].learnables(list(inputs[n])).values())


def images(lgraph, batch=2):
    (name,) = lgraph.input_names
    return torch.rand(batch, *lgraph[name].output_sizes([])[0].tensor_shape[1:])


# -- the contract ------------------------------------------------------------------------------------


def test_every_builder_has_examples():
    assert {name for name, _ in EXAMPLES} == set(BUILDERS)
    assert all(BUILDERS[name].name == name and BUILDERS[name].summary for name in BUILDERS)


@every_example
def test_it_has_no_issues_and_sizes_are_those_of_torch(name, arguments):
    lgraph = build(name, arguments)
    found = propagate(lgraph)
    assert list(found.issues) == []
    net, x = lgraph.compile().eval(), images(lgraph)
    names = [n for n in lgraph if lgraph[n].output_names in (("out",), ())]
    for n, result in zip(names, net.activations(x, names), strict=True):
        assert result.shape[1:] == found.outputs[n][0].tensor_shape[1:], n
    assert sum(p.numel() for p in net.parameters()) == learnables(lgraph)
    scores = net(x)
    assert scores.shape[1] == arguments["num_classes"]
    torch.testing.assert_close(scores.sum(1), torch.ones_like(scores[:, 0]))


@every_example
def test_one_training_step_lowers_the_loss(name, arguments):
    lgraph = build(name, arguments)
    # a deep network hardly moves in its first step: float32 would not show it
    net, x = lgraph.compile().double(), images(lgraph, batch=4).double()
    net.eval()  # no dropout, so that the two losses can be compared
    target = torch.randint(0, arguments["num_classes"], (4, *net(x).shape[2:]))
    if target.ndim > 1:  # a classifier has one label an image, and each counts
        target[0, 0] = 255
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    before = net.loss(x, target)
    before.backward()
    assert all(p.grad is not None for p in net.parameters())
    optimizer.step()
    assert net.loss(x, target) < before


@every_example
def test_it_comes_back_from_a_file_with_its_weights(name, arguments, tmp_path):
    lgraph = build(name, arguments)
    net = lgraph.compile().eval()
    net.layer_graph().save(tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors")
    assert again == net.layer_graph()
    x = images(lgraph)
    assert torch.equal(again.compile().eval()(x), net(x))


@pytest.mark.parametrize(("name", "arguments"), dict(EXAMPLES).items())  # one of each builder
def test_it_passes_torch_compile_and_export(name, arguments):
    torch._dynamo.reset()
    lgraph = build(name, arguments)
    net, x = lgraph.compile().eval(), images(lgraph)
    assert torch.equal(torch.compile(net, fullgraph=True, backend="eager")(x), net(x))
    exported = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch", max=64)},))
    assert torch.equal(exported.module()(x[:1]), net(x[:1]))


@every_example
def test_building_twice_gives_equal_graphs(name, arguments):
    assert build(name, arguments) == build(name, arguments)


# -- U-Net ---------------------------------------------------------------------------------------------


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
    lgraph, output_size = unet_layers(size, classes, encoder_depth=depth)
    assert (len(lgraph), len(lgraph.connections), learnables(lgraph)) == (layers, connections, count)
    assert output_size == (*size[:2], classes)


@settings(max_examples=60)
@given(
    depth=st.integers(1, 5),
    channels=st.integers(1, 4),
    classes=st.integers(2, 6),
    first=st.integers(1, 5),
    window=st.tuples(*[st.sampled_from([1, 3, 5])] * 2),
    steps=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    valid=st.booleans(),
)
def test_the_closed_forms_of_unet(depth, channels, classes, first, window, steps, valid):
    fitting = [fitting_sizes(depth, w, valid) for w in window]
    height, width = (sizes[step] for sizes, step in zip(fitting, steps, strict=True))
    lgraph, output_size = unet_layers(
        (height, width, channels),
        classes,
        encoder_depth=depth,
        num_first_encoder_filters=first,
        filter_size=window,
        convolution_padding="valid" if valid else "same",
    )
    assert len(lgraph) == 12 * depth + 10 + valid * depth
    assert len(lgraph.connections) == 13 * depth + 9 + valid * 2 * depth
    found = propagate(lgraph)
    assert list(found.issues) == []
    (size,) = found.outputs["Segmentation-Layer"]
    assert output_size == (*size.spatial, size.channels)
    assert size.channels == classes
    assert valid or size.spatial == (height, width)
    assert learnables(lgraph) == unet_count(channels, classes, depth, first, window)


def fits(n, depth, window, valid):
    """Walk the U-Net with one dimension: every pooling halves an even size, something is always left."""
    lost = window - 1 if valid else 0
    for _ in range(depth):
        n -= 2 * lost
        if n < 2 or n % 2:
            return False
        n //= 2
    n -= 2 * lost
    for _ in range(depth):
        if n < 1:
            return False
        n = 2 * n - 2 * lost
    return n >= 1


def fitting_sizes(depth, window, valid, more=0):
    """The first sizes that fit, up to one beyond the smallest."""
    found = []
    n = 0
    while len(found) < 6 or n < more:
        n += 1
        if fits(n, depth, window, valid):
            found.append(n)
    return found


def test_the_paper_s_unet():
    lgraph, output_size = unet_layers((572, 572), 2, convolution_padding="valid")
    assert output_size == (388, 388, 2)
    assert propagate(lgraph).outputs["Segmentation-Layer"][0].numbers == (388, 388, 2, 1)
    assert unet_layers((188, 188), 2, convolution_padding="valid")[1] == (4, 4, 2)
    assert unet_layers((92, 100), 2, encoder_depth=3, convolution_padding="valid")[1] == (4, 12, 2)


@pytest.mark.parametrize("valid", [False, True])
@pytest.mark.parametrize("window", [1, 3, 5])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_an_error_names_the_nearest_sizes_and_those_fit(depth, window, valid):
    """Against walking through all sizes: the builder takes those that fit, else names the nearest two."""
    padding = "valid" if valid else "same"
    good = fitting_sizes(depth, window, valid, more=150)
    right = good[0]

    def made(height, width):
        return unet_layers(
            (height, width),
            2,
            encoder_depth=depth,
            num_first_encoder_filters=1,
            filter_size=window,
            convolution_padding=padding,
        )

    for n in range(1, 121):
        for what in ("height", "width"):
            height, width = (n, right) if what == "height" else (right, n)
            if n in good:
                lgraph, output_size = made(height, width)
                assert propagate(lgraph).outputs["Segmentation-Layer"][0].spatial == output_size[:2]
                continue
            with pytest.raises(LayerArgumentError) as caught:
                made(height, width)
            text = str(caught.value)
            assert text.startswith(f"unet_layers: an image {what} of {n} does not fit encoder_depth={depth}")
            named = [
                int(d) for d in re.findall(r"\d+", re.search(r"nearest that fit: ([\d and]+);", text)[1])
            ]
            below, above = [g for g in good if g < n][-1:], [g for g in good if g > n][:1]
            assert named == [*below, *above]


def test_the_names_and_order_of_unet():
    lgraph, _ = unet_layers((32, 32), 2)
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


def test_valid_unet_crops_the_centre_of_the_skip():
    lgraph, _ = unet_layers((92, 92), 2, encoder_depth=3, convolution_padding="valid")
    for stage in (1, 2, 3):
        crop = f"Crop2d-{stage}"
        assert lgraph.sources(crop)["in"].layer == f"Encoder-Stage-{4 - stage}-ReLU-2"
        assert lgraph.sources(crop)["ref"].layer == f"Decoder-Stage-{stage}-UpReLU"
        assert lgraph.sources(f"Decoder-Stage-{stage}-DepthConcatenation")["in2"].layer == crop


# -- mistakes ------------------------------------------------------------------------------------------

MISTAKES = """
unet_layers((32, 32, 3), 1)
unet_layers((32, 32, 3, 1), 2)
unet_layers((32, 32, 3), 2, encoder_depth=0)
unet_layers((32, 32, 3), 2, encoder_depth=10**9)
unet_layers((32, 32, 3), 2, num_first_encoder_filters=1.5)
unet_layers((32, 32, 3), 2, filter_size=(3, 2))
unet_layers((32, 32, 3), 2, convolution_padding="full")
unet_layers((30, 32, 3), 2)
unet_layers((32, 9, 3), 2, encoder_depth=3)
unet_layers((570, 572, 3), 2, convolution_padding="valid")
unet_layers((10, 572, 3), 2, convolution_padding="valid")
unet_layers((572, 572, 3), 2, filter_size=5, convolution_padding="valid")
find_builder("unett")
BUILDERS["unet"].build(image_size=(32, 32), num_classes=2, depth=3)
BUILDERS["segnet"].build(image_size=(32, 32))
"""


def test_the_texts_of_mistakes(golden_errors):
    scope = {
        "unet_layers": unet_layers,
        "find_builder": find_builder,
        "BUILDERS": BUILDERS,
    }
    calls = {line: lambda line=line: eval(line, scope) for line in MISTAKES.strip().splitlines()}
    golden_errors("builders", calls)
    for line, call in calls.items():
        with pytest.raises(LayergraphError if "find" in line else LayerArgumentError):
            call()
