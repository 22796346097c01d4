"""The contract that every layer type passes: sizes, parameters, costs, files, ``repr``, export, training."""

import gc
import importlib
import itertools
import pkgutil
from dataclasses import FrozenInstanceError, fields
from math import prod

import pytest
import torch
from layer_examples import EXAMPLES, Example
from memory_measures import PeakBytes, SavedTensors, storage
from torch import fx, nn
from torch.utils.flop_counter import FlopCounterMode

import layergraph
from layergraph import Layer, LayerGraph, LossLayer, ModuleLayer, ReluLayer, Size, load
from layergraph.layers import LAYER_TYPES

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=str)


def tensors(example: Example, device="cpu", batch=2):
    """Random images for the layer; for unpooling, the outputs of the pooling layer for them."""
    if example.layer.is_input:
        (size,) = example.layer.output_sizes([])
        return [torch.rand(batch, *size.tensor_shape[1:], device=device)]
    images = [torch.rand(batch, channels, *spatial, device=device) for spatial, channels in example.inputs]
    if example.pooling is None:
        return images
    return list(example.pooling.torch_module([])(*images))


def results_of(module: nn.Module, inputs):
    result = module(*inputs)
    return result if isinstance(result, tuple) else (result,)


def expected_shape(size: Size, batch: int, example: Example):
    """The torch shape of one output, with the batch."""
    if size.format == "SSSSSCB":  # the memory of pooling: height and width
        return size.shape[3:5]
    return (batch, *size.tensor_shape[1:])


def module_of(example: Example) -> nn.Module:
    return example.layer.torch_module(example.sizes).eval()


def descendants(kind: type[Layer]) -> set[type[Layer]]:
    """All classes of the package that inherit from a layer class, in any number of steps."""
    children = {child for child in kind.__subclasses__() if child.__module__.startswith("layergraph.")}
    return children.union(*map(descendants, children))


def layer_types() -> set[type[Layer]]:
    """Every layer type of the package: the classes that no other class of it inherits from."""
    for module in pkgutil.iter_modules(layergraph.layers.__path__, "layergraph.layers."):
        importlib.import_module(module.name)
    return {kind for kind in descendants(Layer) if not descendants(kind)}


def test_every_layer_class_is_registered_under_its_name_and_exported():
    assert {kind.__name__: kind for kind in layer_types()} == LAYER_TYPES
    assert all(getattr(layergraph, name) is kind for name, kind in LAYER_TYPES.items())


def test_a_layer_class_without_registration_is_reported():
    forgotten = type("ForgottenLayer", (ReluLayer.__base__,), {"__module__": "layergraph.layers.forgotten"})
    assert layer_types() - {*LAYER_TYPES.values()} == {forgotten}
    del forgotten
    gc.collect()  # a class is part of cycles, and stays a subclass until they are collected


def test_every_layer_class_has_an_example_of_itself():
    for kind in layer_types():
        layer, sizes = kind.example()
        assert type(layer) is kind
        assert layer.output_sizes(sizes)


def test_layer_types_have_one_line_of_abstract_bases():
    for kind in layer_types():
        line = kind.__mro__[:-1]
        assert line[-1] is Layer
        assert all(child.__bases__ == (base,) for child, base in itertools.pairwise(line))
        assert not {*line[1:]} & {*LAYER_TYPES.values()}


@every_example
def test_sizes_by_formula_are_those_of_runs_with_and_without_data(example):
    sizes = example.layer.output_sizes(example.sizes)
    assert len(sizes) == max(len(example.layer.output_names), 1)
    real = results_of(module_of(example), tensors(example))
    meta = results_of(module_of(example).to("meta"), tensors(example, "meta"))
    for index, size in enumerate(sizes):
        shapes = [result[index].shape if hasattr(result[index], "shape") else result[index]
                  for result in (real, meta)]  # fmt: skip
        if example.layer.output_names[index : index + 1] == ("indices",):
            assert size.num_elements * 2 == real[index].numel() == meta[index].numel()
            assert shapes[0] == real[0].shape
        else:
            assert [tuple(shape) for shape in shapes] == [expected_shape(size, 2, example)] * 2


@every_example
def test_every_port_has_a_name_of_its_own(example):
    assert len(example.layer.input_names) == len(example.sizes)
    assert len(set(example.layer.input_names)) == len(example.layer.input_names)
    assert len(set(example.layer.output_names)) == len(example.layer.output_names)
    assert example.layer.is_output == (not example.layer.output_names)
    assert example.layer.is_input == (not example.layer.input_names)


