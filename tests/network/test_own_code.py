"""Code objects for torch.compile, copies and pickles."""

import copy
import gc
import io
import pickle
import weakref

import pytest
import torch
from network_examples import small_classifier, trained_classifier

from layergraph import (
    AdditionLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    LayerGraph,
    ReluLayer,
)


@pytest.mark.slow
def test_twelve_networks_compile_in_one_process():
    """torch.compile caches 8 versions of a code object, and fails at the ninth with ``fullgraph=True``."""
    torch._dynamo.reset()
    x, target = torch.rand(2, 2, 6, 7), torch.randint(0, 3, (2, 6, 7))
    for filters in range(1, 13):
        net = (
            small_classifier(filters, last=[ReluLayer(name=f"relu{i}") for i in range(filters)])
            .compile()
            .eval()
        )
        assert torch.equal(torch.compile(net, fullgraph=True, backend="eager")(x), net(x))
        loss = torch.compile(net.loss, fullgraph=True, backend="eager")
        assert torch.equal(loss(x, target), net.loss(x, target))


def test_copies_of_one_network_compile_in_one_process():
    torch._dynamo.reset()
    net, x = small_classifier().compile().eval(), torch.rand(2, 2, 6, 7)
    for _ in range(10):
        net = copy.deepcopy(net)
        with torch.no_grad():
            net.layer_module("conv").weight.add_(0.1)
        assert torch.equal(torch.compile(net, fullgraph=True, backend="eager")(x), net(x))


def test_networks_are_copied_pickled_and_freed_like_other_modules():
    net, x = trained_classifier(torch.float32), torch.rand(2, 2, 6, 7)
    buffer = io.BytesIO()
    torch.save(net, buffer)
    buffer.seek(0)
    copies = [
        pickle.loads(pickle.dumps(net)),
        torch.load(buffer, weights_only=False),
        copy.copy(net),
        copy.deepcopy(net),
    ]
    for other in copies:
        assert torch.equal(other(x), net(x))
        assert isinstance(other, type(net).__base__)
        assert type(other).__name__ == "Network"
        assert other.layer_graph() == net.layer_graph()
    copied = weakref.ref(copies[0])
    gc.collect()
    gc.disable()  # a network has no reference cycle, so that its memory is freed at once
    try:
        del copies, other
        assert copied() is None
    finally:
        gc.enable()


def test_networks_with_several_inputs_have_code_objects_of_their_own():
    lgraph = LayerGraph([ImageInputLayer((4, 4, 1), name="one"), FullyConnectedLayer(2, name="a")])
    lgraph = lgraph.add_layers([ImageInputLayer((4, 4, 1), name="two"), FullyConnectedLayer(2, name="b")])
    lgraph = lgraph.add_layers(AdditionLayer(2, name="sum"))
    lgraph = lgraph.connect_layers("a", "sum/in1").connect_layers("b", "sum/in2")
    nets, x = [lgraph.compile() for _ in range(2)], torch.rand(1, 1, 4, 4)
    assert len({id(type(net).forward.__code__) for net in nets}) == 2
    again = pickle.loads(pickle.dumps(nets[0]))
    assert torch.equal(again(x, x), nets[0](x, x))
