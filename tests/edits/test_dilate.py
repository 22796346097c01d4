"""dilate and multiply_dilation: a dilated network has the same values at the positions that it had before."""

from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from layergraph import (
    AdditionLayer,
    ArgumentError,
    AveragePooling2dLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    DepthConcatenationLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    GroupedConvolution2dLayer,
    Image3dInputLayer,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    MultiplicationLayer,
    ReluLayer,
    Resize2dLayer,
    SigmoidLayer,
    TransposedConv2dLayer,
)
from layergraph.builders import segnet_layers, unet_layers
from layergraph.builders.backbones import resnet18, vgg16
from layergraph.edits import dilate, fully_convolutional, multiply_dilation, with_input_size
from layergraph.graph.size_inference import infer_sizes

CLOSE = {"rtol": 0, "atol": 1e-10}  # the comparisons are in double precision


def network(lgraph):
    """The network of a graph with random weights, in double precision, and the graph with these weights."""
    net = lgraph.compile().eval()
    return net.double(), net.layer_graph()


def kept_positions(dense, strided, rate):
    """The positions of a dense map that subsampling by ``rate`` keeps, as many as the strided map has."""
    rows, columns = strided.shape[2:]
    return dense[:, :, :: rate[0], :: rate[1]][:, :, :rows, :columns]


# -- values at the positions that subsampling keeps ----------------------------------------------------


