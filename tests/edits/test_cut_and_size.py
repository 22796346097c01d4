"""cut_after and with_input_size."""

import pytest
import torch

from layergraph import (
    AdditionLayer,
    Image3dInputLayer,
    ImageInputLayer,
    LayerGraph,
    ReluLayer,
    UnknownLayerError,
)
from layergraph.builders.backbones import resnet18, vgg16
from layergraph.edits import cut_after, with_input_size
from layergraph.graph.size_inference import infer_sizes


def test_the_remaining_layers_keep_their_weights_and_outputs():
    lgraph = resnet18((64, 64, 3), 4, width=1 / 16).compile().layer_graph()
    encoder = cut_after(lgraph, "res3b_relu")
    assert [*encoder] == [*lgraph][: [*lgraph].index("res3b_relu") + 1]
    assert all(encoder[name] is lgraph[name] for name in encoder)
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(encoder.compile().eval()(x), lgraph.compile().activations(x, "res3b_relu"))


def test_only_the_layers_upstream_of_the_names_remain():
    lgraph = resnet18((64, 64, 3), 4, width=1 / 16)
    cut = cut_after(lgraph, "res3a_branch2a", "res3a_branch1")
    assert [*cut][-2:] == ["res3a_branch2a", "res3a_branch1"]
    assert "bn3a_branch1" not in cut
    assert "res3a_branch2b" not in cut
    assert {end.layer for name in cut for end in cut.sources(name).values()} <= {*cut}
    assert cut_after(lgraph, *lgraph) == lgraph


def test_a_long_chain_is_cut_without_recursion():
    lgraph = LayerGraph([ImageInputLayer((2, 2), name="in"), *(ReluLayer(name=f"r{i}") for i in range(3000))])
    assert len(cut_after(lgraph, "r2000")) == 2002


def test_another_image_size_changes_only_the_input_layer():
    lgraph = vgg16((64, 64, 3), include_head=False, conventions="torchvision")
    larger = with_input_size(lgraph, (96, 128, 3))
    assert larger["input"].mean == lgraph["input"].mean
    assert [*larger] == [*lgraph]
    assert all(larger[name] is lgraph[name] for name in lgraph if name != "input")
    assert infer_sizes(larger, "network").outputs["pool5"][0].spatial == (3, 4)
    volumes = LayerGraph(Image3dInputLayer((8, 8, 8, 1), name="in"))
    assert with_input_size(volumes, (4, 5, 6, 1))["in"].input_size == (4, 5, 6, 1)


def test_messages_about_wrong_arguments(golden_errors):
    lgraph = vgg16((32, 32, 3))
    two = LayerGraph([ImageInputLayer((2, 2), name="a"), AdditionLayer(2, name="add")])
    two = two.add_layers(ImageInputLayer((2, 2), name="b")).connect_layers("b", "add/in2")
    calls = {
        "no name": lambda: cut_after(lgraph),
        "a name that is near": lambda: cut_after(lgraph, "pool3", "pol4"),
        "a list of names": lambda: cut_after(lgraph, ["pool3", "pool4"]),
        "no input": lambda: with_input_size(LayerGraph(ReluLayer()), (32, 32, 3)),
        "two inputs": lambda: with_input_size(two, (32, 32, 3)),
        "a size of one number": lambda: with_input_size(lgraph, (32,)),
        "a size of zero": lambda: with_input_size(lgraph, (0, 32, 3)),
    }
    golden_errors("cut_and_size", calls)
    with pytest.raises(UnknownLayerError):
        calls["a list of names"]()
