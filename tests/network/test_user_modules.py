"""The user's torch modules in a network."""

import pytest
import torch
from torch import nn

from layergraph import (
    AdditionLayer,
    ImageInputLayer,
    LayerGraph,
    ModuleLayer,
    PixelClassificationLayer,
    SoftmaxLayer,
    load,
)


class StatefulModule(nn.Module):
    """A module with every kind of state that an analysis could change."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, padding=1)
        self.bn = nn.BatchNorm2d(3)
        self.register_buffer("calls", torch.zeros(()))
        self.plain = 0

    def forward(self, x):
        self.plain += 1
        self.calls += 1
        return nn.functional.dropout(self.bn(self.conv(x)), 0.5) + torch.rand(
            1, device=x.device, dtype=x.dtype
        )


def full_state(module):
    return (
        [m.training for m in module.modules()],
        {k: (id(t), t.clone(), t.device, t.dtype) for k, t in module.state_dict(keep_vars=True).items()},
        module.plain,
        torch.get_rng_state(),
        [p.grad for p in module.parameters()],
        [p.requires_grad for p in module.parameters()],
    )  # fmt: skip


def assert_unchanged(before, after):
    assert before[0] == after[0]
    assert before[2] == after[2]
    assert torch.equal(before[3], after[3])
    assert before[4:] == after[4:]
    for key, (identity, value, device, dtype) in before[1].items():
        assert after[1][key][0] == identity
        assert torch.equal(after[1][key][1], value)
        assert after[1][key][2:] == (device, dtype)


@pytest.mark.parametrize("training", [True, False])
def test_the_users_module_never_changes(training, tmp_path):
    module = StatefulModule().train(training)
    module.conv.bias.requires_grad_(False)
    before = full_state(module)
    layer = ModuleLayer(module, name="mine")
    lgraph = LayerGraph(
        [ImageInputLayer((6, 7, 2), name="in"), layer, SoftmaxLayer(), PixelClassificationLayer()]
    )
    (size,) = layer.output_sizes(lgraph["in"].output_sizes([]))
    assert size.shape == (6, 7, 3, 1)
    layer.learnables([])
    hash(lgraph)
    lgraph.save(tmp_path / "net.safetensors")
    assert_unchanged(before, full_state(module))
    net = lgraph.compile()
    assert_unchanged(before, full_state(module))
    state = torch.get_rng_state()
    net.train()
    net.loss(torch.rand(2, 2, 6, 7), torch.zeros(2, 6, 7)).backward()
    torch.optim.SGD(net.parameters(), lr=1).step()
    torch.set_rng_state(state)
    assert_unchanged(before, full_state(module))
    assert not torch.equal(net.mine.conv.weight, module.conv.weight)


def test_two_networks_of_one_graph_share_no_tensor():
    lgraph = LayerGraph([ImageInputLayer((6, 7, 2), name="in"), ModuleLayer(StatefulModule(), name="mine")])
    first, second = lgraph.compile(), lgraph.compile()
    assert torch.equal(first.mine.conv.weight, second.mine.conv.weight)
    addresses = [{t.data_ptr() for t in net.state_dict().values() if t.numel()} for net in (first, second)]
    assert not addresses[0] & addresses[1]


def test_the_weights_of_a_module_are_saved_and_loaded_into_a_new_module(tmp_path):
    lgraph = LayerGraph([ImageInputLayer((6, 7, 2), name="in"), ModuleLayer(nn.Conv2d(2, 3, 3), name="mine")])
    net, path = lgraph.compile().eval(), tmp_path / "net.safetensors"
    with torch.no_grad():
        net.mine.weight.add_(1)
    net.layer_graph().save(path)
    assert b"Conv2d" not in path.read_bytes()
    fresh = nn.Conv2d(2, 3, 3)
    again = load(path, modules={"mine": fresh}).compile().eval()
    x = torch.rand(1, 2, 6, 7)
    assert torch.equal(again(x), net(x))
    assert not torch.equal(fresh.weight, net.mine.weight)


def test_a_module_may_have_several_inputs_and_outputs():
    class Both(nn.Module):
        def forward(self, a, b):
            return a + b, a - b

    layer = ModuleLayer(Both(), num_inputs=2, num_outputs=2, name="m")
    lgraph = LayerGraph([ImageInputLayer((4, 4, 1), normalization="none", name="in"), layer])
    lgraph = lgraph.connect_layers("in", "m/in2").add_layers(AdditionLayer(2, name="add"))
    lgraph = lgraph.connect_layers("m/out1", "add/in1").connect_layers("m/out2", "add/in2")
    x = torch.rand(1, 1, 4, 4)
    torch.testing.assert_close(lgraph.compile()(x), 2 * x)
    assert lgraph.compile().activations(x, "m/out2").abs().max() == 0


def test_parts_that_a_module_shares_stay_shared():
    shared = nn.Conv2d(2, 2, 3, padding=1)
    block = nn.Sequential(shared, nn.ReLU(), shared)
    net = LayerGraph([ImageInputLayer((6, 7, 2), name="in"), ModuleLayer(block, name="m")]).compile()
    assert net.m[0].weight is net.m[2].weight
    assert len(list(net.parameters())) == 2
