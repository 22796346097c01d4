"""Networks: inputs, outputs, prediction, activations and logits."""

import os

import numpy as np
import pytest
import torch
from network_examples import odd_network, two_by_two

from layergraph import (
    ClassificationLayer,
    Convolution2dLayer,
    DataError,
    FullyConnectedLayer,
    Image3dInputLayer,
    ImageInputLayer,
    LayerGraph,
    LayergraphError,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    SoftmaxLayer,
)


def test_several_inputs_and_outputs_are_in_the_order_of_their_names():
    net = two_by_two().compile()
    assert (net.input_names, net.output_names) == (("first", "second"), ("mean", "sum"))
    one, two = torch.rand(3, 1, 4, 5), torch.rand(3, 2, 4, 5)
    mean, total = net(one, two)
    joined = torch.cat([two, one], 1)
    torch.testing.assert_close(mean, joined.mean((2, 3), keepdim=True))
    torch.testing.assert_close(total, joined.sum(1, keepdim=True))
    assert isinstance(net(one, two), tuple)
    assert torch.equal(net.activations([one, two], "cat"), joined)
    images = [t.permute(0, 2, 3, 1).numpy() for t in (one, two)]
    predicted = net.predict(*images)
    np.testing.assert_allclose(predicted[1][..., 0], total[:, 0].detach(), rtol=1e-6)
    single = net.predict(*[image[0] for image in images])
    assert [result.shape for result in single] == [(1, 1, 3), (4, 5, 1)]


@pytest.fixture
def net():
    net = odd_network().compile()
    net.train()
    net.bn.eval()  # its own mode, which must be restored
    return net


def snapshot(net):
    modes = {name: module.training for name, module in net.named_modules()}
    state = {key: value.clone() for key, value in net.state_dict().items()}
    return modes, state, torch.get_rng_state()


def equal_snapshots(first, second):
    return (
        first[0] == second[0]
        and all(torch.equal(first[1][key], second[1][key]) for key in second[1])
        and torch.equal(first[2], second[2])
    )


@pytest.mark.parametrize("use", ["predict", "activations", "images", "failing"])
def test_using_a_network_does_not_change_it(net, use):
    net.bn.train()
    net.relu.eval()
    x = torch.rand(2, 2, 11, 13)
    before = snapshot(net)
    if use == "predict":
        net.predict(np.random.default_rng(0).integers(0, 255, (2, 11, 13, 2)).astype(np.uint8))
    elif use == "activations":
        result = net.activations(x, "conv")
        assert not result.requires_grad
    elif use == "images":
        net.activations(np.ones((11, 13, 2)), ["conv", "pool/indices"])
    else:
        with pytest.raises(DataError, match=r"^images of 11×0 have no pixels$"):
            net.activations(x[:, :, :, :1].expand(2, 2, 11, 0), "softmax")
    assert equal_snapshots(before, snapshot(net))
    assert torch.is_grad_enabled()


def test_predict_takes_images_and_batches_of_any_numeric_dtype(net):
    net.eval()
    image = np.random.default_rng(0).integers(0, 255, (11, 13, 2)).astype(np.uint8)
    wanted = net(torch.from_numpy(image).permute(2, 0, 1)[None].float())[0].permute(1, 2, 0).detach().numpy()
    forms = [
        image,
        image.astype(np.float64),
        image.astype(np.int32),
        np.asfortranarray(image),
        image[::1, ::1],
    ]
    for form in forms:
        result = net.predict(form)
        assert result.dtype == np.float32
        assert result.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(result, wanted)
    batch = net.predict(np.stack([image, image[::-1]]))
    assert batch.shape == (2, 11, 13, 3)
    np.testing.assert_allclose(batch[0], wanted, atol=1e-6)
    flipped = net.predict(image[::-1, :, :])  # negative strides
    np.testing.assert_allclose(batch[1], flipped, atol=1e-6)
    larger = net.predict(np.zeros((17, 9, 2)))
    assert larger.shape == (17, 9, 3)
    np.testing.assert_allclose(larger.sum(-1), 1, rtol=1e-5)


