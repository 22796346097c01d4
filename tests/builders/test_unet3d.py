"""3-D U-Net: MATLAB's rows, closed forms, sizes, and the same network in plain PyTorch."""

from math import prod

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from layergraph import ArgumentError, BatchNormalizationLayer, Convolution3dLayer, TransposedConv3dLayer
from layergraph.builders import unet3d_layers, unet3d_output_size
from layergraph.graph.size_inference import infer_sizes


def learnables_of(lgraph, name):
    return sum(
        prod(size) for size in lgraph[name].learnables(list(infer_sizes(lgraph).inputs[name])).values()
    )


def learnables(lgraph):
    inputs = infer_sizes(lgraph).inputs
    return sum(prod(size) for n in lgraph for size in lgraph[n].learnables(list(inputs[n])).values())


# (128, 128, 128, 3), 5 classes, depth 2, 16 filters: name, rows, channels, learnables
ROWS = """
ImageInputLayer 128 3 0
Encoder-Stage-1-Conv-1 128 16 1312
Encoder-Stage-1-BN-1 128 16 32
Encoder-Stage-1-ReLU-1 128 16 0
Encoder-Stage-1-Conv-2 128 32 13856
Encoder-Stage-1-BN-2 128 32 64
Encoder-Stage-1-ReLU-2 128 32 0
Encoder-Stage-1-MaxPool 64 32 0
Encoder-Stage-2-Conv-1 64 32 27680
Encoder-Stage-2-BN-1 64 32 64
Encoder-Stage-2-ReLU-1 64 32 0
Encoder-Stage-2-Conv-2 64 64 55360
Encoder-Stage-2-BN-2 64 64 128
Encoder-Stage-2-ReLU-2 64 64 0
Encoder-Stage-2-MaxPool 32 64 0
Bridge-Conv-1 32 64 110656
Bridge-BN-1 32 64 128
Bridge-ReLU-1 32 64 0
Bridge-Conv-2 32 128 221312
Bridge-BN-2 32 128 256
Bridge-ReLU-2 32 128 0
Decoder-Stage-1-UpConv 64 128 131200
Decoder-Stage-1-Concatenation 64 192 0
Decoder-Stage-1-Conv-1 64 64 331840
Decoder-Stage-1-BN-1 64 64 128
Decoder-Stage-1-ReLU-1 64 64 0
Decoder-Stage-1-Conv-2 64 64 110656
Decoder-Stage-1-BN-2 64 64 128
Decoder-Stage-1-ReLU-2 64 64 0
Decoder-Stage-2-UpConv 128 64 32832
Decoder-Stage-2-Concatenation 128 96 0
Decoder-Stage-2-Conv-1 128 32 82976
Decoder-Stage-2-BN-1 128 32 64
Decoder-Stage-2-ReLU-1 128 32 0
Decoder-Stage-2-Conv-2 128 32 27680
Decoder-Stage-2-BN-2 128 32 64
Decoder-Stage-2-ReLU-2 128 32 0
Final-ConvolutionLayer 128 5 165
Softmax-Layer 128 5 0
Segmentation-Layer 128 5 0
"""


def test_matlab_s_example_row_by_row():
    lgraph = unet3d_layers((128, 128, 128, 3), 5, encoder_depth=2, num_first_encoder_filters=16)
    inferred = infer_sizes(lgraph)
    rows = []
    for name in lgraph.order:
        (size,) = inferred.outputs[name]
        assert len(set(size.spatial)) == 1
        rows.append((name, size.spatial[0], size.channels, learnables_of(lgraph, name)))
    expected = [line.split() for line in ROWS.strip().splitlines()]
    assert rows == [(name, *map(int, numbers)) for name, *numbers in expected]
    assert (len(lgraph), len(lgraph.connections), learnables(lgraph)) == (40, 41, 1_148_581)
    assert unet3d_output_size((128, 128, 128, 3), 5, encoder_depth=2) == (128, 128, 128, 5)
    arrays = [size for name in lgraph for size in lgraph[name].learnables(list(inferred.inputs[name]))]
    states = [size for name in lgraph for size in lgraph[name].states(list(inferred.inputs[name]))]
    assert (len(arrays), len(states)) == (46, 20)


