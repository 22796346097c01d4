"""What the tests of backbones count and try."""

from math import prod

import torch

from layergraph.graph.size_inference import infer_sizes

PARAMETERS = {"Weights": "weight", "Bias": "bias", "Scale": "weight", "Offset": "bias"}


def counted(lgraph, kind="learnables", frozen=None):
    """How many learnables (or states) a graph has; of them, those that learn or those that do not."""
    inputs = infer_sizes(lgraph).inputs
    total = 0
    for name in lgraph:
        layer = lgraph[name]
        for what, size in getattr(layer, kind)(list(inputs[name])).items():
            if frozen is None or (layer.factors()[PARAMETERS[what]][0] == 0) == frozen:
                total += prod(size)
    return total


def images(lgraph, batch=2):
    """Random pixels of the size that the graph takes."""
    (name,) = lgraph.input_names
    return torch.rand(batch, *lgraph[name].output_sizes([])[0].tensor_shape[1:]) * 255


def one_step_lowers_the_loss(lgraph, rate=1e-3):
    """One step of gradient descent; without dropout and with fixed statistics, so that losses compare."""
    net, x = lgraph.compile().eval(), images(lgraph, batch=4) / 255
    target = torch.randint(0, net(x).shape[1], (4, *net(x).shape[2:]))
    before = net.loss(x, target)
    before.backward()
    assert all(p.grad is not None for p in net.parameters())
    torch.optim.SGD(net.parameters(), lr=rate).step()
    assert net.loss(x, target) < before