def test_predict_takes_gray_images_without_a_channel_axis():
    net = LayerGraph([ImageInputLayer((4, 5), normalization="none"), ReluLayer()]).compile()
    gray = np.arange(20, dtype=np.uint16).reshape(4, 5)
    np.testing.assert_array_equal(net.predict(gray), gray[..., None].astype(np.float32))
    np.testing.assert_array_equal(net.predict(gray[None, ..., None])[0], net.predict(gray))


def test_predict_takes_volumes():
    net = LayerGraph([Image3dInputLayer((4, 5, 3, 2), normalization="none"), ReluLayer()]).compile()
    volume = np.random.default_rng(0).random((4, 5, 3, 2)).astype(np.float32)
    np.testing.assert_array_equal(net.predict(volume), volume)
    np.testing.assert_array_equal(net.predict(volume[None])[0], volume)


def test_predict_follows_the_dtype_of_the_network(net):
    image = np.random.default_rng(0).random((11, 13, 2))
    exact = net.double().predict(image)
    assert exact.dtype == np.float64
    np.testing.assert_allclose(net.float().predict(image), exact, atol=1e-5)
    assert net.predict(image).dtype == net.bfloat16().predict(image).dtype == np.float32


def test_predict_of_a_classifier_gives_one_row_of_scores_per_image():
    layers = [ImageInputLayer((4, 5)), FullyConnectedLayer(7), SoftmaxLayer()]
    net = LayerGraph([*layers, ClassificationLayer()]).compile()
    assert net.predict(np.zeros((4, 5))).shape == (7,)
    assert net.predict(np.zeros((2, 4, 5, 1))).shape == (2, 7)


def test_activations_of_ports_input_layers_and_output_layers(net):
    net.eval()
    x = torch.rand(2, 2, 11, 13)
    pooled, indices, size = net.activations(x, ["pool", "pool/indices", "pool/size"])
    assert (pooled.shape, indices.dtype, tuple(size)) == ((2, 4, 5, 6), torch.int64, (11, 13))
    torch.testing.assert_close(net.activations(x, "in"), (x - torch.tensor([1.0, 2]).view(2, 1, 1)) / 3)
    assert torch.equal(net.activations(x, "pixels"), net(x))
    assert net.activations(x, ["conv"])[0].shape == (2, 4, 11, 13)
    images = x.permute(0, 2, 3, 1).numpy()
    features, indices = net.activations(images, ["conv", "pool/indices"])
    np.testing.assert_allclose(features, net.activations(x, "conv").permute(0, 2, 3, 1), atol=1e-6)
    assert indices.dtype == np.int64
    assert net.activations(images[0], "conv").shape == (11, 13, 4)


def test_logits_are_the_input_of_the_softmax(net):
    x = torch.rand(2, 2, 11, 13)
    torch.testing.assert_close(net.eval().logits(x).softmax(dim=1), net(x))
    for mode in (True, False):  # with its dropout, batch statistics and gradients
        net.train(mode).zero_grad()
        torch.manual_seed(1)
        logits = net.logits(x)
        torch.manual_seed(1)
        target = torch.zeros(2, 11, 13, dtype=torch.long)
        torch.testing.assert_close(net.loss_and_scores(x, target)[1][0], logits)
        logits.sum().backward()
        assert net.layer_module("conv").weight.grad is not None


def test_logits_of_outputs_without_a_softmax_and_of_several_outputs():
    lgraph = LayerGraph([ImageInputLayer((4, 5)), Convolution2dLayer(1, 2, name="conv"), RegressionLayer()])
    x = torch.ones(1, 1, 4, 5)
    net = lgraph.compile()
    assert torch.equal(net.logits(x), net(x))
    lgraph = lgraph.add_layers([SoftmaxLayer(), PixelClassificationLayer(name="pixels")])
    net = lgraph.connect_layers("conv", "softmax").compile()
    logits = net.logits(x)
    assert len(logits) == 2
    torch.testing.assert_close(logits[0], logits[1])
    torch.testing.assert_close(logits[0], net.activations(x, "conv"))
    bare = LayerGraph([ImageInputLayer((4, 5)), ReluLayer()]).compile()
    with pytest.raises(LayergraphError, match="no output layer"):
        bare.logits(x)
    with pytest.raises(DataError, match="takes 1 input"):
        net.logits(x, x)


