"""Weights as arrays in MATLAB's order, against sums with MATLAB's indices."""

from itertools import product

import numpy as np
import pytest
import torch

from layergraph import (
    BatchNormalizationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    FullyConnectedLayer,
    GroupedConvolution2dLayer,
    Image3dInputLayer,
    ImageInputLayer,
    LayerGraph,
    ReluLayer,
    TransposedConv2dLayer,
    TransposedConv3dLayer,
    Weights,
    load,
)

GENERATOR = np.random.default_rng(0)


def apply(layer, image):
    """The output in float64 of a network with one layer, for an image (height, width, channels)."""
    kind = ImageInputLayer if image.ndim == 3 else Image3dInputLayer
    net = LayerGraph([kind(image.shape, normalization="none"), layer]).compile()
    assert not net.training
    return net.double().predict(image)


def convolve(image, weights, bias):
    """Y(y, x, n) = sum of X(y + i, x + j, c) W(i, j, c, n), plus B(1, 1, n); the same in three dimensions."""
    window = weights.shape[:-2]
    sizes = [n - k + 1 for n, k in zip(image.shape, window, strict=False)]
    result = np.zeros((*sizes, weights.shape[-1]))
    for offset in product(*map(range, window)):
        part = tuple(slice(i, i + n) for i, n in zip(offset, sizes, strict=True))
        result += image[part] @ weights[offset]
    return result + bias


def convolve_transposed(image, weights, bias, stride):
    """Y(s y + i, s x + j, n) adds X(y, x, c) W(i, j, n, c); the same in three dimensions."""
    window = weights.shape[:-2]
    sizes = [stride * (n - 1) + k for n, k in zip(image.shape, window, strict=False)]
    result = np.zeros((*sizes, weights.shape[-2]))
    for offset in product(*map(range, window)):
        part = tuple(
            slice(i, i + stride * (n - 1) + 1, stride) for i, n in zip(offset, image.shape, strict=False)
        )
        result[part] += image @ weights[offset].T
    return result + bias


def random(*shape):
    return GENERATOR.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("channels", ["auto", 4])
def test_convolutions(channels):
    image, weights, bias = random(6, 7, 4), random(2, 3, 4, 5), random(1, 1, 5)
    layer = Convolution2dLayer((2, 3), 5, weights=weights, bias=bias, num_channels=channels)
    np.testing.assert_allclose(apply(layer, image), convolve(image, weights, bias), rtol=1e-6, atol=1e-6)
    weights, bias, volume = random(2, 3, 1, 4, 5), random(1, 1, 1, 5), random(4, 5, 3, 4)
    layer = Convolution3dLayer((2, 3, 1), 5, weights=weights, bias=bias)
    np.testing.assert_allclose(apply(layer, volume), convolve(volume, weights, bias), rtol=1e-6, atol=1e-6)