def test_the_layers_of_unet3d():
    lgraph = unet3d_layers((16, 16, 16), 2, encoder_depth=2, num_first_encoder_filters=2)
    joined = lgraph["Decoder-Stage-1-Concatenation"]
    assert (joined.type, joined.description) == (
        "Concatenation",
        "Concatenation of 2 inputs along dimension 4",
    )
    ends = lgraph.sources("Decoder-Stage-1-Concatenation")
    assert (ends["in1"].layer, ends["in2"].layer) == ("Decoder-Stage-1-UpConv", "Encoder-Stage-2-ReLU-2")
    ends = lgraph.sources("Decoder-Stage-2-Concatenation")
    assert (ends["in1"].layer, ends["in2"].layer) == ("Decoder-Stage-2-UpConv", "Encoder-Stage-1-ReLU-2")
    for layer in lgraph.layers:
        if isinstance(layer, (Convolution3dLayer, TransposedConv3dLayer)):
            assert layer.weights_initializer == "he"
        if isinstance(layer, TransposedConv3dLayer):
            assert layer.bias_learn_rate_factor == 2
    defaults = unet3d_layers((64, 64, 64), 2)
    assert len(defaults) == 15 * 3 + 10
    assert defaults["Encoder-Stage-1-Conv-1"].num_filters == 32
    assert unet3d_output_size((64, 64, 64), 2) == (64, 64, 64, 2)


# -- sizes -----------------------------------------------------------------------------------------------


def count_rows(n, depth, window, valid):
    """The rows of the output for n rows, stage by stage; ``None`` if the network does not accept n."""
    lost = 2 * (window - 1) if valid else 0
    for _ in range(depth):
        n -= lost
        if n < 2 or n % 2:
            return None
        n //= 2
    n -= lost
    for _ in range(depth):
        if n < 1:
            return None
        n = 2 * n - lost
    return n if n >= 1 else None


def count(channels, classes, depth, first, window):
    """Weights, biases and batch normalizations, counted one by one."""
    total, taps, now, skips = 0, prod(window), channels, []

    def add(inputs, outputs):
        nonlocal total
        total += taps * inputs * outputs + outputs + 2 * outputs
        return outputs

    for stage in range(depth + 1):
        now = add(add(now, first * 2**stage), first * 2 ** (stage + 1))
        skips.append(now)
    skips.pop()
    for skip in reversed(skips):
        total += 8 * now * now + now
        now = add(add(now + skip, skip), skip)
    return total + now * classes + classes


@settings(max_examples=60)
@given(
    depth=st.integers(1, 4),
    channels=st.integers(1, 3),
    classes=st.integers(2, 5),
    first=st.integers(1, 4),
    window=st.tuples(*[st.sampled_from([1, 3, 5])] * 3),
    above=st.tuples(*[st.integers(0, 3)] * 3),
    valid=st.booleans(),
)
def test_the_closed_forms_of_unet3d(depth, channels, classes, first, window, above, valid):
    size = [
        [n for n in range(1, 600) if count_rows(n, depth, w, valid)][more]
        for w, more in zip(window, above, strict=True)
    ]
    options = {
        "encoder_depth": depth,
        "filter_size": window,
        "convolution_padding": "valid" if valid else "same",
    }
    lgraph = unet3d_layers((*size, channels), classes, num_first_encoder_filters=first, **options)
    assert len(lgraph) == 15 * depth + 10 + valid * depth
    assert len(lgraph.connections) == 16 * depth + 9 + valid * 2 * depth
    assert sum(isinstance(layer, BatchNormalizationLayer) for layer in lgraph.layers) == 4 * depth + 2
    inferred = infer_sizes(lgraph)
    assert list(inferred.issues) == []
    expected = tuple(count_rows(n, depth, w, valid) for n, w in zip(size, window, strict=True))
    assert unet3d_output_size((*size, channels), classes, **options) == (*expected, classes)
    assert inferred.outputs["Segmentation-Layer"][0].shape == (*expected, classes, 1)
    assert learnables(lgraph) == count(channels, classes, depth, first, window)


