"""A ModuleLayer learns sizes, costs and faults from runs of a copy, and leaves the module untouched."""

import random
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from memory_measures import PeakBytes, SavedTensors, storage
from torch import nn
from torch.nn.utils import prune
from torch.utils.flop_counter import FlopCounterMode

from layergraph import Convolution2dLayer, ImageInputLayer, LayerGraph, ModuleLayer
from layergraph.analyze import analyze_network, explain
from layergraph.errors import SizeError
from layergraph.modules import trial
from layergraph.sizes import image_size


class Function(nn.Module):
    """A module of one function of the image."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Attributes(nn.Module):
    """Tensors and arrays that are no buffers."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)
        self.offset, self.array = torch.ones(2, 1, 1), np.ones((2, 1, 1), np.float32)
        self.tensors, self.number = {"all": [torch.ones(1)]}, torch.tensor(2)

    def forward(self, x):
        x = self.conv(x) + self.offset + self.tensors["all"][0] * self.number
        return x + torch.from_numpy(self.array) + torch.as_tensor(self.array) + torch.tensor(self.array)


class Positions(nn.Module):
    """A module that adds positions and samples; forward makes all its tensors without a device."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(5, 4, 3, padding=1)

    def forward(self, x):
        height, width = x.shape[2:]
        rows, columns = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
        grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
        positions = grid.permute(2, 0, 1).expand(x.shape[0], -1, -1, -1)
        x = self.conv(torch.cat([x, positions], dim=1))
        x = F.grid_sample(x, grid.expand(x.shape[0], -1, -1, -1).flip(1), align_corners=True)
        return x + torch.arange(width) + torch.zeros(height, 1) + torch.randn(1)


class Decides(nn.Module):
    """A module whose code depends on values."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4)

    def forward(self, x):
        x = self.norm(self.conv(x))
        return x * float(x.detach().abs().max()) if x.min() < 0 else x


WITHOUT_DATA = {
    "attributes": Attributes,
    "positions": Positions,
    "a device": lambda: Function(lambda x: x + torch.ones(3, 1, 1, device=x.device)),
    "random numbers": lambda: Function(lambda x: x + torch.rand(x.shape) + torch.randperm(x.shape[3])),
    "a constant's value": lambda: Function(lambda x: x[:, :, : torch.tensor(3).item()]),
}
WITH_DATA = {
    "item": lambda: Function(lambda x: x * x.max().item()),
    "if": lambda: Function(lambda x: 2 * x if x.max() > 0 else x),
    "numpy": lambda: Function(lambda x: x + torch.from_numpy(x.detach().numpy().mean((2, 3), keepdims=True))),
    "formatted": lambda: Function(lambda x: x if f"{x.mean():.2f}" else -x),
    "chosen": lambda: Function(lambda x: x + x[x > 2].sum()),
    "a network": Decides,
}
every_module = pytest.mark.parametrize("name", [*WITHOUT_DATA, *WITH_DATA])


def make(name):
    torch.manual_seed(0)
    return {**WITHOUT_DATA, **WITH_DATA}[name]()


def between_layers(module):
    """A network with the module between two convolutions."""
    return LayerGraph(
        [
            ImageInputLayer((8, 9, 2), normalization="none", name="in"),
            Convolution2dLayer(1, 3, name="first"),
            ModuleLayer(module, name="module"),
            Convolution2dLayer(1, 2, name="last"),
        ]
    )


@every_module
def test_sizes_are_those_of_a_run(name):
    module = make(name)
    (size,) = ModuleLayer(module).output_sizes([image_size((8, 9), 3)])
    assert (1, size.channels, *size.spatial) == tuple(module.eval()(torch.rand(1, 3, 8, 9)).shape)


@every_module
@pytest.mark.parametrize("batch", [2, 5])
def test_costs_are_those_of_a_run(name, batch):
    lgraph = between_layers(make(name))
    costs = analyze_network(lgraph, target_usage="network").costs(batch_size=batch)
    assert costs.complete
    net, x = lgraph.compile(), torch.rand(batch, 2, 8, 9)
    own = [*net.parameters(), *net.buffers()]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(x)
    assert 2 * costs.multiply_adds == counter.get_total_flops()
    with PeakBytes([x], own) as peak, torch.no_grad():
        net(x)
    # a comparison of x.max() takes a byte or two
    assert costs.peak_bytes_inference == pytest.approx(peak.peak, abs=64 + 8 * 72)
    with SavedTensors(own) as saved:
        net.train()(x)
    expected = saved.num_bytes() + x.nbytes * (storage(x) not in saved.by_storage)
    assert costs.activation_bytes_training == pytest.approx(expected, abs=64)


def test_a_module_that_needs_data_has_a_note():
    for name in [*WITHOUT_DATA, *WITH_DATA]:
        analysis = analyze_network(between_layers(make(name)), target_usage="network")
        notes = [(issue.layer, issue.severity) for issue in analysis.issues if issue.code == "LG-MEASURED"]
        assert notes == [("module", "note")] * (name in WITH_DATA), name
        assert analysis.num_errors == 0
    explanation = explain(analyze_network(between_layers(Decides()), target_usage="network"), "module")
    assert "a run of the module with data" in str(explanation)


