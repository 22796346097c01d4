"""load_weights: fitting and reshaped tensors, the names in a file, the report, and errors."""

import json

import pytest
import torch
from layer_examples import EXAMPLES
from safetensors.torch import save_file
from torch import nn
from torchvision_models import VGG, ResNet, normalize, randomize

from layergraph import (
    BatchNormalizationLayer,
    Convolution2dLayer,
    FullyConnectedLayer,
    GroupedConvolution2dLayer,
    ImageInputLayer,
    LayerGraph,
    ModuleLayer,
    ReluLayer,
    TransposedConv2dLayer,
    WeightsMismatchError,
)
from layergraph.builders import segnet_layers, unet_layers
from layergraph.builders.backbones import BACKBONES, resnet18, vgg16
from layergraph.edits import fully_convolutional
from layergraph.pretrained import load_weights

VGG_KEYS, RESNET_KEYS = BACKBONES["vgg16"].keys, BACKBONES["resnet18"].keys


@pytest.fixture
def vgg():
    return randomize(VGG((2, 2, 3, 3, 3), (8, 8, 16, 32, 32), 256, 5, (2, 3)), (0.4, 0.8))


def small_vgg(**options):
    return vgg16((75, 110), 5, width=1 / 16, conventions="torchvision", **options)


def tiny(*layers, size=(4, 4, 2)):
    return LayerGraph([ImageInputLayer(size, normalization="none"), *layers])


def conv(**options):
    return tiny(Convolution2dLayer(3, 4, name="conv", **options))


def images(*size):
    return torch.randint(0, 256, (2, 3, *size)).double()


# -- loaded tensors ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("extension", ["pth", "safetensors"])
def test_loaded_weights_give_the_outputs_of_plain_pytorch(vgg, extension, tmp_path):
    path = tmp_path / f"vgg.{extension}"
    (torch.save if extension == "pth" else save_file)(vgg.state_dict(), path)
    before = small_vgg()
    lgraph, report = load_weights(before, path, VGG_KEYS)
    x = images(75, 110)
    with torch.no_grad():
        ours = lgraph.compile().eval()(x)
        torch.testing.assert_close(ours.flatten(1), vgg(normalize(x)).softmax(1))
    assert len(report.loaded) == len(vgg.state_dict())
    assert (report.skipped, report.not_loaded) == ((), ())
    assert all(layer.weights is None for layer in before.layers)  # a graph is immutable


@pytest.mark.usefixtures("double_precision")
def test_fully_connected_weights_become_convolutions_and_back(vgg):
    """Three paths to one network: load then convert, convert then load, and back from convolutions."""
    tensors = vgg.state_dict()
    one = fully_convolutional(load_weights(small_vgg(), tensors, VGG_KEYS)[0])
    two, report = load_weights(fully_convolutional(small_vgg()), tensors, VGG_KEYS)
    assert one == two
    assert {row.layer for row in report.loaded if row.note == "reshaped"} == {"fc6", "fc7", "fc8"}
    assert two["fc6"].weights["weight"].shape == (256, 32, 2, 3)
    back, report = load_weights(small_vgg(), two.compile().state_dict())
    assert {row.layer for row in report.loaded if row.note == "reshaped"} == {"fc6", "fc7", "fc8"}
    x = images(75, 110)
    with torch.no_grad():
        expected = vgg(normalize(x)).softmax(1)
        torch.testing.assert_close(two.compile().eval()(x).flatten(1), expected)
        torch.testing.assert_close(back.compile().eval()(x).flatten(1), expected)


def test_tensors_of_another_layout_are_not_reshaped():
    """2×8 and 4×4 windows have the same number of elements, but another meaning."""
    fc = tiny(FullyConnectedLayer(3, name="fc"))
    tensors = {"fc.weight": torch.zeros(3, 2, 2, 8), "fc.bias": torch.zeros(3)}
    with pytest.raises(WeightsMismatchError, match=r"'fc.weight\' is 3×2×2×8, expected 3×32"):
        load_weights(fc, tensors)
    grouped = tiny(GroupedConvolution2dLayer(3, 2, 2, name="conv"))
    with pytest.raises(WeightsMismatchError, match=r"'conv.weight\' is 4×9, expected 4×1×3×3"):
        load_weights(grouped, {"conv.weight": torch.zeros(4, 9)})
    transposed = tiny(TransposedConv2dLayer(3, 2, name="conv"))
    with pytest.raises(WeightsMismatchError, match=r"'conv.weight\' is 2×18, expected 2×2×3×3"):
        load_weights(transposed, {"conv.weight": torch.zeros(2, 18)})


