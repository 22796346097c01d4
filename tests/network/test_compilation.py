"""Compiled networks: their mode, their dtype, and their code objects for torch.compile."""

import copy
import gc
import io
import pickle
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import (
    AdditionLayer,
    BatchNormalizationLayer,
    Convolution2dLayer,
    DropoutLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    InvalidNetworkError,
    LayerGraph,
    ModuleLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
    load,
)


def small(filters=4, last=()):
    return LayerGraph(
        [
            ImageInputLayer((6, 7, 2), normalization="zscore", mean=[0.1, 1 / 3], name="images"),
            Convolution2dLayer(3, filters, padding="same", name="conv"),
            BatchNormalizationLayer(name="norm"),
            DropoutLayer(0.5, name="drop"),
            *last,
            Convolution2dLayer(1, 3, name="scores"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="labels", classes=list("abc"), class_weights=[0.1, 1 / 3, 3]),
        ]
    )


def trained(dtype=torch.float64, **arguments):
    net = small(**arguments).compile().to(dtype)
    net.train()(
        torch.rand(4, 2, 6, 7, dtype=dtype) if dtype.itemsize > 2 else torch.rand(4, 2, 6, 7).to(dtype)
    )
    return net.eval()


# -- modes ---------------------------------------------------------------------------------------------


def test_new_weights_give_training_mode_and_attached_weights_evaluation_mode(tmp_path):
    fresh = small().compile()
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
    lgraph = small().compile().layer_graph()
    assert lgraph.with_weights({name: None}).compile().training
    assert not lgraph.with_weights({"images": None}).compile().training  # statistics are not learned


def test_a_torch_module_counts_as_trained_once_its_weights_are_attached():
    """layergraph cannot tell whether a module is trained. The module keeps its own mode."""
    module = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Dropout()).eval()
    net = small(last=[ModuleLayer(module, name="module")]).compile()
    assert net.training
    assert not net.layer_module("module").training
    assert not net.layer_graph().compile().training


def test_a_network_without_learnables_is_in_training_mode():
    assert LayerGraph([ImageInputLayer((4, 4, 1)), DropoutLayer(0.5)]).compile().training


def test_the_representation_lists_inputs_and_outputs_on_one_line():
    net = LayerGraph([ImageInputLayer((4, 4, 1), name="in\n\x1b[2J"), ReluLayer(name="out")]).compile()
    assert repr(net).splitlines()[1] == "  in training mode, inputs: 'in\\n\\x1b[2J', outputs: 'out'"


# -- dtypes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_networks_keep_the_dtype_of_their_weights(dtype, tmp_path):
    net = trained(dtype)
    lgraph = net.layer_graph()
    lgraph.save(tmp_path / "net.safetensors")
    x = torch.rand(2, 2, 6, 7).to(dtype)
    for graph in (lgraph, load(tmp_path / "net.safetensors")):
        again = graph.compile()
        tensors = net.state_dict()
        assert again.state_dict().keys() == tensors.keys()
        for key, tensor in again.state_dict().items():
            assert tensor.dtype == tensors[key].dtype
            assert torch.equal(tensor, tensors[key])
        assert torch.equal(again(x), net(x))
        assert again.loss(x, torch.zeros(2, 6, 7)) == net.loss(x, torch.zeros(2, 6, 7))
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        assert again.layer_module("labels").weight.dtype == wide


