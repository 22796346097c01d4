"""Modules that write to their inputs change nothing for other layers or for the caller."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_measures import PeakBytes, SavedTensors, storage
from random_graphs import networks
from torch import fx, nn
from torch.export import Dim

from layergraph import (
    AdditionLayer,
    Convolution2dLayer,
    DropoutLayer,
    ImageInputLayer,
    LayerGraph,
    ModuleLayer,
    SigmoidLayer,
)
from layergraph.analyze import analyze_network
from layergraph.modules.copying import InputCopyHook


class Function(nn.Module):
    """A module of one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def increment(x):
    x += 1
    return x


def double_the_first_row(x):
    x[:, :, 0].mul_(2)
    return x


def doubled_first_row(x):
    return torch.cat([2 * x[:, :, :1], x[:, :, 1:]], dim=2)


def increment_data(x):
    x.data.add_(1)
    return x


def half_into_itself(x):
    with torch.no_grad():
        torch.mul(x.detach(), 1.0, out=x.detach())
    return x * 0.5


def increment_transposed(x):
    x.flatten(1).unsqueeze(1).transpose(1, 2).add_(1)
    return x


class WritesInTraining(nn.Module):
    def __init__(self, in_place):
        super().__init__()
        self.in_place = in_place

    def forward(self, x):
        if not self.training:
            return x
        if self.in_place:
            return x.add_(1)
        return x + 1


class Residual(nn.Module):
    """Adds its input, which the ReLU overwrites where it works in place."""

    def __init__(self, copies):
        super().__init__()
        self.copies, self.relu = copies, nn.ReLU(inplace=True)

    def forward(self, x):
        x = x.clone() if self.copies else x
        return 2 * self.relu(x) + x


# each module in place, and the same out of place
MODULES = {
    "ReLU": lambda ip: nn.ReLU(inplace=ip),
    "LeakyReLU": lambda ip: nn.LeakyReLU(0.1, inplace=ip),
    "SiLU": lambda ip: nn.SiLU(inplace=ip),
    "Hardswish": lambda ip: nn.Hardswish(inplace=ip),
    "ELU": lambda ip: nn.ELU(inplace=ip),
    "ReLU6": lambda ip: nn.ReLU6(inplace=ip),
    "Dropout": lambda ip: nn.Dropout(0.5, inplace=ip),
    "a sequence": lambda ip: nn.Sequential(nn.Sequential(nn.ReLU6(ip), nn.ELU(inplace=ip)), nn.SiLU(ip)),
    "after an identity": lambda ip: nn.Sequential(nn.Identity(), nn.ReLU(ip)),
    "increment": lambda ip: Function(increment if ip else lambda x: x + 1),
    "a view": lambda ip: Function(double_the_first_row if ip else doubled_first_row),
    "views of views": lambda ip: Function(increment_transposed if ip else lambda x: x + 1),
    "data": lambda ip: Function(increment_data if ip else lambda x: x + 1),
    "out=": lambda ip: Function(half_into_itself if ip else lambda x: x * 0.5),
    "in training": WritesInTraining,
    "a residual block": lambda ip: Residual(not ip),
}
every_module = pytest.mark.parametrize("name", MODULES)


def beside_a_skip(module):
    """A network whose module and addition read the same tensor."""
    layers = [
        ImageInputLayer((6, 7, 3), normalization="none", name="in"),
        Convolution2dLayer(1, 4, name="conv"),
        ModuleLayer(module, name="module"),
        AdditionLayer(2, name="add"),
    ]
    return LayerGraph(layers).connect_layers("conv", "add/in2")


def insert_between(lgraph, source, destination, layer):
    """The graph with a layer on this connection; other connections of the source stay."""
    lgraph = lgraph.disconnect_layers(source, destination).add_layers(layer)
    return lgraph.connect_layers(source, layer.name).connect_layers(layer.name, destination)


@st.composite
def pairs_of_networks(draw, losses=None):
    """A random network with modules on some of its connections, in place and out of place."""
    lgraph = draw(networks(most=6, losses=losses))
    images = [c for c in lgraph.connections if not c.source.endswith(("/indices", "/size"))]
    chosen = draw(st.lists(st.sampled_from(images), min_size=1, max_size=4, unique=True)) if images else []
    in_place = out_of_place = lgraph
    for index, (source, destination) in enumerate(chosen):
        name = draw(st.sampled_from([*MODULES]))
        if name == "a view" or name == "views of views":
            name = "increment"  # views of rows need images, and the network may have vectors
        for_both = [ModuleLayer(MODULES[name](ip), name=f"module{index}") for ip in (True, False)]
        in_place = insert_between(in_place, source, destination, for_both[0])
        out_of_place = insert_between(out_of_place, source, destination, for_both[1])
    return in_place, out_of_place


