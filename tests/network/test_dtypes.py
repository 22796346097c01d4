"""The dtype of a network."""

import numpy as np
import pytest
import torch
from network_examples import small_classifier, trained_classifier
from torch import nn

from layergraph import (
    Convolution2dLayer,
    InvalidNetworkError,
    ModuleLayer,
    load,
)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_networks_keep_the_dtype_of_their_weights(dtype, tmp_path):
    net = trained_classifier(dtype)
    lgraph = net.layer_graph()
    lgraph.save(tmp_path / "net.safetensors")
    x = torch.rand(2, 2, 6, 7).to(dtype)
    for graph in (lgraph, load(tmp_path / "net.safetensors")):
        again = graph.compile()
        tensors = net.state_dict()
        assert again.state_dict().keys() == tensors.keys()
        for key, tensor in again.state_dict().items():
            assert tensor.dtype == tensors[key].dtype
            assert torch.equal(tensor, tensors[key])
        assert torch.equal(again(x), net(x))
        assert again.loss(x, torch.zeros(2, 6, 7)) == net.loss(x, torch.zeros(2, 6, 7))
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        assert again.layer_module("labels").weight.dtype == wide


def test_a_float64_network_has_no_rounded_statistics_or_class_weights():
    net = trained_classifier()
    assert net.layer_module("images").mean.view(-1).tolist() == [0.1, 1 / 3]
    assert net.layer_module("labels").weight.tolist() == [0.1, 1 / 3, 3]
    image = np.random.default_rng(0).random((6, 7, 2)) * 1e-6 + 1  # float32 cannot represent these values
    scores = net.predict(image)
    assert scores.dtype == np.float64
    x = torch.from_numpy(image).permute(2, 0, 1)[None]
    np.testing.assert_allclose(scores, net(x)[0].permute(1, 2, 0).detach(), rtol=1e-12)
    conv = net.layer_graph()["conv"].weights
    normalized = (x - torch.tensor([0.1, 1 / 3], dtype=torch.float64).view(1, 2, 1, 1)).numpy()
    padded = np.pad(normalized, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    y = np.einsum("bchwij,ocij->bohw", windows, conv["weight"].numpy())
    y = y + conv["bias"].numpy()[:, None, None]
    np.testing.assert_allclose(net.activations(x, "conv").numpy(), y, rtol=1e-12)
    # statistics of the training data are cast, not replaced by the arguments of the layer
    net.layer_module("images").mean.fill_(0.7)
    assert net.float().double().layer_module("images").mean.view(-1).tolist() == [np.float32(0.7)] * 2


def test_layers_without_weights_get_the_dtype_of_the_others():
    lgraph = trained_classifier().layer_graph()
    lgraph = lgraph.replace_layer("scores", Convolution2dLayer(1, 3, name="scores"))
    lgraph = lgraph.replace_layer("drop", ModuleLayer(nn.Conv2d(4, 4, 1), name="module"))
    net = lgraph.compile()
    assert {tensor.dtype for tensor in net.state_dict().values() if tensor.is_floating_point()} == {
        torch.float64
    }
    assert net(torch.rand(1, 2, 6, 7).double()).dtype == torch.float64


def test_mixed_dtypes_are_reported_per_layer():
    lgraph, other = trained_classifier().layer_graph(), trained_classifier(torch.float32).layer_graph()
    mixed = lgraph.with_weights({"scores": other["scores"].weights})
    with pytest.raises(InvalidNetworkError, match="float32, those of most other layers float64") as caught:
        mixed.compile()
    assert [(issue.code, issue.layer) for issue in caught.value.issues] == [("LG-WEIGHTS", "scores")]
    tensors = dict(lgraph["conv"].weights)
    halves = type(lgraph["conv"].weights)({**tensors, "bias": tensors["bias"].float()})
    with pytest.raises(InvalidNetworkError, match="its weights are float32 and float64"):
        lgraph.with_weights({"conv": halves}).compile()


def test_batch_normalization_may_stay_in_float32():
    """As in mixed precision, where torch normalizes 16-bit values with 32-bit statistics."""
    net = trained_classifier(torch.bfloat16)
    net.layer_module("norm").float()
    again = net.layer_graph().compile()
    assert again.layer_module("norm").weight.dtype == torch.float32
    assert again.layer_module("conv").weight.dtype == torch.bfloat16
    x = torch.rand(2, 2, 6, 7).bfloat16()
    assert torch.equal(again(x), net(x))


def test_a_parameter_that_a_module_has_twice_stays_shared():
    conv = nn.Conv2d(4, 4, 1)
    net = small_classifier(last=[ModuleLayer(nn.Sequential(conv, conv), name="module")]).compile().double()
    again = net.layer_graph().compile()
    assert again.layer_module("module")[0].weight is again.layer_module("module")[1].weight
    assert again.layer_module("module")[0].weight.dtype == torch.float64
