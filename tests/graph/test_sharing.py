"""Torch modules that several layers share have one copy, one set of weights and gradients, and count once."""

import copy
import json

import pytest
import torch
from safetensors import safe_open
from torch import fx, nn

from layergraph import (
    AdditionLayer,
    FileFormatError,
    ImageInputLayer,
    InvalidNetworkError,
    LayerGraph,
    ModuleLayer,
    PixelClassificationLayer,
    SoftmaxLayer,
    Weights,
    load,
)
from layergraph.analyze import analyze_network
from layergraph.training import TrainingOptions
from layergraph.training.optimization.solvers import frozen_parameters, make_solver


class Tied(nn.Module):
    """A convolution with the weights of another module."""

    def __init__(self, other):
        super().__init__()
        self.weight, self.scale = other.weight, nn.Parameter(torch.full((1, 3, 1, 1), 2.0))

    def forward(self, x):
        return self.scale * nn.functional.conv2d(x, self.weight, padding=1)


def block():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Sigmoid())


def twice(module, second=None):
    """The module twice in series, or ``second`` after it."""
    return LayerGraph(
        [
            ImageInputLayer((6, 7, 3), normalization="none", name="in"),
            ModuleLayer(module, name="first"),
            ModuleLayer(module if second is None else second, name="again"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="loss"),
        ]
    )


X = torch.rand(2, 3, 6, 7, generator=torch.Generator().manual_seed(1))
TARGET = torch.zeros(2, 6, 7, dtype=torch.long)


def test_a_compiled_network_has_one_copy_and_equals_torch():
    module = block()
    lgraph = twice(module)
    net = lgraph.compile()
    assert net.layer_module("first") is net.layer_module("again")
    assert len(list(net.parameters())) == len(list(module.parameters()))
    plain = copy.deepcopy(module)
    for training in (True, False):
        expected = plain.train(training)(plain(X)).softmax(1)
        torch.testing.assert_close(net.train(training)(X), expected)
    assert module[1].num_batches_tracked == 0
    assert plain[1].num_batches_tracked == net.first[1].num_batches_tracked == 2
    assert net.state_dict().keys() == {f"{n}.{k}" for n in ("first", "again") for k in module.state_dict()}


def test_gradients_add_up_in_one_set():
    module = block()
    net, plain = twice(module).compile(), copy.deepcopy(module)
    net.loss(X, TARGET).backward()
    nn.functional.cross_entropy(plain(plain(X)), TARGET).backward()
    for shared, wanted in zip(net.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(shared.grad, wanted.grad)


@pytest.mark.parametrize("solver", ["sgdm", "adam", "rmsprop"])
def test_a_solver_updates_shared_weights_once(solver):
    lgraph = twice(block())
    net = lgraph.compile()
    optimizer = make_solver(net, lgraph, TrainingOptions(solver))
    rows = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    assert list(map(id, rows)) == list(map(id, net.parameters()))
    assert frozen_parameters(net, lgraph) == []
    net.loss(X, TARGET).backward()
    before = net.first[0].weight.clone()
    optimizer.step()
    assert not torch.equal(before, net.again[0].weight)


def test_totals_count_shared_weights_once():
    module = block()
    learnables = sum(p.numel() for p in module.parameters())
    analysis = analyze_network(twice(module))
    assert analysis.total_learnables == learnables
    assert [row.num_learnables for row in analysis.layers[1:3]] == [learnables, 0]
    assert analysis.layers[2].description.endswith(", shares weights with 'first'")
    assert "shares" not in analysis.layers[1].description
    costs = analysis.costs()
    assert costs.learnables == learnables
    assert costs.states == sum(b.numel() for b in module.buffers())
    alone = LayerGraph([ImageInputLayer((6, 7, 3)), ModuleLayer(module)])
    assert costs.multiply_adds == 2 * analyze_network(alone).costs().multiply_adds
    assert analyze_network(twice(module).compile()).total_learnables == learnables
    assert analyze_network(twice(module, second=block())).total_learnables == 2 * learnables


def test_common_parts_of_modules_stay_common():
    conv = nn.Conv2d(3, 3, 3, padding=1, bias=False)
    lgraph = twice(nn.Sequential(conv, nn.ReLU()), second=Tied(conv))
    net = lgraph.compile()
    assert net.first[0].weight is net.again.weight
    assert analyze_network(lgraph).total_learnables == conv.weight.numel() + 3
    torch.testing.assert_close(net.first(X) @ torch.ones(7, 7), conv(X).relu() @ torch.ones(7, 7))


def test_layer_graph_holds_one_copy_and_files_hold_one(tmp_path):
    module, path = block(), tmp_path / "net.safetensors"
    net = twice(module).compile()
    net(X)
    lgraph = net.eval().layer_graph()
    assert all(lgraph["first"].weights[key] is tensor for key, tensor in lgraph["again"].weights.items())
    lgraph.save(path)
    with safe_open(path, framework="pt") as file:
        assert {key.partition("/")[0] for key in file.keys()}  # noqa: SIM118 == {"first"}
    fresh = block()
    again = load(path, modules={"first": fresh})
    assert again["again"].module is again["first"].module is fresh
    assert again["again"].weights == again["first"].weights == lgraph["first"].weights
    assert again == load(path, modules={"first": fresh, "again": fresh})
    restored = again.compile().eval()
    assert restored.first is restored.again
    assert torch.equal(restored(X), net(X))
    architecture = load(path, modules={"first": fresh}, weights=False)
    assert architecture["again"].module is fresh
    apart = load(path, modules={"first": fresh, "again": block()}).compile().eval()
    assert apart.first is not apart.again
    assert torch.equal(apart(X), net(X))


def test_files_hold_the_weights_that_compile_uses(tmp_path):
    """Weights attached to one of two layers are those of both."""
    module, path = block(), tmp_path / "net.safetensors"
    other = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Sigmoid())
    for name in ("first", "again"):
        lgraph = twice(module).with_weights({name: Weights(other.state_dict())})
        net = lgraph.compile().eval()
        assert torch.equal(net.first[0].weight, other[0].weight)
        lgraph.save(path)
        loaded = load(path, modules={"first": block()}).compile().eval()
        assert torch.equal(loaded(X), net(X))
    tied = twice(nn.Sequential(module[0]), second=Tied(module[0]))
    lgraph = tied.with_weights({"first": Weights(nn.Sequential(other[0]).state_dict())})
    lgraph.save(path)
    conv = nn.Conv2d(3, 3, 3, padding=1)
    modules = {"first": nn.Sequential(conv), "again": Tied(conv)}
    assert torch.equal(load(path, modules=modules).compile().again.weight, other[0].weight)


