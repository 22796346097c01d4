"""Each solver against its update rule in NumPy, and the factors of layers."""

import copy

import numpy as np
import pytest
import torch

from layergraph import ArgumentError, Convolution2dLayer, LayerGraph, ModuleLayer

RATE, L2 = 0.05, 0.01


def by_hand(solver, lgraph, data, steps=3, drop=1.0):
    """The weights after full-batch steps, by the formulas of the MATLAB documentation.

    The rate drops by the factor ``drop`` before each step but the first.
    """
    net = lgraph.compile()
    images = torch.stack([torch.from_numpy(image).movedim(-1, 0) for image, _ in data])
    target = torch.stack([torch.from_numpy(target) for _, target in data])
    factors = {f"{name}.{key}": pair for name in lgraph for key, pair in lgraph[name].factors().items()}
    weights = dict(net.named_parameters())
    first = {key: torch.zeros_like(weight) for key, weight in weights.items()}
    second = copy.deepcopy(first)
    for step in range(1, steps + 1):
        gradients = torch.autograd.grad(net.loss(images, target), [*weights.values()])
        for (key, weight), gradient in zip(weights.items(), gradients, strict=True):
            rate, decay = factors[key]
            g, rate = gradient + L2 * decay * weight.detach(), RATE * drop ** (step - 1) * rate
            if solver == "sgdm":
                first[key] = 0.9 * first[key] - rate * g
                change = first[key]
            elif solver == "adam":
                first[key] = 0.9 * first[key] + 0.1 * g
                second[key] = 0.999 * second[key] + 0.001 * g**2
                mean, square = first[key] / (1 - 0.9**step), second[key] / (1 - 0.999**step)
                change = -rate * mean / (square.sqrt() + 1e-8)
            else:
                second[key] = 0.9 * second[key] + 0.1 * g**2
                change = -rate * g / (second[key].sqrt() + 1e-8)
            with torch.no_grad():
                weight += change
    return {key: weight.detach() for key, weight in weights.items()}


def weighted(lgraph):
    """The graph with initial weights; biases are not zero, so that each term of a rule matters."""
    torch.manual_seed(1)
    net = lgraph.compile()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1)
    return net.layer_graph()


