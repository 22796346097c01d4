"""ResNet-18, -50 and -101: counts, names, and outputs equal to those of plain PyTorch."""

from functools import partial

import pytest
import torch
from backbone_contract import check_counts, check_cut, check_features, check_keys, check_names, check_outputs
from torchvision_models import ResNet

from layergraph import Convolution2dLayer, ImageInputLayer
from layergraph.builders import backbones
from layergraph.builders.backbones import BACKBONES, resnet18, resnet50, resnet101
from layergraph.graph.size_inference import infer_sizes

PLAIN = {
    "resnet18": partial(ResNet, (2, 2, 2, 2), False),
    "resnet50": partial(ResNet, (3, 4, 6, 3), True),
    "resnet101": partial(ResNet, (3, 4, 23, 3), True),
}
every_resnet = pytest.mark.parametrize("name", PLAIN)


@pytest.mark.parametrize(
    ("build", "layers", "connections", "count", "published"),
    [
        # the difference is the biases of the convolutions, which torchvision's networks do not have
        (resnet18, 71, 78, 11_694_312, 11_689_512),
        (resnet50, 177, 192, 25_583_592, 25_557_032),
        (resnet101, 347, 379, 44_601_832, 44_549_160),
    ],
)
def test_the_counts(build, layers, connections, count, published):
    lgraph = build()
    check_counts(lgraph, layers, connections, published)
    with torch.device("meta"):
        plain = PLAIN[build.__name__]()
    assert sum(p.numel() for p in plain.parameters()) == published
    assert f"{layers} layers, {count:,} learnables" in build.__doc__
    biases = sum(la.num_filters for la in lgraph.layers if isinstance(la, Convolution2dLayer))
    assert f"{biases:,}" in " ".join(build.__doc__.split())
    assert count == published + biases


@every_resnet
@pytest.mark.parametrize("size", [(64, 64), (75, 110), (33, 47)])
def test_outputs_are_those_of_plain_pytorch(name, size, tmp_path):
    check_outputs(BACKBONES[name], PLAIN[name]((8, 8, 16, 32), 5), size, 1 / 16, tmp_path)


def test_outputs_of_other_widths_are_those_of_plain_pytorch(tmp_path):
    check_outputs(BACKBONES["resnet18"], PLAIN["resnet18"]((16, 32, 64, 128), 4), (41, 50), 1 / 4, tmp_path)
    check_outputs(BACKBONES["resnet50"], PLAIN["resnet50"]((8, 16, 32, 64), 4), (41, 50), 1 / 8, tmp_path)


@every_resnet
def test_every_tensor_of_torchvision_belongs_to_a_layer(name):
    with torch.device("meta"):
        check_keys(BACKBONES[name], PLAIN[name]())


@every_resnet
def test_features_and_names(name):
    check_features(BACKBONES[name])
    check_names(BACKBONES[name])


@every_resnet
def test_a_cut_after_each_of_its_features(name):
    check_cut(BACKBONES[name], (40, 33))


def test_the_order_of_resnet18_is_that_of_the_lecture():
    rows = [
        *("data", "conv1", "bn_conv1", "conv1_relu", "pool1"),
        *("res2a_branch2a", "bn2a_branch2a", "res2a_branch2a_relu"),
        *("res2a_branch2b", "bn2a_branch2b", "res2a", "res2a_relu"),
        *("res2b_branch2a", "bn2b_branch2a", "res2b_branch2a_relu"),
        *("res2b_branch2b", "bn2b_branch2b", "res2b", "res2b_relu"),
        *("res3a_branch2a", "bn3a_branch2a", "res3a_branch2a_relu"),
        *("res3a_branch2b", "bn3a_branch2b", "res3a_branch1", "bn3a_branch1", "res3a", "res3a_relu"),
        *("res3b_branch2a", "bn3b_branch2a", "res3b_branch2a_relu"),
        *("res3b_branch2b", "bn3b_branch2b", "res3b", "res3b_relu"),
    ]
    lgraph = BACKBONES["resnet18"].build((720, 960), 1000, True, 1, None, None, fixed_channels=True)
    assert list(lgraph)[:35] == rows
    # later stages repeat the third with other numbers
    assert list(lgraph)[35:51] == [row.replace("3", "4", 1) for row in rows[19:]]
    assert list(lgraph)[51:67] == [row.replace("3", "5", 1) for row in rows[19:]]
    assert list(lgraph)[67:] == ["pool5", "fc1000", "prob", "ClassificationLayer_predictions"]
    assert lgraph["conv1"].description == "64 7×7×3 convolutions with stride [2 2] and padding [3 3 3 3]"
    assert lgraph["bn_conv1"].description == "Batch normalization with 64 channels"
    assert lgraph["pool1"].description == "3×3 max pooling with stride [2 2] and padding [1 1 1 1]"
    assert lgraph["res3a_branch1"].description == (
        "128 1×1×64 convolutions with stride [2 2] and padding [0 0 0 0]"
    )
    assert [end.layer for end in lgraph.sources("res3a").values()] == ["bn3a_branch2b", "bn3a_branch1"]
    assert [end.layer for end in lgraph.sources("res3b").values()] == ["bn3b_branch2b", "res3a_relu"]
    sizes = infer_sizes(lgraph).outputs
    spatial = {name: sizes[name][0].spatial for name in ("conv1", "pool1", "res3b", "res4b", "res5b")}
    assert [*spatial.values()] == [(360, 480), (180, 240), (90, 120), (45, 60), (23, 30)]