def gradients(net, inputs):
    torch.manual_seed(1)
    inputs = [x.clone().requires_grad_() for x in inputs]
    results = net(*inputs)
    results = results if isinstance(results, tuple) else (results,)
    sum(result.sum() for result in results).backward()
    of_parameters = {name: p.grad for name, p in net.named_parameters()}
    return {**of_parameters, **{index: x.grad for index, x in enumerate(inputs)}}, results


def assert_same(result, expected):
    torch.testing.assert_close(result, expected, rtol=0, atol=0, equal_nan=True)


@settings(max_examples=40, suppress_health_check=[*HealthCheck], deadline=None)
@given(pair=pairs_of_networks())
def test_random_networks_compute_the_same_in_place_and_out_of_place(pair):
    nets = []
    for lgraph in pair:
        torch.manual_seed(0)
        nets.append(lgraph.compile())
    inputs = [torch.randn(2, size[-1], *size[:-1]) for size in nets[0].input_sizes]
    given = [x.clone() for x in inputs]
    for training in (True, False):
        (grads, results), (expected_grads, expected) = (
            gradients(net.train(training), inputs) for net in nets
        )
        assert_same(results, expected)
        assert_same(grads, expected_grads)
        with torch.no_grad():
            for net in nets:
                net(*inputs)
    assert_same(inputs, given)
    names = [name for name in pair[0] if "out" in pair[0][name].output_names]
    assert_same(*(net.activations(inputs, names) for net in nets))
    assert_same(inputs, given)


@every_module
def test_another_reader_gets_its_input_unchanged(name):
    nets = []
    for in_place in (True, False):
        torch.manual_seed(0)
        nets.append(beside_a_skip(MODULES[name](in_place)).compile())
    x = torch.randn(2, 3, 6, 7)
    for training in (True, False):
        (grads, results), (expected_grads, expected) = (gradients(net.train(training), [x]) for net in nets)
        assert_same(results, expected)
        assert_same(grads, expected_grads)
    conv, module, total = nets[0].eval().activations(x, ["conv", "module", "add"])
    assert_same(total, conv + module)
    assert_same(module, MODULES[name](False).eval()(conv))


@every_module
@pytest.mark.parametrize("training", [True, False])
def test_images_of_the_caller_stay_unchanged(name, training):
    """Also through layers that pass their input on: no normalization, dropout in evaluation, identity."""
    layers = [
        ImageInputLayer((6, 7, 1), normalization="none", name="in"),
        DropoutLayer(0.5, name="dropout"),
        ModuleLayer(nn.Identity(), name="identity"),
        ModuleLayer(MODULES[name](True), name="module"),
    ]
    net = LayerGraph(layers).compile().train(training)
    x = torch.randn(2, 1, 6, 7)
    given, image = x.clone(), np.full((6, 7, 1), -2, np.float32)
    net(x)
    net.activations(x, "module")
    net.predict(image)
    net.predict(image[..., 0], dropout=True)
    assert_same(x, given)
    assert (image == -2).all()


def test_the_caller_may_write_to_returned_arrays():
    """Those of layers that pass their input on, and of a module that returns its buffer."""

    class Template(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("template", torch.zeros(1, 1, 6, 7))

        def forward(self, x):
            return self.template

    layers = [ImageInputLayer((6, 7, 1), normalization="none", name="in"), DropoutLayer(0.5, name="dropout")]
    net = LayerGraph([*layers, ModuleLayer(Template(), name="template")]).compile()
    image = np.zeros((6, 7, 1), np.float32)
    image.flags.writeable = False
    passed, dropped, template = net.activations(image, ["in", "dropout", "template"])
    passed += 1
    assert not dropped.any()
    template += 1
    assert not net.predict(image).any()
    assert not image.any()


def test_a_module_inside_keeps_its_inplace_flag_where_no_input_is_written():
    """A module that works in place on its own results saves memory, and changes nothing for others."""
    block = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True))
    net = beside_a_skip(block).compile()
    assert net.module[1].inplace
    assert not net.module._forward_pre_hooks
    assert not beside_a_skip(nn.ReLU(inplace=True)).compile().module._forward_pre_hooks