@pytest.mark.parametrize("solver", ["sgdm", "adam", "rmsprop"])
@pytest.mark.parametrize(
    "factors",
    [
        {},
        {"weight_learn_rate_factor": 2, "bias_l2_factor": 3},
        {"bias_learn_rate_factor": 0, "weight_l2_factor": 0},
    ],
    ids=["plain", "more", "none"],
)
def test_solver_equals_its_formula(tiny, pairs, train, solver, factors, double_precision):
    """In float64: RMSProp takes a full step for a gradient of pure rounding errors."""
    lgraph = weighted(tiny(**factors))
    data = [(image.astype(np.float64), target) for image, target in pairs(4)]
    net, _ = train(
        data, lgraph, solver, initial_learn_rate=RATE, l2_regularization=L2, max_epochs=3, shuffle="never"
    )
    for key, expected in by_hand(solver, lgraph, data).items():
        assert expected.dtype == torch.float64
        torch.testing.assert_close(net.state_dict()[key], expected, atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("solver", ["sgdm", "adam", "rmsprop"])
@pytest.mark.parametrize("drop", [0.1, 0])
def test_solver_equals_its_formula_after_drops_of_the_rate(
    tiny, pairs, train, solver, drop, double_precision
):
    """Momentum keeps the rate of its step: after a drop to 0, weights still move by the decayed velocity."""
    lgraph = weighted(tiny(weight_learn_rate_factor=2))
    data = [(image.astype(np.float64), target) for image, target in pairs(4)]
    net, _ = train(
        data,
        lgraph,
        solver,
        initial_learn_rate=RATE,
        l2_regularization=L2,
        max_epochs=4,
        shuffle="never",
        learn_rate_schedule="piecewise",
        learn_rate_drop_period=1,
        learn_rate_drop_factor=drop,
    )
    for key, expected in by_hand(solver, lgraph, data, steps=4, drop=drop).items():
        torch.testing.assert_close(net.state_dict()[key], expected, atol=1e-12, rtol=1e-9)


def test_a_learn_rate_factor_of_0_freezes_and_lets_gradients_through(tiny, pairs, train):
    frozen = tiny(weight_learn_rate_factor=0, bias_learn_rate_factor=0)
    before = frozen.add_layers([]).compile()  # also: the graph itself stays unchanged
    lgraph = before.layer_graph()
    net, _ = train(pairs(), lgraph, max_epochs=3)
    assert net.state_dict()["conv1.weight"].equal(before.state_dict()["conv1.weight"])
    assert not net.state_dict()["conv2.weight"].equal(before.state_dict()["conv2.weight"])
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_layer_upstream_of_a_frozen_one_learns(tiny, pairs, train):
    lgraph = tiny()
    last = lgraph["conv2"]
    frozen = type(last)(1, 2, name="conv2", weight_learn_rate_factor=0, bias_learn_rate_factor=0)
    before = lgraph.replace_layer("conv2", frozen).compile()
    net, _ = train(pairs(), before)
    assert net.state_dict()["conv2.weight"].equal(before.state_dict()["conv2.weight"])
    assert not net.state_dict()["conv1.weight"].equal(before.state_dict()["conv1.weight"])


def test_a_learn_rate_factor_of_2_doubles_the_first_step(tiny, pairs, train):
    steps = []
    for factor in (1, 2):
        before = weighted(tiny(weight_learn_rate_factor=factor))
        net, _ = train(pairs(4), before, l2_regularization=0)
        steps.append(net.state_dict()["conv1.weight"] - before["conv1"].weights["weight"])
    torch.testing.assert_close(steps[1], 2 * steps[0])


def test_a_torch_module_learns_with_factor_1_and_respects_requires_grad(tiny, pairs, train):
    module = torch.nn.Conv2d(1, 4, 3, padding=1)
    module.bias.requires_grad_(False)
    before = copy.deepcopy(module.state_dict())
    lgraph = tiny().replace_layer("conv1", ModuleLayer(module, name="conv1"))
    net, _ = train(pairs(), lgraph)
    assert not net.state_dict()["conv1.weight"].equal(before["weight"])
    assert net.state_dict()["conv1.bias"].equal(before["bias"])
    assert module.weight.equal(before["weight"])


@pytest.mark.parametrize("solver", ["sgdm", "adam", "rmsprop"])
def test_a_torch_module_in_two_layers_learns_as_one(tiny, pairs, train, solver):
    """As in a module that calls it twice."""

    class Twice(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(self.inner(x))

    module = torch.nn.Sequential(
        torch.nn.Conv2d(4, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(True)
    )
    lgraph, before = tiny(), copy.deepcopy(module.state_dict())
    shared = [ModuleLayer(module, name="relu"), ModuleLayer(module, name="again")]
    nets = []
    for layers in (shared, [ModuleLayer(Twice(module), name="relu")]):
        torch.manual_seed(0)
        net = lgraph.replace_layer("relu", layers).compile()
        nets.append(train(pairs(), net, solver=solver, l2_regularization=0.01)[0])
    parameters, wanted = (list(net.state_dict(keep_vars=True).values()) for net in nets)
    parameters = list({id(tensor): tensor for tensor in parameters}.values())
    assert len(parameters) == len(wanted)
    assert all(torch.equal(one, other) for one, other in zip(parameters, wanted, strict=True))
    assert all(torch.equal(before[key], tensor) for key, tensor in module.state_dict().items())


def test_nothing_to_learn(tiny, pairs, refusal):
    lgraph = tiny()
    bare = LayerGraph([lgraph["image"], torch_free(), lgraph["softmax"], lgraph["labels"]])
    assert refusal(pairs(), bare) == (
        "train_network: the network must have weights with a learn-rate factor above 0, got none"
    )


def torch_free():
    from layergraph import Convolution2dLayer

    return Convolution2dLayer(1, 2, weight_learn_rate_factor=0, bias_learn_rate_factor=0)


def test_a_factor_that_makes_the_rate_overflow_is_refused(tiny, pairs, train):
    layer = Convolution2dLayer(3, 4, padding=1, name="conv1", weight_learn_rate_factor=1e30)
    with pytest.raises(ArgumentError, match="learning rate times the factor of a layer must be at most"):
        train(pairs(), tiny().replace_layer("conv1", layer), initial_learn_rate=100)
