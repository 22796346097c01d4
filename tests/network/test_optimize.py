"""net.optimize: a faster network for inference."""

import copy
import pickle

import numpy as np
import torch
from network_examples import odd_network, small_segnet, two_by_two, with_random_statistics


def test_scores_are_the_same_up_to_rounding():
    net, x = with_random_statistics(odd_network().compile()), torch.rand(2, 2, 11, 13)
    optimized = net.optimize()
    expected = net(x)
    torch.testing.assert_close(optimized(x), expected, rtol=0, atol=1e-4)
    image = np.random.default_rng(0).integers(0, 256, (15, 12, 2), np.uint8)
    np.testing.assert_allclose(optimized.predict(image), net.predict(image), rtol=0, atol=1e-4)
    assert optimized.classes == net.classes
    layers = optimized.layer_graph()
    assert "bn" not in layers
    assert "drop" not in layers
    # the graph alone makes the same network again
    assert torch.equal(layers.compile()(x), optimized(x))


def test_the_network_stays_as_it_was():
    net = small_segnet().compile()  # in training mode
    net.layer_module("encoder1_bn_1").eval()
    modes = [module.training for module in net.modules()]
    before = copy.deepcopy(net.state_dict())
    optimized = net.optimize()
    with torch.no_grad():
        for parameter in optimized.parameters():
            parameter.zero_()
    assert not optimized.training
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_weights_have_the_channels_last_if_asked_for():
    net = small_segnet().compile()
    last = [
        optimized.layer_module("encoder1_conv1").weight.is_contiguous(memory_format=torch.channels_last)
        for optimized in (net.optimize(), net.optimize(channels_last=False))
    ]
    assert last == [True, False]


def test_dtype_and_several_inputs_stay():
    net = two_by_two().compile().double().eval()
    x = torch.rand(3, 1, 4, 5).double(), torch.rand(3, 2, 4, 5).double()
    for first, second in zip(net.optimize()(*x), net(*x), strict=True):
        torch.testing.assert_close(first, second)


def test_a_compiled_network_predicts_by_its_compiled_call():
    torch._dynamo.reset()
    net, x = small_segnet().compile().eval().optimize(), torch.rand(1, 2, 8, 9)
    calls = []

    def backend(module, inputs):
        calls.append(module)
        return module.forward

    net.compile(backend=backend)
    image = np.zeros((8, 9, 2), np.uint8)
    expected = copy.deepcopy(net).predict(image)  # a copy is not compiled
    assert not calls
    assert np.array_equal(net.predict(image), expected)
    assert calls
    assert torch.equal(pickle.loads(pickle.dumps(net))(x), net(x))
