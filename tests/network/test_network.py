"""Networks: inputs and outputs, memory, prediction, activations, weights, modules of the user."""

import copy
import gc
import os
import weakref

import numpy as np
import pytest
import torch
from handwritten_networks import SegNet, UNet, copy_weights
from torch import nn
from torch.export import Dim

from layergraph import (
    AdditionLayer,
    AveragePooling2dLayer,
    BatchNormalizationLayer,
    ClassificationLayer,
    Convolution2dLayer,
    Crop2dLayer,
    DataError,
    DepthConcatenationLayer,
    DropoutLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    Image3dInputLayer,
    ImageInputLayer,
    InvalidNetworkError,
    LayerGraph,
    LayergraphError,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    ModuleLayer,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    Resize2dLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
    Weights,
    load,
)
from layergraph.builders import segnet_layers, unet_layers

NAMES = [
    "train", "eval", "forward", "loss", "predict", "classes", "modules", "_modules", "training", "state_dict",
    "input_names", "output_names", "_plan", "_loss_plan", "_keys", "_lgraph", "_run", "to", "cuda", "apply",
    "graph", "code", "meta", "recompile", "_graph", "_code", "print_readable", "shape_env",
    "a", "a.b", "a.b.c", "a_", "a..b", ".a", "a.", ".", "..", "weight", "bias", "0", "1", "a.0", "a.weight",
    "two words", " ", "a-b", "ü-Netz", "层", "it's", '"', '"""', "x[0]", "x]", "{}", "(", "a,b;c", "\\", "\n",
    "%s", "None", "self", "lambda", "__class__", "__init__", "__dict__", "self.x", "x=1", "#", "$HOME", "`",
    "import os; os.abort()", "T_destination", "call_super_init", "dump_patches",
]  # fmt: skip


def small_segnet(size=(8, 9, 2), classes=3, depth=2, filters=4):
    return segnet_layers(size, classes, depth, num_output_channels=filters)


def chain(names):
    """One convolution after the other, with these names."""
    layers = [Convolution2dLayer(1, 1, weights_initializer="he", name=name) for name in names]
    return LayerGraph([ImageInputLayer((4, 4, 1), name="the images"), *layers])


def odd_network():
    """A network for any odd size: unpooling, uneven padding, a crop, a concatenation."""
    lgraph = LayerGraph(
        [
            ImageInputLayer(
                (11, 13, 2), normalization="zscore", mean=[1, 2], standard_deviation=3, name="in"
            ),
            Convolution2dLayer(3, 4, padding="same", name="conv"),
            BatchNormalizationLayer(name="bn"),
            ReluLayer(name="relu"),
            MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name="pool"),
            Convolution2dLayer(3, 4, padding="same", name="inner"),
            MaxUnpooling2dLayer(name="unpool"),
            DepthConcatenationLayer(2, name="cat"),
            Convolution2dLayer(2, 3, padding="same", stride=2, name="strided"),
            TransposedConv2dLayer(3, 3, stride=2, cropping="same", name="up"),
            Crop2dLayer(name="crop"),
            DropoutLayer(0.1, name="drop"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="pixels"),
        ]
    )
    for source, destination in (
        ("pool/indices", "unpool/indices"),
        ("pool/size", "unpool/size"),
        ("relu", "cat/in2"),
        ("in", "crop/ref"),
    ):
        lgraph = lgraph.connect_layers(source, destination)
    return lgraph


def two_by_two():
    """Two inputs and two outputs; the concatenation has the inputs in reverse order."""
    lgraph = LayerGraph([ImageInputLayer((4, 5, 1), normalization="none", name="first"), ReluLayer(name="r")])
    lgraph = lgraph.add_layers(ImageInputLayer((4, 5, 2), normalization="none", name="second"))
    lgraph = lgraph.add_layers(
        [DepthConcatenationLayer(2, name="cat"), GlobalAveragePooling2dLayer(name="mean")]
    )
    lgraph = lgraph.connect_layers("second", "cat/in1").connect_layers("r", "cat/in2")
    lgraph = lgraph.add_layers(Convolution2dLayer(1, 1, weights_initializer="ones", name="sum"))
    return lgraph.connect_layers("cat", "sum")


