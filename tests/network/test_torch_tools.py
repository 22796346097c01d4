"""The tools of torch: export, compile, ONNX, fx, deep copies, distributed training."""

import copy
import os

import numpy as np
import pytest
import torch
from network_examples import odd_network, small_segnet, two_by_two
from torch import nn
from torch.export import Dim

from layergraph import (
    AveragePooling2dLayer,
    ImageInputLayer,
    LayerGraph,
    Resize2dLayer,
)
from layergraph.builders import unet_layers

SHAPES = [(1, 11, 13), (3, 8, 10), (2, 17, 9)]


def ranges(minimum, multiple=1):
    """Dynamic batch and sizes, within named ranges."""
    height, width = (Dim(name, min=minimum, max=64) for name in ("height", "width"))
    return {0: Dim("batch", max=64), 2: multiple * height, 3: multiple * width}


def check_exported(net, channels, dynamic, factor=1):
    example = torch.rand(2, channels, 12 * factor, 14 * factor)
    exported = torch.export.export(net, (example,), dynamic_shapes=(dynamic,)).module()
    for batch, height, width in SHAPES:
        x = torch.rand(batch, channels, height * factor, width * factor)
        assert torch.equal(exported(x), net(x))


def test_torch_export_with_a_dynamic_batch_and_dynamic_sizes():
    """torch cannot relate the two sizes of a crop in general, so its ranges are left open."""
    check_exported(odd_network().compile().eval(), 2, dict.fromkeys((0, 2, 3), Dim.DYNAMIC))
    check_exported(small_segnet((12, 14, 2)).compile().eval(), 2, ranges(8))
    unet = unet_layers((48, 56, 2), 3, encoder_depth=2, num_first_encoder_filters=2)
    check_exported(unet.compile().eval(), 2, ranges(2, 4), factor=4)


@pytest.mark.parametrize("dynamic", [False, True])
def test_torch_compile_without_graph_breaks(dynamic):
    torch._dynamo.reset()
    net = odd_network().compile().eval()
    fast = torch.compile(net, fullgraph=True, backend="eager", dynamic=dynamic)
    for batch, height, width in SHAPES:
        x = torch.rand(batch, 2, height, width)
        assert torch.equal(fast(x), net(x))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(
    "ATEN_CPU_CAPABILITY" in os.environ,
    reason="inductor uses the vector instructions of the processor, other kernels may not (torch 2.13)",
)
def test_torch_compile_with_inductor_gives_the_same_scores():
    torch._dynamo.reset()
    net, x = odd_network().compile().eval(), torch.rand(2, 2, 11, 13)
    try:
        result = torch.compile(net, fullgraph=True)(x)
    except RuntimeError as error:
        if "compiler" in str(error).lower():
            pytest.skip("no C++ compiler here")
        raise
    torch.testing.assert_close(result, net(x), rtol=1e-4, atol=1e-5)


def onnx_model(net, channels):
    dynamic = dict.fromkeys((0, 2, 3), Dim.DYNAMIC)
    example = (torch.rand(2, channels, 12, 14),)
    program = torch.onnx.export(net, example, dynamo=True, dynamic_shapes=(dynamic,), verbose=False)
    return program.model_proto


def check_onnx(net, channels, run):
    for batch, height, width in SHAPES:
        x = torch.rand(batch, channels, height, width)
        np.testing.assert_allclose(run(x.numpy()), net(x).detach().numpy(), atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_onnx_export_with_odd_and_dynamic_sizes_gives_the_same_scores():
    pytest.importorskip("onnxscript")
    reference = pytest.importorskip("onnx.reference")
    lgraph = odd_network().remove_layers(["pool", "unpool"]).connect_layers("relu", "inner")
    net = lgraph.connect_layers("inner", "cat/in1").compile().eval()
    model = onnx_model(net, 2)
    session = reference.ReferenceEvaluator(model)
    check_onnx(net, 2, lambda x: session.run(None, {model.graph.input[0].name: x})[0])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_onnx_export_of_unpooling_gives_the_same_scores():
    """With onnxruntime, because the reference evaluator of onnx computes wrong indices of max pooling."""
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    for net in (odd_network().compile().eval(), small_segnet((12, 14, 2)).compile().eval()):
        model = onnx_model(net, 2)
        session = runtime.InferenceSession(model.SerializeToString())
        check_onnx(net, 2, lambda x, s=session, m=model: s.run(None, {m.graph.input[0].name: x})[0])


def test_to_fx_gives_readable_code_and_shares_weights():
    net = small_segnet().compile().eval()
    traced, x = net.to_fx(), torch.rand(1, 2, 9, 11)
    assert torch.equal(traced(x), net(x))
    assert "self.encoder1_conv1(" in traced.code
    assert traced.encoder1_conv1.weight is net.encoder1_conv1.weight


def test_a_deep_copy_is_independent():
    net = small_segnet().compile().eval()
    other, x = copy.deepcopy(net), torch.rand(1, 2, 8, 9)
    before = net(x)
    with torch.no_grad():
        other.encoder1_conv1.weight.zero_()
    assert torch.equal(net(x), before)
    assert not torch.equal(other(x), before)
    assert other.layer_graph() != net.layer_graph()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_distributed_data_parallel_gives_the_same_gradients(tmp_path):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1
    )
    try:
        net, x = small_segnet().compile(), torch.rand(2, 2, 8, 9)
        alone = copy.deepcopy(net)
        together = nn.parallel.DistributedDataParallel(net)
        for model in (alone, together):
            model(x).square().sum().backward()
        for first, second in zip(alone.parameters(), net.parameters(), strict=True):
            assert torch.equal(first.grad, second.grad)
        assert list(together.module.state_dict()) == list(alone.state_dict())
    finally:
        torch.distributed.destroy_process_group()


def test_the_tools_of_torch_accept_two_inputs():
    net = two_by_two().compile().eval()
    x = torch.rand(3, 1, 4, 5), torch.rand(3, 2, 4, 5)
    exported = torch.export.export(net, x).module()
    traced = net.to_fx()
    torch._dynamo.reset()
    fast = torch.compile(net, fullgraph=True, backend="eager")
    for other in (exported, traced, fast, copy.deepcopy(net)):
        for first, second in zip(other(*x), net(*x), strict=True):
            assert torch.equal(first, second)


def test_torch_export_of_resizing_and_average_pooling_works_for_any_size():
    layers = [
        ImageInputLayer((8, 9, 2), normalization="none"),
        AveragePooling2dLayer(3, stride=2, padding="same", padding_value="mean"),
        Resize2dLayer(scale=1.5, nearest_rounding_mode="onnx-10"),
        Resize2dLayer(scale=(0.5, 2), method="bilinear", geometric_transform_mode="asymmetric"),
        Resize2dLayer(output_size=(5, 6), method="bilinear"),
    ]
    net = LayerGraph(layers).compile().eval()
    dims = {0: Dim("batch", max=64), 2: Dim("height", min=6, max=256), 3: Dim("width", min=6, max=256)}
    exported = torch.export.export(net, (torch.rand(2, 2, 8, 9),), dynamic_shapes=(dims,)).module()
    for batch, height, width in SHAPES:
        x = torch.rand(batch, 2, height, width)
        torch.testing.assert_close(exported(x), net(x))