def as_torch(name: str, shape: tuple[int, ...], layer: str) -> tuple[int, ...]:
    """A MATLAB size as the shape of the torch parameter."""
    if layer == "GroupedConvolution2dLayer":
        if name == "Bias":
            return (shape[2] * shape[3],)
        height, width, channels, filters, groups = shape
        return (filters * groups, channels, height, width)
    if layer == "FullyConnectedLayer":
        return shape if name == "Weights" else shape[:1]
    if name == "Weights":  # (h, w, c, n) is (n, c, h, w); and transposed (h, w, n, c) is (c, n, h, w)
        *window, before_last, last = shape
        return (last, before_last, *window)
    assert set(shape[:-1]) <= {1}
    return shape[-1:]


TORCH_NAMES = {
    "Weights": "weight",
    "Bias": "bias",
    "Scale": "weight",
    "Offset": "bias",
    "TrainedMean": "running_mean",
    "TrainedVariance": "running_var",
}


@every_example
def test_learnables_and_states_are_those_of_the_module(example):
    layer, module = example.layer, module_of(example)
    parameters = {name: tuple(p.shape) for name, p in module.named_parameters()}
    buffers = {name: tuple(b.shape) for name, b in module.named_buffers()}
    learnables, states = layer.learnables(example.sizes), layer.states(example.sizes)
    if isinstance(layer, ModuleLayer):
        assert (learnables, states) == (parameters, buffers)
        return
    kind = type(layer).__name__
    shapes = {TORCH_NAMES[name]: as_torch(name, shape, kind) for name, shape in learnables.items()}
    assert shapes == parameters
    assert sum(map(prod, learnables.values())) == sum(p.numel() for p in module.parameters())
    expected = {n: s for n, s in buffers.items() if n in ("running_mean", "running_var")}
    assert {TORCH_NAMES[name]: as_torch(name, shape, kind) for name, shape in states.items()} == expected
    assert set(layer.factors()) <= set(parameters)


@every_example
def test_the_repr_evaluates_to_an_equal_layer(example):
    layer = example.layer
    if isinstance(layer, (ModuleLayer, LossLayer)):
        assert repr(layer).startswith(f"{type(layer).__name__}(")
        return
    again = eval(repr(layer), vars(layergraph))
    assert again == layer
    assert hash(again) == hash(layer)
    assert repr(again) == repr(layer)


@every_example
def test_a_file_gives_back_an_equal_layer(example, tmp_path):
    layer = example.layer
    lgraph = LayerGraph(layer)
    name = lgraph.layers[0].name
    modules = {name: layer.module} if isinstance(layer, ModuleLayer) else None
    modules = {name: layer.function} if isinstance(layer, LossLayer) else modules
    path = tmp_path / "layer.safetensors"
    lgraph.save(path)
    assert load(path, modules=modules, weights=False) == lgraph
    weights = layergraph.Weights(module_of(example).state_dict())
    if weights:
        lgraph = lgraph.with_weights({name: weights})
        lgraph.save(path)
        assert load(path, modules=modules) == lgraph


@every_example
def test_it_is_frozen_and_describes_itself(example):
    layer = example.layer
    with pytest.raises(FrozenInstanceError):
        layer.name = "other"
    assert layer.type
    assert layer.description
    assert layer.default_name
    assert "\n" not in layer.description
    assert all(not isinstance(getattr(layer, item.name), list) for item in fields(layer))


@every_example
def test_torch_fx_traces_it_inside_a_network(example):
    module, inputs = module_of(example), tensors(example)
    traced = fx.symbolic_trace(WRAPPERS[len(inputs)](module))
    for result, expected in zip(results_of(traced, inputs), results_of(module, inputs), strict=True):
        if isinstance(expected, torch.Tensor):
            assert torch.equal(result, expected)
        else:
            assert tuple(result) == tuple(expected)


@every_example
def test_gradients_reach_inputs_and_parameters(example):
    if isinstance(example.layer, ModuleLayer):
        return
    module, inputs = module_of(example), tensors(example)
    images = [x.requires_grad_() for x in inputs if isinstance(x, torch.Tensor) and x.is_floating_point()]
    used = images[:1] if "ref" in example.layer.input_names else images
    results_of(module, inputs)[0].sum().backward()
    assert all(x.grad is not None and x.grad.shape == x.shape for x in used)
    assert all(p.grad is not None for p in module.parameters())