def test_biases_that_the_file_lacks_are_zero():
    plain = randomize(ResNet((2, 2, 2, 2), False, (8, 8, 16, 32), 5), (0.4, 0.8))
    lgraph = resnet18((65, 70), 5, width=1 / 16, conventions="torchvision")
    loaded, report = load_weights(lgraph, plain.state_dict(), RESNET_KEYS)
    zero = [row for row in report.loaded if row.note]
    assert {(row.tensor, row.key, row.note) for row in zero} == {("bias", "", "zero: not in the file")}
    assert len(zero) == 20  # one per convolution
    assert all(not loaded[row.layer].weights["bias"].any() for row in zero)


def test_batch_normalization_may_lack_its_batch_count():
    lgraph = tiny(BatchNormalizationLayer(name="bn"))
    names = ("weight", "bias", "running_mean", "running_var")
    tensors = {f"bn.{name}": torch.full((2,), 1.0 + i) for i, name in enumerate(names)}
    loaded, _ = load_weights(lgraph, tensors)
    assert {name: loaded["bn"].weights[name].tolist() for name in names} == {
        name: [1.0 + i] * 2 for i, name in enumerate(names)
    }
    assert loaded["bn"].weights["num_batches_tracked"].tolist() == 0
    assert loaded["bn"].weights["num_batches_tracked"].dtype == torch.int64
    loaded.compile()
    del tensors["bn.running_var"]
    with pytest.raises(WeightsMismatchError, match=r"'bn.running_var\' is missing, expected 2$"):
        load_weights(lgraph, tensors)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_floating_point_dtypes_become_float32(dtype):
    weight = torch.randn(4, 2, 3, 3).to(dtype)
    loaded, report = load_weights(conv(), {"conv.weight": weight, "conv.bias": torch.ones(4)})
    assert loaded["conv"].weights["weight"].dtype == torch.float32
    assert torch.equal(loaded["conv"].weights["weight"].to(dtype), weight)
    assert report.loaded[0].note == f"from {str(dtype).removeprefix('torch.')}"


def test_loaded_tensors_are_copies():
    net = conv().compile()
    loaded, _ = load_weights(conv(), net.state_dict())
    before = loaded["conv"].weights["weight"].clone()
    with torch.no_grad():
        net.layer_module("conv").weight.zero_()
    assert torch.equal(loaded["conv"].weights["weight"], before)
    assert not loaded["conv"].weights["weight"].requires_grad


# -- names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["module.", "backbone.", "model.encoder.", "_orig_mod.module."])
def test_a_common_prefix_of_all_names_is_ignored(vgg, prefix):
    tensors = {prefix + key: tensor for key, tensor in vgg.state_dict().items()}
    lgraph, report = load_weights(small_vgg(), tensors, VGG_KEYS)
    assert lgraph == load_weights(small_vgg(), vgg.state_dict(), VGG_KEYS)[0]
    assert report.loaded[0].key == f"{prefix}features.0.weight"


def test_tensors_of_a_head_with_the_same_names_are_skipped(vgg):
    tensors = {f"backbone.{key}": tensor for key, tensor in vgg.state_dict().items()}
    tensors |= {"classifier.0.weight": torch.zeros(2, 2), "classifier.0.bias": torch.zeros(2)}
    _, report = load_weights(small_vgg(), tensors, VGG_KEYS)
    assert [row.key for row in report.skipped] == ["classifier.0.weight", "classifier.0.bias"]


def test_layer_names_that_a_state_dict_cannot_have_are_matched():
    names = ("train", "a.b", "a.b.c", "x['y']", "a")
    lgraph = tiny(*(Convolution2dLayer(1, 3, name=name) for name in names))
    net = lgraph.compile()
    loaded, report = load_weights(lgraph, net.state_dict())
    assert loaded == net.layer_graph()
    assert {row.layer: row.key for row in report.loaded if row.tensor == "weight"}["train"] == "train_.weight"


@pytest.mark.parametrize(
    "lgraph",
    [
        segnet_layers((32, 32, 3), 4, 2, num_output_channels=8),
        unet_layers((32, 32, 1), 2, encoder_depth=2, num_first_encoder_filters=4),
        resnet18((65, 70), 5, width=1 / 16),
    ],
    ids=["segnet", "unet", "resnet18"],
)
def test_saved_graphs_and_state_dicts_load_by_their_own_names(lgraph, tmp_path):
    net = lgraph.compile()
    net.layer_graph().save(tmp_path / "net.safetensors")
    torch.save(net.state_dict(), tmp_path / "net.pth")
    for path in (tmp_path / "net.safetensors", tmp_path / "net.pth"):
        loaded, report = load_weights(lgraph, path)
        assert loaded == net.layer_graph()
        assert report.skipped == report.not_loaded == ()


