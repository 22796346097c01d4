"""insert_after and insert_before: the connections they move, and the errors they raise."""

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


def diamond():
    """An input, a convolution of it, and the sum of both."""
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


def test_all_destinations_of_the_output_move_to_the_last_new_layer():
    before = diamond()
    after = before.insert_after("in", [ReluLayer(name="relu"), ScalingLayer(2, name="twice")])
    assert list(after) == ["in", "relu", "twice", "conv", "add", "soft"]
    assert wires(after) == {
        *(("in", "relu"), ("relu", "twice"), ("twice", "conv"), ("twice", "add/in2")),
        *(("conv", "add/in1"), ("add", "soft")),
    }
    assert before == diamond()


def test_edits_by_hand_give_the_same_graph():
    by_hand = diamond().add_layers(DropoutLayer(0.1, name="drop"))
    by_hand = by_hand.disconnect_layers("conv", "add/in1")
    by_hand = by_hand.connect_layers("conv", "drop").connect_layers("drop", "add/in1")
    after = diamond().insert_after("conv", DropoutLayer(0.1, name="drop"))
    assert wires(after) == wires(by_hand)
    assert diamond().insert_after("conv/out", DropoutLayer(0.1, name="drop")) == after


def test_only_the_named_output_of_several_moves():
    after = unpooling().insert_after("pool/out", DropoutLayer(0.5, name="drop"))
    assert list(after) == ["in", "pool", "drop", "unpool"]
    assert wires(after) == {
        ("in", "pool"),
        ("pool/out", "drop"),
        ("drop", "unpool/in"),
        ("pool/indices", "unpool/indices"),
        ("pool/size", "unpool/size"),
    }


def test_insert_after_the_last_layer_appends():
    after = diamond().insert_after("soft", ScalingLayer(3))
    assert list(after)[-2:] == ["soft", "scaling"]
    assert ("soft", "scaling") in wires(after)


def test_insert_keeps_weights():
    trained = diamond().compile()
    net = trained.layer_graph().insert_after("in", ScalingLayer(1.0, name="once")).compile()
    x = torch.rand(2, 2, 6, 6)
    assert torch.equal(net(x), trained(x))


def test_no_layers_change_nothing():
    assert diamond().insert_after("conv", []) == diamond()


@pytest.mark.parametrize(
    ("error", "lgraph", "source", "layers"),
    [
        (UnknownLayerError, diamond(), "cnv", ReluLayer()),
        (WrongTypeError, diamond(), 3, ReluLayer()),
        (UnknownPortError, diamond(), "conv/indices", ReluLayer()),
        (UnknownPortError, unpooling(), "pool", ReluLayer()),
        (UnknownPortError, diamond(), "conv", AdditionLayer(2)),
        (UnknownPortError, diamond(), "conv", MaxPooling2dLayer(2, has_unpooling_outputs=True)),
        (DuplicateNameError, diamond(), "conv", ReluLayer(name="add")),
        (WrongTypeError, diamond(), "conv", "relu"),
    ],
)
def test_mistakes(error, lgraph, source, layers):
    with pytest.raises(error):
        lgraph.insert_after(source, layers)


def test_insert_before_one_input():
    after = diamond().insert_before("add/in2", ScalingLayer(2, name="twice"))
    assert list(after) == ["in", "conv", "twice", "add", "soft"]
    assert wires(after) == {
        *(("in", "conv"), ("in", "twice"), ("twice", "add/in2")),
        *(("conv", "add/in1"), ("add", "soft")),
    }


def test_insert_before_an_input_without_a_source():
    after = diamond().disconnect_layers("add", "soft").insert_before("soft", ReluLayer(name="relu"))
    assert ("relu", "soft") in wires(after)
    assert not after.sources("relu")


def test_the_same_layers_after_several_outputs():
    names = [f"relu{index}" for index in range(4)]
    lgraph = LayerGraph([ImageInputLayer((4, 4, 1), name="in"), *(ReluLayer(name=name) for name in names)])
    after = lgraph.insert_after(names, [DropoutLayer(0.5), ScalingLayer(2)])
    assert list(after)[:4] == ["in", "relu0", "dropout_1", "scaling_1"]
    by_hand = lgraph
    for index, name in enumerate(names, 1):
        new = [DropoutLayer(0.5, name=f"dropout_{index}"), ScalingLayer(2, name=f"scaling_{index}")]
        by_hand = by_hand.insert_after(name, new)
    assert after == by_hand
    assert lgraph.insert_before(["relu1", "relu1"], ReluLayer(name="once")).order.count("once") == 1


def test_one_name_cannot_be_inserted_twice():
    with pytest.raises(DuplicateNameError):
        diamond().insert_after(["in", "conv"], ReluLayer(name="relu"))


def test_after_both_inputs_of_an_addition():
    after = diamond().insert_after(["in", "conv"], ScalingLayer(3))
    assert {end.layer for end in after.sources("add").values()} == {"scaling_1", "scaling_2"}
    assert after.sources("conv")["in"].layer == "scaling_1"
