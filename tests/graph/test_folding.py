"""Folding of batch normalization, and removal of dropout: the same outputs in evaluation mode."""

import pytest
import torch
from hypothesis import given
from network_examples import with_random_statistics
from random_graphs import networks

from layergraph import (
    AdditionLayer,
    ArgumentError,
    BatchNormalizationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    DropoutLayer,
    FullyConnectedLayer,
    GroupedConvolution2dLayer,
    Image3dInputLayer,
    ImageInputLayer,
    LayerGraph,
    ReluLayer,
    TransposedConv2dLayer,
    TransposedConv3dLayer,
    Weights,
)
from layergraph.edits import fold_batch_normalization, remove_dropout

CLOSE = {"rtol": 1e-9, "atol": 1e-10}
IMAGE = ImageInputLayer((5, 6, 4), mean=1, name="in")
VOLUME = Image3dInputLayer((4, 5, 3, 2), mean=1, name="in")
END = ReluLayer(name="end")
LAYERS = {
    "padding": (IMAGE, Convolution2dLayer(3, 6, padding="same", padding_value=2.5, stride=2)),
    "groups": (IMAGE, GroupedConvolution2dLayer(3, 3, 2, padding=1)),
    "channel-wise": (IMAGE, GroupedConvolution2dLayer(3, 2, "channel-wise", dilation_factor=2, padding=2)),
    "transposed": (IMAGE, TransposedConv2dLayer(3, 5, stride=2, cropping=(0, 1, 1, 0))),
    "connected": (IMAGE, FullyConnectedLayer(7)),
    "volumes": (VOLUME, Convolution3dLayer((3, 2, 1), 4, padding="same")),
    "transposed volumes": (VOLUME, TransposedConv3dLayer(2, 3, stride=2)),
}


def trained(layers):
    lgraph = layers if isinstance(layers, LayerGraph) else LayerGraph(layers)
    return with_random_statistics(lgraph.compile()).layer_graph()


def scores(lgraph, *inputs):
    with torch.no_grad():
        return lgraph.compile().eval()(*inputs)


def images(lgraph):
    sizes = [lgraph[name].output_sizes([])[0].tensor_shape[1:] for name in lgraph.input_names]
    return [torch.rand(2, *size) for size in sizes]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.usefixtures("double_precision")
def test_each_kind_of_layer_does_the_normalization_itself(name):
    first, layer = LAYERS[name]
    lgraph = trained([first, layer, BatchNormalizationLayer(epsilon=0.01, name="bn"), END])
    folded = fold_batch_normalization(lgraph)
    assert [*folded] == ["in", layer.default_name, "end"]
    (x,) = images(lgraph)
    torch.testing.assert_close(scores(folded, x), scores(lgraph, x), **CLOSE)
    assert "bn" in lgraph


@pytest.mark.usefixtures("double_precision")
def test_two_normalizations_fold_into_one_layer():
    names = [BatchNormalizationLayer(name="bn1"), BatchNormalizationLayer(name="bn2")]
    lgraph = trained([IMAGE, Convolution2dLayer(3, 6), *names, END])
    folded = fold_batch_normalization(lgraph)
    assert [*folded] == ["in", "conv", "end"]
    (x,) = images(lgraph)
    torch.testing.assert_close(scores(folded, x), scores(lgraph, x), **CLOSE)


@pytest.mark.usefixtures("double_precision")
def test_a_layer_whose_output_others_read_stays():
    lgraph = LayerGraph(
        [IMAGE, Convolution2dLayer(3, 6), BatchNormalizationLayer(name="bn"), AdditionLayer(2, name="add")]
    )
    lgraph = trained(lgraph.connect_layers("conv", "add/in2"))
    assert fold_batch_normalization(lgraph) == lgraph


class DoubledConvolution(Convolution2dLayer):
    """A convolution that does more, as a user may write one."""

    def torch_module(self, inputs):
        return torch.nn.Sequential(super().torch_module(inputs), torch.nn.ReLU())


@pytest.mark.parametrize(
    "layers",
    [
        [IMAGE, Convolution2dLayer(3, 6), BatchNormalizationLayer()],
        [IMAGE, Convolution2dLayer(3, 6), ReluLayer(), BatchNormalizationLayer(), END],
        [IMAGE, BatchNormalizationLayer(), Convolution2dLayer(3, 6), END],
        [IMAGE, DoubledConvolution(3, 6), BatchNormalizationLayer(), END],
    ],
    ids=["output", "after an activation", "before", "class of the user"],
)
def test_other_normalizations_stay(layers):
    lgraph = trained(layers)
    assert fold_batch_normalization(lgraph) == lgraph


def test_weights_that_would_overflow_stay():
    lgraph = trained([IMAGE, Convolution2dLayer(3, 6), BatchNormalizationLayer(name="bn"), END])
    half = lgraph.with_weights({"conv": Weights({k: v.half() for k, v in lgraph["conv"].weights.items()})})
    assert "bn" not in fold_batch_normalization(half)
    tensors = {**lgraph["bn"].weights, "weight": torch.full((6,), 1e6)}
    half = half.with_weights({"bn": Weights(tensors)})
    assert fold_batch_normalization(half) == half


def test_layers_without_weights_are_an_error():
    lgraph = LayerGraph([IMAGE, Convolution2dLayer(3, 6), BatchNormalizationLayer(), END])
    with pytest.raises(ArgumentError, match="layer 'conv' must have weights, got none"):
        fold_batch_normalization(lgraph)


def test_dropout_is_removed_but_at_the_end():
    layers = [IMAGE, DropoutLayer(name="first"), Convolution2dLayer(3, 6), DropoutLayer(name="last")]
    assert [*remove_dropout(LayerGraph(layers))] == ["in", "conv", "last"]


@given(networks())
def test_random_networks_give_the_same_outputs(lgraph):
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        net = with_random_statistics(lgraph.compile())
        inputs = images(lgraph)
        with torch.no_grad():
            expected, optimized = net(*inputs), net.optimize()
            torch.testing.assert_close(optimized(*inputs), expected, rtol=1e-7, atol=1e-8)
        assert optimized.output_names == net.output_names
    finally:
        torch.set_default_dtype(before)