def test_the_names_of_resnet50():
    names = list(resnet50())
    assert names[:17] == [
        *("input_1", "conv1", "bn_conv1", "activation_1_relu", "max_pooling2d_1"),
        *("res2a_branch2a", "bn2a_branch2a", "activation_2_relu"),
        *("res2a_branch2b", "bn2a_branch2b", "activation_3_relu"),
        *("res2a_branch2c", "res2a_branch1", "bn2a_branch2c", "bn2a_branch1", "add_1", "activation_4_relu"),
    ]
    assert names[163:] == [
        *("res5c_branch2a", "bn5c_branch2a", "activation_47_relu"),
        *("res5c_branch2b", "bn5c_branch2b", "activation_48_relu"),
        *("res5c_branch2c", "bn5c_branch2c", "add_16", "activation_49_relu"),
        *("avg_pool", "fc1000", "fc1000_softmax", "ClassificationLayer_fc1000"),
    ]


def test_the_names_of_resnet101():
    names = list(resnet101())
    assert names[5:17] == [
        *("res2a_branch2a", "bn2a_branch2a", "res2a_branch2a_relu"),
        *("res2a_branch2b", "bn2a_branch2b", "res2a_branch2b_relu"),
        *("res2a_branch2c", "bn2a_branch2c", "res2a_branch1", "bn2a_branch1", "res2a", "res2a_relu"),
    ]
    blocks = [name.removesuffix("_branch2c") for name in names if name.startswith("res") and "2c" in name[5:]]
    assert blocks == [
        *("res2a", "res2b", "res2c", "res3a", "res3b1", "res3b2", "res3b3", "res4a"),
        *(f"res4b{index}" for index in range(1, 23)),
        *("res5a", "res5b", "res5c"),
    ]


def test_differences_between_matlab_and_torchvision():
    """Only strides, paddings, epsilons and the input layer differ."""
    for build, epsilon in ((resnet18, 1e-5), (resnet50, 1e-3), (resnet101, 1e-5)):
        matlab, torchvision = build(conventions="matlab"), build(conventions="torchvision")
        for name in matlab:
            ours, theirs = matlab[name], torchvision[name]
            if "Normalization" in ours.type:
                assert (ours.epsilon, theirs.epsilon) == (epsilon, 1e-5)
            elif name.startswith(("res3a", "res4a", "res5a")) and build is not resnet18:
                strides = {"branch2a": (2, 1), "branch2b": (1, 2), "branch1": (2, 2)}
                for branch, (here, there) in strides.items():
                    if name.endswith(branch):
                        assert (ours.stride, theirs.stride) == ((here,) * 2, (there,) * 2)
            elif name not in ("data", "input_1", "pool1") and "branch2b" not in name:
                assert ours == theirs
        (first,) = torchvision.input_names
        assert torchvision[first].normalization == "zscore"
        assert list(torchvision[first].mean) == pytest.approx([255 * m for m in (0.485, 0.456, 0.406)])
    assert resnet101()["pool1"].padding == (0, 1, 0, 1)
    assert resnet101(conventions="torchvision")["pool1"].padding == (1, 1, 1, 1)
    assert resnet50()["res2a_branch2b"].padding == "same"


def test_biases_of_convolutions_are_frozen():
    for build in (resnet18, resnet50, resnet101):
        lgraph = build(width=1 / 16)
        learning = [
            layer.name
            for layer in lgraph.layers
            if isinstance(layer, Convolution2dLayer) and layer.bias_learn_rate_factor
        ]
        assert learning == (["conv1"] if build is resnet50 else [])


def test_the_smallest_images(golden_errors):
    for size in ((1, 1), (1, 7), (4, 2)):
        for build in (resnet18, resnet50):
            assert build(size, 2, width=1 / 16).compile().eval()(torch.zeros(1, 3, *size)).shape == (1, 2)
    lgraph = resnet101((3, 3), 2, width=1 / 16)
    assert lgraph.compile().eval()(torch.zeros(1, 3, 3, 3)).shape == (1, 2)
    golden_errors(
        "backbones_resnet",
        {
            "resnet101((2, 64))": lambda: resnet101((2, 64)),
            "resnet101((64, 1), include_head=False)": lambda: resnet101((64, 1), include_head=False),
            "resnet18((32,))": lambda: resnet18((32,)),
            "resnet18(num_classes=1)": lambda: resnet18(num_classes=1),
            "resnet50(width=0)": lambda: resnet50(width=0),
            "resnet50(conventions='keras')": lambda: resnet50(conventions="keras"),
        },
    )


@pytest.mark.parametrize("name", BACKBONES)
def test_an_untrained_network_accepts_any_channels(name, tmp_path):
    """As in MATLAB; with the weights of a file, it accepts the channels of the weights."""
    lgraph = getattr(backbones, name)((227, 227, 3), 5, width=1 / 16)
    (data,) = lgraph.input_names
    five = lgraph.replace_layer(data, ImageInputLayer((227, 227, 5), name=data))
    assert infer_sizes(five).errors == []
    file = tmp_path / "net.safetensors"
    lgraph.compile().layer_graph().save(file)
    trained = getattr(backbones, name)((227, 227, 3), 5, width=1 / 16, weights=file)
    five = trained.replace_layer(data, ImageInputLayer((227, 227, 5), name=data))
    assert [issue.code for issue in infer_sizes(five).errors] == ["LG-CHANNELS"]