def test_a_torch_module_in_the_graph_gets_its_weights():
    lgraph = tiny(ModuleLayer(nn.Sequential(nn.Conv2d(2, 4, 1), nn.ReLU()), name="mine"))
    given = {"mine.0.weight": torch.ones(4, 2, 1, 1), "mine.0.bias": torch.ones(4)}
    loaded, _ = load_weights(lgraph, given)
    assert loaded.compile()(torch.ones(1, 2, 4, 4)).unique().tolist() == [3.0]


def test_weights_of_other_layers_stay():
    lgraph = tiny(
        Convolution2dLayer(1, 3, name="one"), ReluLayer(name="relu"), Convolution2dLayer(1, 3, name="two")
    )
    first, report = load_weights(lgraph, {"one.weight": torch.ones(3, 2, 1, 1), "one.bias": torch.ones(3)})
    assert report.not_loaded == ("two",)
    both, report = load_weights(first, {"b.weight": torch.ones(3, 3, 1, 1)}, {"two": "b"})
    assert report.not_loaded == ()
    assert both["one"].weights == first["one"].weights


# -- skipped tensors, and the report -------------------------------------------------------------------


def test_skipped_tensors_have_a_reason(vgg):
    tensors = vgg.state_dict() | {"epoch": torch.tensor(3), "features.0.scale": torch.ones(8)}
    encoder = small_vgg(include_head=False)
    _, report = load_weights(encoder, tensors, VGG_KEYS)
    skipped = dict(report.skipped)
    assert len(skipped) == 8
    assert skipped["classifier.6.bias"] == "the graph has no layer 'fc8'"
    assert skipped["epoch"] == "no layer takes it"
    assert skipped["features.0.scale"] == "layer 'conv1_1' has no such tensor"


def test_a_layer_that_may_differ_gets_no_weights_if_it_does(vgg):
    lgraph = vgg16((75, 110), 7, width=1 / 16)
    loaded, report = load_weights(lgraph, vgg.state_dict(), VGG_KEYS, may_differ=("fc8",))
    assert report.not_loaded == ("fc8",)
    assert loaded["fc8"].weights is None
    reason = "layer 'fc8' has 7 outputs, in the file 5"
    assert report.skipped == (("classifier.6.weight", reason), ("classifier.6.bias", reason))
    headless = {key: tensor for key, tensor in vgg.state_dict().items() if "classifier.6" not in key}
    _, report = load_weights(lgraph, headless, VGG_KEYS, may_differ=("fc8",))
    assert (report.not_loaded, report.skipped) == (("fc8",), ())
    with pytest.raises(WeightsMismatchError, match=r"'classifier.6.weight' is 5×256, expected 7×256"):
        load_weights(lgraph, vgg.state_dict(), VGG_KEYS)
    narrow = vgg.state_dict() | {"classifier.6.weight": torch.zeros(5, 100)}
    with pytest.raises(WeightsMismatchError, match=r"'classifier.6.weight' is 5×100, expected 7×256"):
        load_weights(lgraph, narrow, VGG_KEYS, may_differ=("fc8",))


def test_the_report_prints_short_tables(golden, vgg):
    tensors = {key: tensor.half() for key, tensor in vgg.state_dict().items() if key != "features.2.bias"}
    tensors |= {f"optimizer.{i}": torch.zeros(1) for i in range(20)}
    lgraph = fully_convolutional(vgg16((75, 110), 7, width=1 / 16))
    _, report = load_weights(lgraph, tensors, VGG_KEYS, may_differ=("fc8",), origin="'vgg.pth'")
    golden("weights_report", str(report))
    assert len(report.to_table()) == len(report.loaded) == 30
    as_json = json.loads(json.dumps(report.to_dict()))
    assert as_json["not_loaded"] == ["fc8"]
    assert as_json["loaded"][0]["shape"] == [8, 3, 3, 3]
    assert len(as_json["skipped"]) == 22


def test_the_log_has_the_summary_and_the_report(vgg, caplog):
    with caplog.at_level("DEBUG", logger="layergraph"):
        _, report = load_weights(small_vgg(), vgg.state_dict(), VGG_KEYS)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", report.summary),
        ("DEBUG", str(report)),
    ]


def test_layers_that_stay_without_weights_are_a_warning(vgg, caplog):
    """Python prints warnings to stderr if logging is not set up."""
    tensors = {key: tensor for key, tensor in vgg.state_dict().items() if not key.startswith("features.0.")}
    with caplog.at_level("WARNING", logger="layergraph"):
        keys = {name: key for name, key in VGG_KEYS.items() if key != "features.0"}
        _, report = load_weights(small_vgg(), tensors, keys)
    assert report.not_loaded
    assert caplog.messages == [report.summary]


