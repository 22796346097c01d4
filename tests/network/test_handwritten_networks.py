"""Networks are bit-equal to hand-written modules."""

import pytest
import torch
from handwritten_networks import SegNet, UNet, copy_weights
from network_examples import small_segnet
from torch import nn

from layergraph.builders import unet_layers

PEERS = {
    "segnet": (lambda: small_segnet((12, 13, 2)), lambda: SegNet(2, 3, 2, 4), (2, 2, 12, 13)),
    "unet": (
        lambda: unet_layers((12, 16, 2), 3, encoder_depth=2, num_first_encoder_filters=4),
        lambda: UNet(2, 3, 2, 4),
        (2, 2, 12, 16),
    ),
    "valid unet": (
        lambda: unet_layers(
            (52, 56, 2), 3, encoder_depth=2, num_first_encoder_filters=2, convolution_padding="valid"
        ),
        lambda: UNet(2, 3, 2, 2, padding=0),
        (2, 2, 52, 56),
    ),
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("peer", PEERS)
def test_a_network_is_bit_equal_to_a_hand_written_module(peer, training):
    """In outputs, gradients, and the weights after a step of the optimizer."""
    make_graph, make_module, shape = PEERS[peer]
    net, written = make_graph().compile().train(training), make_module().train(training)
    copy_weights(net, written)
    x = torch.rand(*shape)
    results = []
    for model in (net, written):
        torch.manual_seed(5)  # the same dropout
        results.append(model(x))
    assert torch.equal(*results)
    target = torch.randint(0, 3, (shape[0], *results[0].shape[2:]))
    torch.manual_seed(6)
    ours = net.loss(x, target)
    torch.manual_seed(6)
    theirs = nn.functional.cross_entropy(written.scores(x), target, reduction="sum") / target.numel()
    assert torch.equal(ours, theirs)
    for loss, model in ((ours, net), (theirs, written)):
        loss.backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()
    for first, second in zip(net.parameters(), written.parameters(), strict=True):
        if first.shape == second.shape:  # both in the order of the layers
            assert torch.equal(first.grad, second.grad)
            assert torch.equal(first, second)
    assert [p.shape for p in net.parameters()] == [p.shape for p in written.parameters()]
    for first, second in zip(net.buffers(), written.buffers(), strict=True):
        assert torch.equal(first, second)