def state_of(module):
    """Everything that an analysis could change."""
    state = [module.training, module._forward_hooks, module._forward_pre_hooks, sorted(vars(module))]
    for tensor in [*module.parameters(), *module.buffers()]:
        state += [tensor.data_ptr(), tensor._version, tensor.device, tensor.dtype, tensor.tolist()]
    return state


def random_states():
    return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())


@every_module
def test_an_analysis_changes_nothing(name):
    module = make(name)

    class Restless(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.norm = module, nn.BatchNorm2d(3)

        def forward(self, x):
            random.random()
            np.random.rand()
            return self.inner(self.norm(x) + torch.rand(1))

    outer = Restless().train()
    outer.norm.eval()
    before = state_of(outer), state_of(outer.norm), random_states()
    lgraph = between_layers(outer)
    analysis = analyze_network(lgraph, target_usage="network")
    assert str(analysis.costs())
    assert analysis.issues is not None
    assert (state_of(outer), state_of(outer.norm), random_states()) == before
    state = torch.get_rng_state()
    net = lgraph.add_layers([]).compile()
    torch.set_rng_state(state)
    assert (state_of(outer), state_of(outer.norm), random_states()) == before
    assert [part.training for part in net.module.modules()][:1] == [True]
    assert not net.module.norm.training


def test_a_plain_tensor_is_not_written_to():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls, self.array = torch.zeros(1), np.zeros(1)

        def forward(self, x):
            self.calls += 1
            torch.from_numpy(self.array).add_(1)
            return x * self.calls

    module = Counting()
    assert analyze_network(between_layers(module), target_usage="network").costs().complete
    between_layers(module).compile()
    assert (module.calls.item(), module.array.item()) == (0, 0)


def test_without_memory_there_is_no_run_with_data(monkeypatch):
    monkeypatch.setattr(trial, "free_memory", lambda: 64 * 4 * 3 * 8 * 9 - 1)
    with pytest.raises(SizeError, match=r": its values decide what it does, and memory is too small"):
        ModuleLayer(make("if")).output_sizes([image_size((8, 9), 3)])
    monkeypatch.setattr(trial, "free_memory", lambda: 64 * 4 * 3 * 8 * 9)
    with pytest.raises(SizeError, match="memory is too small"):
        ModuleLayer(make("if")).output_sizes([image_size((9, 9), 3)])


def test_a_network_compiles_on_the_meta_device():
    """As before weights are read; tensors that forward makes without a device are on another one then."""
    networks = [between_layers(make(name)) for name in ("positions", "a network")]
    with torch.device("meta"):
        assert all(network.compile() for network in networks)
        on_meta = between_layers(make("positions"))
        assert on_meta["module"].module.conv.weight.is_meta
        assert analyze_network(on_meta, target_usage="network").num_errors == 0


def test_free_memory_is_more_than_a_megabyte():
    assert trial.free_memory() > 2**20


@pytest.mark.slow
def test_a_fault_prints_nothing():
    """Fake tensors log their faults with a traceback."""
    code = (
        "import torch\n"
        "from layergraph.analyze import analyze_network\n"
        "class Wrong(torch.nn.Module):\n"
        "    def forward(self, x): return torch.cat([x, x[:, :, :3]]) @ x\n"
        "print(len(analyze_network(Wrong(), input_size=(8, 8, 3)).issues))"
    )
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("1\n", "")


# -- faults, each with an advice --------------------------------------------------------------


class Two(nn.Module):
    def forward(self, image, mask):
        return image * mask


class Auxiliary(nn.Module):
    """A second tensor in training, as segmentation models have."""

    def __init__(self, *, as_dict):
        super().__init__()
        self.as_dict = as_dict

    def forward(self, x):
        if self.as_dict:
            return {"out": x, "aux": x} if self.training else x
        return (x, x[:, :2]) if self.training else x


def test_the_texts_of_faults(golden):
    modules = {
        "two outputs": Function(lambda x: (x, x)),
        "three outputs": Function(lambda x: [x, x, x]),
        "a dict": Function(lambda x: {"out": x, "aux": x}),
        "a large dict": Function(lambda x: {f"level{i}": x for i in range(100)}),
        "a tuple of one": Function(lambda x: (x,)),
        "a nested tuple": Function(lambda x: (x, (x, x))),
        "nothing": Function(lambda x: None),
        "a number": Function(lambda x: 3),
        "channels first": nn.Conv2d(8, 4, 3),
        "whole numbers": nn.Embedding(10, 3),
        "two inputs": Two(),
        "another tensor in training": Auxiliary(as_dict=False),
        "a dict in training": Auxiliary(as_dict=True),
        "another size in training": Dropping(),
        "lazy": nn.LazyConv2d(3, 3),
    }
    one_input = ModuleLayer(nn.ReLU(), num_inputs=2)
    with pytest.raises(SizeError) as caught:
        one_input.output_sizes([image_size((8, 7), 3)] * 2)
    lines = ["one input", caught.value.advice]
    for name, module in modules.items():
        (issue,) = analyze_network(module, input_size=(8, 7, 3)).issues
        with pytest.raises(SizeError) as caught:
            ModuleLayer(module).output_sizes([image_size((8, 7), 3)])
        assert (issue.code, issue.advice) == (caught.value.code, caught.value.advice)
        assert issue.text == f"{caught.value.text} (from 'input')"
        # after the colon come words of torch, which vary by version
        lines += ["", name, f"{issue.text.split(': ')[0]} ...", issue.advice]
    golden("modules", "\n".join(lines))


class Dropping(nn.Module):
    def forward(self, x):
        return x[:, :1] if self.training else x


def test_the_advice_helps():
    assert ModuleLayer(Two(), num_inputs=2).output_sizes([image_size((8, 7), 3)] * 2)
    assert (
        len(ModuleLayer(Function(lambda x: (x, x)), num_outputs=2).output_sizes([image_size((8, 7), 3)])) == 2
    )
    assert analyze_network(nn.Conv2d(8, 4, 3), input_size=(7, 3, 8)).num_errors == 0
    embedding = nn.Embedding(300, 1)
    whole = Function(lambda x: embedding(x[:, 0].long()).permute(0, 3, 1, 2))
    assert analyze_network(whole, input_size=(8, 7, 1)).num_errors == 0


def test_a_module_for_one_observation_or_for_evaluation_alone():
    one = Function(lambda x: x.squeeze(0).mean(0, keepdim=True).unsqueeze(0))

    class EvaluationOnly(nn.Module):
        def forward(self, x):
            if self.training:
                raise NotImplementedError("not in training")
            return 2 * x

    for module in (one, EvaluationOnly()):
        analysis = analyze_network(module, input_size=(8, 7, 3))
        assert analysis.num_errors == 0
        assert str(analysis.costs())
        assert LayerGraph([ImageInputLayer((8, 7, 3)), ModuleLayer(module)]).compile().eval()(
            torch.rand(1, 3, 8, 7)
        ).shape[2:] == (8, 7)


def test_modes_that_differ_for_one_observation():
    class ForOne(nn.Module):
        """Takes one image, and returns another size in training."""

        def forward(self, x):
            (image,) = x
            return image[None, : 2 - self.training]

    with pytest.raises(SizeError, match=r"a tensor of \(1, 8, 7\) per observation in training, and a"):
        ModuleLayer(ForOne()).output_sizes([image_size((8, 7), 3)])


def test_tensors_that_a_module_keeps_of_one_run_do_not_affect_the_next():
    class Keeping(nn.Module):
        """Makes its zeros once, for the number of observations of its first run."""

        def __init__(self):
            super().__init__()
            self.zeros = None

        def forward(self, x):
            if self.zeros is None:
                self.zeros = torch.zeros(x.shape)
            return torch.stack([a.add_(b) for a, b in zip(x, self.zeros, strict=True)])

    net = between_layers(Keeping()).compile()
    (hook,) = net.module._forward_pre_hooks.values()
    assert hook.in_training == hook.in_evaluation == {0}


def test_a_module_that_cannot_be_copied_is_an_error():
    module = Function(lambda x: x)
    module.lock = threading.Lock()
    with pytest.raises(SizeError, match=r": it cannot be copied, and a network needs a copy: cannot pickle"):
        ModuleLayer(module).output_sizes([image_size((8, 7), 3)])


def scripted():
    return torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True)))


