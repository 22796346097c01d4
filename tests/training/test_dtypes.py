"""Training of networks in other dtypes than float32."""

import numpy as np
import torch

from layergraph import Convolution2dLayer, ImageInputLayer, LayerGraph, RegressionLayer
from layergraph.training import TrainingOptions, train_network


def test_a_float64_network_is_trained_in_float64():
    """The images and responses are 1 in float32."""
    layers = [ImageInputLayer((2, 2, 1), normalization="none"), Convolution2dLayer(1, 1, name="conv")]
    start = LayerGraph([*layers, RegressionLayer()]).compile().double()
    image, response = (1 + 1e-10 * np.arange(n, n + 4.0).reshape(2, 2, 1) for n in (0, 7))
    options = TrainingOptions("sgdm", max_epochs=1, mini_batch_size=2, initial_learn_rate=0.25, verbose=False)
    net, info = train_network([(image, response)] * 2, start, options)
    weight, bias = start.conv.weight.item(), start.conv.bias.item()
    error = weight * image + bias - response
    assert np.isclose(info.training_loss[0], 0.5 * (error**2).sum(), rtol=1e-14)
    assert net.conv.weight.dtype == torch.float64
    wanted = bias - 0.25 * error.sum()
    assert np.isclose(net.conv.bias.item(), wanted, rtol=1e-13)
    assert net.layer_graph()["conv"].weights["bias"].dtype == torch.float64