def test_transposed_convolutions():
    image, weights, bias = random(3, 4, 4), random(2, 3, 5, 4), random(1, 1, 5)
    layer = TransposedConv2dLayer((2, 3), 5, stride=2, weights=weights, bias=bias)
    np.testing.assert_allclose(
        apply(layer, image), convolve_transposed(image, weights, bias, 2), rtol=1e-6, atol=1e-6
    )
    weights, bias, volume = random(2, 3, 1, 5, 4), random(1, 1, 1, 5), random(2, 3, 2, 4)
    layer = TransposedConv3dLayer((2, 3, 1), 5, stride=2, weights=weights, bias=bias)
    np.testing.assert_allclose(
        apply(layer, volume), convolve_transposed(volume, weights, bias, 2), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize(("per_group", "filters", "groups"), [(2, 3, 2), (1, 2, "channel-wise"), (4, 1, 1)])
def test_grouped_convolutions(per_group, filters, groups):
    number = 4 // per_group
    image, weights, bias = (
        random(5, 6, 4),
        random(3, 2, per_group, filters, number),
        random(1, 1, filters, number),
    )
    layer = GroupedConvolution2dLayer((3, 2), filters, groups, weights=weights, bias=bias)
    expected = [
        convolve(image[..., per_group * g : per_group * (g + 1)], weights[..., g], bias[..., g])
        for g in range(number)
    ]
    np.testing.assert_allclose(apply(layer, image), np.concatenate(expected, axis=-1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("flat", [True, False])
def test_batch_normalization(flat):
    image, shape = random(4, 5, 3), (3,) if flat else (1, 1, 3)
    offset, scale, mean, variance = random(*shape), random(*shape), random(*shape), random(*shape) ** 2
    layer = BatchNormalizationLayer(
        offset=offset, scale=scale, trained_mean=mean, trained_variance=variance, epsilon=1e-3
    )
    expected = scale * (image.astype(float) - mean) / np.sqrt(variance.astype(float) + 1e-3) + offset
    np.testing.assert_allclose(apply(layer, image), expected, rtol=1e-6, atol=1e-6)


def test_dimensions_of_one_at_the_end_may_be_missing_and_the_bias_is_initialized():
    image = random(5, 5, 1)
    weights = random(3, 3)
    np.testing.assert_allclose(
        apply(Convolution2dLayer(3, 1, weights=weights, bias_initializer="ones"), image),
        convolve(image, weights[..., None, None], 1),
        rtol=1e-6,
        atol=1e-6,
    )
    layer = Convolution2dLayer(3, 1, weights=weights, bias=np.array([2.0]))
    assert layer.weights["bias"].tolist() == [2]


def test_layers_from_arrays_are_layers_with_weights(tmp_path):
    layer = Convolution2dLayer(3, 2, weights=np.ones((3, 3, 1, 2)), bias=np.arange(2), name="conv")
    assert layer.weights["weight"].dtype == torch.float32
    lgraph = LayerGraph([ImageInputLayer((4, 4, 1)), layer])
    lgraph.save(tmp_path / "net.safetensors")
    assert load(tmp_path / "net.safetensors") == lgraph
    norm = BatchNormalizationLayer(
        offset=np.zeros(2), scale=np.ones(2), trained_mean=np.zeros(2), trained_variance=np.ones(2)
    )
    assert "offset" not in repr(norm)
    assert norm.weights["num_batches_tracked"].dtype == torch.int64


def test_the_texts_of_weights_that_do_not_fit(golden_errors):
    zeros = np.zeros
    golden_errors(
        "matlab_order",
        {
            "an array for a layer that learns nothing": lambda: ReluLayer(weights=zeros(3)),
            "an array for a fully connected layer": lambda: FullyConnectedLayer(3, weights=zeros((3, 4))),
            "a bias for a fully connected layer": lambda: FullyConnectedLayer(3, bias=zeros((3, 1))),
            "an array for batch normalization": lambda: BatchNormalizationLayer(weights=zeros(3)),
            "a tensor": lambda: Convolution2dLayer(3, 4, weights=torch.zeros(4, 1, 3, 3)),
            "a dict": lambda: Convolution2dLayer(3, 4, weights={"weight": torch.zeros(4, 1, 3, 3)}),
            "the order of torch": lambda: Convolution2dLayer(3, 4, weights=zeros((4, 1, 3, 3))),
            "other channels": lambda: Convolution2dLayer(3, 4, weights=zeros((3, 3, 2, 4)), num_channels=3),
            "filters and channels swapped": lambda: TransposedConv2dLayer(2, 4, weights=zeros((2, 2, 3, 4))),
            "two channels in a group of one": lambda: GroupedConvolution2dLayer(
                3, 2, "channel-wise", weights=zeros((3, 3, 2, 2, 5))
            ),
            "a bias of other size": lambda: Convolution2dLayer(
                3, 4, weights=zeros((3, 3, 2, 4)), bias=zeros(3)
            ),
            "a bias alone": lambda: Convolution2dLayer(3, 4, bias=zeros(4)),
            "a bias beside weights of torch": lambda: Convolution2dLayer(
                3, 4, weights=Weights({}), bias=zeros(4)
            ),
            "no bias, to be drawn": lambda: Convolution2dLayer(
                3, 4, weights=zeros((3, 3, 2, 4)), bias_initializer="he"
            ),
            "NaN": lambda: Convolution2dLayer(1, 1, weights=np.full((1, 1), np.nan)),
            "complex numbers": lambda: Convolution2dLayer(1, 1, weights=zeros((1, 1), complex)),
            "an offset alone": lambda: BatchNormalizationLayer(offset=zeros(3)),
            "statistics of other channels": lambda: BatchNormalizationLayer(
                offset=zeros(3), scale=zeros(3), trained_mean=zeros(2), trained_variance=zeros(3)
            ),
            "a negative variance": lambda: BatchNormalizationLayer(
                offset=zeros(3), scale=zeros(3), trained_mean=zeros(3), trained_variance=zeros(3) - 1
            ),
        },
    )