def test_a_float64_network_has_no_rounded_statistics_or_class_weights():
    net = trained()
    assert net.layer_module("images").mean.view(-1).tolist() == [0.1, 1 / 3]
    assert net.layer_module("labels").weight.tolist() == [0.1, 1 / 3, 3]
    image = np.random.default_rng(0).random((6, 7, 2)) * 1e-6 + 1  # float32 cannot represent these values
    scores = net.predict(image)
    assert scores.dtype == np.float64
    x = torch.from_numpy(image).permute(2, 0, 1)[None]
    np.testing.assert_allclose(scores, net(x)[0].permute(1, 2, 0).detach(), rtol=1e-12)
    conv = net.layer_graph()["conv"].weights
    normalized = (x - torch.tensor([0.1, 1 / 3], dtype=torch.float64).view(1, 2, 1, 1)).numpy()
    padded = np.pad(normalized, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    y = np.einsum("bchwij,ocij->bohw", windows, conv["weight"].numpy())
    y = y + conv["bias"].numpy()[:, None, None]
    np.testing.assert_allclose(net.activations(x, "conv").numpy(), y, rtol=1e-12)
    # statistics of the training data are cast, not replaced by the arguments of the layer
    net.layer_module("images").mean.fill_(0.7)
    assert net.float().double().layer_module("images").mean.view(-1).tolist() == [np.float32(0.7)] * 2


def test_layers_without_weights_get_the_dtype_of_the_others():
    lgraph = trained().layer_graph()
    lgraph = lgraph.replace_layer("scores", Convolution2dLayer(1, 3, name="scores"))
    lgraph = lgraph.replace_layer("drop", ModuleLayer(nn.Conv2d(4, 4, 1), name="module"))
    net = lgraph.compile()
    assert {tensor.dtype for tensor in net.state_dict().values() if tensor.is_floating_point()} == {
        torch.float64
    }
    assert net(torch.rand(1, 2, 6, 7).double()).dtype == torch.float64


def test_mixed_dtypes_are_reported_per_layer():
    lgraph, other = trained().layer_graph(), trained(torch.float32).layer_graph()
    mixed = lgraph.with_weights({"scores": other["scores"].weights})
    with pytest.raises(InvalidNetworkError, match="float32, those of most other layers float64") as caught:
        mixed.compile()
    assert [(issue.code, issue.layer) for issue in caught.value.issues] == [("LG-WEIGHTS", "scores")]
    tensors = dict(lgraph["conv"].weights)
    halves = type(lgraph["conv"].weights)({**tensors, "bias": tensors["bias"].float()})
    with pytest.raises(InvalidNetworkError, match="its weights are float32 and float64"):
        lgraph.with_weights({"conv": halves}).compile()


def test_batch_normalization_may_stay_in_float32():
    """As in mixed precision, where torch normalizes 16-bit values with 32-bit statistics."""
    net = trained(torch.bfloat16)
    net.layer_module("norm").float()
    again = net.layer_graph().compile()
    assert again.layer_module("norm").weight.dtype == torch.float32
    assert again.layer_module("conv").weight.dtype == torch.bfloat16
    x = torch.rand(2, 2, 6, 7).bfloat16()
    assert torch.equal(again(x), net(x))


def test_a_parameter_that_a_module_has_twice_stays_shared():
    conv = nn.Conv2d(4, 4, 1)
    net = small(last=[ModuleLayer(nn.Sequential(conv, conv), name="module")]).compile().double()
    again = net.layer_graph().compile()
    assert again.layer_module("module")[0].weight is again.layer_module("module")[1].weight
    assert again.layer_module("module")[0].weight.dtype == torch.float64


# -- code objects -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_twelve_networks_compile_in_one_process():
    """torch.compile caches 8 versions of a code object, and fails at the ninth with ``fullgraph=True``."""
    torch._dynamo.reset()
    x, target = torch.rand(2, 2, 6, 7), torch.randint(0, 3, (2, 6, 7))
    for filters in range(1, 13):
        net = small(filters, last=[ReluLayer(name=f"relu{i}") for i in range(filters)]).compile().eval()
        assert torch.equal(torch.compile(net, fullgraph=True, backend="eager")(x), net(x))
        loss = torch.compile(net.loss, fullgraph=True, backend="eager")
        assert torch.equal(loss(x, target), net.loss(x, target))


def test_copies_of_one_network_compile_in_one_process():
    torch._dynamo.reset()
    net, x = small().compile().eval(), torch.rand(2, 2, 6, 7)
    for _ in range(10):
        net = copy.deepcopy(net)
        with torch.no_grad():
            net.layer_module("conv").weight.add_(0.1)
        assert torch.equal(torch.compile(net, fullgraph=True, backend="eager")(x), net(x))


def test_networks_are_copied_pickled_and_freed_like_other_modules():
    net, x = trained(torch.float32), torch.rand(2, 2, 6, 7)
    buffer = io.BytesIO()
    torch.save(net, buffer)
    buffer.seek(0)
    copies = [
        pickle.loads(pickle.dumps(net)),
        torch.load(buffer, weights_only=False),
        copy.copy(net),
        copy.deepcopy(net),
    ]
    for other in copies:
        assert torch.equal(other(x), net(x))
        assert isinstance(other, type(net).__base__)
        assert type(other).__name__ == "Network"
        assert other.layer_graph() == net.layer_graph()
    copied = weakref.ref(copies[0])
    gc.collect()
    gc.disable()  # a network has no reference cycle, so that its memory is freed at once
    try:
        del copies, other
        assert copied() is None
    finally:
        gc.enable()


def test_networks_with_several_inputs_have_code_objects_of_their_own():
    lgraph = LayerGraph([ImageInputLayer((4, 4, 1), name="one"), FullyConnectedLayer(2, name="a")])
    lgraph = lgraph.add_layers([ImageInputLayer((4, 4, 1), name="two"), FullyConnectedLayer(2, name="b")])
    lgraph = lgraph.add_layers(AdditionLayer(2, name="sum"))
    lgraph = lgraph.connect_layers("a", "sum/in1").connect_layers("b", "sum/in2")
    nets, x = [lgraph.compile() for _ in range(2)], torch.rand(1, 1, 4, 4)
    assert len({id(type(net).forward.__code__) for net in nets}) == 2
    again = pickle.loads(pickle.dumps(nets[0]))
    assert torch.equal(again(x, x), nets[0](x, x))
