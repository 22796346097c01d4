"""Every layer with arithmetic against plain loops, on random arguments and odd sizes."""

import naive
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from layergraph import (
    ArgumentError,
    AveragePooling2dLayer,
    AveragePooling3dLayer,
    ConcatenationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    Crop2dLayer,
    CrossChannelNormalizationLayer,
    GlobalAveragePooling2dLayer,
    GroupedConvolution2dLayer,
    MaxPooling2dLayer,
    MaxPooling3dLayer,
    MaxUnpooling2dLayer,
    Resize2dLayer,
    SizeError,
    TransposedConv2dLayer,
    TransposedConv3dLayer,
)
from layergraph.layers.arguments import pairs
from layergraph.sizes import image_size

SEEDS = st.integers(0, 2**32 - 1)
small = settings(max_examples=200)
fewer = settings(max_examples=100)


def random_image(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def run(layer, x, *more):
    """The results of a layer on float64 arrays, with its parameters; checks the size by formula."""
    sizes = [image_size(a.shape[2:], a.shape[1]) for a in (x, *more)]
    module = layer.torch_module(sizes).double().eval()
    result = module(*[torch.from_numpy(a) for a in (x, *more)])
    parameters = {name: p.detach().numpy() for name, p in module.named_parameters()}
    outputs = result if isinstance(result, tuple) else (result,)
    assert tuple(outputs[0].shape[1:]) == layer.output_sizes(sizes)[0].tensor_shape[1:]
    return [o.detach().numpy() if isinstance(o, torch.Tensor) else o for o in outputs], parameters


def assume_fits(layer, x):
    try:
        layer.output_sizes([image_size(x.shape[2:], x.shape[1])])
    except SizeError:
        assume(False)


def numbers(low, high, rank=2):
    return st.tuples(*[st.integers(low, high)] * rank)


def margins_of(layer, argument, shape, window, stride, dilation):
    value = getattr(layer, argument)
    return naive.same_pads(shape, window, stride, dilation) if value == "same" else pairs(value)


@small
@given(
    seed=SEEDS,
    spatial=numbers(1, 7),
    window=numbers(1, 4),
    stride=numbers(1, 3),
    dilation=numbers(1, 2),
    padding=st.just("same") | numbers(0, 3, 4),
    value=st.sampled_from([0, 1.5]),
)
def test_convolution(seed, spatial, window, stride, dilation, padding, value):
    layer = Convolution2dLayer(
        window,
        2,
        stride=stride,
        dilation_factor=dilation,
        padding=padding,
        padding_value=value,
        bias_initializer="narrow-normal",
    )
    x = random_image(seed, 1, 2, *spatial)
    assume_fits(layer, x)
    (result,), p = run(layer, x)
    margins = margins_of(layer, "padding", spatial, window, stride, dilation)
    expected = naive.convolution(x, p["weight"], p["bias"], stride, margins, dilation, value=value)
    np.testing.assert_allclose(result, expected, atol=1e-12)


@fewer
@given(
    seed=SEEDS,
    spatial=numbers(1, 6),
    groups=st.sampled_from([(4, 1), (4, 2), (4, 4), (3, "channel-wise"), (1, "channel-wise")]),
    per_group=st.integers(1, 2),
    window=numbers(1, 3),
    stride=numbers(1, 2),
    padding=st.just("same") | numbers(0, 2, 4),
)
def test_grouped_convolution(seed, spatial, groups, per_group, window, stride, padding):
    channels, count = groups
    layer = GroupedConvolution2dLayer(window, per_group, count, stride=stride, padding=padding)
    x = random_image(seed, 1, channels, *spatial)
    assume_fits(layer, x)
    (result,), p = run(layer, x)
    margins = margins_of(layer, "padding", spatial, window, stride, (1, 1))
    number = channels if count == "channel-wise" else count
    expected = naive.convolution(x, p["weight"], p["bias"], stride, margins, (1, 1), groups=number)
    np.testing.assert_allclose(result, expected, atol=1e-12)


@fewer
@given(
    seed=SEEDS,
    spatial=numbers(1, 4, 3),
    window=numbers(1, 3, 3),
    stride=numbers(1, 2, 3),
    padding=st.just("same") | st.tuples(numbers(0, 2, 3), numbers(0, 2, 3)),
)
def test_convolution_of_volumes(seed, spatial, window, stride, padding):
    layer = Convolution3dLayer(window, 2, stride=stride, padding=padding)
    x = random_image(seed, 1, 1, *spatial)
    assume_fits(layer, x)
    (result,), p = run(layer, x)
    margins = margins_of(layer, "padding", spatial, window, stride, (1, 1, 1))
    expected = naive.convolution(x, p["weight"], p["bias"], stride, margins, (1, 1, 1))
    np.testing.assert_allclose(result, expected, atol=1e-12)


def crops_of(layer, window, stride):
    if layer.cropping != "same":
        return pairs(layer.cropping)
    totals = [k - s for k, s in zip(window, stride, strict=True)]  # s·n rows stay
    return [(t // 2, t - t // 2) if t > 0 else (0, t) for t in totals]


@small
@given(
    seed=SEEDS,
    spatial=numbers(1, 5),
    window=numbers(1, 5),
    stride=numbers(1, 3),
    cropping=st.just("same") | numbers(0, 2, 4),
)
def test_transposed_convolution(seed, spatial, window, stride, cropping):
    layer = TransposedConv2dLayer(window, 2, stride=stride, cropping=cropping, bias_initializer="ones")
    x = random_image(seed, 1, 2, *spatial)
    assume_fits(layer, x)
    (result,), p = run(layer, x)
    crops = crops_of(layer, window, stride)
    expected = naive.transposed_convolution(x, p["weight"], p["bias"], stride, crops)
    np.testing.assert_allclose(result, expected, atol=1e-12)
    if cropping == "same":
        assert result.shape[2:] == tuple(s * n for s, n in zip(stride, spatial, strict=True))


@fewer
@given(
    seed=SEEDS,
    spatial=numbers(1, 3, 3),
    window=numbers(1, 4, 3),
    stride=numbers(1, 2, 3),
    cropping=st.just("same") | st.tuples(numbers(0, 1, 3), numbers(0, 1, 3)),
)
def test_transposed_convolution_of_volumes(seed, spatial, window, stride, cropping):
    layer = TransposedConv3dLayer(window, 1, stride=stride, cropping=cropping)
    x = random_image(seed, 1, 2, *spatial)
    assume_fits(layer, x)
    (result,), p = run(layer, x)
    expected = naive.transposed_convolution(
        x, p["weight"], p["bias"], stride, crops_of(layer, window, stride)
    )
    np.testing.assert_allclose(result, expected, atol=1e-12)


@st.composite
def pool_windows(draw, rank=2):
    """A window, a stride, and padding below the size of the window, even or uneven."""
    window = draw(numbers(1, 4, rank))
    before = tuple(draw(st.integers(0, k - 1)) for k in window)
    after = tuple(draw(st.integers(0, k - 1)) for k in window)
    explicit = (before[0], after[0], before[1], after[1]) if rank == 2 else (before, after)
    return window, draw(numbers(1, 3, rank)), draw(st.sampled_from(["same", explicit]))


@small
@given(seed=SEEDS, spatial=numbers(1, 8), arguments=pool_windows())
def test_max_pooling_and_its_indices(seed, spatial, arguments):
    window, stride, padding = arguments
    layer = MaxPooling2dLayer(window, stride=stride, padding=padding, has_unpooling_outputs=True)
    x = (
        random_image(seed, 2, 2, *spatial) - 3
    )  # mostly negative, so that padding with zeros would give wrong maxima
    assume_fits(layer, x)
    (result, indices, size), _ = run(layer, x)
    values, positions = naive.max_pooling(
        x, window, stride, margins_of(layer, "padding", spatial, window, stride, (1, 1))
    )
    np.testing.assert_array_equal(result, values)
    np.testing.assert_array_equal(indices, positions)
    assert tuple(size) == spatial
    (plain,), _ = run(MaxPooling2dLayer(window, stride=stride, padding=padding), x)
    np.testing.assert_array_equal(plain, values)


@small
@given(
    seed=SEEDS,
    spatial=numbers(1, 7),
    window=numbers(1, 3),
    stride=numbers(1, 5),
    dilation=numbers(1, 6),
    padding=st.just("same") | numbers(0, 5, 4),
)
def test_dilated_max_pooling_is_an_error_where_a_window_has_no_element(
    seed, spatial, window, stride, dilation, padding
):
    try:
        layer = MaxPooling2dLayer(window, stride=stride, dilation_factor=dilation, padding=padding)
    except ArgumentError:
        assume(False)
    x = random_image(seed, 1, 1, *spatial)
    assume(min(layer.window().output(spatial)) >= 1)
    margins = margins_of(layer, "padding", spatial, window, stride, dilation)
    expected, _ = naive.max_pooling(x, window, stride, margins, dilation)
    size = image_size(spatial, 1)
    if np.isinf(expected).any():
        with pytest.raises(SizeError, match="has no element in the image"):
            layer.output_sizes([size])
    else:
        np.testing.assert_array_equal(run(layer, x)[0][0], expected)


def test_dilated_max_pooling_of_hostile_sizes_is_checked_without_a_pass_over_the_image():
    size = image_size((2**60 - 1, 2**60 - 1), 1)
    MaxPooling2dLayer(3, dilation_factor=2**60 + 1, padding="same").output_sizes([size])
    with pytest.raises(SizeError, match="has no element"):
        MaxPooling2dLayer(2, dilation_factor=2**60 + 2, padding="same").output_sizes([size])


@small
@given(seed=SEEDS, spatial=numbers(1, 9), window=numbers(1, 4), data=st.data())
def test_unpooling_restores_odd_sizes(seed, spatial, window, data):
    before = tuple(data.draw(st.integers(0, k - 1)) for k in window)
    after = tuple(data.draw(st.integers(0, k - 1)) for k in window)
    padding = data.draw(st.sampled_from(["same", 0, (before[0], after[0], before[1], after[1])]))
    pool = MaxPooling2dLayer(window, stride=window, padding=padding, has_unpooling_outputs=True)
    x = random_image(seed, 2, 2, *spatial)
    assume_fits(pool, x)
    margins = margins_of(pool, "padding", spatial, window, window, (1, 1))
    values, positions = naive.max_pooling(x, window, window, margins)
    sizes = pool.output_sizes([image_size(spatial, 2)])
    module = MaxUnpooling2dLayer().torch_module(list(sizes))
    pooled = pool.torch_module([])(torch.from_numpy(x))
    result = module(*pooled).numpy()
    np.testing.assert_array_equal(result, naive.max_unpooling(values, positions, spatial))
    assert result.shape[2:] == MaxUnpooling2dLayer().output_sizes(sizes)[0].spatial == spatial


@fewer
@given(seed=SEEDS, spatial=numbers(1, 5, 3), arguments=pool_windows(3))
def test_pooling_of_volumes(seed, spatial, arguments):
    window, stride, padding = arguments
    x = random_image(seed, 1, 1, *spatial)
    layer = MaxPooling3dLayer(window, stride=stride, padding=padding)
    assume_fits(layer, x)
    margins = margins_of(layer, "padding", spatial, window, stride, (1, 1, 1))
    (result,), _ = run(layer, x)
    np.testing.assert_array_equal(result, naive.max_pooling(x, window, stride, margins)[0])
    (result,), _ = run(AveragePooling3dLayer(window, stride=stride, padding=padding), x)
    np.testing.assert_allclose(result, naive.average_pooling(x, window, stride, margins), atol=1e-12)


@small
@given(seed=SEEDS, spatial=numbers(1, 8), arguments=pool_windows(), value=st.sampled_from([0, "mean"]))
def test_average_pooling(seed, spatial, arguments, value):
    window, stride, padding = arguments
    layer = AveragePooling2dLayer(window, stride=stride, padding=padding, padding_value=value)
    x = random_image(seed, 1, 2, *spatial)
    assume_fits(layer, x)
    (result,), _ = run(layer, x)
    margins = margins_of(layer, "padding", spatial, window, stride, (1, 1))
    np.testing.assert_allclose(
        result, naive.average_pooling(x, window, stride, margins, padding_counts=value == 0), atol=1e-12
    )


def test_cross_channel_normalization_by_hand():
    """Divisors 1 + 14, 1 + 30, 1 + 29, 1 + 25: one channel before and two after."""
    layer = CrossChannelNormalizationLayer(4, alpha=4, beta=1, k=1)
    (result,), _ = run(layer, np.array([1.0, 2, 3, 4]).reshape(1, 4, 1, 1))
    np.testing.assert_allclose(result.ravel(), [1 / 15, 2 / 31, 3 / 30, 4 / 26], rtol=1e-12)


@fewer
@given(
    seed=SEEDS,
    shape=numbers(1, 3, 4) | numbers(1, 3, 5),
    channels=st.integers(1, 7),
    window=st.integers(1, 20),
    constants=st.tuples(st.floats(0, 5), st.floats(0, 2), st.floats(0.1, 3)),
)
def test_cross_channel_normalization(seed, shape, channels, window, constants):
    alpha, beta, k = constants
    layer = CrossChannelNormalizationLayer(window, alpha=alpha, beta=beta, k=k)
    x = random_image(seed, shape[0], channels, *shape[2:])
    (result,), _ = run(layer, x)
    np.testing.assert_allclose(result, naive.cross_channel(x, window, alpha, beta, k), rtol=1e-10)


def test_global_average_pooling():
    x = random_image(1, 2, 3, 5, 7)
    (result,), _ = run(GlobalAveragePooling2dLayer(), x)
    np.testing.assert_allclose(result[:, :, 0, 0], [[x[b, c].mean() for c in range(3)] for b in range(2)])


@pytest.mark.parametrize("geometry", ["half-pixel", "asymmetric"])
@pytest.mark.parametrize(
    ("method", "rounding"),
    [("nearest", "round"), ("nearest", "floor"), ("nearest", "onnx-10"), ("bilinear", "round")],
)
@settings(max_examples=60)
@given(seed=SEEDS, spatial=numbers(1, 9), target=numbers(1, 14))
def test_resizing(method, geometry, rounding, seed, spatial, target):
    layer = Resize2dLayer(
        output_size=target,
        method=method,
        geometric_transform_mode=geometry,
        nearest_rounding_mode=rounding,
    )
    x = random_image(seed, 1, 2, *spatial)
    (result,), _ = run(layer, x)
    np.testing.assert_allclose(result, naive.resize(x, target, method, geometry, rounding), atol=1e-12)


@pytest.mark.parametrize("geometry", ["half-pixel", "asymmetric"])
@pytest.mark.parametrize("rounding", ["round", "floor", "onnx-10"])
@pytest.mark.parametrize(("length", "size"), [(2, 41), (2, 82), (3, 333), (7, 49), (49, 7), (100, 31)])
def test_nearest_rows_are_exact_where_float32_would_round(length, size, geometry, rounding):
    layer = Resize2dLayer(
        output_size=(1, size), geometric_transform_mode=geometry, nearest_rounding_mode=rounding
    )
    x = np.arange(length, dtype=float).reshape(1, 1, 1, length)
    (result,), _ = run(layer, x)
    np.testing.assert_array_equal(result, naive.resize(x, (1, size), "nearest", geometry, rounding))


@fewer
@given(seed=SEEDS, spatial=numbers(1, 9), scale=st.tuples(*[st.floats(0.3, 3.3)] * 2))
def test_resizing_by_scale_and_by_reference_is_resizing_to_that_size(seed, spatial, scale):
    target = tuple(int(n * s) for n, s in zip(spatial, scale, strict=True))
    assume(min(target) > 0)
    x = random_image(seed, 1, 2, *spatial)
    for method in ("nearest", "bilinear"):
        (by_size,), _ = run(Resize2dLayer(output_size=target, method=method), x)
        (by_scale,), _ = run(Resize2dLayer(scale=scale, method=method), x)
        reference = np.zeros((1, 5, *target))
        (by_reference,), _ = run(Resize2dLayer(enable_reference_input=True, method=method), x, reference)
        np.testing.assert_array_equal(by_scale, by_size)
        np.testing.assert_array_equal(by_reference, by_size)


@fewer
@given(seed=SEEDS, spatial=numbers(1, 8), keep=numbers(1, 8), start=numbers(1, 8))
def test_cropping(seed, spatial, keep, start):
    """A center crop starts at floor((in - ref) / 2); a location is (x, y), counted from 1."""
    assume(all(k <= n for k, n in zip(keep, spatial, strict=True)))
    x, reference = random_image(seed, 1, 2, *spatial), np.zeros((1, 1, *keep))
    (result,), _ = run(Crop2dLayer(), x, reference)
    top, left = ((n - k) // 2 for n, k in zip(spatial, keep, strict=True))
    np.testing.assert_array_equal(result, x[:, :, top : top + keep[0], left : left + keep[1]])
    column, row = start
    if row - 1 + keep[0] <= spatial[0] and column - 1 + keep[1] <= spatial[1]:
        (result,), _ = run(Crop2dLayer(start), x, reference)
        expected = x[:, :, row - 1 : row - 1 + keep[0], column - 1 : column - 1 + keep[1]]
        np.testing.assert_array_equal(result, expected)


def test_a_volume_smaller_than_its_window_is_pooled_where_padding_makes_it_fit():
    layer = AveragePooling3dLayer((1, 1, 2), padding=(0, 0, 1))
    (result,), _ = run(layer, np.ones((1, 1, 1, 1, 1)))
    np.testing.assert_array_equal(result, np.full((1, 1, 1, 1, 2), 0.5))


@pytest.mark.parametrize("rank", [2, 3])
def test_concatenation_counts_dimensions_as_matlab_does(rank):
    """On arrays in MATLAB's order of dimensions: height, width, depth, channels, batch."""
    for dim in range(1, rank + 2):
        shapes = [[*range(2, rank + 3), 2] for _ in range(3)]
        for extra, shape in enumerate(shapes):
            shape[dim - 1] += extra
        arrays = [random_image(dim, *shape) for shape in shapes]
        in_torch_order = [np.moveaxis(a, (-1, -2), (0, 1)) for a in arrays]
        (result,), _ = run(ConcatenationLayer(dim, 3), *in_torch_order)
        expected = np.concatenate(arrays, axis=dim - 1)
        np.testing.assert_array_equal(np.moveaxis(result, (0, 1), (-1, -2)), expected)