def test_two_sets_of_weights_for_one_module_are_an_error():
    module = block()
    other = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Sigmoid())
    weights = {"first": Weights(module.state_dict()), "again": Weights(other.state_dict())}
    with pytest.raises(InvalidNetworkError) as caught:
        twice(module).with_weights(weights).compile()
    (issue,) = caught.value.issues
    assert (issue.code, issue.layer) == ("LG-WEIGHTS", "again")
    assert issue.text == "it shares '0.weight' with 'first', which has other weights attached"
    assert twice(block(), second=block()).with_weights(weights).compile()


def test_copies_of_a_network_share_too():
    net = copy.deepcopy(twice(block()).compile())
    assert net.first is net.again
    lgraph = copy.deepcopy(twice(block()))
    assert lgraph["first"].module is lgraph["again"].module
    again = lgraph.compile().double().to("cpu")
    assert again.first[0].weight is again.again[0].weight
    assert again.first[0].weight.dtype == torch.float64


def test_every_tool_takes_shared_modules():
    net = twice(block()).compile().eval()
    wanted = net(X)
    torch.testing.assert_close(fx.symbolic_trace(net)(X), wanted)
    torch.testing.assert_close(torch.export.export(net, (X,)).module()(X), wanted)
    torch.testing.assert_close(torch.compile(net, fullgraph=True, backend="eager")(X), wanted)


def test_a_module_that_writes_in_place_in_two_layers_is_wrapped_once():
    class Increment(nn.Module):
        def forward(self, x):
            return x.add_(1)

    lgraph = twice(Increment()).add_layers(AdditionLayer(2, name="add"))
    lgraph = lgraph.remove_layers(["softmax", "loss"])
    lgraph = lgraph.connect_layers("first", "add/in1").connect_layers("again", "add/in2")
    net, x = lgraph.compile(), torch.zeros(1, 3, 6, 7)
    assert len(net.first._forward_pre_hooks) == 1
    assert (net(x) == 3).all()
    assert not x.any()


@pytest.mark.parametrize("owner", [3, "", None, "nobody", "again", ["first"]])
def test_hostile_files(owner, tmp_path):
    import safetensors.torch

    path = tmp_path / "net.safetensors"
    twice(block()).save(path)
    with safe_open(path, framework="pt") as file:
        metadata, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    architecture = json.loads(metadata["architecture"])
    architecture["layers"][2]["module_of"] = owner
    safetensors.torch.save_file(tensors, path, {**metadata, "architecture": json.dumps(architecture)})
    with pytest.raises(FileFormatError, match=r"module_of|'again' is a torch module"):
        load(path, modules={"first": block()})
