"""Inference mode with and without dropout, and the modes restored after it."""

import numpy as np
import pytest
import torch
from torch import nn

import layergraph as lg
from layergraph import ArgumentError
from layergraph.network.modes import inference


class UserModule(nn.Module):
    """A user's module with dropout inside."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout2d(0.25))

    def forward(self, x):
        return self.inner(x)


def network():
    layers = [lg.ImageInputLayer((4, 4, 3)), lg.DropoutLayer(0.5), lg.BatchNormalizationLayer()]
    return lg.LayerGraph([*layers, lg.ModuleLayer(UserModule(), name="mine"), lg.ReluLayer()]).compile()


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_inference_restores_the_mode_of_every_module(dropout, fails):
    net = network().train()
    net.layer_module("batchnorm").eval()
    before = [module.training for module in net.modules()]
    try:
        with inference(net, dropout=dropout):
            assert not torch.is_grad_enabled()
            active = {type(module) for module in net.modules() if module.training}
            assert active == ({nn.Dropout, nn.Dropout2d} if dropout else set())
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    assert torch.is_grad_enabled()
    assert [module.training for module in net.modules()] == before


def test_predict_with_dropout_draws_samples_and_changes_nothing_else():
    net = network().train()
    image = np.random.default_rng(0).random((4, 4, 3)).astype(np.float32) + 1
    state = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    torch.manual_seed(0)
    one, two = net.predict(image, dropout=True), net.predict(image, dropout=True)
    torch.manual_seed(0)
    np.testing.assert_array_equal(net.predict(image, dropout=True), one)
    assert (one != two).any()
    np.testing.assert_array_equal(net.predict(image), net.predict(image))
    assert all(torch.equal(tensor, state[key]) for key, tensor in net.state_dict().items())
    mean = np.mean([net.predict(image, dropout=True) for _ in range(3000)], axis=0)
    np.testing.assert_allclose(mean, net.predict(image), atol=0.15)  # dropout scales kept values up


@pytest.mark.parametrize("module", [nn.Conv2d(3, 3, 1), nn.Sequential(nn.Dropout(0))])
def test_a_network_without_dropout_refuses_it_and_stays_unchanged(module):
    with (
        pytest.raises(ArgumentError, match="must be False for a network without dropout layers"),
        inference(module, dropout=True),
    ):
        pass
    assert all(child.training for child in module.modules())
    assert torch.is_grad_enabled()