def test_input_sizes_are_in_the_order_of_the_inputs():
    net = two_by_two().compile()
    sizes = dict(zip(net.input_names, net.input_sizes, strict=True))
    assert all(len(size) == 3 for size in sizes.values())
    tensors, single = net.to_tensors(*(np.zeros(size) for size in net.input_sizes))
    assert single
    assert [(*tensor.shape[2:], tensor.shape[1]) for tensor in tensors] == list(net.input_sizes)


def test_messages_about_inputs_that_a_network_cannot_take(net, golden_errors):
    gray = LayerGraph([ImageInputLayer((4, 5), name="gray"), ReluLayer()]).compile()
    volumes = LayerGraph([Image3dInputLayer((4, 5, 3, 2), name="scan"), ReluLayer()]).compile()
    both = two_by_two().compile()
    one, two = np.zeros((4, 5, 1)), np.zeros((4, 5, 2))
    golden_errors(
        "network",
        {
            "a list": lambda: net.predict([[1, 2]]),
            "a tensor": lambda: gray.predict("image.png"),
            "a gray image for two channels": lambda: net.predict(np.zeros((11, 13))),
            "three channels for two": lambda: net.predict(np.zeros((11, 13, 3), np.uint8)),
            "channels first": lambda: net.predict(np.zeros((1, 2, 11, 13))),
            "text": lambda: net.predict(np.full((11, 13, 2), "x")),
            "objects": lambda: net.predict(np.full((11, 13, 2), None)),
            "complex numbers": lambda: net.predict(np.zeros((11, 13, 2), complex)),
            "five axes": lambda: net.predict(np.zeros((1, 1, 11, 13, 2))),
            "a batch of gray images without channels": lambda: gray.predict(np.zeros((3, 4, 5))),
            "an image for a volume": lambda: volumes.predict(np.zeros((4, 5, 2))),
            "one image for two inputs": lambda: both.predict(one),
            "three images for two inputs": lambda: both.predict(one, two, two),
            "an image and a batch": lambda: both.predict(one, two[None]),
            "one tensor for two inputs": lambda: both(torch.zeros(1, 1, 4, 5)),
            "activations of one of two inputs": lambda: both.activations(torch.zeros(1, 1, 4, 5), "sum"),
            "activations of an unknown layer": lambda: net.activations(torch.zeros(1, 2, 11, 13), "pol"),
            "activations of an unknown port": lambda: net.activations(
                torch.zeros(1, 2, 11, 13), "pool/index"
            ),
            "an empty graph": lambda: LayerGraph().compile(),
        },
    )
    with pytest.raises(DataError):
        net.predict(np.zeros((11, 13)))


def test_classes_are_those_of_the_output_layer():
    lgraph = odd_network()
    assert lgraph.compile().classes is None
    layer = PixelClassificationLayer(classes=["a", "b", "c"], name="pixels")
    assert lgraph.replace_layer("pixels", layer).compile().classes == ("a", "b", "c")
    assert lgraph.remove_layers("pixels").compile().classes is None


@pytest.mark.skipif(os.environ.get("CUDA_VISIBLE_DEVICES") == "", reason="devices hidden")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_network_runs_on_a_cuda_device():
    net = odd_network().compile().eval()
    image = np.random.default_rng(0).random((11, 13, 2))
    wanted = net.predict(image)
    np.testing.assert_allclose(net.cuda().predict(image), wanted, atol=1e-4)
    assert net.layer_graph()["conv"].weights["weight"].device.type == "cpu"
