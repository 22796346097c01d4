"""Compilation: the mode of a network, its weights, and errors."""

import pytest
import torch
from network_examples import chain, small_classifier, small_segnet
from torch import nn

from layergraph import (
    Convolution2dLayer,
    DropoutLayer,
    ImageInputLayer,
    InvalidNetworkError,
    LayerGraph,
    ModuleLayer,
    ReluLayer,
    Weights,
    load,
)


def test_new_weights_give_training_mode_and_attached_weights_evaluation_mode(tmp_path):
    fresh = small_classifier().compile()
    assert fresh.training
    assert all(module.training for module in fresh.modules())
    assert "in training mode" in repr(fresh)
    lgraph = fresh.layer_graph()
    lgraph.save(tmp_path / "net.safetensors")
    for again in (lgraph, load(tmp_path / "net.safetensors")):
        net = again.compile()
        assert not any(module.training for module in net.modules())
        assert "in evaluation mode" in repr(net)
        x = torch.rand(2, 2, 6, 7)
        assert torch.equal(net(x), fresh.eval()(x))
        assert net.train().training
        assert "in training mode" in repr(net)


@pytest.mark.parametrize("name", ["conv", "norm", "scores"])
def test_one_layer_with_new_weights_gives_training_mode(name):
    lgraph = small_classifier().compile().layer_graph()
    assert lgraph.with_weights({name: None}).compile().training
    assert not lgraph.with_weights({"images": None}).compile().training  # statistics are not learned


def test_a_torch_module_counts_as_trained_once_its_weights_are_attached():
    """layergraph cannot tell whether a module is trained. The module keeps its own mode."""
    module = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Dropout()).eval()
    net = small_classifier(last=[ModuleLayer(module, name="module")]).compile()
    assert net.training
    assert not net.layer_module("module").training
    assert not net.layer_graph().compile().training


def test_a_network_without_learnables_is_in_training_mode():
    assert LayerGraph([ImageInputLayer((4, 4, 1)), DropoutLayer(0.5)]).compile().training


def test_the_representation_lists_inputs_and_outputs_on_one_line():
    net = LayerGraph([ImageInputLayer((4, 4, 1), name="in\n\x1b[2J"), ReluLayer(name="out")]).compile()
    assert repr(net).splitlines()[1] == "  in training mode, inputs: 'in\\n\\x1b[2J', outputs: 'out'"


def test_compiling_uses_attached_weights_and_initializes_others():
    lgraph = small_segnet()
    trained = lgraph.compile().layer_graph()
    changed = trained.replace_layer(
        "encoder1_conv2", Convolution2dLayer(3, 4, padding=1, num_channels=4, name="encoder1_conv2")
    )
    net = changed.compile()
    for name in lgraph:
        tensors = net.layer_module(name).state_dict()
        for key, tensor in tensors.items():
            equal = torch.equal(tensor, trained[name].weights[key])
            assert equal == (name != "encoder1_conv2" or key == "bias")


def test_layer_graph_copies_the_weights():
    net = chain(["conv"]).compile()
    lgraph = net.layer_graph()
    before = lgraph["conv"].weights["weight"].clone()
    with torch.no_grad():
        net.conv.weight.add_(1)
    assert torch.equal(lgraph["conv"].weights["weight"], before)
    first, second = lgraph.compile(), lgraph.compile()
    with torch.no_grad():
        first.conv.weight.add_(1)
    assert torch.equal(second.conv.weight, before)
    assert torch.equal(lgraph["conv"].weights["weight"], before)
    assert not lgraph["conv"].weights["weight"].requires_grad


def test_weights_that_do_not_fit_are_all_reported_at_once(golden_errors):
    lgraph = chain(["one", "two", "three"]).with_weights(
        {
            "one": Weights({"weight": torch.zeros(2, 1, 1, 1), "bias": torch.zeros(1)}),
            "two": Weights({"weight": torch.zeros(1, 1, 1, 1)}),
            "three": Weights(
                {"weight": torch.zeros(1, 1, 1, 1), "bias": torch.zeros(1), "x": torch.zeros(1)}
            ),
        }
    )
    with pytest.raises(InvalidNetworkError) as caught:
        lgraph.compile()
    faults = [(issue.code, issue.layer) for issue in caught.value.issues]
    assert faults == [("LG-WEIGHTS", name) for name in ("one", "two", "three")]


def test_a_seed_makes_the_weights_repeatable():
    torch.manual_seed(11)
    first = small_segnet().compile().layer_graph()
    torch.manual_seed(11)
    assert small_segnet().compile().layer_graph() == first
    assert small_segnet().compile().layer_graph() != first


def test_a_layer_too_large_for_memory_is_an_issue():
    layers = [ImageInputLayer((4, 4, 10**6), normalization="none"), Convolution2dLayer(3, 10**9, name="huge")]
    with pytest.raises(InvalidNetworkError) as caught:
        LayerGraph(layers).compile()
    assert [(issue.code, issue.layer) for issue in caught.value.issues] == [("LG-MODULE", "huge")]
