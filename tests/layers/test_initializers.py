"""Initial weights: their distribution, MATLAB's fans, and initializers that are functions."""

import math

import numpy as np
import pytest
import torch

from layergraph import (
    ArgumentError,
    Convolution2dLayer,
    Convolution3dLayer,
    FullyConnectedLayer,
    GroupedConvolution2dLayer,
    TransposedConv2dLayer,
    TransposedConv3dLayer,
)
from layergraph.sizes import image_size

# layer class, arguments, input size, fan-in (window × channels), fan-out (window × filters)
KINDS = {
    "conv": (Convolution2dLayer, (3, 64), image_size((8, 8), 48), 9 * 48, 9 * 64),
    "padded": (Convolution2dLayer, ((2, 3), 64), image_size((8, 8), 48), 6 * 48, 6 * 64),
    "conv3d": (Convolution3dLayer, (2, 40), image_size((8, 8, 8), 60), 8 * 60, 8 * 40),
    "grouped": (GroupedConvolution2dLayer, (3, 32, 4), image_size((8, 8), 64), 9 * 16, 9 * 32),
    "transposed": (TransposedConv2dLayer, (4, 24), image_size((8, 8), 96), 16 * 96, 16 * 24),
    "transposed3d": (TransposedConv3dLayer, (2, 30), image_size((4, 4, 4), 80), 8 * 80, 8 * 30),
    "fc": (FullyConnectedLayer, (120,), image_size((4, 4), 20), 320, 120),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def weights(kind, how):
    layer_class, arguments, size, fan_in, fan_out = KINDS[kind]
    extra = {"padding": "same", "stride": 2} if kind == "padded" else {}
    module = layer_class(*arguments, weights_initializer=how, **extra).torch_module([size])
    return module.weight.detach(), module.bias.detach(), fan_in, fan_out


def has_variance(sample: torch.Tensor, variance: float) -> bool:
    """Within 5 standard errors of the variance of a normal; those of a uniform are smaller."""
    return abs(sample.var().item() / variance - 1) < 5 * math.sqrt(2 / sample.numel())


@every_kind
def test_glorot_is_uniform_with_variance_two_over_both_fans(kind):
    weight, bias, fan_in, fan_out = weights(kind, "glorot")
    assert has_variance(weight, 2 / (fan_in + fan_out))
    bound = math.sqrt(6 / (fan_in + fan_out))
    assert 0.99 * bound < weight.abs().max() <= bound
    assert abs(weight.mean()) < 5 * math.sqrt(2 / (fan_in + fan_out) / weight.numel())
    assert not bias.any()


@every_kind
def test_he_is_normal_with_variance_two_over_inputs(kind):
    weight, _, fan_in, _ = weights(kind, "he")
    assert has_variance(weight, 2 / fan_in)
    beyond = (weight.abs() > 2 * math.sqrt(2 / fan_in)).float().mean()
    assert 0.03 < beyond < 0.06  # 4.55 % of a normal lie beyond two standard deviations


@every_kind
def test_narrow_normal_zeros_and_ones(kind):
    assert has_variance(weights(kind, "narrow-normal")[0], 1e-4)
    assert not weights(kind, "zeros")[0].any()
    assert (weights(kind, "ones")[0] == 1).all()


@every_kind
def test_orthogonal_rows_or_columns_are_orthonormal(kind):
    weight = weights(kind, "orthogonal")[0].flatten(1).double()
    rows, columns = weight.shape
    product = weight @ weight.T if rows <= columns else weight.T @ weight
    torch.testing.assert_close(product, torch.eye(min(rows, columns)).double(), atol=1e-5, rtol=0)


@every_kind
def test_a_seed_gives_the_same_weights_again(kind):
    torch.manual_seed(3)
    first = weights(kind, "he")[0]
    torch.manual_seed(3)
    assert torch.equal(weights(kind, "he")[0], first)


def test_a_function_gets_the_torch_shape():
    shapes = []

    def ramp(shape):
        shapes.append(shape)
        return np.arange(math.prod(shape)).reshape(shape)

    layer = Convolution2dLayer(3, 4, weights_initializer=ramp, bias_initializer=lambda s: torch.full(s, 2.0))
    module = layer.torch_module([image_size((5, 5), 2)])
    assert shapes == [(4, 2, 3, 3)]
    assert torch.equal(module.weight.detach().flatten(), torch.arange(72.0))
    assert module.bias.tolist() == [2, 2, 2, 2]


def test_a_function_must_return_an_array_of_that_shape():
    layer = Convolution2dLayer(3, 4, weights_initializer=lambda shape: np.zeros(3))
    with pytest.raises(ArgumentError) as caught:
        layer.torch_module([image_size((5, 5), 2)])
    assert str(caught.value) == "an initializer must return an array of shape (4, 2, 3, 3), got (3,)"


def test_initial_weights_are_trainable_leaves():
    weight = KINDS["conv"][0](3, 2).torch_module([image_size((5, 5), 2)]).weight
    assert weight.is_leaf
    assert weight.requires_grad
