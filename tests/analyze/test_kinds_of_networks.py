"""Every tool takes every network: torch modules, several inputs and outputs, volumes, compiled networks."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import networks
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from layergraph import (
    AdditionLayer,
    ArgumentError,
    ClassificationLayer,
    Convolution2dLayer,
    DepthConcatenationLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    ModuleLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
    WrongTypeError,
)
from layergraph.analyze import NetworkAnalysis, analyze_network, compare, explain, plot
from layergraph.builders import unet3d_layers, unet_layers


class Halves(nn.Module):
    """Two outputs of unequal channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.conv(x)
        return y[:, :4], y[:, 4:]


class Gate(nn.Module):
    """Two inputs."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x * y.mean(1, keepdim=True)


class Broken(nn.Module):
    """Raises for every input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("it never works: <b>" + str(tuple(x.shape)))


def graph_of_modules(broken: bool = False) -> LayerGraph:
    stem = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Dropout(), nn.ReLU())
    lgraph = LayerGraph(
        [
            ImageInputLayer((16, 20, 3), normalization="none", name="data"),
            ModuleLayer(Broken() if broken else stem, name="stem"),
            ModuleLayer(Halves(), num_outputs=2, name="halves"),
        ]
    )
    lgraph = lgraph.add_layers(
        [ModuleLayer(Gate(), num_inputs=2, name="gate"), Convolution2dLayer(1, 2, name="scores")]
    )
    lgraph = lgraph.connect_layers("halves/out1", "gate/in1").connect_layers("halves/out2", "gate/in2")
    lgraph = lgraph.add_layers([SoftmaxLayer(name="softmax"), PixelClassificationLayer(name="loss")])
    return lgraph.connect_layers("scores", "softmax")


def graph_with_several_ends() -> LayerGraph:
    lgraph = LayerGraph(
        [
            ImageInputLayer((16, 16, 3), normalization="none", name="color"),
            Convolution2dLayer(3, 4, padding="same", name="conv1"),
            AdditionLayer(2, name="add"),
            MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name="pool"),
            ReluLayer(name="relu"),
            MaxUnpooling2dLayer(name="unpool"),
            Convolution2dLayer(1, 2, name="scores"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="pixels"),
        ]
    )
    lgraph = lgraph.connect_layers("pool/indices", "unpool/indices").connect_layers(
        "pool/size", "unpool/size"
    )
    lgraph = lgraph.add_layers(
        [ImageInputLayer((16, 16, 1), normalization="none", name="depth"),
         Convolution2dLayer(3, 4, padding="same", name="conv2")]
    )  # fmt: skip
    lgraph = lgraph.add_layers(
        [FullyConnectedLayer(3, name="fc"), SoftmaxLayer(name="softmax2"), ClassificationLayer(name="kind")]
    )
    return lgraph.connect_layers("conv2", "add/in2").connect_layers("relu", "fc")


def graph_of_volumes() -> LayerGraph:
    return unet3d_layers((16, 16, 16, 1), 2, encoder_depth=2, num_first_encoder_filters=2)


NETWORKS: dict[str, Callable[[], Any]] = {
    "modules": graph_of_modules,
    "a module that fails": lambda: graph_of_modules(broken=True),
    "several inputs and outputs": graph_with_several_ends,
    "volumes": graph_of_volumes,
    "modules, compiled": lambda: graph_of_modules().compile(),
    "several inputs and outputs, compiled": lambda: graph_with_several_ends().compile(),
    "volumes, compiled": lambda: graph_of_volumes().compile(),
}
every_network = pytest.mark.parametrize("network", NETWORKS)


def use_all_tools(network: Any) -> NetworkAnalysis:
    """Analyze, print, draw, compare and explain a network."""
    analysis = network if isinstance(network, NetworkAnalysis) else analyze_network(network)
    assert str(analysis)
    assert analysis.to_csv()
    assert analysis.to_markdown()
    assert analysis._repr_html_()
    assert json.loads(analysis.to_json())["num_connections"] == analysis.num_connections
    assert str(analysis.table("all"))
    assert str(analysis.table(group=True))
    assert analysis.to_html().startswith("<!DOCTYPE html>")
    assert plot(analysis.lgraph).source
    assert str(analysis.costs(batch_size=4))
    assert analysis.issues is not None
    comparison = compare(network, network)
    assert comparison.is_equal
    assert str(comparison)
    assert comparison.to_html()
    for name in analysis.lgraph:
        explanation = explain(analysis, name)
        assert explanation.layers[-1].name == name
        assert str(explanation)
        json.dumps(explanation.to_dict())
    return analysis


