"""fully_convolutional: a larger image gives the scores of the classifier for each patch."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from layergraph import (
    AdditionLayer,
    ArgumentError,
    AveragePooling2dLayer,
    BatchNormalizationLayer,
    ClassificationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    GroupedConvolution2dLayer,
    Image3dInputLayer,
    ImageInputLayer,
    InvalidNetworkError,
    LayerGraph,
    MaxPooling2dLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
)
from layergraph.builders.backbones import resnet18, vgg16
from layergraph.edits import dilate, fully_convolutional, with_input_size

NUMBERS = st.tuples(st.integers(1, 3), st.integers(1, 3))
CLOSE = {"rtol": 0, "atol": 1e-10}  # the comparisons are in double precision


@st.composite
def classifiers(draw, kinds=("convolution", "grouped", "maximum", "branches"), heads=("connected",)):
    """A classifier of patches without padding or dropped rows, its patch size, and its stride."""
    channels = draw(st.sampled_from([2, 4]))
    layers = [
        ImageInputLayer(
            (1, 1, 2), normalization="zscore", mean=[0.2, 0.6], standard_deviation=[0.5, 2], name="image"
        ),
        Convolution2dLayer(1, channels, name="first"),
    ]
    joins = []
    slides, stride = [], (1, 1)
    for index in range(draw(st.integers(1, 3))):
        window, step, dilation = draw(NUMBERS), draw(NUMBERS), draw(NUMBERS)
        kind = draw(st.sampled_from(kinds))
        name = f"{kind}{index}"
        options = {"stride": step, "name": name}
        if kind == "convolution":
            layers.append(Convolution2dLayer(window, channels, dilation_factor=dilation, **options))
        elif kind == "grouped":
            layers.append(
                GroupedConvolution2dLayer(window, 1, "channel-wise", dilation_factor=dilation, **options)
            )
        elif kind == "maximum":
            layers.append(MaxPooling2dLayer(window, dilation_factor=dilation, **options))
        elif kind == "average":
            layers.append(AveragePooling2dLayer(window, **options))
        else:
            source = layers[-1].name
            other = Convolution2dLayer(
                window, channels, dilation_factor=dilation, stride=step, name=f"{name}_other"
            )
            layers.append(Convolution2dLayer(window, channels, dilation_factor=dilation, **options))
            layers.append(AdditionLayer(2, name=f"{name}_sum"))
            joins.append((other, source, f"{name}_sum/in2"))
        if kind == "average":
            dilation = (1, 1)
        slides.append([((w - 1) * d + 1, s) for w, d, s in zip(window, dilation, step, strict=True)])
        stride = (stride[0] * step[0], stride[1] * step[1])
        if draw(st.booleans()):
            layers.append(BatchNormalizationLayer(name=f"normalized{index}"))
        layers.append(ReluLayer(name=f"relu{index}"))
    size = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    for slide in reversed(slides):
        size = tuple((n - 1) * step + extent for n, (extent, step) in zip(size, slide, strict=True))
    if draw(st.sampled_from(heads)) == "global":
        layers.append(GlobalAveragePooling2dLayer(name="mean"))
    else:
        layers += [FullyConnectedLayer(5, name="fc1"), ReluLayer(name="relu")]
    layers += [FullyConnectedLayer(3, name="fc2"), SoftmaxLayer(name="soft"), ClassificationLayer(name="out")]
    lgraph = LayerGraph(layers)
    for other, source, port in joins:
        lgraph = lgraph.add_layers(other).connect_layers(source, other.name).connect_layers(other.name, port)
    return with_input_size(lgraph, (*size, 2)), size, stride


def with_weights(lgraph):
    """Return the graph with random weights, and its network in double precision."""
    net = lgraph.compile().eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return net.layer_graph(), net.double()


def scores_of_patches(net, x, patch, stride):
    """The classifier's scores for each patch of an image: (classes, rows, columns)."""
    patches = x.unfold(2, patch[0], stride[0]).unfold(3, patch[1], stride[1])
    rows, columns = patches.shape[2:4]
    patches = patches[0].permute(1, 2, 0, 3, 4).reshape(rows * columns, x.shape[1], *patch)
    return net(patches).T.reshape(-1, rows, columns)


