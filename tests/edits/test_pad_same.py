"""pad_same: every map of stride s has ceil(n / s) positions."""

from math import ceil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from layergraph import (
    AveragePooling2dLayer,
    AveragePooling3dLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    GroupedConvolution2dLayer,
    Image3dInputLayer,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    MaxPooling3dLayer,
    SizeError,
)
from layergraph.builders.backbones import BACKBONES
from layergraph.edits import dilate, pad_same, with_input_size
from layergraph.graph.size_inference import infer_sizes
from layergraph.sizes import image_size

KINDS = {
    "convolution": lambda size, **o: Convolution2dLayer(size, 2, name="l", **o),
    "grouped": lambda size, **o: GroupedConvolution2dLayer(size, 1, "channel-wise", name="l", **o),
    "max": lambda size, **o: MaxPooling2dLayer(size, name="l", **o),
    "average": lambda size, **o: AveragePooling2dLayer(size, name="l", **o),
}


@given(
    kind=st.sampled_from([*KINDS]),
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    margins=st.tuples(*[st.integers(0, 3)] * 4),
)
def test_only_windows_without_the_size_of_padding_same_change(kind, size, stride, dilation, margins):
    """Found by trying many image sizes."""
    options = {"stride": stride, "padding": [min(m, size[i // 2] - 1) for i, m in enumerate(margins)]}
    if kind in ("convolution", "grouped"):
        options["dilation_factor"] = dilation
    lgraph = LayerGraph([ImageInputLayer((64, 64, 2), name="in"), KINDS[kind](size, **options)])

    def has_same_size(layer):
        for n in range(1, 24):
            try:
                spatial = layer.output_sizes([image_size((n, n), 2)])[0].spatial
            except SizeError:
                return False
            if spatial != (ceil(n / stride),) * 2:
                return False
        return True

    padded = pad_same(lgraph)
    assert has_same_size(padded["l"])
    assert (padded["l"] is lgraph["l"]) == has_same_size(lgraph["l"])


def test_layers_of_volumes_are_padded():
    lgraph = LayerGraph(
        [
            Image3dInputLayer((9, 10, 11, 1), normalization="none", name="in"),
            Convolution3dLayer(3, 2, stride=2, name="conv"),
            MaxPooling3dLayer(2, stride=2, name="max"),
            AveragePooling3dLayer(3, name="average"),
        ]
    )
    outputs = infer_sizes(pad_same(lgraph)).outputs
    assert [outputs[name][0].spatial for name in ("conv", "max", "average")] == [
        (5, 5, 6),
        (3, 3, 3),
        (3, 3, 3),
    ]


def test_weights_stay_and_so_do_values_away_from_the_border():
    lgraph = LayerGraph(
        [
            ImageInputLayer((12, 13, 2), normalization="none", name="in"),
            Convolution2dLayer(3, 4, name="conv"),
            Convolution2dLayer(1, 3, name="one"),
        ]
    )
    net = lgraph.compile().eval()
    trained = net.layer_graph()
    padded = pad_same(trained)
    assert padded["conv"].weights is trained["conv"].weights
    assert padded["one"] is trained["one"]
    assert trained["conv"].padding == (0, 0, 0, 0)
    x = torch.rand(2, 2, 12, 13)
    torch.testing.assert_close(padded.compile().eval()(x)[..., 1:-1, 1:-1], net(x))


@pytest.mark.parametrize("size", [(97, 130), (64, 33), (100, 255)])
@pytest.mark.parametrize("conventions", ["matlab", "torchvision"])
@pytest.mark.parametrize("name", ["alexnet", "xception", "inceptionresnetv2"])
def test_features_of_encoders_have_the_image_size_divided_by_the_stride(name, conventions, size):
    backbone = BACKBONES[name]
    encoder = backbone.encoder((299, 299, 3), conventions=conventions)
    outputs = infer_sizes(encoder).outputs
    assert any(
        outputs[feature][0].spatial != (ceil(299 / stride),) * 2
        for stride, feature in backbone.features.items()
    )
    lgraph = pad_same(backbone.encoder((299, 299, 3), conventions=conventions))
    sizes = infer_sizes(with_input_size(lgraph, (*size, 3)), "network")
    assert not sizes.errors
    for stride, feature in backbone.features.items():
        assert sizes.outputs[feature][0].spatial == tuple(ceil(n / stride) for n in size)
    for downsampling_factor in (8, 16):
        dense = infer_sizes(with_input_size(dilate(lgraph, downsampling_factor), (*size, 3)), "network")
        assert not dense.errors
        last = dense.outputs[backbone.last_feature][0].spatial
        assert last == tuple(ceil(n / downsampling_factor) for n in size)