# -- names and the state dict --------------------------------------------------------------------------


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


# -- torch's tools -------------------------------------------------------------------------------------

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


# -- against hand-written modules ----------------------------------------------------------------------

PEERS = {
    "segnet": (lambda: small_segnet((12, 13, 2)), lambda: SegNet(2, 3, 2, 4), (2, 2, 12, 13)),
    "unet": (
        lambda: unet_layers((12, 16, 2), 3, encoder_depth=2, num_first_encoder_filters=4),
        lambda: UNet(2, 3, 2, 4),
        (2, 2, 12, 16),
    ),
    "valid unet": (
        lambda: unet_layers(
            (52, 56, 2), 3, encoder_depth=2, num_first_encoder_filters=2, convolution_padding="valid"
        ),
        lambda: UNet(2, 3, 2, 2, padding=0),
        (2, 2, 52, 56),
    ),
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("peer", PEERS)
def test_a_network_is_bit_equal_to_a_hand_written_module(peer, training):
    """In outputs, gradients, and the weights after a step of the optimizer."""
    make_graph, make_module, shape = PEERS[peer]
    net, written = make_graph().compile().train(training), make_module().train(training)
    copy_weights(net, written)
    x = torch.rand(*shape)
    results = []
    for model in (net, written):
        torch.manual_seed(5)  # the same dropout
        results.append(model(x))
    assert torch.equal(*results)
    target = torch.randint(0, 3, (shape[0], *results[0].shape[2:]))
    torch.manual_seed(6)
    ours = net.loss(x, target)
    torch.manual_seed(6)
    theirs = nn.functional.cross_entropy(written.scores(x), target, reduction="sum") / target.numel()
    assert torch.equal(ours, theirs)
    for loss, model in ((ours, net), (theirs, written)):
        loss.backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()
    for first, second in zip(net.parameters(), written.parameters(), strict=True):
        if first.shape == second.shape:  # both in the order of the layers
            assert torch.equal(first.grad, second.grad)
            assert torch.equal(first, second)
    assert [p.shape for p in net.parameters()] == [p.shape for p in written.parameters()]
    for first, second in zip(net.buffers(), written.buffers(), strict=True):
        assert torch.equal(first, second)


# -- memory --------------------------------------------------------------------------------------------


def test_an_output_is_freed_after_its_last_reader():
    """In a chain only the input and the output of one layer are alive; a skip connection keeps one more."""
    alive, counts = weakref.WeakSet(), []

    class CountingOutputs(nn.Module):
        def forward(self, x):
            result = x + 1
            alive.add(result)
            counts.append(len(alive))
            return result

    layers = [ModuleLayer(CountingOutputs(), name=f"m{i}") for i in range(20)]
    lgraph = LayerGraph([ImageInputLayer((4, 4, 1), normalization="none", name="in"), *layers])
    alive.clear()
    counts.clear()
    net = lgraph.compile()
    counts.clear()
    with torch.no_grad():
        net(torch.zeros(1, 1, 4, 4))
    assert len(counts) == 20
    assert max(counts) == 2
    lgraph = lgraph.add_layers(AdditionLayer(2, name="add"))
    lgraph = lgraph.connect_layers("m0", "add/in1").connect_layers("m19", "add/in2")
    net = lgraph.compile()
    counts.clear()
    with torch.no_grad():
        result = net(torch.zeros(1, 1, 4, 4))
    assert max(counts) == 3
    assert result.mean() == 21
    del result
    gc.collect()
    assert len(alive) == 0


def test_activations_run_only_the_layers_upstream():
    labels = []

    class RecordingRuns(nn.Module):
        def __init__(self, label):
            super().__init__()
            self.label = label

        def forward(self, x):
            labels.append(self.label)
            return x

    layers = [ModuleLayer(RecordingRuns(i), name=f"m{i}") for i in range(5)]
    net = LayerGraph([ImageInputLayer((4, 4, 1), name="in"), *layers]).compile()
    labels.clear()
    net.activations(torch.zeros(1, 1, 4, 4), "m2")
    assert labels == [0, 1, 2]
    labels.clear()
    net.activations(torch.zeros(1, 1, 4, 4), ["m3", "m1", "m1"])
    assert labels == [0, 1, 2, 3]


# -- several inputs and outputs ------------------------------------------------------------------------


def test_several_inputs_and_outputs_are_in_the_order_of_their_names():
    net = two_by_two().compile()
    assert (net.input_names, net.output_names) == (("first", "second"), ("mean", "sum"))
    one, two = torch.rand(3, 1, 4, 5), torch.rand(3, 2, 4, 5)
    mean, total = net(one, two)
    joined = torch.cat([two, one], 1)
    torch.testing.assert_close(mean, joined.mean((2, 3), keepdim=True))
    torch.testing.assert_close(total, joined.sum(1, keepdim=True))
    assert isinstance(net(one, two), tuple)
    assert torch.equal(net.activations([one, two], "cat"), joined)
    images = [t.permute(0, 2, 3, 1).numpy() for t in (one, two)]
    predicted = net.predict(*images)
    np.testing.assert_allclose(predicted[1][..., 0], total[:, 0].detach(), rtol=1e-6)
    single = net.predict(*[image[0] for image in images])
    assert [result.shape for result in single] == [(1, 1, 3), (4, 5, 1)]


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


# -- predict and activations ---------------------------------------------------------------------------


@pytest.fixture
def net():
    net = odd_network().compile()
    net.train()
    net.bn.eval()  # its own mode, which must be restored
    return net


def snapshot(net):
    modes = {name: module.training for name, module in net.named_modules()}
    state = {key: value.clone() for key, value in net.state_dict().items()}
    return modes, state, torch.get_rng_state()


def equal_snapshots(first, second):
    return (
        first[0] == second[0]
        and all(torch.equal(first[1][key], second[1][key]) for key in second[1])
        and torch.equal(first[2], second[2])
    )


@pytest.mark.parametrize("use", ["predict", "activations", "images", "failing"])
def test_using_a_network_does_not_change_it(net, use):
    net.bn.train()
    net.relu.eval()
    x = torch.rand(2, 2, 11, 13)
    before = snapshot(net)
    if use == "predict":
        net.predict(np.random.default_rng(0).integers(0, 255, (2, 11, 13, 2)).astype(np.uint8))
    elif use == "activations":
        result = net.activations(x, "conv")
        assert not result.requires_grad
    elif use == "images":
        net.activations(np.ones((11, 13, 2)), ["conv", "pool/indices"])
    else:
        with pytest.raises(DataError, match=r"^images of 11×0 have no pixels$"):
            net.activations(x[:, :, :, :1].expand(2, 2, 11, 0), "softmax")
    assert equal_snapshots(before, snapshot(net))
    assert torch.is_grad_enabled()


def test_predict_takes_images_and_batches_of_any_numeric_dtype(net):
    net.eval()
    image = np.random.default_rng(0).integers(0, 255, (11, 13, 2)).astype(np.uint8)
    wanted = net(torch.from_numpy(image).permute(2, 0, 1)[None].float())[0].permute(1, 2, 0).detach().numpy()
    forms = [
        image,
        image.astype(np.float64),
        image.astype(np.int32),
        np.asfortranarray(image),
        image[::1, ::1],
    ]
    for form in forms:
        result = net.predict(form)
        assert result.dtype == np.float32
        assert result.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(result, wanted)
    batch = net.predict(np.stack([image, image[::-1]]))
    assert batch.shape == (2, 11, 13, 3)
    np.testing.assert_allclose(batch[0], wanted, atol=1e-6)
    flipped = net.predict(image[::-1, :, :])  # negative strides
    np.testing.assert_allclose(batch[1], flipped, atol=1e-6)
    larger = net.predict(np.zeros((17, 9, 2)))
    assert larger.shape == (17, 9, 3)
    np.testing.assert_allclose(larger.sum(-1), 1, rtol=1e-5)


def test_predict_takes_gray_images_without_a_channel_axis():
    net = LayerGraph([ImageInputLayer((4, 5), normalization="none"), ReluLayer()]).compile()
    gray = np.arange(20, dtype=np.uint16).reshape(4, 5)
    np.testing.assert_array_equal(net.predict(gray), gray[..., None].astype(np.float32))
    np.testing.assert_array_equal(net.predict(gray[None, ..., None])[0], net.predict(gray))


def test_predict_takes_volumes():
    net = LayerGraph([Image3dInputLayer((4, 5, 3, 2), normalization="none"), ReluLayer()]).compile()
    volume = np.random.default_rng(0).random((4, 5, 3, 2)).astype(np.float32)
    np.testing.assert_array_equal(net.predict(volume), volume)
    np.testing.assert_array_equal(net.predict(volume[None])[0], volume)


def test_predict_follows_the_dtype_of_the_network(net):
    image = np.random.default_rng(0).random((11, 13, 2))
    exact = net.double().predict(image)
    assert exact.dtype == np.float64
    np.testing.assert_allclose(net.float().predict(image), exact, atol=1e-5)
    assert net.predict(image).dtype == net.bfloat16().predict(image).dtype == np.float32


def test_predict_of_a_classifier_gives_one_row_of_scores_per_image():
    layers = [ImageInputLayer((4, 5)), FullyConnectedLayer(7), SoftmaxLayer()]
    net = LayerGraph([*layers, ClassificationLayer()]).compile()
    assert net.predict(np.zeros((4, 5))).shape == (7,)
    assert net.predict(np.zeros((2, 4, 5, 1))).shape == (2, 7)


def test_activations_of_ports_input_layers_and_output_layers(net):
    net.eval()
    x = torch.rand(2, 2, 11, 13)
    pooled, indices, size = net.activations(x, ["pool", "pool/indices", "pool/size"])
    assert (pooled.shape, indices.dtype, tuple(size)) == ((2, 4, 5, 6), torch.int64, (11, 13))
    torch.testing.assert_close(net.activations(x, "in"), (x - torch.tensor([1.0, 2]).view(2, 1, 1)) / 3)
    assert torch.equal(net.activations(x, "pixels"), net(x))
    assert net.activations(x, ["conv"])[0].shape == (2, 4, 11, 13)
    images = x.permute(0, 2, 3, 1).numpy()
    features, indices = net.activations(images, ["conv", "pool/indices"])
    np.testing.assert_allclose(features, net.activations(x, "conv").permute(0, 2, 3, 1), atol=1e-6)
    assert indices.dtype == np.int64
    assert net.activations(images[0], "conv").shape == (11, 13, 4)


def test_logits_are_the_input_of_the_softmax(net):
    x = torch.rand(2, 2, 11, 13)
    torch.testing.assert_close(net.eval().logits(x).softmax(dim=1), net(x))
    for mode in (True, False):  # with its dropout, batch statistics and gradients
        net.train(mode).zero_grad()
        torch.manual_seed(1)
        logits = net.logits(x)
        torch.manual_seed(1)
        target = torch.zeros(2, 11, 13, dtype=torch.long)
        torch.testing.assert_close(net.loss_and_scores(x, target)[1][0], logits)
        logits.sum().backward()
        assert net.layer_module("conv").weight.grad is not None


def test_logits_of_outputs_without_a_softmax_and_of_several_outputs():
    lgraph = LayerGraph([ImageInputLayer((4, 5)), Convolution2dLayer(1, 2, name="conv"), RegressionLayer()])
    x = torch.ones(1, 1, 4, 5)
    net = lgraph.compile()
    assert torch.equal(net.logits(x), net(x))
    lgraph = lgraph.add_layers([SoftmaxLayer(), PixelClassificationLayer(name="pixels")])
    net = lgraph.connect_layers("conv", "softmax").compile()
    logits = net.logits(x)
    assert len(logits) == 2
    torch.testing.assert_close(logits[0], logits[1])
    torch.testing.assert_close(logits[0], net.activations(x, "conv"))
    bare = LayerGraph([ImageInputLayer((4, 5)), ReluLayer()]).compile()
    with pytest.raises(LayergraphError, match="no output layer"):
        bare.logits(x)
    with pytest.raises(DataError, match="takes 1 input"):
        net.logits(x, x)


def test_input_sizes_are_in_the_order_of_the_inputs():
    net = two_by_two().compile()
    sizes = dict(zip(net.input_names, net.input_sizes, strict=True))
    assert all(len(size) == 3 for size in sizes.values())
    tensors, single = net.to_tensors(*(np.zeros(size) for size in net.input_sizes))
    assert single
    assert [(*tensor.shape[2:], tensor.shape[1]) for tensor in tensors] == list(net.input_sizes)


def test_messages_about_inputs_that_a_network_cannot_take(net, golden_errors):
    gray = LayerGraph([ImageInputLayer((4, 5), name="gray"), ReluLayer()]).compile()
    volumes = LayerGraph([Image3dInputLayer((4, 5, 3, 2), name="scan"), ReluLayer()]).compile()
    both = two_by_two().compile()
    one, two = np.zeros((4, 5, 1)), np.zeros((4, 5, 2))
    golden_errors(
        "network",
        {
            "a list": lambda: net.predict([[1, 2]]),
            "a tensor": lambda: gray.predict("image.png"),
            "a gray image for two channels": lambda: net.predict(np.zeros((11, 13))),
            "three channels for two": lambda: net.predict(np.zeros((11, 13, 3), np.uint8)),
            "channels first": lambda: net.predict(np.zeros((1, 2, 11, 13))),
            "text": lambda: net.predict(np.full((11, 13, 2), "x")),
            "objects": lambda: net.predict(np.full((11, 13, 2), None)),
            "complex numbers": lambda: net.predict(np.zeros((11, 13, 2), complex)),
            "five axes": lambda: net.predict(np.zeros((1, 1, 11, 13, 2))),
            "a batch of gray images without channels": lambda: gray.predict(np.zeros((3, 4, 5))),
            "an image for a volume": lambda: volumes.predict(np.zeros((4, 5, 2))),
            "one image for two inputs": lambda: both.predict(one),
            "three images for two inputs": lambda: both.predict(one, two, two),
            "an image and a batch": lambda: both.predict(one, two[None]),
            "one tensor for two inputs": lambda: both(torch.zeros(1, 1, 4, 5)),
            "activations of one of two inputs": lambda: both.activations(torch.zeros(1, 1, 4, 5), "sum"),
            "activations of an unknown layer": lambda: net.activations(torch.zeros(1, 2, 11, 13), "pol"),
            "activations of an unknown port": lambda: net.activations(
                torch.zeros(1, 2, 11, 13), "pool/index"
            ),
            "an empty graph": lambda: LayerGraph().compile(),
        },
    )
    with pytest.raises(DataError):
        net.predict(np.zeros((11, 13)))


def test_classes_are_those_of_the_output_layer():
    lgraph = odd_network()
    assert lgraph.compile().classes is None
    layer = PixelClassificationLayer(classes=["a", "b", "c"], name="pixels")
    assert lgraph.replace_layer("pixels", layer).compile().classes == ("a", "b", "c")
    assert lgraph.remove_layers("pixels").compile().classes is None


# -- weights -------------------------------------------------------------------------------------------


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


# -- modules of the user -------------------------------------------------------------------------------


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


def test_a_layer_too_large_for_memory_is_an_issue():
    layers = [ImageInputLayer((4, 4, 10**6), normalization="none"), Convolution2dLayer(3, 10**9, name="huge")]
    with pytest.raises(InvalidNetworkError) as caught:
        LayerGraph(layers).compile()
    assert [(issue.code, issue.layer) for issue in caught.value.issues] == [("LG-MODULE", "huge")]


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


@pytest.mark.skipif(os.environ.get("CUDA_VISIBLE_DEVICES") == "", reason="devices hidden")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_network_runs_on_a_cuda_device():
    net = odd_network().compile().eval()
    image = np.random.default_rng(0).random((11, 13, 2))
    wanted = net.predict(image)
    np.testing.assert_allclose(net.cuda().predict(image), wanted, atol=1e-4)
    assert net.layer_graph()["conv"].weights["weight"].device.type == "cpu"
