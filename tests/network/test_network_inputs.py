"""The inputs of a network: channels, ranks, dtypes and memory layouts of tensors and images."""

import warnings

import numpy as np
import pytest
import torch
from torch.export import Dim

from layergraph import (
    Convolution2dLayer,
    DataError,
    Image3dInputLayer,
    ImageInputLayer,
    LayerGraph,
    ReluLayer,
    SoftmaxLayer,
)
from layergraph.builders import deeplabv3plus_layers, segnet_layers, unet_layers

NORMALIZATIONS = ["zerocenter", "zscore", "rescale-symmetric", "rescale-zero-one", "none"]


def network(normalization="zerocenter", channels=3):
    statistics = {"mean": 3.5, "standard_deviation": 2, "min": -1, "max": 300}
    images = ImageInputLayer((4, 5, channels), normalization=normalization, name="images", **statistics)
    return LayerGraph([images, Convolution2dLayer(1, 2, name="conv"), SoftmaxLayer()]).compile().eval()


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize(
    "shape", [(1, 1, 4, 5), (2, 4, 4, 5), (3, 4, 5), (4, 5), (1, 4, 5, 3), (1, 3, 4, 5, 1)]
)
def test_other_channels_or_axes_are_refused(normalization, shape):
    """One channel would broadcast to three; three axes would be one image without the batch."""
    net, x = network(normalization), torch.rand(shape)
    for use in (net, lambda x: net.activations(x, "conv"), net.predict):
        with pytest.raises(DataError, match=r"input 'images' must be a tensor \(batch, 3, height, width\)"):
            use(x)


def test_channels_of_volumes_are_checked():
    net = LayerGraph([Image3dInputLayer((4, 5, 6, 2), name="scan"), ReluLayer()]).compile()
    assert net(torch.rand(1, 2, 4, 5, 6)).shape == (1, 2, 4, 5, 6)
    with pytest.raises(DataError, match=r"input 'scan' must be a tensor \(batch, 2, height, width, depth\)"):
        net(torch.rand(1, 1, 4, 5, 6))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("normalization", ["zerocenter", "none"])
def test_the_tools_of_torch_accept_the_check(normalization):
    net, x = network(normalization), torch.rand(2, 3, 4, 5)
    dims = {0: Dim("batch", max=64), 2: Dim("height", max=64), 3: Dim("width", max=64)}
    exported = torch.export.export(net, (x,), dynamic_shapes=(dims,))
    torch._dynamo.reset()
    compiled = torch.compile(net, fullgraph=True, backend="eager", dynamic=True)
    for shape in ((2, 3, 4, 5), (1, 3, 9, 2), (5, 3, 1, 1)):
        x = torch.rand(shape)
        for other in (exported.module(), compiled, net.to_fx()):
            assert torch.equal(other(x), net(x))
    with pytest.raises(Exception, match=r"input 'images' must be a tensor"):
        compiled(torch.rand(2, 1, 4, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error", torch.jit.TracerWarning)
        assert torch.equal(torch.jit.trace(net, (x,))(x), net(x))
    if pytest.importorskip("onnxscript"):
        program = torch.onnx.export(net, (x,), dynamo=True, dynamic_shapes=(dims,), verbose=False)
        sizes = [
            d.dim_param or d.dim_value for d in program.model_proto.graph.input[0].type.tensor_type.shape.dim
        ]
        assert sizes[1] == 3
        assert all(isinstance(size, str) for size in (sizes[0], *sizes[2:]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64, np.float16, np.float64, bool])
@pytest.mark.parametrize("form", ["plain", "big-endian", "readonly", "reversed", "transposed", "strided"])
def test_images_of_any_layout_give_the_scores_of_their_values(dtype, form):
    net = network().double()
    values = np.random.default_rng(0).integers(0, 2 if dtype is bool else 127, (4, 5, 3)).astype(dtype)
    image = {
        "plain": lambda: values,
        "big-endian": lambda: values.astype(np.dtype(dtype).newbyteorder(">")),
        "readonly": lambda: values,
        "reversed": lambda: values[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1],
        "transposed": lambda: np.asfortranarray(values),
        "strided": lambda: np.repeat(values, 2, axis=1)[:, ::2],
    }[form]()
    image.flags.writeable = form != "readonly"
    kernel = net.layer_module("conv").weight.detach().numpy()[:, :, 0, 0]
    logits = (values.astype(float) - 3.5) @ kernel.T + net.layer_module("conv").bias.detach().numpy()
    wanted = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(net.predict(image), wanted, rtol=1e-12)
    np.testing.assert_allclose(net.predict(image[None])[0], wanted, rtol=1e-12)
    np.testing.assert_allclose(net.activations(image, "softmax"), wanted, rtol=1e-12)
    if form == "plain" and dtype not in (np.uint16,):
        tensor = torch.from_numpy(values).permute(2, 0, 1)[None]
        np.testing.assert_allclose(net.predict(tensor)[0], wanted, rtol=1e-12)
        scores = net.activations(tensor, "softmax")[0].permute(1, 2, 0)
        np.testing.assert_allclose(scores, wanted, rtol=1e-12)


@pytest.mark.parametrize("x", [torch.zeros(1, 3, 4, 5) + 0j, torch.zeros(1, 3, 4, 5).to_sparse()])
def test_complex_and_sparse_tensors_are_refused(x):
    net = network()
    for use in (net.predict, lambda x: net.activations(x, "conv")):
        with pytest.raises(DataError, match="input 'images' must be a dense tensor of real numbers"):
            use(x)


@pytest.mark.parametrize(
    "make",
    [
        lambda: segnet_layers((8, 8, 3), 2, 1, num_output_channels=4),
        lambda: unet_layers((16, 16, 3), 2, encoder_depth=1, num_first_encoder_filters=4),
        lambda: deeplabv3plus_layers((64, 64, 3), 2, "resnet18"),
    ],
    ids=["segnet", "unet", "deeplab"],
)
def test_an_empty_batch_gives_an_empty_batch(make):
    net = make().compile().eval()
    size = net.input_sizes[0]
    assert net.predict(np.zeros((0, *size))).shape == (0, *size[:2], 2)
    x = torch.zeros(0, size[2], *size[:2])
    assert net.activations(x, net.output_names[0]).shape == (0, 2, *size[:2])
    assert net.loss(x, torch.zeros(0, *size[:2])) == 0


def test_integers_become_floating_point_in_a_network_without_weights():
    net = LayerGraph([ImageInputLayer((4, 5, 1), normalization="none", name="images"), ReluLayer()]).compile()
    image = np.arange(20.0).reshape(4, 5)
    assert net.predict(image).dtype == np.float64
    assert net.predict(image.astype(np.int32)).dtype == np.float32
    tensor = torch.arange(20).reshape(1, 1, 4, 5)
    assert torch.equal(net.activations(tensor, "relu"), tensor.float())
