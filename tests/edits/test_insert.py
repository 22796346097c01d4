"""insert_after: what it rewires, what it leaves alone, and what it refuses."""

import pytest
import torch

from layergraph import (
    AdditionLayer,
    Convolution2dLayer,
    DropoutLayer,
    DuplicateNameError,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    ReluLayer,
    ScalingLayer,
    SoftmaxLayer,
    UnknownLayerError,
    UnknownPortError,
    WrongTypeError,
)
from layergraph.edits import insert_after


def diamond():
    """An input that feeds a convolution, and the sum of both."""
    lgraph = LayerGraph(
        [
            ImageInputLayer((6, 6, 2), name="in"),
            Convolution2dLayer(3, 2, padding=1, name="conv"),
            AdditionLayer(2, name="add"),
            SoftmaxLayer(name="soft"),
        ]
    )
    return lgraph.connect_layers("in", "add/in2")


def unpooling():
    lgraph = LayerGraph(
        [
            ImageInputLayer((6, 6, 2), name="in"),
            MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name="pool"),
            MaxUnpooling2dLayer(name="unpool"),
        ]
    )
    for port in ("indices", "size"):
        lgraph = lgraph.connect_layers(f"pool/{port}", f"unpool/{port}")
    return lgraph


def wires(lgraph):
    return {tuple(connection) for connection in lgraph.connections}


def test_everything_that_the_output_fed_is_fed_by_the_last_new_layer():
    before = diamond()
    after = insert_after(before, "in", [ReluLayer(name="relu"), ScalingLayer(2, name="twice")])
    assert list(after) == ["in", "relu", "twice", "conv", "add", "soft"]
    assert wires(after) == {
        *(("in", "relu"), ("relu", "twice"), ("twice", "conv"), ("twice", "add/in2")),
        *(("conv", "add/in1"), ("add", "soft")),
    }
    assert before == diamond()


def test_it_is_what_edits_by_hand_make():
    by_hand = diamond().add_layers(DropoutLayer(0.1, name="drop"))
    by_hand = by_hand.disconnect_layers("conv", "add/in1")
    by_hand = by_hand.connect_layers("conv", "drop").connect_layers("drop", "add/in1")
    after = insert_after(diamond(), "conv", DropoutLayer(0.1, name="drop"))
    assert wires(after) == wires(by_hand)
    assert insert_after(diamond(), "conv/out", DropoutLayer(0.1, name="drop")) == after


def test_of_several_outputs_only_the_named_one_moves():
    after = insert_after(unpooling(), "pool/out", DropoutLayer(0.5, name="drop"))
    assert list(after) == ["in", "pool", "drop", "unpool"]
    assert wires(after) == {
        ("in", "pool"),
        ("pool/out", "drop"),
        ("drop", "unpool/in"),
        ("pool/indices", "unpool/indices"),
        ("pool/size", "unpool/size"),
    }


def test_behind_the_last_layer_it_appends():
    after = insert_after(diamond(), "soft", ScalingLayer(3))
    assert list(after)[-2:] == ["soft", "scaling"]
    assert ("soft", "scaling") in wires(after)


def test_weights_stay():
    trained = diamond().compile()
    net = insert_after(trained.layer_graph(), "in", ScalingLayer(1.0, name="once")).compile()
    x = torch.rand(2, 2, 6, 6)
    assert torch.equal(net(x), trained(x))


def test_nothing_to_insert_changes_nothing():
    assert insert_after(diamond(), "conv", []) == diamond()


@pytest.mark.parametrize(
    ("error", "lgraph", "source", "layers"),
    [
        (UnknownLayerError, diamond(), "cnv", ReluLayer()),
        (UnknownLayerError, diamond(), 3, ReluLayer()),
        (UnknownPortError, diamond(), "conv/indices", ReluLayer()),
        (UnknownPortError, unpooling(), "pool", ReluLayer()),
        (UnknownPortError, diamond(), "conv", AdditionLayer(2)),
        (UnknownPortError, diamond(), "conv", MaxPooling2dLayer(2, has_unpooling_outputs=True)),
        (DuplicateNameError, diamond(), "conv", ReluLayer(name="add")),
        (WrongTypeError, diamond(), "conv", "relu"),
    ],
)
def test_what_it_refuses(error, lgraph, source, layers):
    with pytest.raises(error):
        insert_after(lgraph, source, layers)