@every_example
def test_multiply_adds_are_half_of_the_operations_that_torch_counts(example):
    module, inputs = module_of(example), tensors(example, batch=3)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*inputs)
    assert 2 * 3 * example.layer.multiply_adds(example.sizes) == counter.get_total_flops()


def tensors_only(values):
    return [value for value in values if isinstance(value, torch.Tensor)]


@every_example
@pytest.mark.parametrize("training", [False, True])
def test_results_take_the_memory_that_the_layer_states(example, training):
    layer, inputs = example.layer, tensors(example)
    results = results_of(module_of(example).train(training), inputs)
    assert (storage(results[0]) == storage(inputs[0])) == layer.shares_memory(example.sizes, training)
    amounts = layer.output_memory(example.sizes)
    if not layer.shares_memory(example.sizes, training):
        for result, amount in zip(results, amounts, strict=True):
            held = result.untyped_storage().nbytes() if isinstance(result, torch.Tensor) else 0
            assert held == amount.num_bytes(batch_size=2, item_bytes=4)


@every_example
def test_autograd_saves_what_the_layer_states(example):
    layer, module = example.layer, module_of(example).train()
    # results of an operation, as inside a network; images that are fed need no gradient
    inputs = [
        x.requires_grad_(not layer.is_input) * 1 if torch.is_tensor(x) and x.is_floating_point() else x
        for x in tensors(example)
    ]
    with SavedTensors([*module.parameters(), *module.buffers()]) as saved:
        results = results_of(module, inputs)
    named = [
        {
            name
            for name, x in zip(names, tensors_of_ports, strict=True)
            if torch.is_tensor(x) and storage(x) in held
        }
        for names, tensors_of_ports, held in (
            (layer.input_names or ("",), inputs, saved.by_storage),
            (layer.output_names or ("out",), results, saved.by_storage.keys() - {storage(inputs[0])}),
        )
    ]
    if layer.is_input:
        assert not saved.by_storage
        return
    stated = layer.saved_for_backward(example.sizes, [torch.is_tensor(x) and x.requires_grad for x in inputs])
    assert [set(stated.inputs), set(stated.outputs)] == named
    assert stated.private.num_bytes(batch_size=2, item_bytes=4) == saved.num_bytes([*inputs, *results])


@every_example
def test_inference_takes_the_workspace_that_the_layer_states(example):
    module, inputs = module_of(example), tensors(example, batch=3)
    own = [*module.parameters(), *module.buffers()]
    with PeakBytes(tensors_only(inputs), own) as counter, torch.no_grad():
        results = results_of(module, inputs)
    held = {storage(x): x.untyped_storage().nbytes() for x in tensors_only([*inputs, *results])}
    workspace = example.layer.workspace(example.sizes).num_bytes(batch_size=3, item_bytes=4)
    # operations without data may give a few numbers more, such as batch statistics that nobody asked for
    near = 64 if isinstance(example.layer, ModuleLayer) else 0
    assert abs(sum(held.values()) + workspace - counter.peak) <= near


@pytest.mark.parametrize(
    "example", {type(e.layer).__name__ + str(len(e.inputs)): e for e in EXAMPLES}.values(), ids=str
)
def test_torch_export_takes_any_batch_of_it(example):
    module, inputs = module_of(example), tensors(example)
    if example.pooling is not None:
        return  # unpooling is exported with its pooling layer, in the tests of networks
    batch = torch.export.Dim("batch", min=1, max=64)
    shapes = tuple({0: batch} for _ in inputs)
    exported = torch.export.export(WRAPPERS[len(inputs)](module), tuple(inputs), dynamic_shapes=shapes)
    more = tensors(example, batch=3)
    for result, expected in zip(results_of(exported.module(), more), results_of(module, more), strict=True):
        torch.testing.assert_close(result, expected, rtol=0, atol=0)


class Wrapper(nn.Module):
    """A network of one layer; each number of inputs has its own class, for tools that need their names."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer


class OneInput(Wrapper):
    def forward(self, a):
        return self.layer(a)


class TwoInputs(Wrapper):
    def forward(self, a, b):
        return self.layer(a, b)


class ThreeInputs(Wrapper):
    def forward(self, a, b, c):
        return self.layer(a, b, c)


class FourInputs(Wrapper):
    def forward(self, a, b, c, d):
        return self.layer(a, b, c, d)


WRAPPERS = {1: OneInput, 2: TwoInputs, 3: ThreeInputs, 4: FourInputs}