@every_network
def test_every_tool_takes_it(network: str) -> None:
    analysis = use_all_tools(NETWORKS[network]())
    assert analysis.num_errors == (1 if "fails" in network else 0)


def test_the_error_of_a_module_is_reported_and_escaped() -> None:
    analysis = analyze_network(graph_of_modules(broken=True))
    (error,) = (issue for issue in analysis.issues if issue.severity == "error")
    assert (error.code, error.layer) == ("LG-MODULE", "stem")
    assert "it never works: <b>(1, 3, 16, 20)" in error.message
    assert "<b>(1" not in analysis.to_html()
    explanation = explain(analysis, "stem")
    assert explanation.has_errors
    assert "it never works" in str(explanation)
    comparison = compare(graph_of_modules(broken=True), graph_of_modules())
    assert "stem" in comparison.changed
    assert [issue.code for issue in comparison.gone] == ["LG-MODULE"]


def test_the_outputs_of_a_module() -> None:
    analysis = analyze_network(graph_of_modules())
    rows = {row.name: row for row in analysis.layers}
    assert [(port, size.channels) for port, size in rows["halves"].activations] == [("out1", 4), ("out2", 2)]
    assert [step.result for _, step in explain(analysis, "halves/out2").layers[-1].steps] == [16, 20, 2]
    explanation = explain(analysis, "gate")
    assert [(i.port, i.source) for i in explanation.layers[-1].inputs] == [
        ("in1", "halves/out1"), ("in2", "halves/out2"),
    ]  # fmt: skip


@pytest.mark.parametrize("make", [graph_of_modules, graph_with_several_ends, graph_of_volumes])
@pytest.mark.parametrize("batch", [1, 3])
def test_costs_equal_the_counts_of_torch_for_any_batch(make: Callable[[], LayerGraph], batch: int) -> None:
    lgraph = make()
    net = lgraph.compile().eval()
    inputs = [torch.zeros(batch, size[-1], *size[:-1]) for size in net.input_sizes]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(*inputs)
    costs = analyze_network(net).costs(batch_size=batch)
    assert 2 * costs.multiply_adds == counter.get_total_flops()
    assert costs.learnables == sum(parameter.numel() for parameter in net.parameters())
    single = analyze_network(lgraph).costs()
    assert costs.multiply_adds == batch * single.multiply_adds
    assert costs.learnables == single.learnables


# -- a single torch module ---------------------------------------------------------------------


def test_a_torch_module_with_the_size_of_its_images() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1))
    analysis = use_all_tools(analyze_network(module, input_size=(32, 40, 3), name="mine"))
    assert [row.name for row in analysis.layers] == ["input", "module"]
    assert str(analysis.layers[1].activations[0].size) == "30(S) × 38(S) × 2(C) × 1(B)"
    assert analysis.total_learnables == sum(parameter.numel() for parameter in module.parameters())
    assert analysis.num_errors == 0
    assert analysis.costs().multiply_adds == 30 * 38 * (3 * 3 * 3 * 8 + 8 * 2)
    volume = analyze_network(nn.Conv3d(1, 4, 3), input_size=(8, 9, 10, 1))
    assert str(volume.layers[1].activations[0].size) == "6(S) × 7(S) × 8(S) × 4(C) × 1(B)"
    wrong = analyze_network(module, input_size=(32, 40, 1))
    assert [issue.code for issue in wrong.issues if issue.severity == "error"] == ["LG-MODULE"]


def test_mistakes(golden_errors: Callable[..., None]) -> None:
    module, layers = nn.Conv2d(3, 8, 3), [ImageInputLayer((8, 8, 3)), ReluLayer()]
    calls = {
        "a module alone": lambda: analyze_network(module),
        "a sequence of modules": lambda: analyze_network(nn.Sequential(module)),
        "a module to compare": lambda: compare(module, module),
        "a module to explain": lambda: explain(module, "conv"),
        "a size that is none": lambda: analyze_network(module, input_size=(32,)),
        "a word as size": lambda: analyze_network(module, input_size="224"),
        "a size for a graph": lambda: analyze_network(layers, input_size=(8, 8, 3)),
        "a class": lambda: analyze_network(nn.Conv2d),
    }
    golden_errors("analyze/network_argument", calls)
    with pytest.raises(WrongTypeError):
        calls["a module alone"]()
    with pytest.raises(ArgumentError):
        calls["a size for a graph"]()


# -- analysis changes nothing ------------------------------------------------------------------