@pytest.mark.parametrize("valid", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_error_names_the_dimension_and_the_nearest_sizes(valid, axis):
    good = [n for n in range(1, 200) if count_rows(n, 2, 3, valid)]
    for n in range(1, 80):
        size = [good[0]] * 3
        size[axis] = n
        padding = "valid" if valid else "same"
        arguments = {"encoder_depth": 2, "convolution_padding": padding}
        if n in good:
            unet3d_layers(size, 2, num_first_encoder_filters=1, **arguments)
            assert unet3d_output_size(size, 2, **arguments)[axis] == count_rows(n, 2, 3, valid)
            continue
        near = [*[g for g in good if g < n][-1:], *[g for g in good if g > n][:1]]
        what = ("height", "width", "depth")[axis]
        with pytest.raises(
            ArgumentError, match=f"an image {what} of {n} .*: {' and '.join(map(str, near))};"
        ):
            unet3d_layers(size, 2, **arguments)


def test_the_paper_s_sizes():
    lgraph = unet3d_layers((132, 132, 116, 3), 3, convolution_padding="valid")
    assert unet3d_output_size((132, 132, 116, 3), 3, convolution_padding="valid") == (44, 44, 28, 3)
    for stage in (1, 2, 3):
        crop = f"Crop3d-{stage}"
        assert lgraph.sources(crop)["in"].layer == f"Encoder-Stage-{4 - stage}-ReLU-2"
        assert lgraph.sources(crop)["ref"].layer == f"Decoder-Stage-{stage}-UpConv"
        assert lgraph.sources(f"Decoder-Stage-{stage}-Concatenation")["in2"].layer == crop
    assert lgraph.order.index("Crop3d-1") == lgraph.order.index("Decoder-Stage-1-UpConv") + 1


# -- in plain PyTorch ------------------------------------------------------------------------------------


def plain(weights, x, depth, margin):
    """3-D U-Net with functions of torch, on the tensors of a state dict."""

    def double(section, x):
        for index in (1, 2):
            name = f"{section}-Conv-{index}"
            x = F.conv3d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=margin)
            name = f"{section}-BN-{index}"
            mean, variance, scale, offset = (
                weights[f"{name}.{what}"][:, None, None, None]
                for what in ("running_mean", "running_var", "weight", "bias")
            )
            x = F.relu((x - mean) / (variance + 1e-5).sqrt() * scale + offset)
        return x

    skips = []
    for stage in range(1, depth + 1):
        skips.append(double(f"Encoder-Stage-{stage}", x))
        x = F.max_pool3d(skips[-1], 2)
    x = double("Bridge", x)
    for stage in range(1, depth + 1):
        name = f"Decoder-Stage-{stage}-UpConv"
        x = F.conv_transpose3d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride=2)
        skip = skips.pop()
        starts = [(skip.shape[d] - x.shape[d]) // 2 for d in (2, 3, 4)]
        part = [slice(start, start + n) for start, n in zip(starts, x.shape[2:], strict=True)]
        x = double(f"Decoder-Stage-{stage}", torch.cat([x, skip[(..., *part)]], 1))
    name = "Final-ConvolutionLayer"
    return F.conv3d(x, weights[f"{name}.weight"], weights[f"{name}.bias"]).softmax(1)


@pytest.mark.parametrize(
    ("size", "depth", "padding"),
    [((8, 12, 4), 2, "same"), ((6, 2, 4), 1, "same"), ((18, 20, 24), 1, "valid"), ((44, 48, 44), 2, "valid")],
)
def test_the_outputs_are_those_of_plain_pytorch(size, depth, padding):
    options = {"encoder_depth": depth, "convolution_padding": padding}
    lgraph = unet3d_layers((*size, 2), 3, num_first_encoder_filters=2, **options)
    net = lgraph.compile().eval()
    for name, tensor in net.state_dict().items():
        if "-BN-" in name and tensor.ndim:  # random, because the initial statistics would hide an error
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    x = torch.rand(2, 2, *size)
    with torch.no_grad():
        output = net(x)
        expected = plain(net.state_dict(), x, depth, 1 if padding == "same" else 0)
    assert output.shape == (2, 3, *unet3d_output_size((*size, 2), 3, **options)[:3])
    torch.testing.assert_close(output, expected, atol=1e-9, rtol=0)


# -- mistakes --------------------------------------------------------------------------------------------

MISTAKES = """
unet3d_layers((32, 32), 2)
unet3d_layers((32, 32, 32, 1, 1), 2)
unet3d_layers((32, 32, 32), 1)
unet3d_layers((32, 32, 32), 2, encoder_depth=31)
unet3d_layers((32, 32, 32), 2, num_first_encoder_filters=0)
unet3d_layers((32, 32, 32), 2, filter_size=(3, 3))
unet3d_layers((32, 32, 32), 2, filter_size=(3, 3, 2))
unet3d_layers((32, 32, 32), 2, convolution_padding="full")
unet3d_layers((32, 32, 30), 2)
unet3d_layers((88, 89, 90), 2, convolution_padding="valid")
unet3d_layers((64, 64, 64), 2, convolution_padding="valid")
"""


def test_the_texts_of_mistakes(golden_errors):
    calls = {line: lambda line=line: eval(line) for line in MISTAKES.strip().splitlines()}
    golden_errors("unet3d", calls)
    for call in calls.values():
        with pytest.raises(ArgumentError):
            call()