def test_equal_blocks_are_not_taken_for_the_network():
    block = {"conv.weight": torch.zeros(4, 2, 3, 3), "conv.bias": torch.zeros(4)}
    blocks = {f"layer{i}.0.{key}": tensor for i in range(9) for key, tensor in block.items()}
    lgraph = LayerGraph(
        [
            ImageInputLayer((8, 8, 2)),
            Convolution2dLayer(3, 4, name="conv"),
            Convolution2dLayer(3, 4, name="conv_2"),
        ]
    )
    with pytest.raises(WeightsMismatchError, match=r"9 prefixes, .* have 2 of the graph's 5 tensors each"):
        load_weights(lgraph, blocks)


# -- errors --------------------------------------------------------------------------------------------


def test_messages_about_weights_that_do_not_fit(golden_errors, vgg):
    good = {"conv.weight": torch.zeros(4, 2, 3, 3), "conv.bias": torch.zeros(4)}
    sparse = torch.zeros(4, 2, 3, 3).to_sparse()
    bad = torch.zeros(4, 2, 3, 3)
    bad[1, 1] = float("nan")
    twice = {f"{who}.{key}": tensor for key, tensor in good.items() for who in ("student", "teacher")}

    def load(lgraph, tensors, *arguments):
        return lambda: load_weights(lgraph, tensors, *arguments)

    golden_errors(
        "load_weights",
        {
            "another width": load(vgg16((75, 110), 5, width=1 / 8), vgg.state_dict(), VGG_KEYS),
            "another network": load(resnet18(width=1 / 16), vgg.state_dict(), RESNET_KEYS),
            "another network, by layer names": load(resnet18(width=1 / 16), vgg.state_dict()),
            "other channels": load(conv(), good | {"conv.weight": torch.zeros(4, 3, 3, 3)}),
            "one missing": load(conv(), {"conv.bias": torch.zeros(4)}),
            "a layer of keys missing": load(
                tiny(Convolution2dLayer(3, 4, name="conv"), Convolution2dLayer(1, 4, name="two")),
                good,
                {"conv": "conv", "two": "two"},
            ),
            "not a number": load(conv(), good | {"conv.weight": bad}),
            "too large for float32": load(
                conv(), good | {"conv.bias": torch.full((4,), 1e300, dtype=torch.float64)}
            ),
            "whole numbers": load(conv(), good | {"conv.weight": torch.zeros(4, 2, 3, 3, dtype=torch.int8)}),
            "complex": load(conv(), good | {"conv.weight": torch.zeros(4, 2, 3, 3, dtype=torch.complex64)}),
            "sparse": load(conv(), good | {"conv.weight": sparse}),
            "no numbers": load(conv(), good | {"conv.weight": torch.zeros(4, 2, 3, 3, device="meta")}),
            "no tensor": load(conv(), {}),
            "two networks": load(conv(), twice),
            "keys of other layers": load(conv(), good, {"convolution": "conv"}),
            "a graph with errors": load(tiny(Convolution2dLayer(9, 1, name="conv")), good),
        },
    )


def test_the_error_lists_all_faults(vgg):
    with pytest.raises(WeightsMismatchError) as caught:
        load_weights(vgg16((75, 110), 5, width=1 / 8), vgg.state_dict(), VGG_KEYS)
    faults = dict(caught.value.faults)
    assert [*faults][:2] == ["conv2_1", "conv2_2"]  # at both widths the first block has 8 filters
    assert len(caught.value.faults) == 27


def test_shapes_are_compared_without_memory(vgg, monkeypatch):
    """A network of gigabytes is compared with the file before it takes memory."""
    devices = []
    empty = nn.Module.to_empty

    def record(module, *, device):
        devices.append(str(device))
        return empty(module, device=device)

    monkeypatch.setattr(nn.Module, "to_empty", record)
    state = torch.random.get_rng_state()
    load_weights(small_vgg(), vgg.state_dict(), VGG_KEYS)
    assert set(devices) == {"meta"}
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_layers_on_the_meta_device_have_the_tensors_of_real_layers(example):
    real = example.layer.torch_module(example.sizes).state_dict()
    with torch.device("meta"):
        bare = example.layer.torch_module(example.sizes).state_dict()
    assert {name: (t.shape, t.dtype) for name, t in bare.items()} == {
        name: (t.shape, t.dtype) for name, t in real.items()
    }
    if not isinstance(example.layer, ModuleLayer):  # its module has tensors already
        assert all(t.is_meta for t in bare.values())