def test_the_module_of_the_user_keeps_flags_and_hooks():
    module = nn.Sequential(nn.ReLU(inplace=True), Function(increment))
    net = beside_a_skip(module).compile()
    assert module[0].inplace
    assert not module._forward_pre_hooks
    assert not net.module[0].inplace


def test_an_activation_that_autograd_saves_is_not_overwritten():
    """In plain torch this fails: sigmoid saves its result for the backward pass."""
    lgraph = LayerGraph(
        [
            ImageInputLayer((4, 4, 2), normalization="none", name="in"),
            SigmoidLayer(name="sigmoid"),
            ModuleLayer(Function(increment), name="module"),
        ]
    )
    x = torch.randn(1, 2, 4, 4, requires_grad=True)
    lgraph.compile()(x).sum().backward()
    share = x.detach().sigmoid()
    torch.testing.assert_close(x.grad, share * (1 - share))


def test_two_ports_that_read_one_tensor():
    class AddsToTheFirst(nn.Module):
        def forward(self, a, b):
            a += 1
            return a * b

    lgraph = LayerGraph(
        [
            ImageInputLayer((4, 4, 1), normalization="none", name="in"),
            ModuleLayer(AddsToTheFirst(), num_inputs=2, name="m"),
        ]
    ).connect_layers("in", "m/in2")
    net, x = lgraph.compile(), torch.randn(1, 1, 4, 4)
    assert_same(net(x), (x + 1) * x)
    (hook,) = net.m._forward_pre_hooks.values()
    assert isinstance(hook, InputCopyHook)
    assert hook.in_evaluation == hook.in_training == {0}


@pytest.mark.parametrize("name", ["ReLU", "increment", "after an identity", "in training"])
def test_every_tool_accepts_modules_in_place(name):
    torch.manual_seed(0)
    net = beside_a_skip(MODULES[name](True)).compile()
    x = torch.randn(2, 3, 6, 7)
    torch.testing.assert_close(torch.compile(net, fullgraph=True, backend="eager")(x), net(x))
    expected = net.eval()(x)
    assert_same(fx.symbolic_trace(net)(x), expected)
    assert_same(net.to_fx()(x), expected)
    assert_same(copy.deepcopy(net)(x), expected)
    shapes = ({0: Dim("batch", min=1, max=64)},)
    exported = torch.export.export(net, (x,), dynamic_shapes=shapes).module()
    for batch in (2, 3):
        x = torch.randn(batch, 3, 6, 7)
        given = x.clone()
        torch.testing.assert_close(exported(x), net(x))
        torch.testing.assert_close(torch.compile(net, fullgraph=True, backend="eager")(x), net(x))
        assert_same(x, given)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_onnx_export_accepts_modules_in_place(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    net = beside_a_skip(Function(increment)).compile().eval()
    x = torch.randn(2, 3, 6, 7)
    torch.onnx.export(net, (x,), tmp_path / "net.onnx", dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    (result,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    torch.testing.assert_close(torch.from_numpy(result), net(x))


def assert_costs_are_what_torch_counts(lgraph, near=0):
    """The costs for 2 observations are those of the network, whose module writes to copies."""
    costs = analyze_network(lgraph, target_usage="network").costs(batch_size=2)
    net = lgraph.compile()
    inputs = [torch.randn(2, size[-1], *size[:-1]) for size in net.input_sizes]
    own = [*net.parameters(), *net.buffers()]
    with PeakBytes(inputs, own) as counter, torch.no_grad():
        net.eval()(*inputs)
    assert costs.peak_bytes_inference == pytest.approx(counter.peak, abs=near)
    with SavedTensors(own) as saved:
        net.train()(*inputs)
    images = sum(x.nbytes for x in inputs if storage(x) not in saved.by_storage)
    assert costs.activation_bytes_training == saved.num_bytes() + images


@every_module
def test_costs_are_what_torch_counts(name):
    assert_costs_are_what_torch_counts(beside_a_skip(MODULES[name](True)))


@pytest.mark.slow
@settings(max_examples=30, suppress_health_check=[*HealthCheck], deadline=None)
@given(pair=pairs_of_networks(losses=False))
def test_costs_of_random_networks_are_what_torch_counts(pair):
    for lgraph in pair:
        assert_costs_are_what_torch_counts(lgraph, near=20 * 8)
