"""Edits of single layers by name: change, rename, remove with reconnection; and the ways to make a graph."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import networks

from layergraph import (
    AdditionLayer,
    ArgumentError,
    BadNameError,
    Convolution2dLayer,
    CycleError,
    DropoutLayer,
    DuplicateNameError,
    ImageInputLayer,
    InvalidNetworkError,
    LayerGraph,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
    UnknownLayerError,
    UnknownPortError,
    WrongTypeError,
)
from layergraph.builders import segnet_layers
from layergraph.graph.size_inference import infer_sizes

CHAIN = LayerGraph(
    [
        ImageInputLayer((6, 6, 2), name="in"),
        Convolution2dLayer(3, 4, padding=1, name="conv"),
        ReluLayer(name="relu"),
        SoftmaxLayer(name="soft"),
    ]
)


# -- making a graph --------------------------------------------------------------------------------------


@given(networks())
@settings(max_examples=30)
def test_layers_and_connections_make_the_graph_again(lgraph):
    assert LayerGraph(lgraph.layers, lgraph.connections) == lgraph
    assert LayerGraph(lgraph) == lgraph


def test_no_connections_at_all():
    assert LayerGraph(CHAIN.layers, ()).connections == ()


def test_a_compiled_network_gives_its_graph_with_weights():
    net = CHAIN.compile()
    lgraph = LayerGraph(net)
    assert torch.equal(lgraph["conv"].weights["weight"], net.layer_module("conv").weight)
    assert lgraph.connections == CHAIN.connections


def test_nested_lists_are_flattened():
    block = [Convolution2dLayer(3, 4, padding=1), [ReluLayer()]]
    lgraph = LayerGraph([ImageInputLayer((6, 6, 2)), block, (block,), SoftmaxLayer()])
    assert [*lgraph] == ["imageinput", "conv_1", "relu_1", "conv_2", "relu_2", "softmax"]
    assert len(lgraph.connections) == 5
    assert [*LayerGraph().add_layers([[ReluLayer()], [ReluLayer()]])] == ["relu_1", "relu_2"]


@pytest.mark.parametrize(
    ("error", "layers", "connections"),
    [
        (WrongTypeError, CHAIN, [("in", "conv")]),
        (WrongTypeError, CHAIN.layers, ["in"]),
        (WrongTypeError, CHAIN.layers, "ab"),
        (WrongTypeError, CHAIN.layers, 3),
        (WrongTypeError, [[ReluLayer()], ["relu"]], None),
        (UnknownLayerError, CHAIN.layers, [("in", "con")]),
        (CycleError, CHAIN.layers, [("conv", "relu"), ("relu", "conv")]),
    ],
)
def test_mistakes_in_making_a_graph(error, layers, connections):
    with pytest.raises(error):
        LayerGraph(layers, connections)


# -- change_layer ----------------------------------------------------------------------------------------


def test_change_layer_changes_arguments_alone():
    trained = CHAIN.compile().layer_graph()
    after = trained.change_layer("conv", padding=0, stride=2)
    assert after["conv"].padding == (0, 0, 0, 0)
    assert after["conv"].weights is trained["conv"].weights
    assert after.connections == trained.connections
    assert [*after] == [*trained]
    assert trained["conv"].padding == (1, 1, 1, 1)


def test_weights_that_do_not_fit_are_reported_by_compile_and_can_be_dropped():
    trained = CHAIN.compile().layer_graph()
    with pytest.raises(InvalidNetworkError, match="its weights do not fit"):
        trained.change_layer("conv", num_filters=8).compile()
    assert trained.change_layer("conv", num_filters=8, weights=None).compile()


def test_many_layers_at_once():
    lgraph = LayerGraph([DropoutLayer(0.5), ReluLayer(), DropoutLayer(0.4)])
    after = lgraph.change_layer([name for name in lgraph if "dropout" in name], probability=0.1)
    assert [layer.probability for layer in after.layers if isinstance(layer, DropoutLayer)] == [0.1, 0.1]


def test_more_inputs_keep_the_connections():
    lgraph = LayerGraph([ReluLayer(), AdditionLayer(2, name="add")])
    assert lgraph.change_layer("add", num_inputs=3).connections == lgraph.connections


@pytest.mark.parametrize(
    ("error", "text", "edit"),
    [
        (UnknownLayerError, "did you mean 'conv'", lambda g: g.change_layer("con", padding=1)),
        (ArgumentError, "did you mean 'padding'", lambda g: g.change_layer("conv", paddin=1)),
        (ArgumentError, "rename_layer", lambda g: g.change_layer("conv", name="c")),
        (ArgumentError, "padding", lambda g: g.change_layer("conv", padding=-1)),
        (WrongTypeError, "names", lambda g: g.change_layer(3, padding=1)),
        (
            UnknownPortError,
            "indices",
            lambda g: unpooling().change_layer("pool", has_unpooling_outputs=False),
        ),
        (WrongTypeError, "two names", lambda g: g.rename_layer("conv")),
        (WrongTypeError, "two names", lambda g: g.rename_layer({"conv": "c"}, "d")),
        (UnknownLayerError, "did you mean 'conv'", lambda g: g.rename_layer("con", "c")),
        (DuplicateNameError, "'relu'", lambda g: g.rename_layer("conv", "relu")),
        (DuplicateNameError, "'c'", lambda g: g.rename_layer({"conv": "c", "relu": "c"})),
        (BadNameError, "'/'", lambda g: g.rename_layer("conv", "a/b")),
        (BadNameError, "text", lambda g: g.rename_layer({"conv": 3})),
    ],
)
def test_mistakes_in_changes(error, text, edit):
    with pytest.raises(error, match=text):
        edit(CHAIN)


def test_older_names_of_arguments():
    lgraph = LayerGraph([ReluLayer(), PixelClassificationLayer(name="loss")])
    assert lgraph.change_layer("loss", class_names=["a", "b"])["loss"].classes == ("a", "b")
    with pytest.raises(ArgumentError, match="classes must be given once"):
        lgraph.change_layer("loss", class_names=["a", "b"], classes=["a", "b"])


# -- rename_layer ----------------------------------------------------------------------------------------


@given(networks(), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_renamed_graphs_compute_the_same_sizes(lgraph, random):
    new = [f"layer {index}" for index in range(len(lgraph))]
    random.shuffle(new)
    names = dict(zip(lgraph, new, strict=True))
    renamed = lgraph.rename_layer(names)
    before, after = infer_sizes(lgraph, "network"), infer_sizes(renamed, "network")
    assert {names[name]: sizes for name, sizes in before.outputs.items()} == dict(after.outputs)
    assert renamed.rename_layer({new: old for old, new in names.items()}) == lgraph


def test_names_can_be_swapped():
    after = CHAIN.rename_layer({"conv": "relu", "relu": "conv"})
    assert [type(layer) for layer in after.layers] == [type(layer) for layer in CHAIN.layers]
    assert after.sources("conv")["in"].layer == "relu"


# -- remove_layers(reconnect=True) -----------------------------------------------------------------------


def unpooling():
    lgraph = LayerGraph(
        [
            ImageInputLayer((6, 6, 2), name="in"),
            MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name="pool"),
            ReluLayer(name="relu"),
            MaxUnpooling2dLayer(name="unpool"),
        ]
    )
    for port in ("indices", "size"):
        lgraph = lgraph.connect_layers(f"pool/{port}", f"unpool/{port}")
    return lgraph


def test_layers_in_a_row_are_skipped_together():
    after = CHAIN.remove_layers(["conv", "relu"], reconnect=True)
    assert after.connections == (("in", "soft"),)
    assert CHAIN.remove_layers("soft", reconnect=True).connections == (("in", "conv"), ("conv", "relu"))
    assert CHAIN.remove_layers("in", reconnect=True).connections == (("conv", "relu"), ("relu", "soft"))


def test_a_removed_branch_leaves_one_source():
    lgraph = CHAIN.remove_layers("soft").add_layers(AdditionLayer(2, name="add"))
    lgraph = lgraph.connect_layers("conv", "add/in1").connect_layers("relu", "add/in2")
    assert lgraph.remove_layers("relu", reconnect=True).connections == (
        *(("in", "conv"), ("conv", "add/in1"), ("conv", "add/in2")),
    )
    with pytest.raises(UnknownPortError, match="one connected input"):
        lgraph.add_layers(SoftmaxLayer(name="s")).connect_layers("add", "s").remove_layers(
            "add", reconnect=True
        )


def test_further_outputs_cannot_be_joined():
    with pytest.raises(UnknownPortError, match="first output"):
        unpooling().remove_layers("pool", reconnect=True)
    assert unpooling().remove_layers("relu", reconnect=True).sources("unpool")["in"].layer == "pool"


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_a_chain_without_some_layers_is_the_chain_of_the_others(removed):
    names = [f"relu{index}" for index in range(len(removed))]
    chain = LayerGraph([ReluLayer(name=name) for name in names])
    gone = [name for name, is_gone in zip(names, removed, strict=True) if is_gone]
    rest = LayerGraph([ReluLayer(name=name) for name in names if name not in gone])
    assert chain.remove_layers(gone, reconnect=True) == rest


# -- output_sizes ----------------------------------------------------------------------------------------


def test_output_sizes_are_those_of_the_compiled_network():
    lgraph = segnet_layers((33, 47, 1), 3, 2)
    (size,) = lgraph.output_sizes().values()
    assert size == lgraph.compile().predict(np.zeros((33, 47), np.uint8)).shape == (33, 47, 3)
    assert CHAIN.output_sizes() == {"soft": (6, 6, 4)}


def test_output_sizes_of_a_graph_that_cannot_run():
    with pytest.raises(InvalidNetworkError, match="the sizes of the outputs are unknown"):
        CHAIN.change_layer("conv", filter_size=9, padding=0).output_sizes()
