"""The code of a graph: it rebuilds an equal graph, and no name becomes code."""

import ast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import networks
from torch import nn

from layergraph import (
    Convolution2dLayer,
    ImageInputLayer,
    LayerGraph,
    LayergraphError,
    LossLayer,
    ModuleLayer,
    PixelClassificationLayer,
    ReluLayer,
)


def rebuilt(lgraph, **names):
    exec(lgraph.to_python(), names)
    return names["lgraph"]


@given(networks())
def test_random_networks(lgraph):
    assert rebuilt(lgraph) == lgraph


@given(st.lists(st.text().filter(lambda t: t and "/" not in t and t.isascii()), min_size=1, unique=True))
def test_names_are_literals(names):
    lgraph = LayerGraph([ReluLayer(name=name) for name in names])
    assert rebuilt(lgraph) == lgraph


def test_hostile_names_stay_names():
    names = ["'); raise SystemExit #", '"""', "a\nraise SystemExit", "\\", "{0}", "é\u202e", "#"]
    layers = [ImageInputLayer((4, 4, 1), name="x"), *(ReluLayer(name=name) for name in names)]
    classes = ["\n']); raise SystemExit", "b"]
    lgraph = LayerGraph([*layers, PixelClassificationLayer(name="out", classes=classes)])
    lgraph = lgraph.disconnect_layers("x", names[0])  # with a list of connections, too
    code = lgraph.to_python()
    calls = {node.func.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)}
    assert calls == {"ImageInputLayer", "ReluLayer", "PixelClassificationLayer", "LayerGraph"}
    assert rebuilt(lgraph) == lgraph


class OwnLayer(ReluLayer):
    """A layer of the user."""


def test_what_code_cannot_hold_is_given():
    own, module, loss = OwnLayer(name="own"), nn.Conv2d(1, 2, 1), torch.nn.functional.l1_loss
    layers = [ImageInputLayer((4, 4, 1)), ModuleLayer(module, name="m"), own, LossLayer(loss, name="loss")]
    lgraph = LayerGraph(layers)
    assert rebuilt(lgraph, modules={"m": module, "own": own, "loss": loss}) == lgraph
    assert "modules, functions and layers of: 'm', 'own', 'loss'" in lgraph.to_python()


def test_weights_are_left_out_and_functions_are_an_error():
    lgraph = LayerGraph([ImageInputLayer((4, 4, 1)), Convolution2dLayer(3, 2)])
    assert rebuilt(lgraph.compile().layer_graph()) == lgraph
    assert rebuilt(LayerGraph()) == LayerGraph()
    lgraph = lgraph.change_layer("conv", weights_initializer=torch.ones)
    with pytest.raises(
        LayergraphError, match="weights_initializer of layer 'conv' must be no Python function"
    ):
        lgraph.to_python()