def state_of(module: nn.Module) -> list[object]:
    """Everything that could change: tensors and their addresses, modes, hooks, gradients, random numbers."""
    state: list[object] = [torch.get_rng_state().tolist()]
    for key, tensor in [*module.named_parameters(), *module.named_buffers()]:
        data = tensor.detach().clone().flatten().tolist()
        state.append((key, tensor.data_ptr(), tensor._version, tensor.device, tensor.dtype, data))
        state.append((tensor.requires_grad, tensor.grad is None))
    for key, part in module.named_modules():
        hooks = (len(part._forward_hooks), len(part._forward_pre_hooks), len(part._backward_hooks))
        state.append((key, part.training, hooks, sorted(vars(part))))
    return state


def odd_module() -> nn.Module:
    """Partly in training mode, partly frozen, with statistics that a run would move."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 2, 1))
    module.train()
    module[1].eval()
    module[0].weight.requires_grad_(False)
    return module


@pytest.mark.parametrize("training", [True, False])
@every_network
def test_analysis_does_not_change_a_network(network: str, training: bool) -> None:
    subject = NETWORKS[network]()
    if isinstance(subject, LayerGraph):
        parts = nn.ModuleList(
            subject[name].module for name in subject if isinstance(subject[name], ModuleLayer)
        )
        before = state_of(parts)
        use_all_tools(subject)
        assert state_of(parts) == before
        return
    subject.train(training)
    before = state_of(subject)
    use_all_tools(subject)
    assert state_of(subject) == before


def test_analysis_does_not_change_a_module() -> None:
    module = odd_module()
    before = state_of(module)
    use_all_tools(analyze_network(module, input_size=(12, 12, 3)))
    lgraph = LayerGraph([ImageInputLayer((12, 12, 3), normalization="none"), ModuleLayer(module, name="m")])
    use_all_tools(lgraph)
    changed = copy.deepcopy(module)
    assert compare(lgraph, lgraph.replace_layer("m", ModuleLayer(changed, name="m"))).is_equal
    assert state_of(module) == before


# -- broken and large networks -----------------------------------------------------------------


@settings(max_examples=60, suppress_health_check=[*HealthCheck])
@given(lgraph=networks(), data=st.data())
def test_every_tool_takes_a_network_with_layers_removed(lgraph: LayerGraph, data: st.DataObject) -> None:
    names = data.draw(st.sets(st.sampled_from([*lgraph]), min_size=1, max_size=3))
    broken = lgraph.remove_layers(names)
    analysis = analyze_network(broken)
    assert json.loads(analysis.to_json())["issues"] is not None
    assert str(analysis.costs())
    assert str(compare(lgraph, broken))
    for name in broken:
        assert str(explain(analysis, name))


@pytest.mark.parametrize("classes", [6, 7, 8, 9])
def test_only_one_of_several_guessed_sizes_fits_the_loss(classes: int) -> None:
    # the missing input is guessed to have 3 or 2 channels like the others, so that 8 or 7 reach the loss
    lgraph = LayerGraph([ImageInputLayer((8, 8, 3), name="data"), DepthConcatenationLayer(3, name="join")])
    lgraph = lgraph.add_layers(Convolution2dLayer(1, 2, name="conv")).connect_layers("data", "conv")
    loss = PixelClassificationLayer(classes=[f"c{i}" for i in range(classes)], name="loss")
    lgraph = lgraph.connect_layers("conv", "join/in2").add_layers([SoftmaxLayer(name="softmax"), loss])
    analysis = analyze_network(lgraph.connect_layers("join", "softmax"))
    codes = [issue.code for issue in analysis.issues if issue.severity == "error"]
    assert codes == ["LG-MISSING-INPUT"] or "LG-CLASSES" in codes
    assert str(explain(analysis, "loss"))


def test_a_large_network_is_explained_and_compared_by_arithmetic_alone() -> None:
    code = (
        "import sys\n"
        "from layergraph.analyze import analyze_network, compare, explain\n"
        "from layergraph.builders import unet_layers, unet3d_layers\n"
        "a = unet_layers((4096, 4096, 3), 5)\n"
        "b = unet_layers((4096, 4096, 3), 5, encoder_depth=3)\n"
        "str(compare(a, b)); str(explain(a, 'Softmax-Layer'))\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_the_batch_size_changes_costs_and_no_sizes() -> None:
    analysis = analyze_network(unet_layers((32, 32, 1), 2, encoder_depth=1, num_first_encoder_filters=2))
    one, many = analysis.costs(), analysis.costs(batch_size=8)
    assert many.activation_bytes_inference == 8 * one.activation_bytes_inference
    assert many.peak_bytes_inference == 8 * one.peak_bytes_inference
    totals = compare(analysis, analysis).totals(batch_size=8, dtype="float16")
    assert totals["peak_bytes_inference"].before == many.peak_bytes_inference // 2
    assert all(size.shape[-1] == 1 for row in analysis.layers for _, size in row.activations)
