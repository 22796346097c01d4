"""The arithmetic of windows, compared with counting; the messages about sizes that layers cannot take."""

import naive
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import layergraph
from layergraph import Size, SizeError
from layergraph.sizes import (
    image_size,
    same_cropping,
    same_output,
    same_padding,
    transposed_output,
    window_extent,
    window_output,
)

N = st.integers(1, 60)
SMALL = st.integers(1, 7)


@given(n=N, k=SMALL, s=SMALL, d=st.integers(1, 3), before=st.integers(0, 5), after=st.integers(0, 5))
def test_the_window_positions_are_those_inside_the_padded_image(n, k, s, d, before, after):
    extent = window_extent(k, d)
    starts = [start for start in range(0, n + before + after, s) if start + extent <= n + before + after]
    assert max(window_output(n, extent, s, before + after), 0) == len(starts)


@given(n=N, k=SMALL, s=SMALL, d=st.integers(1, 3))
def test_same_padding_gives_the_size_divided_by_the_stride_rounded_up(n, k, s, d):
    before, after = same_padding(n, window_extent(k, d), s)
    assert 0 <= after - before <= 1
    assert [(before, after)] == naive.same_pads([n], [k], [s], [d])
    assert window_output(n, window_extent(k, d), s, before + after) == same_output(n, s) == (n + s - 1) // s


@given(n=N, k=SMALL, s=SMALL)
def test_same_cropping_multiplies_the_size_by_the_stride(n, k, s):
    before, after = same_cropping(k, s)
    assert before >= 0
    assert transposed_output(n, k, s, before + after) == s * n
    assert k < s or 0 <= after - before <= 1


@given(n=N, k=SMALL, s=SMALL, pads=st.integers(0, 6))
def test_a_transposed_convolution_restores_the_size_of_a_convolution(n, k, s, pads):
    """Up to the rows that fill no window."""
    out = window_output(n, k, s, pads)
    if out > 0:
        back = transposed_output(out, k, s, pads)
        assert n - s < back <= n


def test_sizes_of_images_volumes_and_vectors():
    image, volume, vector = image_size((4, 5), 3), image_size((4, 5, 6), 3), image_size((), 3)
    assert [size.format for size in (image, volume, vector)] == ["SSCB", "SSSCB", "CB"]
    assert [size.spatial for size in (image, volume, vector)] == [(4, 5), (4, 5, 6), ()]
    assert [size.tensor_shape for size in (image, volume, vector)] == [(1, 3, 4, 5), (1, 3, 4, 5, 6), (1, 3)]
    assert [size.num_elements for size in (image, volume, vector)] == [60, 360, 3]
    assert image.with_channels(7) == image_size((4, 5), 7)
    assert str(vector) == "3(C) × 1(B)"


UNFIT = """
AdditionLayer(2) | 4x4x3 4x4x5
AdditionLayer(2) | 4x4x3 4x5x3
AdditionLayer(2) | 4x4x3 3
AdditionLayer(3) | 4x4x3 1x1x3 4x4x2
BatchNormalizationLayer(num_channels=4) | 4x4x3
ClassificationLayer() | 4x4x3
ClassificationLayer(classes=["a", "b"]) | 1x1x3
ConcatenationLayer(1, 2) | 4x4x3 4x4x4
ConcatenationLayer(3, 2) | 4x4x3 5x4x3
ConcatenationLayer(3, 3) | 4x4x3 4x4x2 4x4x4x2
ConcatenationLayer(4, 2) | 4x4x3 4x4x3
Convolution2dLayer(3, 8) | 2x4x3
Convolution2dLayer(3, 8, padding=(0, 0, 1, 1), dilation_factor=3) | 4x4x3
Convolution2dLayer(3, 8) | 4x4x4x3
Convolution2dLayer(3, 8) | 3
Convolution2dLayer(3, 8, num_channels=4) | 4x4x3
Convolution3dLayer(3, 8) | 4x4x3
Crop2dLayer() | 4x4x3 5x3x1
Crop2dLayer((3, 2)) | 5x5x3 4x4x1
Crop3dLayer() | 4x4x3 4x4x3
DepthConcatenationLayer(2) | 4x4x3 5x4x3
DepthConcatenationLayer(3) | 4x4x3 4x4x2 3
FullyConnectedLayer(5, input_size=10) | 4x4x3
GlobalAveragePooling2dLayer() | 4x4x4x3
GroupedConvolution2dLayer(3, 1, 2) | 4x4x3
GroupedConvolution2dLayer(3, 1, 3, num_channels_per_group=2) | 4x4x3
MaxPooling2dLayer(5, padding=(0, 0, 1, 0)) | 4x4x3
MaxPooling3dLayer(2) | 4x4x3
MaxUnpooling2dLayer() | 4x4x3 4x4x3 4x4x3
MultiplicationLayer(2) | 4x4x3 2x4x3
PixelClassificationLayer() | 3
PixelClassificationLayer(classes=["a", "b"]) | 4x4x3
Resize2dLayer(scale=0.2) | 4x9x3
Resize2dLayer(scale=2) | 3
TransposedConv2dLayer(2, 8, cropping=3) | 2x9x3
TransposedConv2dLayer(2, 8, num_channels=2) | 4x4x3
TransposedConv3dLayer(2, 8) | 4x4x3
ModuleLayer(nn.Conv2d(3, 8, 3), num_outputs=2) | 4x4x3
ModuleLayer(nn.MaxPool2d(2, return_indices=True)) | 4x4x3
ModuleLayer(nn.Flatten(0)) | 4x4x3
"""


def test_messages_about_sizes_that_do_not_fit(golden_errors):
    calls = {}
    for line in UNFIT.strip().splitlines():
        code, sizes = line.split(" | ")
        shapes = [[int(n) for n in size.split("x")] for size in sizes.split()]
        inputs = [image_size(tuple(shape[:-1]), shape[-1]) for shape in shapes]
        layer = eval(code, {**vars(layergraph), "nn": torch.nn})
        calls[line] = lambda layer=layer, inputs=inputs: layer.output_sizes(inputs)
    pooling = layergraph.MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True)
    _, indices, size = pooling.output_sizes([Size((4, 4, 3, 1), "SSCB")])
    calls["unpooling of another map than the pooled one"] = lambda: (
        layergraph.MaxUnpooling2dLayer().output_sizes([image_size((2, 2), 4), indices, size])
    )
    golden_errors("sizes", calls)


def test_the_error_of_a_module_is_quoted():
    """Not in the golden file, because the words are torch's."""
    layer = layergraph.ModuleLayer(torch.nn.Conv2d(4, 8, 3))
    with pytest.raises(
        SizeError, match=r"^the module cannot take 4\(S\) × 4\(S\) × 3\(C\) × 1\(B\): ."
    ) as caught:
        layer.output_sizes([image_size((4, 4), 3)])
    assert caught.value.code == "LG-MODULE"
    several = layergraph.ModuleLayer(torch.nn.LSTM(4, 4))  # returns a tensor and a tuple of tensors
    with pytest.raises(SizeError, match="got a tuple of a tensor, tuple"):
        several.output_sizes([image_size((4,), 3)])
