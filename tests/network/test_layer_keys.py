"""The keys of layers in the state dict, for any layer name."""

import copy

import pytest
import torch
from network_examples import chain, small_segnet
from torch import nn

from layergraph import (
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
)

NAMES = [
    "train", "eval", "forward", "loss", "predict", "classes", "modules", "_modules", "training", "state_dict",
    "input_names", "output_names", "_plan", "_loss_plan", "_keys", "_lgraph", "_run", "to", "cuda", "apply",
    "graph", "code", "meta", "recompile", "_graph", "_code", "print_readable", "shape_env",
    "a", "a.b", "a.b.c", "a_", "a..b", ".a", "a.", ".", "..", "weight", "bias", "0", "1", "a.0", "a.weight",
    "two words", " ", "a-b", "ü-Netz", "层", "it's", '"', '"""', "x[0]", "x]", "{}", "(", "a,b;c", "\\", "\n",
    "%s", "None", "self", "lambda", "__class__", "__init__", "__dict__", "self.x", "x=1", "#", "$HOME", "`",
    "import os; os.abort()", "T_destination", "call_super_init", "dump_patches",
]  # fmt: skip


def test_keys_of_the_state_dict_are_layer_names():
    net = small_segnet().compile()
    prefixes = {key.rpartition(".")[0] for key in net.state_dict()}
    wanted = {"inputImage"} | {n for n in small_segnet() if "_conv" in n or "_bn_" in n}
    assert prefixes == wanted
    assert list(net.state_dict())[:4] == [
        "inputImage.mean",
        "encoder1_conv1.weight",
        "encoder1_conv1.bias",
        "encoder1_bn_1.weight",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_may_have_any_name(name):
    lgraph = chain(["before", name, "after"])
    net, x = lgraph.compile().double(), torch.rand(2, 1, 4, 4).double()
    product = x
    for layer in ("before", name, "after"):
        product = product * net.layer_module(layer).weight.view(()) + net.layer_module(layer).bias
    torch.testing.assert_close(net(x), product)
    torch.testing.assert_close(net.activations(x, name), net.activations(x, f"{name}/out"))
    assert net.layer_graph()[name].weights["weight"].shape == (1, 1, 1, 1)
    again = net.layer_graph().compile().double()
    assert torch.equal(again(x), net(x))
    other = lgraph.compile().double()
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(x), net(x))
    assert torch.equal(net.to_fx()(x), net(x))
    assert torch.equal(copy.deepcopy(net)(x), net(x))
    assert net.train() is net
    assert net.eval() is net
    assert len(list(net.parameters())) == 6


@pytest.mark.parametrize(
    "name", ["a.b.c", "two words", "a-b", "ü-Netz", "it's", '"""', "train", "graph", "a,b;c", "]"]
)
def test_torch_export_and_compile_accept_any_name(name, tmp_path):
    net, x = chain(["before", name]).compile().eval(), torch.rand(2, 1, 4, 4)
    exported = torch.export.export(net, (x,))
    assert torch.equal(exported.module()(x), net(x))
    torch.export.save(exported, tmp_path / "net.pt2")
    assert torch.equal(torch.export.load(tmp_path / "net.pt2").module()(x), net(x))
    torch._dynamo.reset()
    assert torch.equal(torch.compile(net, fullgraph=True, backend="eager")(x), net(x))


def test_all_unusual_names_together_stay_distinct():
    net = chain(NAMES).compile()
    modules = [net.layer_module(name) for name in NAMES]
    assert len({id(module) for module in modules}) == len(NAMES)
    keys = list(net.state_dict())
    assert len(keys) == len(set(keys)) == 2 * len(NAMES) + 1
    x = torch.rand(1, 1, 4, 4)
    assert torch.equal(net.layer_graph().compile()(x), net(x))
    assert torch.equal(chain(NAMES[::-1]).compile()(x).isfinite(), torch.ones(1, 1, 4, 4, dtype=torch.bool))


@pytest.mark.parametrize("order", [["a", "a.b", "a.b.c"], ["a.b.c", "a.b", "a"], ["a.b", "a.b.c", "a"]])
def test_no_layer_is_inside_the_module_of_another(order):
    """A layer ``a.b`` inside the module of ``a``, a Sequential, would run as a part of it."""
    layers = [MaxPooling2dLayer(2, padding="same", name=name) for name in order]
    net = LayerGraph([ImageInputLayer((4, 4, 1), name="in"), *layers]).compile()
    x = torch.rand(1, 1, 4, 4)
    wanted = x
    for _ in order:
        wanted = nn.functional.max_pool2d(nn.functional.pad(wanted, (0, 1, 0, 1), value=-torch.inf), 2, 1)
    assert torch.equal(net(x), wanted)
    net = chain(order).compile()
    assert all(set(net.layer_graph()[name].weights) == {"weight", "bias"} for name in order)