def pruned():
    conv = nn.Conv2d(3, 4, 1)
    prune.l1_unstructured(conv, "weight", 0.5)
    return conv


class Noise(nn.Module):
    """A module with random numbers of its own."""

    def __init__(self):
        super().__init__()
        self.generator, self.scale = torch.Generator(), nn.Parameter(torch.ones(3, 1, 1))

    def forward(self, x):
        return x + self.scale * torch.rand(x.shape, generator=self.generator)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize(
    "create", [scripted, pruned, Noise, lambda: nn.utils.weight_norm(nn.Conv2d(3, 4, 1))]
)
def test_modules_for_which_deepcopy_fails(create):
    """TorchScript, weights that are computed before each run, and a random generator."""
    module = create()
    before = states_of_generators(module)
    lgraph = between_layers(module)
    analysis = analyze_network(lgraph.replace_layer("last", Convolution2dLayer(1, 2)), target_usage="network")
    assert (analysis.num_errors, analysis.costs().complete) == (0, True)
    net, x = lgraph.compile(), torch.rand(2, 2, 8, 9)
    assert states_of_generators(module) == before
    inner = net.activations(x, "first")
    torch.testing.assert_close(net.activations(x, "module"), run(module, inner))
    net.train()(x).sum().backward()
    learned = list(net.module.parameters())
    assert all(p.is_leaf and p.grad is not None for p in learned)
    assert len(learned) == len(list(module.parameters()))


def states_of_generators(module):
    return [generator.get_state().tolist() for generator in trial.plain_attributes(module, torch.Generator)]


def run(module, x):
    """The output of the module of the user."""
    with torch.no_grad():
        return module.eval()(x.clone())