@settings(max_examples=40)
@given(data=st.data())
def test_a_larger_image_gives_the_classifiers_scores_for_each_patch(data):
    kinds = ("convolution", "grouped", "maximum", "average", "branches")
    lgraph, patch, stride = data.draw(classifiers(kinds, heads=("connected", "global")))
    torch.manual_seed(0)
    lgraph, net = with_weights(lgraph)
    x = torch.rand(2, 2, *patch, dtype=torch.float64)
    whole = fully_convolutional(lgraph).compile().double().eval()
    torch.testing.assert_close(whole(x)[:, :, 0, 0], net(x), **CLOSE)

    more = data.draw(st.tuples(st.integers(0, 9), st.integers(0, 9)))
    size = (patch[0] + more[0], patch[1] + more[1])
    x = torch.rand(1, 2, *size, dtype=torch.float64)
    sized = fully_convolutional(lgraph, (*size, 2))
    assert sized["image"].input_size == (*size, 2)
    scores = sized.compile().double().eval()(x)[0]
    assert scores.shape[1:] == tuple(m // s + 1 for m, s in zip(more, stride, strict=True))
    torch.testing.assert_close(scores, scores_of_patches(net, x, patch, stride), **CLOSE)


@settings(max_examples=40)
@given(data=st.data())
def test_dilation_to_stride_1_gives_the_classifiers_scores_for_all_patches(data):
    lgraph, patch, _ = data.draw(classifiers())
    torch.manual_seed(0)
    lgraph, net = with_weights(lgraph)
    more = data.draw(st.tuples(st.integers(0, 6), st.integers(0, 6)))
    size = (patch[0] + more[0], patch[1] + more[1])
    dense = dilate(fully_convolutional(lgraph, (*size, 2)), 1, keep_size=False)
    x = torch.rand(1, 2, *size, dtype=torch.float64)
    scores = dense.compile().double().eval()(x)[0]
    assert scores.shape[1:] == (more[0] + 1, more[1] + 1)
    torch.testing.assert_close(scores, scores_of_patches(net, x, patch, (1, 1)), **CLOSE)


@pytest.mark.parametrize(
    ("lgraph", "rounded"),
    [
        (vgg16((64, 48), 5, width=1 / 16), lambda n: n // 32),
        (resnet18((64, 48), 5, width=1 / 16), lambda n: -(-n // 32)),
    ],
    ids=["vgg16", "resnet18"],
)
def test_padded_networks_give_the_same_scores_on_their_own_size(lgraph, rounded):
    lgraph = lgraph.compile().eval().layer_graph()
    x = torch.rand(2, 3, 64, 48)
    whole = fully_convolutional(lgraph).compile().eval()
    difference = whole(x)[:, :, 0, 0] - lgraph.compile().eval()(x)
    assert difference.abs().max() < 1e-6
    rows, columns = (rounded(n) - rounded(m) + 1 for n, m in ((150, 64), (131, 48)))
    assert whole(torch.rand(1, 3, 150, 131)).shape == (1, 5, rows, columns)


def test_the_convolution_equals_the_fully_connected_layer():
    weight, bias = torch.randn(4, 3 * 5 * 2), torch.randn(4)
    net = LayerGraph([ImageInputLayer((5, 2, 3), normalization="none"), FullyConnectedLayer(4)]).compile()
    net.fc.load_state_dict({"weight": weight, "bias": bias})
    layer = fully_convolutional(net.layer_graph())["fc"]
    x = torch.randn(1, 3, 9, 8)
    expected = F.conv2d(x, weight.view(4, 3, 5, 2), bias)
    assert torch.equal(F.conv2d(x, layer.weights["weight"], layer.weights["bias"]), expected)
    torch.testing.assert_close(expected[0, :, 4, 6], weight @ x[0, :, 4:9, 6:8].flatten() + bias)


def test_a_classifier_of_volumes_becomes_fully_convolutional():
    lgraph = LayerGraph(
        [
            Image3dInputLayer((4, 5, 6, 2), normalization="none", name="in"),
            Convolution3dLayer((2, 3, 1), 3),
            FullyConnectedLayer(3, name="fc"),
            SoftmaxLayer(),
            ClassificationLayer(),
        ]
    )
    net = lgraph.compile()
    whole = fully_convolutional(net.layer_graph(), (5, 5, 8, 2))
    assert whole["fc"].description == "3 3×3×6×3 convolutions with stride [1 1 1] and padding [0 0 0; 0 0 0]"
    x = torch.rand(1, 2, 5, 5, 8)
    scores = whole.compile()(x)
    assert scores.shape == (1, 3, 2, 1, 3)
    torch.testing.assert_close(scores[..., 1, 0, 2], net(x[:, :, 1:5, :, 2:8]))


def test_only_the_fully_connected_and_output_layers_change():
    fc = FullyConnectedLayer(
        3,
        name="fc",
        weights_initializer="he",
        bias_initializer="ones",
        weight_learn_rate_factor=10,
        bias_learn_rate_factor=0,
        weight_l2_factor=3,
        bias_l2_factor=2,
    )
    lgraph = LayerGraph(
        [
            ImageInputLayer((6, 7, 1), name="in"),
            Convolution2dLayer(3, 2, name="conv"),
            fc,
            SoftmaxLayer(name="soft"),
            ClassificationLayer(name="out", classes=["a", "b", "c"], class_weights=[1, 2, 3]),
        ]
    )
    whole = fully_convolutional(lgraph)
    assert list(whole) == list(lgraph)
    assert whole.connections == lgraph.connections
    assert all(whole[name] is lgraph[name] for name in ("in", "conv", "soft"))
    assert whole["fc"] == Convolution2dLayer(
        (4, 5),
        3,
        num_channels=2,
        name="fc",
        weights_initializer="he",
        bias_initializer="ones",
        weight_learn_rate_factor=10,
        bias_learn_rate_factor=0,
        weight_l2_factor=3,
        bias_l2_factor=2,
    )
    assert whole["out"] == PixelClassificationLayer(
        name="out", classes=["a", "b", "c"], class_weights=[1, 2, 3]
    )


def test_messages_about_graphs_that_cannot_be_converted(golden_errors):
    encoder = vgg16((32, 32), include_head=False)
    pixels = LayerGraph([ImageInputLayer((8, 8, 1)), SoftmaxLayer(), ClassificationLayer()])
    faulty = LayerGraph([ImageInputLayer((8, 8, 1)), Convolution2dLayer(9, 2), FullyConnectedLayer(2)])
    small = LayerGraph([ImageInputLayer((8, 8, 1)), FullyConnectedLayer(2)])
    calls = {
        "nothing to change": lambda: fully_convolutional(encoder),
        "a graph with errors": lambda: fully_convolutional(faulty),
        "an image without channels in words": lambda: fully_convolutional(small, "large"),
        "a loss that is none of pixels": lambda: fully_convolutional(pixels),
    }
    golden_errors("fully_convolutional", calls)
    with pytest.raises(ArgumentError):
        calls["nothing to change"]()
    with pytest.raises(InvalidNetworkError):
        calls["a graph with errors"]()