@st.composite
def layer_of_encoder(draw, name):
    """A layer with any window, stride, dilation and padding."""
    window, stride = draw(st.tuples(*[st.integers(1, 4)] * 2)), draw(st.tuples(*[st.integers(1, 3)] * 2))
    kind = draw(st.sampled_from(["convolution", "grouped", "maximum"]))
    dilation = draw(st.tuples(*[st.integers(1, 2)] * 2))
    extents = [(w - 1) * d for w, d in zip(window, dilation, strict=True)]
    padding = [draw(st.integers(0, extents[i // 2])) for i in range(4)]
    options = {"stride": stride, "dilation_factor": dilation, "padding": padding, "name": name}
    if stride == (1, 1) and draw(st.booleans()):
        options["padding"] = "same"
    if kind == "maximum":
        return MaxPooling2dLayer(window, **options)
    if kind == "grouped":
        return GroupedConvolution2dLayer(window, 1, "channel-wise", **options)
    return Convolution2dLayer(window, 2, **options)


class ExactPositions(NamedTuple):
    """The positions of the strided network in one dimension that have the same value in the dense network.

    Attributes:
        size: the number of positions in the strided network.
        exact: the number of positions from the start with the same value.
        whole: whether the dense network has only padding beyond these positions.
    """

    size: int
    exact: int
    whole: bool

    def after(self, window, dimension, changed):
        """The positions of the output of a layer."""
        extent, stride = window.extents[dimension], window.stride[dimension]
        before, below = same_margins(extent) if window.margins is None else window.margins[dimension]
        size = (self.size + before + below - extent) // stride + 1
        kept = -(-self.size // stride) if changed else size  # the size that a changed layer keeps
        whole = self.whole and size == kept
        if self.whole and self.exact == self.size:
            return ExactPositions(size, min(size, kept), whole)
        exact = (self.exact - extent + before) // stride + 1
        return ExactPositions(size, max(0, min(size, kept, exact)), whole)


def same_margins(extent):
    return (extent - 1) // 2, extent - 1 - (extent - 1) // 2


@settings(max_examples=80)
@given(data=st.data())
def test_values_at_kept_positions_stay(data):
    """At all positions if no changed layer drops rows, else where no window covers dropped rows."""
    layers = [data.draw(layer_of_encoder(f"layer{index}")) for index in range(data.draw(st.integers(1, 4)))]
    size = data.draw(st.tuples(*[st.integers(12, 30)] * 2))
    downsampling_factor = data.draw(st.sampled_from([1, 2, 4]))
    lgraph = LayerGraph([ImageInputLayer((*size, 2), normalization="none", name="in"), *layers])
    assume(not infer_sizes(lgraph, "network").errors)
    torch.manual_seed(0)
    net, lgraph = network(lgraph)
    dense = dilate(lgraph, downsampling_factor)
    # padding may make maps larger in the strided network that keep their size in the dense one
    assume(not infer_sizes(dense, "network").errors)
    positions = [ExactPositions(n, n, whole=True) for n in size]
    rate = [1, 1]
    strides = [1, 1]
    for name in list(lgraph)[1:]:
        changed = dense[name] is not lgraph[name]
        for i in (0, 1):
            positions[i] = positions[i].after(lgraph[name].window(), i, changed)
            strides[i] *= dense[name].stride[i]
            rate[i] *= lgraph[name].stride[i] // dense[name].stride[i]
    assert max(strides) <= downsampling_factor
    x = torch.rand(1, 2, *size, dtype=torch.float64)
    before, after = net(x), dense.compile().double().eval()(x)
    assert before.shape[2:] == tuple(p.size for p in positions)
    rows, columns = (p.exact for p in positions)
    values = kept_positions(after, before, rate)[:, :, :rows, :columns]
    torch.testing.assert_close(values, before[:, :, :rows, :columns], **CLOSE)


@pytest.mark.parametrize("downsampling_factor", [4, 8, 16])
@pytest.mark.parametrize("size", [(64, 96), (65, 47)])
def test_a_resnet_gives_the_same_values_at_every_kept_position(size, downsampling_factor):
    net, lgraph = network(resnet18((*size, 3), include_head=False, width=1 / 16))
    dense = dilate(lgraph, downsampling_factor)
    x = torch.rand(1, 3, *size, dtype=torch.float64)
    before, after = net(x), dense.compile().double().eval()(x)
    assert after.shape[2:] == tuple(-(-n // downsampling_factor) for n in size)
    rate = 32 // downsampling_factor
    torch.testing.assert_close(kept_positions(after, before, (rate, rate)), before, **CLOSE)


def test_a_vgg_gives_the_same_values_at_every_kept_position_of_an_even_size():
    net, lgraph = network(vgg16((64, 32, 3), include_head=False, width=1 / 16))
    x = torch.rand(1, 3, 64, 32, dtype=torch.float64)
    after = dilate(lgraph, 8).compile().double().eval()(x)
    assert after.shape[2:] == (8, 4)
    torch.testing.assert_close(kept_positions(after, net(x), (4, 4)), net(x), **CLOSE)


@pytest.mark.parametrize(("size", "first"), [(9, 0), (10, 1)])
def test_padding_same_of_a_layer_with_a_stride_moves_values_on_even_sizes(size, first):
    """On an even size, 3×3 windows have no padding before at stride 2, and one row at stride 1."""
    lgraph = LayerGraph(
        [
            ImageInputLayer((size, size, 1), normalization="none"),
            Convolution2dLayer(3, 2, stride=2, padding="same"),
        ]
    )
    net, lgraph = network(lgraph)
    x = torch.rand(1, 1, size, size, dtype=torch.float64)
    dense = dilate(lgraph, 1)
    assert dense["conv"].padding == "same"
    after = dense.compile().double().eval()(x)
    torch.testing.assert_close(after[:, :, first::2, first::2], net(x), **CLOSE)


@pytest.mark.parametrize("keep_size", [True, False])
def test_a_graph_without_subsampling_stays_unchanged(keep_size):
    lgraph = vgg16((32, 32, 3), include_head=False)
    assert dilate(lgraph, 32, keep_size=keep_size) is lgraph


# -- the changed layers --------------------------------------------------------------------------------


def test_resnet_18_gets_the_layers_of_deeplab_at_downsampling_factor_16():
    """Rows 36 to 67 of MATLAB's DeepLab v3+, but the builder sets the padding ``same`` of stage 4."""
    lgraph = resnet18((720, 960, 3), include_head=False)
    dense = dilate(lgraph, 16)
    stage5 = {
        "res5a_branch2a": (1, 1, "same"),
        "res5a_branch2b": (1, 2, "same"),
        "res5a_branch1": (1, 1, (0, 0, 0, 0)),
        "res5b_branch2a": (1, 2, "same"),
        "res5b_branch2b": (1, 2, "same"),
    }
    for name in lgraph:
        if name not in stage5:
            assert dense[name] is lgraph[name]
            continue
        stride, dilation, padding = stage5[name]
        layer = dense[name]
        assert (layer.stride, layer.dilation_factor, layer.padding) == (
            (stride, stride),
            (dilation, dilation),
            padding,
        )
        assert (layer.filter_size, layer.num_filters) == (lgraph[name].filter_size, lgraph[name].num_filters)
    rates = {
        name: layer.dilation_factor[0]
        for name in lgraph
        if hasattr(layer := dilate(lgraph, 8)[name], "num_filters")
    }
    assert {n: rate for n, rate in rates.items() if rate > 1} == {
        "res4a_branch2b": 2,
        "res4b_branch2a": 2,
        "res4b_branch2b": 2,
        "res5a_branch2a": 2,
        "res5a_branch2b": 4,
        "res5b_branch2a": 4,
        "res5b_branch2b": 4,
    }


def test_weights_stay_attached():
    _, lgraph = network(resnet18((32, 32, 3), include_head=False, width=1 / 16))
    dense = dilate(lgraph, 4)
    multiplied = multiply_dilation(dense, {"res5b_branch2b": 2})
    for name in lgraph:
        assert dense[name].weights is lgraph[name].weights
        assert multiplied[name].weights is lgraph[name].weights


def encoder(*layers):
    """A convolution with stride 2, and these layers after it."""
    return LayerGraph(
        [
            ImageInputLayer((16, 16, 2), normalization="none", name="in"),
            Convolution2dLayer(3, 2, stride=2, padding=1, name="strided"),
            *layers,
        ]
    )


def test_equally_dense_branches_may_join():
    lgraph = encoder(
        Convolution2dLayer(3, 2, padding=1, name="conv"),
        AdditionLayer(2, name="add"),
        DepthConcatenationLayer(2, name="cat"),
    )
    lgraph = lgraph.add_layers(Convolution2dLayer(1, 2, stride=2, name="short"))
    lgraph = lgraph.connect_layers("in", "short").connect_layers("short", "add/in2")
    lgraph = lgraph.connect_layers("strided", "cat/in2")
    net, lgraph = network(lgraph)
    x = torch.rand(1, 2, 16, 16, dtype=torch.float64)
    after = dilate(lgraph, 1).compile().double().eval()(x)
    torch.testing.assert_close(after[:, :, ::2, ::2], net(x), **CLOSE)


def test_values_of_a_global_pooling_join_features_of_any_density():
    """Squeeze and excitation, and a classifier after a global pooling."""
    lgraph = encoder(
        GlobalAveragePooling2dLayer(name="mean"),
        FullyConnectedLayer(2, name="fc"),
        SigmoidLayer(name="sigmoid"),
        MultiplicationLayer(2, name="scaled"),
        Convolution2dLayer(3, 2, padding=1, name="conv"),
        GlobalAveragePooling2dLayer(name="last"),
        FullyConnectedLayer(2, name="scores"),
    )
    dense = dilate(lgraph.connect_layers("strided", "scaled/in2"), 1)
    assert dense["conv"].dilation_factor == (2, 2)
    assert all(dense[name] is lgraph[name] for name in ("mean", "fc", "sigmoid", "last", "scores"))
    assert dense.compile()(torch.rand(1, 2, 16, 16)).shape == (1, 2, 1, 1)


def test_resizing_to_a_reference_gives_its_density():
    """As the image pooling of DeepLab v3, resized to the features and concatenated with them."""
    lgraph = encoder(
        GlobalAveragePooling2dLayer(name="mean"),
        Resize2dLayer(enable_reference_input=True, name="resized"),
        DepthConcatenationLayer(2, name="cat"),
        Convolution2dLayer(3, 2, padding=1, name="conv"),
    )
    lgraph = lgraph.connect_layers("strided", "resized/ref").connect_layers("strided", "cat/in2")
    assert dilate(lgraph, 1)["conv"].dilation_factor == (2, 2)


def test_a_stride_in_one_direction_gives_a_dilation_in_that_direction():
    lgraph = encoder(Convolution2dLayer((1, 3), 2, stride=(1, 2), padding=(0, 1), name="conv"))
    dense = dilate(lgraph, 2)
    assert (dense["strided"].stride, dense["strided"].dilation_factor) == ((2, 2), (1, 1))
    assert (dense["conv"].stride, dense["conv"].padding) == ((1, 1), "same")
    dense = dilate(lgraph, 1)
    assert (dense["conv"].stride, dense["conv"].dilation_factor) == ((1, 1), (1, 2))


@given(
    window=st.tuples(*[st.integers(1, 5)] * 2),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    padding=st.tuples(*[st.integers(0, 4)] * 4),
    factor=st.integers(1, 4),
)
@settings(max_examples=60)
def test_multiplied_dilation_keeps_sizes_and_centers(window, stride, dilation, padding, factor):
    """Compared with a convolution of the padded image, with the dilation multiplied."""
    if window == (1, 1):
        return
    layer = Convolution2dLayer(
        window, 3, stride=stride, dilation_factor=dilation, padding=padding, name="conv"
    )
    lgraph = LayerGraph([ImageInputLayer((19, 23, 2), normalization="none", name="in"), layer])
    net, lgraph = network(lgraph)
    x = torch.rand(1, 2, 19, 23, dtype=torch.float64)
    after = multiply_dilation(lgraph, {"conv": factor}).compile().double()(x)
    assert after.shape == net(x).shape
    more = [(w - 1) * dilation * (factor - 1) for w in window]
    (top, bottom), (left, right) = ((m // 2, m - m // 2) for m in more)
    margins = (padding[2] + left, padding[3] + right, padding[0] + top, padding[1] + bottom)
    weights = {name: tensor.double() for name, tensor in lgraph["conv"].weights.items()}
    expected = F.conv2d(F.pad(x, margins), **weights, stride=stride, dilation=dilation * factor)
    torch.testing.assert_close(after, expected, **CLOSE)


def test_padding_same_stays_when_the_dilation_is_multiplied():
    lgraph = encoder(
        Convolution2dLayer(3, 2, stride=2, padding="same", name="a"),
        MaxPooling2dLayer(2, padding="same", name="b"),
    )
    lgraph = multiply_dilation(lgraph, {"a": 3, "b": 2})
    assert (lgraph["a"].padding, lgraph["a"].dilation_factor, lgraph["a"].stride) == ("same", (3, 3), (2, 2))
    assert (lgraph["b"].padding, lgraph["b"].dilation_factor) == ("same", (2, 2))


# -- mistakes ------------------------------------------------------------------------------------------


def test_messages_about_wrong_arguments(golden_errors):
    volumes = LayerGraph([Image3dInputLayer((8, 8, 8, 1)), Convolution3dLayer(2, 3, stride=2)])
    skip = encoder(
        TransposedConv2dLayer(2, 2, stride=2, name="up"),
        AdditionLayer(2, name="add"),
    ).connect_layers("in", "add/in2")
    joined = encoder(Convolution2dLayer(1, 2, name="conv"), AdditionLayer(2, name="add"))
    joined = joined.connect_layers("in", "add/in2")
    unpooling = encoder(
        MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name="pool"),
        MaxUnpooling2dLayer(name="unpool"),
    )
    for port in ("indices", "size"):
        unpooling = unpooling.connect_layers(f"pool/{port}", f"unpool/{port}")
    segnet = segnet_layers((32, 32), 2, 2)
    unet = unet_layers((32, 32), 2, encoder_depth=2)
    calls = {
        "downsampling_factor": lambda: dilate(skip, 0),
        "keep_size": lambda: dilate(skip, 1, keep_size="yes"),
        "fully connected": lambda: dilate(encoder(FullyConnectedLayer(2, name="fc")), 1),
        "average pooling": lambda: dilate(encoder(AveragePooling2dLayer(2, name="mean")), 1),
        "average pooling of a classifier": lambda: dilate(fully_convolutional(resnet18((64, 64))), 8),
        "transposed convolution": lambda: dilate(skip, 1),
        "resizing": lambda: dilate(encoder(Resize2dLayer(scale=2, name="resize")), 1),
        "features that are not denser": lambda: dilate(joined, 1),
        "unpooling of a dense map": lambda: dilate(segnet, 2),
        "unpooling": lambda: dilate(unpooling, 2),
        "U-Net": lambda: dilate(unet, 2),
        "volumes": lambda: dilate(volumes, 1),
        "multiply: name": lambda: multiply_dilation(joined, {"strided ": 2}),
        "multiply: layer": lambda: multiply_dilation(joined, {"add": 2}),
        "multiply: window of one": lambda: multiply_dilation(joined, {"conv": 2}),
        "multiply: factor": lambda: multiply_dilation(joined, {"strided": 1.5}),
    }
    golden_errors("dilate", calls)
    for label, call in calls.items():
        if label != "multiply: name":
            with pytest.raises(ArgumentError):
                call()


def test_a_failed_edit_does_not_change_the_graph():
    lgraph = encoder(ReluLayer(name="relu"), FullyConnectedLayer(2, name="fc"))
    layers = lgraph.layers
    with pytest.raises(ArgumentError):
        dilate(lgraph, 1)
    assert lgraph.layers == layers
    assert with_input_size(lgraph, (32, 32, 2))["strided"] is lgraph["strided"]


def test_windows_downstream_of_a_resize_to_a_fixed_size_stay():
    layers = [
        ImageInputLayer((32, 32, 2), name="in"),
        Convolution2dLayer(3, 4, stride=4, padding="same", name="dense"),
        Convolution2dLayer(3, 4, padding="same", name="dilated"),
        Resize2dLayer(output_size=(16, 16), name="resized"),
        Convolution2dLayer(3, 4, stride=2, padding="same", name="window"),
    ]
    lgraph = LayerGraph(layers)
    dense = dilate(lgraph, 1)
    assert (dense["dense"].stride, dense["dilated"].dilation_factor) == ((1, 1), (4, 4))
    assert dense["window"] == lgraph["window"]
    first = LayerGraph([layers[0], Resize2dLayer(output_size=(32, 32), name="first"), *layers[1:3]])
    assert dilate(first, 1)["dilated"].dilation_factor == (4, 4)  # nothing is denser yet at the resize
