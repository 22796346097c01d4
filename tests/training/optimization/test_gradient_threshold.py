"""Gradient thresholds against NumPy, and in a training."""

import numpy as np
import pytest
import torch

from layergraph.training.optimization.gradient_threshold import limit_gradients

L2 = 0.5


def limited(weights, gradients, threshold, method, l2):
    """The gradients by the formulas, in float64."""
    found = [g + l2 * w for w, g in zip(weights, gradients, strict=True)]
    if method == "absolute-value":
        return [np.sign(g) * np.minimum(abs(g), threshold) for g in found]
    if method == "global-l2norm":
        norm = np.sqrt(sum((g**2).sum() for g in found))
        return [g * threshold / norm if norm > threshold else g for g in found]
    return [g * threshold / np.sqrt((g**2).sum()) if (g**2).sum() > threshold**2 else g for g in found]


@pytest.mark.parametrize("method", ["l2norm", "global-l2norm", "absolute-value"])
@pytest.mark.parametrize("threshold", [0.1, 2.0, 1e6])
def test_limits_equal_their_formulas(method, threshold):
    random = np.random.default_rng(0)
    weights = [random.normal(0, 1, shape) for shape in ((3, 2), (4,), (2,))]
    gradients = [random.normal(0, scale, w.shape) for w, scale in zip(weights, (1, 0.01, 0), strict=True)]
    weights[2][:] = 0
    parameters = [torch.nn.Parameter(torch.from_numpy(w)) for w in weights]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = torch.from_numpy(gradient.copy())
    groups = [
        {"params": parameters[:1], "l2_regularization": L2},
        {"params": [*parameters[1:], torch.nn.Parameter(torch.zeros(1))], "l2_regularization": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=1)
    limit_gradients(optimizer, threshold, method)
    expected = limited(weights[:1], gradients[:1], threshold, method, L2)
    if method == "global-l2norm":
        scaled = [gradients[0] + L2 * weights[0], *gradients[1:]]
        expected = limited(scaled, scaled, threshold, method, 0)
    else:
        expected += limited(weights[1:], gradients[1:], threshold, method, 0)
    for parameter, gradient in zip(parameters, expected, strict=True):
        np.testing.assert_allclose(parameter.grad.numpy(), gradient, rtol=1e-12)
    assert np.isfinite(parameters[2].grad.numpy()).all()


@pytest.mark.parametrize("method", ["l2norm", "global-l2norm", "absolute-value"])
def test_a_training_steps_by_limited_gradients(tiny, pairs, train, double_precision, method):
    data = [(image.astype(np.float64), target) for image, target in pairs(4)]
    net = tiny().compile()
    images = torch.stack([torch.from_numpy(image).movedim(-1, 0) for image, _ in data])
    targets = torch.stack([torch.from_numpy(target) for _, target in data])
    before = dict(net.named_parameters())
    gradients = torch.autograd.grad(net.loss(images, targets), [*before.values()])
    trained, _ = train(
        data,
        net,
        initial_learn_rate=0.5,
        l2_regularization=0,
        gradient_threshold=0.01,
        gradient_threshold_method=method,
    )
    steps = limited([g.numpy() for g in gradients], [g.numpy() for g in gradients], 0.01, method, 0)
    for (key, weight), step in zip(before.items(), steps, strict=True):
        found = trained.state_dict()[key] - weight.detach()
        np.testing.assert_allclose(found.numpy(), -0.5 * step, rtol=1e-9, atol=1e-15)


def test_a_large_threshold_changes_nothing_but_rounding(tiny, pairs, train):
    net = tiny().compile()
    settings = {"max_epochs": 3, "l2_regularization": 0.1}
    plain, _ = train(pairs(), net, **settings)
    limited_net, _ = train(pairs(), net, gradient_threshold=1e9, **settings)
    for key, weight in plain.state_dict().items():
        torch.testing.assert_close(limited_net.state_dict()[key], weight)
